/// What every atom would explain of a response beside a subset, and beside that subset less any one of its atoms.
///
/// The score of an atom is by how much min ‖Y − fit‖² + ridge falls when it joins. With G = D_SᵀD_S + ridge, K = G⁻¹ and
/// A = K·D_SᵀD_j, what is left of an atom beside the subset has the Gram matrix D_j = D_jᵀD_j + ridge − (D_SᵀD_j)ᵀA, and
/// of its correlations E_j = D_jᵀ(Y − fit) only E_jE_jᵀ is needed, which the products D_SᵀYYᵀD_j give: the samples drop out.
/// Leaving atom i out changes K by a term of the rank of i (K − K_{·i}K_ii⁻¹K_{i·}); so one look prices additions and all
/// exchanges, at O(k²) a column of the dictionary, k columns in the subset.
struct SubsetLook {
    typealias Atom = AtomDictionary.Atom

    private let dictionary: AtomDictionary
    private let response: Matrix
    /// YYᵀ, n × n.
    private let power: Matrix
    /// D_jᵀYYᵀD_j of every atom, a family an array, placed as the dictionary's Gram matrices.
    private let correlations: [[Double]]
    /// D_aᵀD and D_aᵀYYᵀD, 2·width × columns, a family a matrix.
    private var products: [Atom: [Matrix]] = [:]
    /// Looks at all atoms.
    private(set) var looks = 0

    /// An atom and what it explains.
    struct Scored {
        var atom: Atom
        var score: Double
    }

    /// What one look saw.
    struct Sight {
        /// By how much the objective without charges would rise without each atom of the subset.
        var own: [Double]
        /// By how much a subset lowers ‖Y‖², ridge included.
        var explained: Double
        /// The best atom to add; nil where no atom explains anything.
        var addition: Scored?
        /// The best atom in the place of each atom of the subset.
        var exchanges: [Scored?]
        /// Coefficients, T × all columns of the subset.
        var coefficients: Matrix
    }

    /// What a look knows before it goes through the atoms.
    private struct Subset {
        let count: Int
        /// First column of each atom of the subset, and the number of columns.
        let offsets: [Int]
        /// K, and W = D_SᵀYYᵀD_S, k × k.
        let inverse: Matrix
        let power: Matrix
        /// K_ii⁻¹ and b_ib_iᵀ with b = K·D_SᵀY, width² each, placed by ``smallOffsets``.
        var left: [Double] = []
        var squares: [Double] = []
        var smallOffsets = [0]
        var own: [Double] = []

        init?(_ gram: Matrix, _ power: Matrix, _ offsets: [Int]) {
            guard let factor = try? Cholesky(gram) else { return nil }
            self.offsets = offsets
            self.power = power
            count = offsets.count - 1
            inverse = factor.inverse()
            let amplitudes = inverse * power * inverse
            for i in 0..<count {
                let columns = Array(offsets[i]..<offsets[i + 1])
                let own = inverse.rows(columns).columns(columns)
                guard let block = try? Cholesky(own) else { return nil }
                let (left, squares) = (block.inverse(), amplitudes.rows(columns).columns(columns))
                self.left += left.elements
                self.squares += squares.elements
                smallOffsets.append(self.left.count)
                self.own.append(zip(left.elements, squares.elements).reduce(0) { $0 + $1.0 * $1.1 })
            }
        }
    }

    init(_ dictionary: AtomDictionary, _ response: Matrix) {
        self.dictionary = dictionary
        self.response = response
        power = Matrix.product(
            response, transposed: false, response, transposed: true, parallelism: dictionary.parallelism)
        correlations = dictionary.squares(of: response)
    }

    /// Scores all atoms beside a subset and beside its parts.
    ///
    /// - Parameter wantsPrices: whether additions and exchanges are looked for.
    mutating func look(at atoms: [Atom], wantsPrices: Bool = true) -> Sight? {
        for atom in atoms where products[atom] == nil {
            let own = dictionary.families[atom.family].columns(of: atom.block, in: dictionary.design)
            let both = Matrix(
                rows: own.rows, columns: 2 * own.columns, elements: own.elements + (power * own).elements)
            products[atom] = dictionary.products(both)
        }
        let kept = Set(atoms)
        if products.count > kept.count { products = products.filter { kept.contains($0.key) } }

        let blocks = atoms.map { dictionary.families[$0.family].blocks.columns(of: $0.block) }
        let offsets = blocks.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        let k = offsets[atoms.count]
        var (gram, power) = (Matrix(rows: k, columns: k), Matrix(rows: k, columns: k))
        for (i, a) in atoms.enumerated() {
            guard let rows = products[a] else { continue }
            for (j, b) in atoms.enumerated() {
                let width = blocks[i].count
                for x in 0..<width {
                    for (y, column) in blocks[j].enumerated() {
                        gram[offsets[i] + x, offsets[j] + y] =
                            i == j ? dictionary.gram(a, x, y) : rows[b.family][x, column]
                        power[offsets[i] + x, offsets[j] + y] = rows[b.family][width + x, column]
                    }
                }
            }
        }
        guard let subset = Subset(gram, power, offsets) else { return nil }
        let columns = zip(atoms, blocks).flatMap { atom, _ in
            dictionary.families[atom.family].columns(of: atom.block, in: dictionary.design).elements
        }
        let correlated = Matrix.product(
            response, transposed: true,
            Matrix(rows: response.rows, columns: k, elements: columns))
        let coefficients = correlated * subset.inverse
        var sight = Sight(
            own: subset.own,
            explained: zip(coefficients.elements, correlated.elements).reduce(0) { $0 + $1.0 * $1.1 },
            addition: nil, exchanges: [Scored?](repeating: nil, count: atoms.count), coefficients: coefficients)
        guard wantsPrices else { return sight }
        looks += 1
        for f in dictionary.families.indices { price(f, atoms, subset, into: &sight) }
        return sight
    }

    /// Goes through the atoms of one family.
    private func price(_ f: Int, _ atoms: [Atom], _ subset: Subset, into sight: inout Sight) {
        let blocks = dictionary.families[f].blocks
        let pieces = (blocks.count + AtomDictionary.piece - 1) / AtomDictionary.piece
        let stride = subset.count + 1
        let nothing = Scored(atom: Atom(family: f, block: -1), score: 0)
        var found = [Scored](repeating: nothing, count: pieces * stride)
        let rows = atoms.map { products[$0]?[f] }
        let owners = Dictionary(uniqueKeysWithValues: atoms.enumerated().map { ($1.block, $0) })
        found.withUnsafeMutableBufferPointer { places in
            guard let start = places.baseAddress else { return }
            // Pieces write to places of their own.
            nonisolated(unsafe) let found = start
            dictionary.parallelism.forEachPiece(of: blocks.count, piece: AtomDictionary.piece) { number, items in
                price(f, items, rows, subset, owners, into: found + number * stride)
            }
        }
        for number in 0..<pieces {
            for i in 0...subset.count {
                let candidate = found[number * stride + i]
                guard candidate.score > 0 else { continue }
                if i == subset.count {
                    if candidate.score > (sight.addition?.score ?? 0) { sight.addition = candidate }
                } else if candidate.score > (sight.exchanges[i]?.score ?? 0) {
                    sight.exchanges[i] = candidate
                }
            }
        }
    }

    /// Goes through the blocks `items` of one family.
    ///
    /// - Parameters:
    ///   - owners: the atom of the subset that has a block; only in its own place may another atom of that block stand.
    ///   - found: the best exchange for each atom of the subset, then the best addition.
    private func price(
        _ f: Int, _ items: Range<Int>, _ rows: [Matrix?], _ subset: Subset, _ owners: [Int: Int],
        into found: UnsafeMutablePointer<Scored>
    ) {
        let blocks = dictionary.families[f].blocks
        let columns = blocks.offsets[items.lowerBound]..<blocks.offsets[items.upperBound]
        let (k, count) = (subset.offsets[subset.count], columns.count)
        let width = items.reduce(0) { max($0, blocks.columns(of: $1).count) }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 4 * k * count + 6 * width * width) { memory in
            guard let crossed = memory.baseAddress else { return }
            let (powered, solved, rest) = (crossed + k * count, crossed + 2 * k * count, crossed + 3 * k * count)
            let small = crossed + 4 * k * count
            if k > 0 {
                for (i, matrix) in rows.enumerated() {
                    guard let matrix else { continue }
                    let own = subset.offsets[i + 1] - subset.offsets[i]
                    matrix.elements.withUnsafeBufferPointer { p in
                        for (position, column) in columns.enumerated() {
                            for x in 0..<own {
                                let place = subset.offsets[i] + x + position * k
                                crossed[place] = p[x + column * 2 * own]
                                powered[place] = p[own + x + column * 2 * own]
                            }
                        }
                    }
                }
                subset.inverse.elements.withUnsafeBufferPointer { inverse in
                    subset.power.elements.withUnsafeBufferPointer { power in
                        guard let inverse = inverse.baseAddress, let power = power.baseAddress else { return }
                        // A, what the fit leaves of the products with YYᵀ, and bᵀE.
                        BLAS.gemm(false, false, k, count, k, 1, inverse, k, crossed, k, 0, solved, k)
                        rest.update(from: powered, count: k * count)
                        BLAS.gemm(false, false, k, count, k, -1, power, k, solved, k, 1, rest, k)
                    }
                }
            }
            let (gram, square) = (small, small + width * width)
            let scratch = small + 2 * width * width
            // E·Eᵀ needs the products before and after the fit; what leaves an atom out needs bᵀE, which then takes the
            // place of the products before.
            withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * count * width) { kept in
                guard let kept = kept.baseAddress else { return }
                for j in items {
                    let own = blocks.columns(of: j)
                    let (w, first) = (own.count, own.lowerBound - columns.lowerBound)
                    let offset = dictionary.gramOffsets[f][j]
                    for x in 0..<w {
                        for y in 0..<w {
                            let (a, b) = ((first + x) * k, (first + y) * k)
                            var (left, squares) = (
                                dictionary.grams[f][offset + x + y * w], correlations[f][offset + x + y * w]
                            )
                            if k > 0 {
                                left -= BLAS.dot(k, crossed + a, solved + b)
                                squares -= BLAS.dot(k, solved + a, powered + b) + BLAS.dot(k, rest + a, solved + b)
                            }
                            kept[first * width + x + y * w] = left
                            kept[count * width + first * width + x + y * w] = squares
                        }
                    }
                }
                if k > 0 {
                    subset.inverse.elements.withUnsafeBufferPointer { inverse in
                        guard let inverse = inverse.baseAddress else { return }
                        BLAS.gemm(false, false, k, count, k, 1, inverse, k, rest, k, 0, powered, k)
                    }
                }
                for j in items {
                    let own = blocks.columns(of: j)
                    let (w, first) = (own.count, own.lowerBound - columns.lowerBound)
                    guard dictionary.grams[f][dictionary.gramOffsets[f][j]] > 0 else { continue }
                    let (left, squares) = (kept + first * width, kept + count * width + first * width)
                    let owner = owners[j]
                    for i in 0...subset.count {
                        // A block that another atom of the subset has is not to be had.
                        if let owner, owner != i { continue }
                        gram.update(from: left, count: w * w)
                        square.update(from: squares, count: w * w)
                        if i < subset.count {
                            Self.restore(
                                i, subset, w, solved + first * k, powered + first * k, k, gram, square, scratch)
                        }
                        let score = Self.explained(gram, square, w)
                        if score > found[i].score { found[i] = Scored(atom: Atom(family: f, block: j), score: score) }
                    }
                }
            }
        }
    }

    /// Gives back to an atom what atom i of the subset took from it: D + AᵢᵀVAᵢ and E·Eᵀ + AᵢᵀVRᵢ + (…)ᵀ + AᵢᵀVSVAᵢ, with
    /// V = K_ii⁻¹, S = b_ib_iᵀ and R = bᵀE.
    @inline(__always)
    private static func restore(
        _ i: Int, _ subset: Subset, _ w: Int, _ solved: UnsafePointer<Double>, _ rest: UnsafePointer<Double>, _ k: Int,
        _ gram: UnsafeMutablePointer<Double>, _ square: UnsafeMutablePointer<Double>,
        _ scratch: UnsafeMutablePointer<Double>
    ) {
        let first = subset.offsets[i]
        let own = subset.offsets[i + 1] - first
        let place = subset.smallOffsets[i]
        if w == 1, own == 1 {
            let (a, r, v, s) = (solved[first], rest[first], subset.left[place], subset.squares[place])
            let va = v * a
            gram[0] += a * va
            square[0] += 2 * r * va + va * va * s
            return
        }
        // V·A of one column of the atom at a time.
        for y in 0..<w {
            for p in 0..<own {
                var value = 0.0
                for q in 0..<own { value += subset.left[place + p + q * own] * solved[first + q + y * k] }
                scratch[p + y * own] = value
            }
        }
        for x in 0..<w {
            for y in 0..<w {
                var (lost, gained) = (0.0, 0.0)
                for p in 0..<own {
                    lost += solved[first + p + x * k] * scratch[p + y * own]
                    gained +=
                        scratch[p + x * own] * rest[first + p + y * k] + rest[first + p + x * k] * scratch[p + y * own]
                    var inner = 0.0
                    for q in 0..<own { inner += subset.squares[place + p + q * own] * scratch[q + y * own] }
                    gained += scratch[p + x * own] * inner
                }
                gram[x + y * w] += lost
                square[x + y * w] += gained
            }
        }
    }

    /// tr(G⁻¹S) by elimination; overwrites G and S.
    @inline(__always)
    private static func explained(
        _ gram: UnsafeMutablePointer<Double>, _ square: UnsafeMutablePointer<Double>, _ w: Int
    ) -> Double {
        var total = 0.0
        for p in 0..<w {
            let pivot = gram[p + p * w]
            // The ridge keeps pivots positive; atoms without field have none.
            guard pivot > 0 else { return 0 }
            total += square[p + p * w] / pivot
            for a in (p + 1)..<max(w, p + 1) {
                let factor = gram[a + p * w] / pivot
                for b in (p + 1)..<max(w, p + 1) {
                    let other = gram[b + p * w] / pivot
                    square[a + b * w] -=
                        factor * square[p + b * w] + other * square[a + p * w] - factor * other * square[p + p * w]
                    gram[a + b * w] -= factor * gram[p + b * w]
                }
            }
        }
        return total
    }
}
