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

    /// K, k × k.
    private(set) var inverse = Matrix(rows: 0, columns: 0)
    /// W = DᵀYYᵀD, k × k.
    private(set) var power = Matrix(rows: 0, columns: 0)
    /// Of each atom V_i = K_ii⁻¹, then S_i = b_ib_iᵀ with b_i its rows of B, width² each; and where V_i begins.
    private(set) var squares: [Double] = []
    private(set) var squareOffsets: [Int] = []
    /// What each atom brings.
    private(set) var parts: [Part] = []

    /// What depends on one atom alone.
    struct Part {
        /// D_a, n × width.
        let columns: Matrix
        /// D_aᵀD and D_aᵀYYᵀD for all atoms of the dictionary, 2·width × columns, a family a matrix.
        let products: [Matrix]

        init(_ atom: Atom, _ power: AtomDictionary.Power, _ dictionary: AtomDictionary) {
            columns = dictionary.families[atom.family].columns(of: atom.block, in: dictionary.design)
            let both = columns.elements + (power.matrix * columns).elements
            products = dictionary.products(Matrix(rows: columns.rows, columns: 2 * columns.columns, elements: both))
        }
    }

    /// k.
    var columnCount: Int { offsets[atoms.count] }

    /// The fit of no atom to so many samples.
    init(samples: Int) { coefficients = Matrix(rows: samples, columns: 0) }

    /// Fits atoms; nil where, but for rounding, their columns depend on one another.
    ///
    /// - Parameters:
    ///   - atoms: of different blocks.
    ///   - power: of the response.
    ///   - dictionary: of the atoms.
    ///   - previous: a fit to the same response; what its atoms bring is taken over.
    /// - Complexity: O(n·q) for every atom that `previous` does not have, else O(k³ + n·k·T).
    init?(_ atoms: [Atom], to power: AtomDictionary.Power, in dictionary: AtomDictionary, after previous: SubsetFit) {
        self.init(samples: power.response.columns)
        self.atoms = atoms
        let known = Dictionary(uniqueKeysWithValues: zip(previous.atoms, previous.parts))
        parts = atoms.map { known[$0] ?? Part($0, power, dictionary) }
        offsets = parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.columns.columns) }
        let k = offsets[atoms.count]
        var gram = Matrix(rows: k, columns: k)
        self.power = gram
        for (i, part) in parts.enumerated() {
            let width = part.columns.columns
            for (j, other) in atoms.enumerated() {
                let products = part.products[other.family]
                for (y, column) in dictionary.families[other.family].blocks.columns(of: other.block).enumerated() {
                    for x in 0..<width {
                        gram[offsets[i] + x, offsets[j] + y] =
                            i == j ? dictionary.gram(other, x, y) : products[x, column]
                        self.power[offsets[i] + x, offsets[j] + y] = products[width + x, column]
                    }
                }
            }
        }
        guard let factor = try? Cholesky(gram) else { return nil }
        inverse = factor.inverse()
        let amplitudes = inverse * self.power * inverse
        for i in atoms.indices {
            let columns = Array(offsets[i]..<offsets[i + 1])
            guard let block = try? Cholesky(inverse.rows(columns).columns(columns)) else { return nil }
            let (own, square) = (block.inverse(), amplitudes.rows(columns).columns(columns))
            squareOffsets.append(squares.count)
            squares += own.elements + square.elements
            dropCosts.append(zip(own.elements, square.elements).reduce(0) { $0 + $1.0 * $1.1 })
        }
        let correlated = Matrix.product(
            power.response, transposed: true,
            Matrix(rows: dictionary.design.rows, columns: k, elements: parts.flatMap(\.columns.elements)))
        coefficients = correlated * inverse
        explained = zip(coefficients.elements, correlated.elements).reduce(0) { $0 + $1.0 * $1.1 }
    }
}
