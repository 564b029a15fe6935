import Glibc

/// How far the fields of atoms may be wrong: the error term of a gain.
///
/// A head model, sensor positions and the shape of a patch are never exact, and what an atom X_j of amplitudes B_j leaves
/// unexplained of its true field grows with its signal: told as noise it is none, told as sources it is many. Each atom's
/// field is therefore (X_j + E_j)B_j with a random E_j of two parts: one alike at all sensors, of relative norm `spread`,
/// and one that looks like the atom's neighbours in the brain, of relative norm `nearby`. Integrated out, they make the
/// data's covariance
///
///     C = φ·I ⊗ I + Σ_m s_m² (spread²·D_m + nearby²·p_m²G_m) ⊗ v_mv_mᵀ
///
/// with one term for each waveform v_m of an atom (singular vectors of B_j, s_m its singular values), p_m the norm of its
/// field f_m, and G_m the covariance of the neighbours' fields, of trace 1. D_m is diagonal: rows of whitened data are
/// combinations of sensors, those of little noise weighed the most, and what is alike at all sensors has a variance d_r in
/// row r. With f_m²/d summed over the n rows of a group, D_m is that times d/n: an error as large, at the sensors, as the
/// field. φ is the level of the noise where sources are sought. ``evidence(of:to:in:)`` is φ times what this changes of
/// −2 log likelihood, as ‖Y − fit‖² is: the weight of residuals that look like errors of what is there, against the volume
/// of errors that might have been. It costs no pass over the gain.
public struct FieldError: Sendable {
    /// Relative norm of an error alike at all sensors, not negative.
    public let spread: Double
    /// φ, positive: level of the noise, as a variance of whitened data.
    public let noise: Double
    /// What such an error is in the rows; nil where every row is a sensor.
    private let groups: [RowGroup]?
    /// Relative norm of an error that looks like neighbours, not negative.
    public let nearby: Double
    /// The columns of the design around a block and the weight of each.
    private let neighbours: @Sendable (Int) -> [(columns: Range<Int>, weight: Double)]
    /// Dimensions of G_m: the rest of the neighbours' fields is small.
    private static let dimensions = 6

    /// Rows that are combinations of the same sensors.
    public struct RowGroup: Sendable {
        /// Which.
        let rows: [Int]
        /// d: variance of an error alike at all those sensors in each of the rows, positive, up to a common factor.
        let variances: [Double]

        /// Rows and the variance in each, as many; others than positive ones are a programming error.
        public init(rows: [Int], variances: [Double]) {
            precondition(rows.count == variances.count && variances.allSatisfy { $0 > 0 && $0.isFinite })
            self.rows = rows
            self.variances = variances
        }
    }

    /// An error term; negative numbers are a programming error.
    ///
    /// - Parameters:
    ///   - spread: relative norm of an error alike at all sensors.
    ///   - nearby: relative norm of one that looks like neighbours.
    ///   - neighbours: of a block of the families, the columns of the design that an error of its field is a mixture of,
    ///     with the variance of each in it, up to a common factor.
    ///   - noise: φ, positive.
    ///   - groups: every row of the design in one of them; nil where every row is a sensor.
    public init(
        spread: Double, nearby: Double, noise: Double = 1, groups: [RowGroup]? = nil,
        neighbours: @escaping @Sendable (Int) -> [(columns: Range<Int>, weight: Double)]
    ) {
        precondition(spread >= 0 && nearby >= 0 && noise > 0)
        self.spread = spread
        self.nearby = nearby
        self.noise = noise
        self.groups = groups
        self.neighbours = neighbours
    }

    /// φ times what the error term changes of −2 log likelihood of the residual of a fit: log det C/φ less what errors
    /// explain.
    ///
    /// - Complexity: O((waveforms · 6)³ + n·waveforms·(T + 36·waveforms²)), beside the neighbours of new blocks.
    func evidence(
        of fit: SubsetFit, to power: AtomDictionary.Power, in dictionary: AtomDictionary, _ known: inout Bases
    ) -> Double {
        let waves = known.waveforms(of: fit, to: power, noise: noise)
        guard waves.count > 0 else { return 0 }
        let n = fit.columns.rows
        // Factors of the errors that look like neighbours, the waveforms one after another.
        var (near, owners): ([Double], [Int]) = ([], [])
        for (m, i) in waves.atoms.enumerated() where nearby > 0 {
            let basis = known.basis(of: fit.atoms[i], fit.columns.columns(Array(fit.range(i))), self, dictionary)
            let norm = waves.fields.columns([m]).squaredNorm.squareRoot()
            near += (basis * (nearby * waves.sizes[m] * norm)).elements
            owners += [Int](repeating: m, count: basis.columns)
        }
        var neighbours = Neighbours(Matrix(rows: n, columns: owners.count, elements: near), owners, waves.overlap)
        var value = 0.0
        for group in groups ?? [RowGroup(rows: Array(0..<n), variances: [Double](repeating: 1, count: n))] {
            value += alike(group, waves, &neighbours)
        }
        return noise * (value + neighbours.evidence)
    }

    /// What errors alike at the sensors of some rows change; of neighbours that is left which they do not explain.
    private func alike(_ group: RowGroup, _ waves: Waveforms, _ neighbours: inout Neighbours) -> Double {
        let (rows, variances, count) = (group.rows, group.variances, waves.count)
        let (residual, fields) = (waves.residual.rows(rows), waves.fields.rows(rows))
        let a = (0..<count).map { m in
            let square = zip(fields.column(m), variances).reduce(0) { $0 + $1.0 * $1.0 / $1.1 }
            return spread * waves.sizes[m] * (square / Double(max(1, rows.count))).squareRoot()
        }
        // Row r is I + d_r·V·diag(a²)·Vᵀ in time: one basis for all rows.
        let inner = Matrix(rows: count, columns: count) { a[$0] * waves.overlap[$0, $1] * a[$1] }
        guard let eigen = try? SymmetricEigen(inner) else { return 0 }
        let basis = Matrix(rows: count, columns: count) { a[$0] * eigen.vectors[$0, $1] }
        let weights = Matrix(rows: rows.count, columns: count) {
            variances[$0] / (1 + variances[$0] * max(0, eigen.values[$1]))
        }
        var (value, along) = (0.0, residual * basis)
        for i in 0..<count {
            for r in rows.indices {
                value += log1p(variances[r] * max(0, eigen.values[i])) - along[r, i] * along[r, i] * weights[r, i]
                along[r, i] *= weights[r, i]
            }
        }
        let mixed = waves.overlap * basis
        let white = residual - Matrix.product(along, transposed: false, mixed, transposed: true)
        neighbours.add(rows, white, mixed, weights)
        return value
    }

    /// The waveforms of the atoms of a fit, in units of the noise.
    fileprivate struct Waveforms {
        /// s, and the atom of each.
        private(set) var sizes: [Double] = []
        private(set) var atoms: [Int] = []
        /// f, n × waveforms.
        let fields: Matrix
        /// VᵀV, and the residual times V.
        let overlap, residual: Matrix

        var count: Int { sizes.count }

        init(of fit: SubsetFit, to power: AtomDictionary.Power, noise: Double) {
            var (courses, fields): ([Double], [Double]) = ([], [])
            for i in fit.atoms.indices {
                let columns = Array(fit.range(i))
                guard let eigen = try? SymmetricEigen(fit.amplitudes.rows(columns).columns(columns)) else { continue }
                let field = fit.columns.columns(columns) * eigen.vectors
                let course = fit.coefficients.columns(columns) * eigen.vectors
                for m in columns.indices {
                    let size = course.columns([m]).squaredNorm.squareRoot()
                    guard size > 0, field.columns([m]).squaredNorm > 0 else { continue }
                    courses += course.column(m).map { $0 / size }
                    fields += field.column(m)
                    sizes.append(size / noise.squareRoot())
                    atoms.append(i)
                }
            }
            let v = Matrix(rows: fit.coefficients.rows, columns: sizes.count, elements: courses)
            self.fields = Matrix(rows: fit.columns.rows, columns: sizes.count, elements: fields)
            overlap = Matrix.product(v, transposed: true, v)
            residual = fit.residual(of: power) * v * (1 / noise.squareRoot())
        }
    }

    /// The part that looks like neighbours, beside the other.
    private struct Neighbours {
        /// A factor of it, n × dimensions, and the waveform of each.
        private let factor: Matrix
        private let owners: [Int]
        private var system: Matrix
        private var target: Matrix

        init(_ factor: Matrix, _ owners: [Int], _ overlap: Matrix) {
            (self.factor, self.owners) = (factor, owners)
            let gram = Matrix.product(factor, transposed: true, factor)
            system = Matrix(rows: owners.count, columns: owners.count) {
                gram[$0, $1] * overlap[owners[$0], owners[$1]] + ($0 == $1 ? 1 : 0)
            }
            target = Matrix(rows: owners.count, columns: 1)
        }

        /// Rows with what the other part leaves of their residual, and how it mixes waveforms.
        mutating func add(_ rows: [Int], _ white: Matrix, _ mixed: Matrix, _ weights: Matrix) {
            guard !owners.isEmpty else { return }
            let own = factor.rows(rows)
            for (x, m) in owners.enumerated() {
                target[x, 0] += zip(own.column(x), white.column(m)).reduce(0) { $0 + $1.0 * $1.1 }
            }
            let (n, count) = (rows.count, mixed.columns)
            let roots = weights.elements.map { $0.squareRoot() }
            var part = Matrix(rows: n * count, columns: owners.count)
            for (x, m) in owners.enumerated() {
                for i in 0..<count {
                    let factor = mixed[m, i]
                    for r in 0..<n {
                        part.elements[(x * count + i) * n + r] = own.elements[x * n + r] * factor * roots[i * n + r]
                    }
                }
            }
            system = system - Matrix.product(part, transposed: true, part)
        }

        /// log det less what it explains.
        var evidence: Double {
            guard !owners.isEmpty, let factor = try? Cholesky(system) else { return 0 }
            let solved = factor.solve(target)
            return factor.logDeterminant - zip(solved.elements, target.elements).reduce(0) { $0 + $1.0 * $1.1 }
        }
    }

    /// Bases of the errors of atoms that were needed so far, and the waveforms of the last fit.
    struct Bases {
        private var known: [AtomDictionary.Atom: Matrix] = [:]
        private var last: (atoms: [AtomDictionary.Atom], noise: Double, waves: Waveforms)?

        /// Of a fit to a response that is always the same.
        fileprivate mutating func waveforms(
            of fit: SubsetFit, to power: AtomDictionary.Power, noise: Double
        ) -> Waveforms {
            if let last, last.noise == noise, last.atoms == fit.atoms { return last.waves }
            let waves = Waveforms(of: fit, to: power, noise: noise)
            last = (fit.atoms, noise, waves)
            return waves
        }

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
