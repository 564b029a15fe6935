/// What every atom explains beside a fit, and beside the fit without any one of its atoms: the best of them.
///
/// The score of an atom is by how much min ‖Y − fit‖² + ridge falls when it joins: the power of Y on the part of the atom
/// that is orthogonal to the subset (Ziskind & Wax 1988), ridge included. With K and A = K·DᵀD_j, what is left of an atom
/// beside the subset has the Gram matrix G_j = D_jᵀD_j + ridge − (DᵀD_j)ᵀA, and of its correlations E_j = D_jᵀ(Y − fit)
/// only E_jE_jᵀ is needed, which the products DᵀYYᵀD_j give: the samples drop out. Leaving atom i out changes K by a term
/// of the rank of i, −K_{·i}K_ii⁻¹K_{i·}; so one pass scores additions and all exchanges, at O(k²) a column of the
/// dictionary, k columns in the subset.
struct AtomScores {
    typealias Atom = AtomDictionary.Atom

    typealias Scored = (atom: Atom, score: Double)

    /// The best atom to add (forward selection); nil where no atom explains anything.
    private(set) var addition: Scored?
    /// The best atom in the place of each atom of the fit, scored beside the others.
    private(set) var exchanges: [Scored?]

    /// Scores all atoms of a dictionary. An atom of a block that an atom of the fit has is scored in that one's place only.
    ///
    /// - Parameters:
    ///   - fit: of a subset of the dictionary's atoms; one of no atom needs no response.
    ///   - power: of the response.
    ///   - dictionary: all atoms.
    /// - Complexity: O(q·k²).
    init(beside fit: SubsetFit, of power: AtomDictionary.Power, in dictionary: AtomDictionary) {
        exchanges = [Scored?](repeating: nil, count: fit.atoms.count)
        let owners = Dictionary(uniqueKeysWithValues: fit.atoms.enumerated().map { ($1.block, $0) })
        let stride = fit.atoms.count + 1
        for f in dictionary.families.indices {
            let count = dictionary.families[f].blocks.count
            let pieces = (count + AtomDictionary.piece - 1) / AtomDictionary.piece
            var found = [Scored](repeating: (Atom(family: f, block: -1), 0), count: pieces * stride)
            found.withUnsafeMutableBufferPointer { places in
                guard let start = places.baseAddress else { return }
                // Pieces write to places of their own.
                nonisolated(unsafe) let found = start
                dictionary.parallelism.forEachPiece(of: count, piece: AtomDictionary.piece) { number, items in
                    Self.score(f, items, fit, power, dictionary, owners, into: found + number * stride)
                }
            }
            for (place, candidate) in found.enumerated() where candidate.score > 0 {
                let i = place % stride
                if i == fit.atoms.count {
                    if candidate.score > (addition?.score ?? 0) { addition = candidate }
                } else if candidate.score > (exchanges[i]?.score ?? 0) {
                    exchanges[i] = candidate
                }
            }
        }
    }

    /// Scores the blocks `items` of family f.
    ///
    /// - Parameters:
    ///   - owners: the atom of the fit that has a block.
    ///   - found: the best exchange for each atom of the fit, then the best addition.
    private static func score(
        _ f: Int, _ items: Range<Int>, _ fit: SubsetFit, _ power: AtomDictionary.Power, _ dictionary: AtomDictionary,
        _ owners: [Int: Int], into found: UnsafeMutablePointer<Scored>
    ) {
        Remainders.lend(items, dictionary.families[f].blocks, fit) { remainders in
            remainders.project(f)
            for j in items { remainders.leave(j, of: f, power, dictionary) }
            remainders.solve()
            for j in items where dictionary.largest[f][j] > 0 {
                let owner = owners[j]
                for i in 0...fit.atoms.count where owner == nil || owner == i {
                    let score = remainders.score(j, without: i)
                    if score > found[i].score { found[i] = (Atom(family: f, block: j), score) }
                }
            }
        }
    }
}

/// What a fit leaves of some atoms of a family.
private struct Remainders {
    let fit: SubsetFit
    let blocks: BlockStructure
    /// All columns of the atoms, and the number of the widest's.
    let columns: Range<Int>
    let width: Int
    /// DᵀD_j, DᵀYYᵀD_j, A = K·DᵀD_j and R = DᵀYYᵀD_j − W·A of all columns, k × columns. In the end K·R takes the place of
    /// the second.
    let crossed, powered, solved, rest: UnsafeMutablePointer<Double>
    /// G_j and E_jE_jᵀ of every atom, `width` numbers a column.
    let grams, squares: UnsafeMutablePointer<Double>
    /// The same of one atom beside less of the fit, width² each.
    let gram, square: UnsafeMutablePointer<Double>
    /// V·A and S·V·A of it, as many rows as the widest atom of the fit has.
    let left, right: UnsafeMutablePointer<Double>
    /// V_i and S_i of every atom of the fit.
    let fitted: UnsafeBufferPointer<Double>

    /// Lends memory for the blocks `items` of a family.
    static func lend(_ items: Range<Int>, _ blocks: BlockStructure, _ fit: SubsetFit, _ body: (Remainders) -> Void) {
        let columns = blocks.offsets[items.lowerBound]..<blocks.offsets[items.upperBound]
        let width = items.reduce(0) { max($0, blocks.columns(of: $1).count) }
        let widest = fit.parts.reduce(0) { max($0, $1.columns.columns) }
        let (large, middle, small) = (fit.columnCount * columns.count, width * columns.count, width * width)
        let capacity = 4 * large + 2 * middle + 2 * small + 2 * width * widest
        withUnsafeTemporaryAllocation(of: Double.self, capacity: capacity) { memory in
            guard var next = memory.baseAddress else { return }
            func lent(_ count: Int) -> UnsafeMutablePointer<Double> {
                defer { next += count }
                return next
            }
            fit.squares.withUnsafeBufferPointer {
                body(
                    Remainders(
                        fit: fit, blocks: blocks, columns: columns, width: width, crossed: lent(large),
                        powered: lent(large), solved: lent(large), rest: lent(large), grams: lent(middle),
                        squares: lent(middle), gram: lent(small), square: lent(small), left: lent(width * widest),
                        right: lent(width * widest), fitted: $0))
            }
        }
    }

    /// Fills DᵀD_j, DᵀYYᵀD_j, A and R.
    func project(_ f: Int) {
        let (k, count) = (fit.columnCount, columns.count)
        guard k > 0 else { return }
        for (part, first) in zip(fit.parts, fit.offsets) {
            let own = part.columns.columns
            part.products[f].elements.withUnsafeBufferPointer { p in
                for (position, column) in columns.enumerated() {
                    for x in 0..<own {
                        crossed[first + x + position * k] = p[x + column * 2 * own]
                        powered[first + x + position * k] = p[own + x + column * 2 * own]
                    }
                }
            }
        }
        multiply(fit.inverse, 1, crossed, 0, solved)
        rest.update(from: powered, count: k * count)
        multiply(fit.power, -1, solved, 1, rest)
    }

    /// Puts K·R in the place of DᵀYYᵀD_j, when ``leave(_:of:_:_:)`` needs that no more.
    func solve() {
        if fit.columnCount > 0 { multiply(fit.inverse, 1, rest, 0, powered) }
    }

    /// C ← α·M·B + β·C, with M k × k and the others k × columns.
    private func multiply(
        _ matrix: Matrix, _ alpha: Double, _ b: UnsafePointer<Double>, _ beta: Double, _ c: UnsafeMutablePointer<Double>
    ) {
        let k = fit.columnCount
        matrix.elements.withUnsafeBufferPointer { m in
            guard let m = m.baseAddress else { return }
            BLAS.gemm(false, false, k, columns.count, k, alpha, m, k, b, k, beta, c, k)
        }
    }

    /// G_j and E_jE_jᵀ beside the whole fit.
    func leave(_ j: Int, of f: Int, _ power: AtomDictionary.Power, _ dictionary: AtomDictionary) {
        let (k, own, offset) = (fit.columnCount, blocks.columns(of: j), dictionary.families[f].squareOffsets[j])
        let (w, first) = (own.count, own.lowerBound - columns.lowerBound)
        let ridge = dictionary.ridge * dictionary.largest[f][j]
        for x in 0..<w {
            for y in 0..<w {
                let (a, b) = ((first + x) * k, (first + y) * k)
                var left = dictionary.grams[f][offset + x + y * w] + (x == y ? ridge : 0)
                var energy = power.squares[f][offset + x + y * w]
                if k > 0 {
                    left -= BLAS.dot(k, crossed + a, solved + b)
                    energy -= BLAS.dot(k, solved + a, powered + b) + BLAS.dot(k, rest + a, solved + b)
                }
                grams[first * width + x + y * w] = left
                squares[first * width + x + y * w] = energy
            }
        }
    }

    /// The score of atom j beside the fit without its atom i, or, with i the number of atoms, beside all of it.
    @inline(__always)
    func score(_ j: Int, without i: Int) -> Double {
        let own = blocks.columns(of: j)
        let (w, first) = (own.count, own.lowerBound - columns.lowerBound)
        gram.update(from: grams + first * width, count: w * w)
        square.update(from: squares + first * width, count: w * w)
        if i < fit.atoms.count { restore(i, w, solved + first * fit.columnCount, powered + first * fit.columnCount) }
        return explained(w)
    }

    /// Gives back to an atom what atom i of the fit took from it: G + AᵢᵀVAᵢ and E·Eᵀ + AᵢᵀVRᵢ + (…)ᵀ + AᵢᵀVSVAᵢ, with
    /// V = K_ii⁻¹, S = b_ib_iᵀ and R here the rows of K·R.
    @inline(__always)
    private func restore(_ i: Int, _ w: Int, _ solved: UnsafePointer<Double>, _ rest: UnsafePointer<Double>) {
        let (k, first, v) = (fit.columnCount, fit.offsets[i], fit.squareOffsets[i])
        let own = fit.offsets[i + 1] - first
        let s = v + own * own
        if w == 1, own == 1 {
            let (a, r) = (solved[first], rest[first])
            let va = fitted[v] * a
            gram[0] += a * va
            square[0] += 2 * r * va + va * va * fitted[s]
            return
        }
        for y in 0..<w {
            for p in 0..<own {
                var value = 0.0
                for q in 0..<own { value += fitted[v + p + q * own] * solved[first + q + y * k] }
                left[p + y * own] = value
            }
            for p in 0..<own {
                var value = 0.0
                for q in 0..<own { value += fitted[s + p + q * own] * left[q + y * own] }
                right[p + y * own] = value
            }
        }
        for x in 0..<w {
            for y in 0..<w {
                var (lost, gained) = (0.0, 0.0)
                for p in 0..<own {
                    lost += solved[first + p + x * k] * left[p + y * own]
                    gained += left[p + x * own] * rest[first + p + y * k] + rest[first + p + x * k] * left[p + y * own]
                    gained += left[p + x * own] * right[p + y * own]
                }
                gram[x + y * w] += lost
                square[x + y * w] += gained
            }
        }
    }

    /// tr(G⁻¹S) of the w × w matrices in `gram` and `square` by elimination, which overwrites both.
    @inline(__always)
    private func explained(_ w: Int) -> Double {
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
