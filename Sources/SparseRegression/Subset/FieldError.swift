/// How far the fields of atoms may be wrong: the error term of a gain.
///
/// A head model, sensor positions and the shape of a patch are never exact, and what an atom X_j of amplitudes B_j leaves
/// unexplained of its true field grows with its signal: told as noise it is none, told as sources it is many. Each atom's
/// field is therefore (X_j + E_j)B_j with a random E_j of two parts: one spread evenly over the rows, of relative norm
/// `spread`, and one that looks like the atom's neighbours in the brain, of relative norm `nearby`. Integrated out, they
/// make the data's covariance
///
///     C = I ⊗ I + Σ_m p_m²s_m² (spread²/n · I + nearby² · G_m) ⊗ v_mv_mᵀ
///
/// with one term for each waveform v_m of an atom (singular vectors of B_j, s_m its singular values), p_m the norm of its
/// field at the sensors, and G_m the covariance of the neighbours' fields, of trace 1. ``evidence(of:to:in:)`` is what this
/// changes of −2 log likelihood: the weight of residuals that look like errors of what is there, against the volume of
/// errors that might have been. It costs no pass over the gain.
public struct FieldError: Sendable {
    /// Relative norm of an error alike at all rows, not negative.
    public let spread: Double
    /// Relative norm of an error that looks like neighbours, not negative.
    public let nearby: Double
    /// The columns of the design around a block and the weight of each.
    private let neighbours: @Sendable (Int) -> [(columns: Range<Int>, weight: Double)]
    /// Dimensions of G_m: the rest of the neighbours' fields is small.
    private static let dimensions = 6

    /// An error term; negative numbers are a programming error.
    ///
    /// - Parameters:
    ///   - spread: relative norm of an error alike at all rows.
    ///   - nearby: relative norm of one that looks like neighbours.
    ///   - neighbours: of a block of the families, the columns of the design that an error of its field is a mixture of,
    ///     with the variance of each in it, up to a common factor.
    public init(
        spread: Double, nearby: Double,
        neighbours: @escaping @Sendable (Int) -> [(columns: Range<Int>, weight: Double)]
    ) {
        precondition(spread >= 0 && nearby >= 0)
        self.spread = spread
        self.nearby = nearby
        self.neighbours = neighbours
    }

    /// What the error term changes of −2 log likelihood of the residual of a fit: log det C less what errors explain.
    ///
    /// - Complexity: O((waveforms · 6)³ + n·waveforms·(T + 6·waveforms)), beside the neighbours of new blocks.
    func evidence(
        of fit: SubsetFit, to power: AtomDictionary.Power, in dictionary: AtomDictionary, _ known: inout Bases
    ) -> Double {
        var (waveforms, scales, owners): ([[Double]], [Double], [Int]) = ([], [], [])
        for i in fit.atoms.indices {
            let columns = Array(fit.range(i))
            guard let eigen = try? SymmetricEigen(fit.amplitudes.rows(columns).columns(columns)) else { continue }
            let field = fit.columns.columns(columns) * eigen.vectors
            let courses = fit.coefficients.columns(columns) * eigen.vectors
            for m in columns.indices {
                let size = courses.column(m).reduce(0) { $0 + $1 * $1 }.squareRoot()
                let norm = field.column(m).reduce(0) { $0 + $1 * $1 }.squareRoot()
                guard size > 0, norm > 0 else { continue }
                waveforms.append(courses.column(m).map { $0 / size })
                scales.append(size * norm)
                owners.append(i)
            }
        }
        guard !waveforms.isEmpty else { return 0 }
        let (n, count) = (fit.columns.rows, waveforms.count)
        let v = Matrix(rows: waveforms[0].count, columns: count, elements: waveforms.flatMap { $0 })
        let overlap = Matrix.product(v, transposed: true, v)
        let residual = fit.residual(of: power) * v
        // The even part is I ⊗ (I + V·diag(a²)·Vᵀ): whitening in time, the same at all rows.
        let a = scales.map { spread * $0 / Double(n).squareRoot() }
        let inner = Matrix(rows: count, columns: count) { a[$0] * overlap[$0, $1] * a[$1] + ($0 == $1 ? 1 : 0) }
        guard let factor = try? Cholesky(inner) else { return 0 }
        let inverse = factor.inverse()
        let core = Matrix(rows: count, columns: count) { a[$0] * inverse[$0, $1] * a[$1] }
        let even = residual * core
        var value = Double(n) * factor.logDeterminant
        value -= zip(even.elements, residual.elements).reduce(0) { $0 + $1.0 * $1.1 }
        // Residual and overlaps after it, for the part that looks like neighbours.
        let white = residual - even * overlap
        let left = overlap - overlap * core * overlap
        let bases = owners.map {
            known.basis(of: fit.atoms[$0], fit.columns.columns(Array(fit.range($0))), self, dictionary)
        }
        let widths = bases.map(\.columns)
        let offsets = widths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        let size = offsets[count]
        guard size > 0, nearby > 0 else { return value }
        var (system, target) = (Matrix.identity(size), Matrix(rows: size, columns: 1))
        for m in 0..<count {
            for other in 0..<count {
                let factor = nearby * nearby * scales[m] * scales[other] * left[m, other]
                let product = Matrix.product(bases[m], transposed: true, bases[other])
                for x in 0..<widths[m] {
                    for y in 0..<widths[other] {
                        system[offsets[m] + x, offsets[other] + y] += factor * product[x, y]
                    }
                }
            }
            let own = Matrix.product(bases[m], transposed: true, white.columns([m]))
            for x in 0..<widths[m] { target[offsets[m] + x, 0] = nearby * scales[m] * own[x, 0] }
        }
        guard let factor = try? Cholesky(system) else { return value }
        let solved = factor.solve(target)
        return value + factor.logDeterminant - zip(solved.elements, target.elements).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// Bases of the errors of atoms that were needed so far.
    struct Bases {
        private var known: [AtomDictionary.Atom: Matrix] = [:]

        /// Û with ÛÛᵀ = G: the strongest directions of the neighbours' fields beside the atom's own, n × at most 6, of
        /// Frobenius norm 1; none where there are no neighbours.
        mutating func basis(
            of atom: AtomDictionary.Atom, _ columns: Matrix, _ error: FieldError, _ dictionary: AtomDictionary
        ) -> Matrix {
            if let basis = known[atom] { return basis }
            let basis = Self.basis(columns, error.neighbours(atom.block), dictionary)
            known[atom] = basis
            return basis
        }

        private static func basis(
            _ own: Matrix, _ neighbours: [(columns: Range<Int>, weight: Double)], _ dictionary: AtomDictionary
        ) -> Matrix {
            let n = own.rows
            let none = Matrix(rows: n, columns: 0)
            var fields: [Double] = []
            for (columns, weight) in neighbours {
                fields += (dictionary.design.columns(columns) * weight.squareRoot()).elements
            }
            var all = Matrix(rows: n, columns: fields.count / max(1, n), elements: fields)
            guard all.columns > 0 else { return none }
            var gram = Matrix.product(own, transposed: true, own)
            for c in 0..<gram.rows { gram[c, c] *= 1 + 1e-9 }
            guard let factor = try? Cholesky(gram) else { return none }
            all = all - own * factor.solve(Matrix.product(own, transposed: true, all))
            guard let eigen = try? SymmetricEigen(Matrix.product(all, transposed: true, all)) else { return none }
            let strongest = (0..<all.columns).suffix(FieldError.dimensions).filter {
                eigen.values[$0] > 1e-12 * (eigen.values.last ?? 0)
            }
            let basis = all * eigen.vectors.columns(Array(strongest))
            let norm = basis.squaredNorm.squareRoot()
            return norm > 0 ? basis * (1 / norm) : none
        }
    }
}
