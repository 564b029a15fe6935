import Glibc
import LinearAlgebra

/// What a fit leaves of the atoms of one family; see ``AtomScores``.
final class Remainders {
    typealias Lanes = AtomTiles.Lanes
    typealias Pointer = UnsafeMutablePointer<Double>
    typealias Best = (block: Int, score: Double)

    let tiles: AtomTiles
    private let family: AtomFamily
    private let parallelism: Parallelism
    /// D_jᵀD_j + ridge of every atom.
    private let full: [Double]
    /// G_j and E_jE_jᵀ beside the whole fit.
    private let gram, square: Pointer
    /// A and H, row after row.
    private var a, h: Pointer
    private var capacity = 0
    /// What the atoms of a tile are preferred by, tile after tile; empty for nothing.
    private let relief: [Lanes]
    /// Whether an atom has one direction, and what one that turns has to explain more.
    private let isDirected: Bool
    private let turning: Double

    /// An atom of the fit: its first row in A and H, V = K_ii⁻¹ and S = b_ib_iᵀ.
    struct Place {
        let row: Int
        let width: Int
        let v: [Double]
        let s: [Double]
        /// What the best atom in the place explains at least.
        let least: Double

        /// Lends both matrices.
        fileprivate func lend<Result>(_ body: (Lent) -> Result) -> Result {
            (v + s).withUnsafeBufferPointer { body(Lent(self, $0, 0)) }
        }
    }

    /// A place whose matrices are in memory for the time of a scan.
    fileprivate struct Lent {
        let row, width: Int
        let v, s: UnsafePointer<Double>
        let least: Double

        /// The matrices begin at an offset.
        init(_ place: Place, _ memory: UnsafeBufferPointer<Double>, _ offset: Int) {
            (row, width, least) = (place.row, place.width, place.least)
            // swift-format-ignore: NeverForceUnwrap
            v = memory.baseAddress! + offset
            s = v + width * width
        }
    }

    /// An atom that leaves and one that joins.
    struct Change {
        var leaving: Place?
        var joining: Place?
        /// Of the one that joins, as ``AtomDictionary/products(_:)`` gives them: g, what is left of it times the design,
        /// and h, the same of its correlations.
        var products = Matrix(rows: 0, columns: 0)
        /// A column a row of A: what it gains from V·A_i of the atom that leaves, and from g.
        var a = Matrix(rows: 0, columns: 0)
        /// A column a row of H: what it gains from both, from h, and from V·(H_i + S·V·A_i).
        var h = Matrix(rows: 0, columns: 0)
        /// Rows while both are there.
        var rowCount = 0
    }

    init(
        _ family: AtomFamily, full: [Double], relief: [Double]? = nil, isDirected: Bool, turning: Double,
        parallelism: Parallelism
    ) {
        self.family = family
        (self.isDirected, self.turning) = (isDirected, turning)
        self.parallelism = parallelism
        self.full = full
        tiles = family.tiles
        self.relief =
            relief.map { relief in
                family.tiles.tiles.map { tile in
                    var own = Lanes.zero
                    for block in tile.blocks { own[block - tile.blocks.lowerBound] = relief[block] }
                    return own
                }
            } ?? []
        gram = .allocate(capacity: tiles.squareCount)
        square = .allocate(capacity: tiles.squareCount)
        a = .allocate(capacity: 1)
        h = .allocate(capacity: 1)
    }

    deinit {
        for pointer in [gram, square, a, h] { pointer.deallocate() }
    }

    /// Begins with the powers of a residual beside no atom.
    func start(_ squares: [Double], rows: Int) {
        gram.update(from: full, count: tiles.squareCount)
        square.update(from: squares, count: tiles.squareCount)
        reserve(rows, keeping: 0)
    }

    /// Makes room for rows; the system gives memory out as it is touched.
    private func reserve(_ rows: Int, keeping kept: Int) {
        guard rows > capacity else { return }
        capacity = rows + 16
        func grown(_ old: Pointer) -> Pointer {
            let new = Pointer.allocate(capacity: capacity * tiles.columnCount)
            new.update(from: old, count: kept * tiles.columnCount)
            old.deallocate()
            return new
        }
        (a, h) = (grown(a), grown(h))
    }

    /// Removes rows, others following them.
    func close(_ rows: Range<Int>, _ count: Int) {
        let n = tiles.columnCount
        for pointer in [a, h] {
            (pointer + rows.lowerBound * n).update(
                from: pointer + rows.upperBound * n, count: (count - rows.upperBound) * n)
        }
    }

    /// Fills A or H from their products with the design.
    func fill(_ products: Matrix, rows: Range<Int>, correlations: Bool) {
        nonisolated(unsafe) let target = correlations ? h : a
        let (family, tiles) = (family, tiles)
        products.elements.withUnsafeBufferPointer { elements in
            guard let first = elements.baseAddress else { return }
            nonisolated(unsafe) let base = first
            parallelism.forEachPiece(of: tiles.tiles.count, piece: AtomTiles.piece) { _, items in
                family.combine(
                    tiles: items, rows: rows.count, stride: products.rows, base + rows.lowerBound,
                    target + tiles.columns(of: items).lowerBound, tiles.columnCount)
            }
        }
    }

    /// Takes CᵀC from the Gram matrices, with C given by its products with the design.
    func take(_ products: Matrix, rows range: Range<Int>) {
        nonisolated(unsafe) let gram = gram
        let (family, tiles, rows) = (family, tiles, range.count)
        products.elements.withUnsafeBufferPointer { elements in
            guard let first = elements.baseAddress else { return }
            nonisolated(unsafe) let base = first
            parallelism.forEachPiece(of: tiles.tiles.count, piece: AtomTiles.piece) { _, items in
                let columns = tiles.columns(of: items)
                withUnsafeTemporaryAllocation(of: Double.self, capacity: rows * columns.count) { memory in
                    guard let taken = memory.baseAddress else { return }
                    family.combine(
                        tiles: items, rows: rows, stride: products.rows, base + range.lowerBound, taken, columns.count)
                    for tile in tiles.tiles[items] {
                        let own = taken + tile.column - columns.lowerBound
                        for x in 0..<tile.width {
                            for y in 0...x {
                                var sum = Lanes.zero
                                for row in 0..<rows {
                                    let c = own + row * columns.count
                                    sum += load(c + x * lanes) * load(c + y * lanes)
                                }
                                let element = gram + tile.square + (x + y * tile.width) * lanes
                                store(load(element) - sum, element)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Makes a change, where there is one, then finds the best atom in each place, and beside all of them at the end: as
    /// many a piece of tiles, piece after piece.
    ///
    /// - Parameters:
    ///   - places: of the fit after the change.
    ///   - owners: of a tile, the blocks that atoms of the fit have, and their numbers.
    func scan(_ change: Change?, _ places: [Place], _ owners: [Int: [(block: Int, atom: Int)]]) -> [Best] {
        if let change { reserve(change.rowCount, keeping: change.rowCount - (change.joining?.width ?? 0)) }
        let count = places.count + 1
        var found = [Best](repeating: (-1, 0), count: tiles.pieceCount * count)
        // The best addition that each worker has seen: less need not be known exactly.
        let workers = max(1, min(parallelism.threads, tiles.pieceCount))
        let seen = Pointer.allocate(capacity: workers)
        seen.update(repeating: 0, count: workers)
        defer { seen.deallocate() }
        let widest = places.reduce(1) { max($0, $1.width) }
        // Pieces read matrices that stay where they are, and write to places, and to columns, of their own.
        let offsets = places.reduce(into: [0]) { $0.append($0[$0.count - 1] + 2 * $1.width * $1.width) }
        places.flatMap { $0.v + $0.s }.withUnsafeBufferPointer { memory in
            zip(places, offsets).map { Lent($0, memory, $1) }.withUnsafeBufferPointer { places in
                found.withUnsafeMutableBufferPointer { elements in
                    guard let start = elements.baseAddress else { return }
                    nonisolated(unsafe) let (found, places, seen, this) = (start, places, seen, self)
                    parallelism.forEachPiece(of: tiles.tiles.count, piece: AtomTiles.piece) { number, items in
                        if let change { this.make(change, items) }
                        this.price(items, places, widest, owners, found + number * count, seen + number % workers)
                    }
                }
            }
        }
        return found
    }

    private func make(_ change: Change, _ items: Range<Int>) {
        let (columns, n) = (tiles.columns(of: items), tiles.columnCount)
        let (m, out, into) = (columns.count, change.leaving?.width ?? 0, change.joining?.width ?? 0)
        let inner = out + into
        let (a, h) = (a + columns.lowerBound, h + columns.lowerBound)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: m * (2 * inner + out)) { memory in
            guard let given = memory.baseAddress else { return }
            func clear(_ place: Place) {
                for row in place.row..<(place.row + place.width) {
                    (a + row * n).update(repeating: 0, count: m)
                    (h + row * n).update(repeating: 0, count: m)
                }
            }
            if let place = change.leaving {
                give(place, 1, items)
                let (own, back, left) = (a + place.row * n, given + m * (inner + into), given + m * 2 * inner)
                BLAS.gemm(false, false, m, out, out, 1, own, n, place.v, out, 0, given, m)
                for x in 0..<out { (left + x * m).update(from: h + (place.row + x) * n, count: m) }
                BLAS.gemm(false, false, m, out, out, 1, given, m, place.s, out, 1, left, m)
                BLAS.gemm(false, false, m, out, out, 1, left, m, place.v, out, 0, back, m)
                clear(place)
            }
            if let place = change.joining {
                clear(place)
                change.products.elements.withUnsafeBufferPointer {
                    guard let base = $0.baseAddress else { return }
                    family.combine(
                        tiles: items, rows: 2 * into, stride: change.products.rows, base, given + m * out, m)
                }
            }
            BLAS.gemm(
                false, false, m, change.rowCount, inner, 1, given, m, change.a.elements, inner, 1, a, n)
            BLAS.gemm(
                false, false, m, change.rowCount, 2 * inner, 1, given, m, change.h.elements, 2 * inner, 1, h, n)
            if let place = change.joining { give(place, -1, items) }
        }
    }

    /// Gives back to all atoms of some tiles what an atom of the fit took from them, or takes it.
    private func give(_ place: Place, _ sign: Double, _ items: Range<Int>) {
        place.lend { place in
            scratch(place.width) { scratch in
                for tile in tiles.tiles[items] {
                    restore(place, tile, sign, scratch)
                    for x in 0..<tile.width {
                        for y in 0...x {
                            let element = x + y * tile.width
                            store(scratch[element], gram + tile.square + element * lanes)
                            store(scratch[tile.width * tile.width + element], square + tile.square + element * lanes)
                        }
                    }
                }
            }
        }
    }

    /// Lends memory for the small matrices of a tile and of an atom of a width.
    private func scratch<Result>(
        _ own: Int, and more: Int = 0, _ body: (UnsafeMutablePointer<Lanes>) -> Result
    ) -> Result {
        let w = tiles.width
        return withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 2 * w * w + 2 * own * w + 1 + more) {
            // swift-format-ignore: NeverForceUnwrap
            body($0.baseAddress!)
        }
    }

    private func price(
        _ items: Range<Int>, _ places: UnsafeBufferPointer<Lent>, _ widest: Int,
        _ owners: [Int: [(block: Int, atom: Int)]], _ found: UnsafeMutablePointer<Best>, _ seen: Pointer
    ) {
        // First what an atom explains beside all of the fit: in the basis that this leaves behind, places cost little.
        let basis = 2 * tiles.width * tiles.width
        scratch(widest, and: basis) { scratch in
            let memory = scratch + basis
            for t in items {
                let tile = tiles.tiles[t]
                let own = owners[t]
                let hasBasis = isDirected && tile.width == 3
                for i in (0...places.count).reversed() {
                    let place = i < places.count ? places[i] : nil
                    let least = relief.isEmpty ? max(found[i].score, place?.least ?? seen.pointee) : -.infinity
                    var score: Lanes
                    if hasBasis, let place, place.width == 1 {
                        score = based(place, tile, scratch, above: least)
                    } else {
                        score = explained(place, tile, place == nil ? scratch : memory, above: least)
                        // The reciprocals of the diagonal of L, above it.
                        if hasBasis, place == nil {
                            (scratch[3], scratch[6], scratch[7]) = (1 / scratch[0], 1 / scratch[4], 1 / scratch[8])
                        }
                    }
                    if let own {
                        for (block, atom) in own where atom != i { score[block - tile.blocks.lowerBound] = 0 }
                    }
                    guard relief.isEmpty else {
                        prefer(tile, score, relief[t], &found[i])
                        continue
                    }
                    if score.max() > found[i].score {
                        for lane in tile.blocks.indices where score[lane - tile.blocks.lowerBound] > found[i].score {
                            found[i] = (lane, score[lane - tile.blocks.lowerBound])
                        }
                    }
                }
            }
        }
        seen.pointee = max(seen.pointee, found[places.count].score)
    }

    /// Takes the best atom of a tile, by score and relief, where it is better than the one found so far.
    private func prefer(_ tile: AtomTiles.Tile, _ score: Lanes, _ relief: Lanes, _ found: inout Best) {
        var best =
            found.block < 0
            ? -.infinity
            : found.score
                + self.relief[tiles.place(of: found.block)][
                    found.block - tiles.tiles[tiles.place(of: found.block)].blocks.lowerBound]
        guard (score + relief).max() > best else { return }
        for block in tile.blocks {
            let lane = block - tile.blocks.lowerBound
            guard score[lane] > 0, score[lane] + relief[lane] > best else { continue }
            best = score[lane] + relief[lane]
            found = (block, score[lane])
        }
    }

    /// The score of an atom of the fit in its own place.
    func score(_ atom: AtomDictionary.Atom, _ place: Place) -> Double {
        let (u, left) = (atom.direction, left(of: atom.block, place))
        if u.isEmpty {
            let tile = tiles.tiles[tiles.place(of: atom.block)]
            return place.lend { place in
                scratch(place.width) {
                    gather(place, tile, $0)
                    return Self.explained(tile.width, $0)[atom.block - tile.blocks.lowerBound]
                }
            }
        }
        return Self.quotient(u, left)
    }

    /// uᵀSu/uᵀGu.
    private static func quotient(_ u: [Double], _ left: (gram: Matrix, square: Matrix)) -> Double {
        func form(_ matrix: Matrix) -> Double {
            u.indices.reduce(0) { sum, a in u.indices.reduce(sum) { $0 + u[a] * matrix[a, $1] * u[$1] } }
        }
        return form(left.square) / form(left.gram)
    }

    /// The direction in which an atom explains most beside the fit, or beside the others in the place of one of its atoms;
    /// empty where it has but one column, or none that is seen, nil where it is worth more turning.
    func direction(_ block: Int, _ place: Place?) -> [Double]? {
        guard isDirected, family.blocks.columns(of: block).count > 1 else { return [] }
        let left = left(of: block, place)
        let direction = Self.direction(left.gram, left.square)
        guard turning < .infinity, !direction.isEmpty, let factor = try? Cholesky(left.gram) else { return direction }
        let solved = factor.solve(left.square)
        let all = (0..<solved.rows).reduce(0) { $0 + solved[$1, $1] }
        return all - turning > Self.quotient(direction, left) ? nil : direction
    }

    /// The u of norm 1 with the largest uᵀSu/uᵀGu.
    static func direction(_ gram: Matrix, _ square: Matrix) -> [Double] {
        guard let whole = try? SymmetricEigen(gram), let least = whole.values.first, least > 0 else { return [] }
        // G^(−1/2), symmetric.
        let scaled = whole.vectors * .diagonal(whole.values.map { 1 / $0.squareRoot() })
        let root = Matrix.product(scaled, transposed: false, whole.vectors, transposed: true)
        guard let best = try? SymmetricEigen(root * square * root) else { return [] }
        let u = (root * best.vectors.columns([gram.rows - 1])).elements
        let norm = u.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return u.map { $0 / norm }
    }

    /// What is left of an atom's Gram matrix and of its power beside the fit, or in the place of one of its atoms.
    private func left(of block: Int, _ place: Place?) -> (gram: Matrix, square: Matrix) {
        let tile = tiles.tiles[tiles.place(of: block)]
        let (lane, w) = (block - tile.blocks.lowerBound, tile.width)
        func read(_ lent: Lent?) -> (gram: Matrix, square: Matrix) {
            scratch(lent?.width ?? 0) { scratch in
                gather(lent, tile, scratch)
                func matrix(_ start: Int) -> Matrix {
                    Matrix(rows: w, columns: w) { scratch[start + max($0, $1) + min($0, $1) * w][lane] }
                }
                return (matrix(0), matrix(w * w))
            }
        }
        return place.map { $0.lend { read($0) } } ?? read(nil)
    }

    /// The scores of all atoms, likewise.
    func scores(_ place: Place?) -> [Double] {
        func all(_ lent: Lent?) -> [Double] {
            scratch(lent?.width ?? 0) { memory in
                tiles.tiles.flatMap { tile in
                    let own = explained(lent, tile, memory, above: -.infinity)
                    return tile.blocks.map { own[$0 - tile.blocks.lowerBound] }
                }
            }
        }
        return place.map { $0.lend { all($0) } } ?? all(nil)
    }

    /// The scores of all atoms of a family beside no fit, from E_jE_jᵀ and G_j as the tiles place them.
    static func scores(
        _ squares: [Double], _ grams: [Double], _ tiles: AtomTiles, directed isDirected: Bool, turning: Double
    ) -> [Double] {
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 2 * tiles.width * tiles.width + 1) { memory in
            var scores: [Double] = []
            guard let scratch = memory.baseAddress else { return scores }
            for tile in tiles.tiles {
                let size = tile.width * tile.width
                squares.withUnsafeBufferPointer { squares in
                    grams.withUnsafeBufferPointer { grams in
                        guard let e = squares.baseAddress, let g = grams.baseAddress else { return }
                        for element in 0..<size {
                            scratch[element] = load(g + tile.square + element * lanes)
                            scratch[size + element] = load(e + tile.square + element * lanes)
                        }
                    }
                }
                let own =
                    isDirected
                    ? strongest(tile.width, scratch, above: -.infinity, turning) : explained(tile.width, scratch)
                for lane in tile.blocks.indices { scores.append(own[lane - tile.blocks.lowerBound]) }
            }
            return scores
        }
    }

    /// The scores of the atoms of a tile; those of directed atoms may be zero where none is above `least`.
    @inline(__always)
    private func explained(
        _ place: Lent?, _ tile: AtomTiles.Tile, _ scratch: UnsafeMutablePointer<Lanes>, above least: Double
    ) -> Lanes {
        gather(place, tile, scratch)
        return isDirected
            ? Self.strongest(tile.width, scratch, above: least, turning) : Self.explained(tile.width, scratch)
    }

    /// What is left of the matrices of a tile, lower triangles, beside the fit or in the place of one of its atoms.
    @inline(__always)
    private func gather(_ place: Lent?, _ tile: AtomTiles.Tile, _ scratch: UnsafeMutablePointer<Lanes>) {
        if let place {
            restore(place, tile, 1, scratch)
        } else {
            let size = tile.width * tile.width
            for element in 0..<size {
                scratch[element] = load(gram + tile.square + element * lanes)
                scratch[size + element] = load(square + tile.square + element * lanes)
            }
        }
    }

    /// G + sign·AᵢᵀVAᵢ and E·Eᵀ + sign·(AᵢᵀVHᵢ + (…)ᵀ + AᵢᵀVSVAᵢ) of the atoms of a tile, lower triangles.
    @inline(__always)
    private func restore(
        _ place: Lent, _ tile: AtomTiles.Tile, _ sign: Double, _ scratch: UnsafeMutablePointer<Lanes>
    ) {
        let n = tiles.columnCount
        let (a, h) = (a + place.row * n + tile.column, h + place.row * n + tile.column)
        let (gram, square) = (gram + tile.square, square + tile.square)
        let (v, s) = (place.v, place.s)
        switch (place.width, tile.width) {
        case (1, 1): Self.restore(1, 1, sign, a, h, n, v, s, gram, square, scratch)
        case (1, 3): Self.restore(1, 3, sign, a, h, n, v, s, gram, square, scratch)
        case (3, 3): Self.restore(3, 3, sign, a, h, n, v, s, gram, square, scratch)
        case (let own, let w): Self.restore(own, w, sign, a, h, n, v, s, gram, square, scratch)
        }
    }

    @inline(__always)
    private static func restore(
        _ own: Int, _ w: Int, _ sign: Double, _ a: Pointer, _ h: Pointer, _ n: Int, _ v: UnsafePointer<Double>,
        _ s: UnsafePointer<Double>, _ gram: Pointer, _ square: Pointer, _ scratch: UnsafeMutablePointer<Lanes>
    ) {
        // M = V·A_i and N = H_i + S·M/2.
        let (left, right) = (scratch + 2 * w * w, scratch + 2 * w * w + own * w)
        for y in 0..<w {
            for p in 0..<own {
                var value = Lanes.zero
                for q in 0..<own { value += v[p + q * own] * load(a + q * n + y * lanes) }
                left[p + y * own] = value
            }
            for p in 0..<own {
                var value = Lanes.zero
                for q in 0..<own { value += s[p + q * own] * left[q + y * own] }
                right[p + y * own] = load(h + p * n + y * lanes) + 0.5 * value
            }
        }
        for y in 0..<w {
            for x in y..<w {
                var (lost, gained) = (Lanes.zero, Lanes.zero)
                for p in 0..<own {
                    lost += load(a + p * n + x * lanes) * left[p + y * own]
                    gained += left[p + x * own] * right[p + y * own] + right[p + x * own] * left[p + y * own]
                }
                let element = x + y * w
                scratch[element] = load(gram + element * lanes) + sign * lost
                scratch[w * w + element] = load(square + element * lanes) + sign * gained
            }
        }
    }

    /// tr(G⁻¹S) of the w × w matrices at the head of `scratch`, lower triangles, by elimination, which overwrites both; 0 where
    /// a pivot is not positive: the ridge keeps pivots positive, atoms without field have none.
    @inline(__always)
    static func explained(_ w: Int, _ scratch: UnsafeMutablePointer<Lanes>) -> Lanes {
        switch w {
        case 1: eliminate(1, scratch)
        case 3: eliminate(3, scratch)
        default: eliminate(w, scratch)
        }
    }

    @inline(__always)
    private static func eliminate(_ w: Int, _ gram: UnsafeMutablePointer<Lanes>) -> Lanes {
        let square = gram + w * w
        var total = Lanes.zero
        var alive = SIMDMask<Lanes.MaskStorage>(repeating: true)
        for p in 0..<w {
            let pivot = gram[p + p * w]
            alive = alive .& (pivot .> 0)
            let inverse = 1 / pivot
            let power = square[p + p * w]
            total += power * inverse
            for b in (p + 1)..<max(w, p + 1) {
                let other = gram[b + p * w] * inverse
                let crossed = square[b + p * w] - other * power
                for a in b..<w {
                    let factor = gram[a + p * w] * inverse
                    square[a + b * w] -= factor * crossed + other * square[a + p * w]
                    gram[a + b * w] -= factor * gram[b + p * w]
                }
            }
        }
        return Lanes.zero.replacing(with: total, where: alive)
    }

    /// The largest eigenvalue of G⁻¹S, or its trace less what turning costs, of the w × w matrices at the head of `scratch`,
    /// lower triangles, which are overwritten, w at most 3: what one direction of an atom explains, or all. 0 where a pivot
    /// is not positive, and for all where the trace, which is no smaller, is not above `least` for any.
    @inline(__always)
    static func strongest(
        _ w: Int, _ scratch: UnsafeMutablePointer<Lanes>, above least: Double, _ turning: Double
    ) -> Lanes {
        switch w {
        case 1: eliminate(1, scratch)
        case 2: largest(2, scratch, above: least, turning)
        default: largest(3, scratch, above: least, turning)
        }
    }

    @inline(__always)
    private static func largest(
        _ w: Int, _ gram: UnsafeMutablePointer<Lanes>, above least: Double, _ turning: Double
    ) -> Lanes {
        let s = gram + w * w
        var alive = SIMDMask<Lanes.MaskStorage>(repeating: true)
        // G = LLᵀ, and S becomes L⁻¹SL⁻ᵀ, a row and column at a time.
        for p in 0..<w {
            let pivot = gram[p + p * w]
            alive = alive .& (pivot .> 0)
            let inverse = 1 / pivot.replacing(with: 1, where: pivot .<= 0).squareRoot()
            for a in p..<w { gram[a + p * w] *= inverse }
            for c in 0..<p { s[p + c * w] *= inverse }
            for a in p..<w { s[a + p * w] *= inverse }
            s[p + p * w] *= inverse
            for a in (p + 1)..<max(w, p + 1) {
                let left = gram[a + p * w]
                for c in 0..<p { s[a + c * w] -= left * s[p + c * w] }
                for b in (p + 1)...a {
                    let other = gram[b + p * w]
                    gram[a + b * w] -= left * other
                    s[a + b * w] -= left * s[b + p * w] + other * (s[a + p * w] - left * s[p + p * w])
                }
            }
            for a in (p + 1)..<max(w, p + 1) { s[a + p * w] -= gram[a + p * w] * s[p + p * w] }
        }
        let trace = (0..<w).reduce(Lanes.zero) { $0 + s[$1 + $1 * w] }
        guard trace.replacing(with: 0, where: .!alive).max() > least else { return .zero }
        if w == 2 {
            let half = 0.5 * (s[0] - s[3])
            let value = 0.5 * trace + (half * half + s[1] * s[1]).squareRoot()
            return Lanes.zero.replacing(with: pointwiseMax(value, trace - turning), where: alive)
        }
        return largest(s[0], s[4], s[8], s[1], s[2], s[5], alive, above: least, turning)
    }

    /// The largest eigenvalue of symmetric 3 × 3 matrices, diagonal first, then (1, 0), (2, 0), (2, 1), or the trace less what
    /// turning costs; 0 where that is not above `least`.
    ///
    /// By the angle whose cosine is half the determinant of what deviates from the mean (Smith 1961).
    @inline(__always)
    private static func largest(
        _ s00: Lanes, _ s11: Lanes, _ s22: Lanes, _ s10: Lanes, _ s20: Lanes, _ s21: Lanes,
        _ alive: SIMDMask<Lanes.MaskStorage>, above least: Double, _ turning: Double
    ) -> Lanes {
        let trace = s00 + s11 + s22
        let mean = trace / 3
        let (a, b, c) = (s00 - mean, s11 - mean, s22 - mean)
        let aside = s10 * s10 + s20 * s20 + s21 * s21
        let size = ((a * a + b * b + c * c + 2 * aside) / 6).squareRoot()
        // No more than where the angle is zero.
        let possible = alive .& (pointwiseMax(mean + 2 * size, trace - turning) .> least)
        guard any(possible) else { return .zero }
        let determinant = a * (b * c - s21 * s21) - s10 * (s10 * c - s21 * s20) + s20 * (s10 * s21 - b * s20)
        var value = Lanes.zero
        for lane in 0..<lanes where possible[lane] {
            let size = size[lane]
            let cosine = size > 0 ? determinant[lane] / (2 * size * size * size) : 0
            value[lane] = max(mean[lane] + 2 * size * cos(acos(max(-1, min(1, cosine))) / 3), trace[lane] - turning)
        }
        return value
    }

    /// The scores of the atoms of three columns of a tile in the place of an atom of one: beside the others G and S are
    /// what they are beside all, and what that one atom gives back, v·aaᵀ and v·(arᵀ + raᵀ). In the basis in which the
    /// former are I and M, as ``strongest(_:_:above:_:)`` leaves them, its inverse root is I − μ·ααᵀ.
    @inline(__always)
    private func based(
        _ place: Lent, _ tile: AtomTiles.Tile, _ scratch: UnsafeMutablePointer<Lanes>, above least: Double
    ) -> Lanes {
        let n = tiles.columnCount
        let (a, h) = (a + place.row * n + tile.column, h + place.row * n + tile.column)
        let (v, s) = (place.v[0], place.s[0])
        // L and M.
        let (l10, l20, l21) = (scratch[1], scratch[2], scratch[5])
        let (m00, m10, m20, m11, m21, m22) = (
            scratch[9], scratch[10], scratch[11], scratch[13], scratch[14], scratch[17]
        )
        let alive = (scratch[0] .> 0) .& (scratch[4] .> 0) .& (scratch[8] .> 0)
        let (r0, r1, r2) = (scratch[3], scratch[6], scratch[7])
        func solved(_ x: Pointer) -> (Lanes, Lanes, Lanes) {
            let x0 = load(x) * r0
            let x1 = (load(x + lanes) - l10 * x0) * r1
            return (x0, x1, (load(x + 2 * lanes) - l20 * x0 - l21 * x1) * r2)
        }
        let (a0, a1, a2) = solved(a)
        let (h0, h1, h2) = solved(h)
        let power = a0 * a0 + a1 * a1 + a2 * a2
        // ρ = η + ½sv·α.
        let half = 0.5 * s * v
        let crossed = a0 * h0 + a1 * h1 + a2 * h2 + half * power
        let (z0, z1, z2) = (
            m00 * a0 + m10 * a1 + m20 * a2, m10 * a0 + m11 * a1 + m21 * a2, m20 * a0 + m21 * a1 + m22 * a2
        )
        let quadratic = z0 * a0 + z1 * a1 + z2 * a2 + 2 * v * power * crossed
        let scale = 1 + v * power
        let trace = m00 + m11 + m22 + 2 * v * crossed - v / scale * quadratic
        guard any(alive .& (trace .> least)) else { return .zero }
        // (I − μααᵀ)(M + v(αρᵀ + ραᵀ))(I − μααᵀ) = M + αwᵀ + wαᵀ.
        let root = scale.squareRoot()
        let mu = v / (root * (1 + root))
        let gain = v * (1 - mu * power)
        let weight = gain * half - mu * v * crossed + 0.5 * mu * mu * quadratic
        let (w0, w1, w2) = (
            gain * h0 - mu * z0 + weight * a0, gain * h1 - mu * z1 + weight * a1, gain * h2 - mu * z2 + weight * a2
        )
        return Self.largest(
            m00 + 2 * a0 * w0, m11 + 2 * a1 * w1, m22 + 2 * a2 * w2, m10 + a0 * w1 + a1 * w0,
            m20 + a0 * w2 + a2 * w0, m21 + a1 * w2 + a2 * w1, alive, above: least, turning)
    }
}

private let lanes = AtomTiles.Lanes.scalarCount

/// As many numbers as there are lanes.
@inline(__always)
private func load(_ pointer: UnsafePointer<Double>) -> AtomTiles.Lanes {
    UnsafeRawPointer(pointer).loadUnaligned(as: AtomTiles.Lanes.self)
}

@inline(__always)
private func store(_ value: AtomTiles.Lanes, _ pointer: UnsafeMutablePointer<Double>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: AtomTiles.Lanes.self)
}
