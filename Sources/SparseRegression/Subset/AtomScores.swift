/// What every atom explains of a response beyond the atoms of a subset.
///
/// The score of an atom is by how much min ‖Y − fit‖² + ridge falls when it joins the others: with the columns of all
/// atoms lengthened by rows for the ridge and Q an orthonormal basis of the others, ‖D̃_j⁺D̃_jᵀY‖² for
/// D̃_j = (I − QQᵀ)D_j. All products with atoms are kept; a look at all atoms costs O(k·(k + T)) a column, k columns in
/// the subset, whatever the number of sensors.
struct AtomScores {
    typealias Atom = AtomDictionary.Atom

    private let dictionary: AtomDictionary
    private let response: Matrix
    /// YᵀD, T × columns, a family a matrix.
    private let correlations: [Matrix]
    /// D_aᵀD for the atoms a of the subset, a family a matrix.
    private var products: [Atom: [Matrix]] = [:]
    /// Looks at all atoms.
    private(set) var looks = 0

    /// An atom and what it explains.
    struct Scored {
        var atom: Atom
        var score: Double
    }

    /// What one look saw.
    struct Look {
        /// The atom that explains most, none of the blocks of the others among them; nil where no atom explains anything.
        var best: Scored?
        /// The score of the atom asked for.
        var own = 0.0
    }

    init(_ dictionary: AtomDictionary, _ response: Matrix) {
        self.dictionary = dictionary
        self.response = response
        correlations = dictionary.products(response)
    }

    /// Scores all atoms beside others.
    ///
    /// - Parameter own: an atom whose own score is wanted, too.
    mutating func evaluate(others: [Atom], own: Atom? = nil) -> Look {
        looks += 1
        for atom in others where products[atom] == nil {
            products[atom] = dictionary.products(
                dictionary.families[atom.family].columns(of: atom.block, in: dictionary.design))
        }
        let basis = Basis(others, products, correlations, dictionary)
        let taken = Set(others.map(\.block))
        var look = Look()
        for (f, family) in dictionary.families.enumerated() {
            let blocks = family.blocks
            let pieces = (blocks.count + AtomDictionary.piece - 1) / AtomDictionary.piece
            var found = [Scored](
                repeating: Scored(atom: Atom(family: f, block: -1), score: 0), count: pieces)
            var mine = 0.0
            let rows = basis.columns.map { products[others[$0.atom]]?[f] }
            let scores = self
            found.withUnsafeMutableBufferPointer { places in
                withUnsafeMutablePointer(to: &mine) { place in
                    guard let start = places.baseAddress else { return }
                    // Pieces write to places of their own; the wanted atom is in one of them.
                    nonisolated(unsafe) let (found, mine) = (start, place)
                    dictionary.parallelism.forEachPiece(of: blocks.count, piece: AtomDictionary.piece) {
                        number, items in
                        scores.score(f, items, rows, basis) { block, score in
                            if let own, own.family == f, own.block == block { mine.pointee = score }
                            if score > found[number].score, !taken.contains(block) {
                                found[number] = Scored(atom: Atom(family: f, block: block), score: score)
                            }
                        }
                    }
                }
            }
            for candidate in found where candidate.score > (look.best?.score ?? 0) { look.best = candidate }
            if own?.family == f { look.own = mine }
        }
        return look
    }

    /// Forgets products with atoms that left.
    mutating func keep(only atoms: [Atom]) {
        let kept = Set(atoms)
        products = products.filter { kept.contains($0.key) }
    }

    /// By how much a subset lowers ‖Y‖², ridge included, and its coefficients, T × all its columns.
    mutating func fit(_ atoms: [Atom]) -> (explained: Double, coefficients: Matrix) {
        _ = evaluate(others: atoms)
        let basis = Basis(atoms, products, correlations, dictionary)
        return (basis.explained, basis.coefficients(atoms, dictionary))
    }

    /// Scores the blocks `items` of one family and hands them on.
    private func score(
        _ f: Int, _ items: Range<Int>, _ rows: [Matrix?], _ basis: Basis, _ take: (Int, Double) -> Void
    ) {
        let blocks = dictionary.families[f].blocks
        let columns = blocks.offsets[items.lowerBound]..<blocks.offsets[items.upperBound]
        let (t, k, count) = (response.columns, basis.columns.count, columns.count)
        let width = items.map { blocks.columns(of: $0).count }.max() ?? 0
        withUnsafeTemporaryAllocation(of: Double.self, capacity: (2 * k + t) * count + width * width) { memory in
            guard let crossed = memory.baseAddress else { return }
            let (inner, left) = (crossed + k * count, crossed + 2 * k * count)
            let small = left + t * count
            correlations[f].elements.withUnsafeBufferPointer { c in
                guard let c = c.baseAddress else { return }
                left.update(from: c + columns.lowerBound * t, count: t * count)
            }
            if k > 0 {
                for (i, own) in basis.columns.enumerated() {
                    guard let matrix = rows[i] else { continue }
                    matrix.elements.withUnsafeBufferPointer { p in
                        for (position, column) in columns.enumerated() {
                            crossed[i + position * k] = p[own.component + column * matrix.rows]
                        }
                    }
                }
                basis.inverse.elements.withUnsafeBufferPointer { inverse in
                    basis.coordinates.elements.withUnsafeBufferPointer { z in
                        guard let inverse = inverse.baseAddress, let z = z.baseAddress else { return }
                        // QᵀD, and what is left of YᵀD.
                        BLAS.gemm(false, false, k, count, k, 1, inverse, k, crossed, k, 0, inner, k)
                        BLAS.gemm(false, false, t, count, k, -1, z, t, inner, k, 1, left, t)
                    }
                }
            }
            let grams = dictionary.grams[f]
            for j in items {
                let own = blocks.columns(of: j)
                let first = own.lowerBound - columns.lowerBound
                let offset = dictionary.gramOffsets[f][j]
                let w = own.count
                var largest = 0.0
                for a in 0..<w { largest = max(largest, grams[offset + a + a * w]) }
                guard largest > 0 else {
                    take(j, 0)
                    continue
                }
                for a in 0..<w {
                    for b in 0..<w {
                        let lost = k > 0 ? BLAS.dot(k, inner + (first + a) * k, inner + (first + b) * k) : 0
                        small[a + b * w] = grams[offset + a + b * w] - lost
                    }
                }
                take(j, Self.explained(small, w, left + first * t, t, least: AtomDictionary.collinearity * largest))
            }
        }
    }

    /// tr(E·G⁺·Eᵀ) by Cholesky with pivoting, pivots below `least` dropped; overwrites G and E.
    private static func explained(
        _ gram: UnsafeMutablePointer<Double>, _ w: Int, _ e: UnsafeMutablePointer<Double>, _ t: Int, least: Double
    ) -> Double {
        var total = 0.0
        var used: UInt64 = 0
        for _ in 0..<w {
            var pivot = -1
            for a in 0..<w where used & (1 << UInt64(a)) == 0 {
                if pivot < 0 || gram[a + a * w] > gram[pivot + pivot * w] { pivot = a }
            }
            guard pivot >= 0 else { break }
            let diagonal = gram[pivot + pivot * w]
            guard diagonal > least else { break }
            used |= 1 << UInt64(pivot)
            total += BLAS.dot(t, e + pivot * t, e + pivot * t) / diagonal
            for a in 0..<w where used & (1 << UInt64(a)) == 0 {
                let factor = gram[a + pivot * w] / diagonal
                BLAS.axpy(t, -factor, e + pivot * t, e + a * t)
                for b in 0..<w where used & (1 << UInt64(b)) == 0 {
                    gram[a + b * w] -= factor * gram[pivot + b * w]
                }
            }
        }
        return total
    }
}

extension AtomScores {
    /// An orthonormal basis of the span of a subset, rows for the ridge included, by its Cholesky factor: Q = D_S·L⁻ᵀ.
    struct Basis {
        /// The columns of the subset that are kept: position of the atom in the subset, component of the atom.
        private(set) var columns: [(atom: Int, component: Int)] = []
        /// L⁻¹, k × k.
        private(set) var inverse = Matrix(rows: 0, columns: 0)
        /// YᵀQ, T × k.
        private(set) var coordinates: Matrix

        /// ‖QQᵀY‖².
        var explained: Double { coordinates.squaredNorm }

        init(
            _ atoms: [Atom], _ products: [Atom: [Matrix]], _ correlations: [Matrix], _ dictionary: AtomDictionary
        ) {
            let t = correlations[0].rows
            coordinates = Matrix(rows: t, columns: 0)
            func range(_ a: Int) -> Range<Int> {
                dictionary.families[atoms[a].family].blocks.columns(of: atoms[a].block)
            }
            /// ⟨column of one atom, column of another⟩.
            func gram(_ x: (atom: Int, component: Int), _ y: (atom: Int, component: Int)) -> Double {
                if x.atom == y.atom { return dictionary.gram(atoms[x.atom], x.component, y.component) }
                return products[atoms[x.atom]]?[atoms[y.atom].family][
                    x.component, range(y.atom).lowerBound + y.component] ?? 0
            }
            // Column after column, within an atom the longest remainder first as the scores do; those that the ones
            // before them nearly span are left out.
            var factor: [[Double]] = []
            for a in atoms.indices {
                var waiting = Array(range(a).indices.map { $0 - range(a).lowerBound })
                let least =
                    AtomDictionary.collinearity * waiting.reduce(0) { max($0, gram((a, $1), (a, $1))) }
                while !waiting.isEmpty {
                    let candidates = waiting.map { component -> (row: [Double], rest: Double) in
                        var row: [Double] = []
                        for (i, other) in columns.enumerated() {
                            var value = gram(other, (a, component))
                            for m in 0..<i { value -= factor[i][m] * row[m] }
                            row.append(value / factor[i][i])
                        }
                        return (row, gram((a, component), (a, component)) - row.reduce(0) { $0 + $1 * $1 })
                    }
                    guard let pick = candidates.indices.max(by: { candidates[$0].rest < candidates[$1].rest }),
                        candidates[pick].rest > least
                    else { break }
                    factor.append(candidates[pick].row + [candidates[pick].rest.squareRoot()])
                    columns.append((a, waiting.remove(at: pick)))
                }
            }
            let k = columns.count
            inverse = Matrix(rows: k, columns: k)
            for j in 0..<k {
                for i in j..<k {
                    var value = i == j ? 1.0 : 0.0
                    for m in j..<i { value -= factor[i][m] * inverse[m, j] }
                    inverse[i, j] = value / factor[i][i]
                }
            }
            let own = Matrix(rows: t, columns: k) { s, i in
                let (a, component) = columns[i]
                return correlations[atoms[a].family][s, range(a).lowerBound + component]
            }
            coordinates = Matrix.product(own, transposed: false, inverse, transposed: true)
        }

        /// Coefficients, T × all columns of the subset; 0 for the columns that were left out.
        func coefficients(_ atoms: [Atom], _ dictionary: AtomDictionary) -> Matrix {
            let kept = coordinates * inverse
            var offsets = [0]
            for atom in atoms {
                offsets.append(
                    offsets[offsets.count - 1]
                        + dictionary.families[atom.family].blocks.columns(of: atom.block).count)
            }
            var result = Matrix(rows: coordinates.rows, columns: offsets[atoms.count])
            for (i, column) in columns.enumerated() {
                for s in 0..<kept.rows { result[s, offsets[column.atom] + column.component] = kept[s, i] }
            }
            return result
        }
    }
}
