/// The ridge regression of a response on the columns D of a few atoms: B = K·DᵀY with K = (DᵀD + ridge)⁻¹.
struct SubsetFit {
    typealias Atom = AtomDictionary.Atom

    /// The atoms, of different blocks.
    private(set) var atoms: [Atom] = []
    /// First column of each atom, and the number k of columns at the end.
    private(set) var offsets = [0]
    /// B, transposed as in ``ActiveSet``: T × k.
    private(set) var coefficients: Matrix
    /// By how much min ‖Y − DB‖² + ridge is below ‖Y‖².
    private(set) var explained = 0.0
    /// By how much it would rise without each atom, the others refitted: tr(V_iS_i).
    private(set) var dropCosts: [Double] = []
    /// ‖D_iB_i‖² of each atom: the power of its field. Where it exceeds ‖Y‖², atoms cancel each other.
    private(set) var powers: [Double] = []

    /// D, n × k.
    private(set) var columns: Matrix
    /// K, k × k.
    private(set) var inverse = Matrix(rows: 0, columns: 0)
    /// BBᵀ, k × k.
    private(set) var amplitudes = Matrix(rows: 0, columns: 0)
    /// Of each atom V_i = K_ii⁻¹, then S_i = b_ib_iᵀ with b_i its rows of B, width² each; and where V_i begins.
    private(set) var squares: [Double] = []
    private(set) var squareOffsets: [Int] = []

    /// k.
    var columnCount: Int { offsets[atoms.count] }

    /// Columns of an atom.
    func range(_ i: Int) -> Range<Int> { offsets[i]..<offsets[i + 1] }

    /// The fit of no atom to a response.
    init(to power: AtomDictionary.Power) {
        coefficients = Matrix(rows: power.response.columns, columns: 0)
        columns = Matrix(rows: power.response.rows, columns: 0)
    }

    /// Fits atoms; nil where, but for rounding, their columns depend on one another.
    ///
    /// - Parameters:
    ///   - atoms: of different blocks.
    ///   - power: of the response.
    ///   - dictionary: of the atoms.
    ///   - previous: a fit to the same response; columns of its atoms are taken over.
    /// - Complexity: O(k³ + n·k·(k + T)), no product with the design.
    init?(_ atoms: [Atom], to power: AtomDictionary.Power, in dictionary: AtomDictionary, after previous: SubsetFit) {
        self.init(to: power)
        let atoms = atoms.map { dictionary.directed($0, by: power) }
        self.atoms = atoms
        for atom in atoms {
            if let i = previous.atoms.firstIndex(of: atom) {
                let n = columns.rows
                columns = columns.appending(
                    previous.columns.elements[(previous.offsets[i] * n)..<(previous.offsets[i + 1] * n)])
            } else {
                columns = columns.appending(dictionary.columns(atom).elements[...])
            }
            offsets.append(columns.columns)
        }
        var gram = Matrix.product(columns, transposed: true, columns)
        for (i, atom) in atoms.enumerated() {
            let ridge = dictionary.ridge * dictionary.largest[atom.family][atom.block]
            for c in range(i) { gram[c, c] += ridge }
        }
        guard let factor = try? Cholesky(gram) else { return nil }
        inverse = factor.inverse()
        let correlated = Matrix.product(power.response, transposed: true, columns)
        coefficients = correlated * inverse
        amplitudes = Matrix.product(coefficients, transposed: true, coefficients)
        for i in atoms.indices {
            let columns = range(i)
            guard let block = try? Cholesky(inverse.rows(columns).columns(columns)) else { return nil }
            let (own, square) = (block.inverse(), amplitudes.rows(columns).columns(columns))
            squareOffsets.append(squares.count)
            squares += own.elements + square.elements
            dropCosts.append(zip(own.elements, square.elements).reduce(0) { $0 + $1.0 * $1.1 })
            let ridge = dictionary.ridge * dictionary.largest[atoms[i].family][atoms[i].block]
            powers.append(
                columns.reduce(0) { sum, c in
                    columns.reduce(sum) { $0 + (gram[c, $1] - (c == $1 ? ridge : 0)) * amplitudes[c, $1] }
                })
        }
        explained = zip(coefficients.elements, correlated.elements).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// The same with its atoms named as those of another dictionary.
    func renamed(_ atoms: [Atom]) -> SubsetFit {
        var fit = self
        fit.atoms = atoms
        return fit
    }

    /// V_i and S_i, width × width.
    func square(_ i: Int) -> (v: Matrix, s: Matrix) {
        let (w, first) = (range(i).count, squareOffsets[i])
        return (
            Matrix(rows: w, columns: w, elements: Array(squares[first..<(first + w * w)])),
            Matrix(rows: w, columns: w, elements: Array(squares[(first + w * w)..<(first + 2 * w * w)]))
        )
    }

    /// Y − DB, n × T.
    func residual(of power: AtomDictionary.Power) -> Matrix {
        power.response - Matrix.product(columns, transposed: false, coefficients, transposed: true)
    }
}

extension Matrix {
    /// With more columns behind.
    fileprivate func appending(_ more: ArraySlice<Double>) -> Matrix {
        Matrix(rows: rows, columns: columns + more.count / max(1, rows), elements: elements + more)
    }
}
