/// Families of atoms over one design, with what every search over them needs: the Gram matrix of each atom.
///
/// Atoms are never stored: a product with all of them is one product with the design, combined.
public struct AtomDictionary: Sendable {
    /// X: n × q.
    public let design: Design
    /// The families; all have as many blocks as the design.
    public let families: [AtomFamily]
    /// c of ``SubsetSelection``, positive. Another one needs no product anew.
    public var ridge: Double
    /// D_jᵀD_j of every atom, a family an array, as its ``AtomTiles`` place them.
    let grams: [[Double]]
    /// The largest squared column of every atom, a family an array; 0 where no row sees the atom.
    let largest: [[Double]]
    /// Whether an atom of several columns is one combination of them, the same for all samples: a dipole that does not turn. Else
    /// each of its columns has a course of its own.
    public let keepsDirections: Bool
    /// What an atom that turns, whose columns have courses of their own, has to explain beyond one that does not, where atoms
    /// keep their directions.
    public var turning = Double.infinity
    /// Threads; no result depends on them.
    public let parallelism: Parallelism

    /// An atom: a block of one of the families.
    public struct Atom: Sendable, Hashable {
        /// Number of the family.
        public let family: Int
        /// Number of the block.
        public let block: Int
        /// u, of norm 1: the combination of the columns of the block that it is; empty where each is for itself.
        public let direction: [Double]
        /// Whether each is for itself though the dictionary keeps directions.
        public let turns: Bool

        /// An atom of a dictionary; numbers that it does not have are a programming error where they are used.
        ///
        /// - Parameter direction: u; empty for each column by itself or, in a dictionary that keeps directions, for the one
        ///   that explains most.
        /// - Parameter turns: whether there is none though the dictionary keeps directions.
        public init(family: Int, block: Int, direction: [Double] = [], turns: Bool = false) {
            self.family = family
            self.block = block
            self.direction = direction
            self.turns = turns
        }
    }

    /// The power of a response as single atoms see it, whatever the ridge.
    public struct Power: Sendable {
        /// Y, n × T.
        public let response: Matrix
        /// D_jᵀYYᵀD_j of every atom, a family an array, as its ``AtomTiles`` place them.
        let squares: [[Double]]
    }

    /// c where no source is so strong that it matters.
    public static let usualRidge = 0.05

    /// Columns of the design that are worked on at once.
    private static let piece = 288
    /// Samples that are worked on at once.
    private static let samples = 192
    /// Columns that are too few for a product to be worth packing…
    private static let few = 10
    /// … and columns of the design that stay in a core's cache from one of those to the next.
    private static let part = 96

    /// A dictionary of a design.
    ///
    /// - Parameters:
    ///   - design: X, n × q.
    ///   - families: each of as many blocks as the others.
    ///   - ridge: c of ``SubsetSelection``, positive.
    ///   - keepsDirections: whether an atom of several columns is one combination of them; they are three at most.
    ///   - parallelism: threads; no result depends on them.
    /// - Complexity: O(n·(nonzero weights of all families)).
    public init(
        design: Design, families: [AtomFamily], ridge: Double = usualRidge, keepsDirections: Bool = false,
        parallelism: Parallelism = .serial
    ) {
        precondition(families.allSatisfy { $0.suits(design) }, "a family of columns that the design does not have")
        precondition(
            !keepsDirections || families.allSatisfy { $0.tiles.width <= 3 }, "directions of more than three columns")
        self.keepsDirections = keepsDirections
        self.design = design
        self.families = families
        self.ridge = ridge
        self.parallelism = parallelism
        // Of a design of few rows the columns are combined as products with it are.
        if design.rows <= 64 {
            let identity = Self.padded(design)
            grams = families.map {
                Self.squares($0, identity, [0..<identity.rows], parallelism)[0]
            }
        } else {
            grams = families.map { Self.grams($0, design, parallelism) }
        }
        largest = zip(families, grams).map { family, grams in
            (0..<family.blocks.count).map { j in
                (0..<family.blocks.columns(of: j).count).reduce(0) { max($0, grams[family.tiles.square(j, $1, $1)]) }
            }
        }
    }

    /// Other atoms that are judged alike: of the same ridge, and with directions, and a price of turning, where these have them.
    ///
    /// - Complexity: as ``init(design:families:ridge:keepsDirections:parallelism:)``.
    public func over(_ design: Design, families: [AtomFamily]) -> AtomDictionary {
        var dictionary = AtomDictionary(
            design: design, families: families, ridge: ridge, keepsDirections: keepsDirections,
            parallelism: parallelism)
        dictionary.turning = turning
        return dictionary
    }

    /// X with rows of zeros behind, to a multiple of eight.
    private static func padded(_ design: Design) -> Matrix {
        var result = Matrix(rows: (design.rows + 7) / 8 * 8, columns: design.columns)
        let rows = result.rows
        result.elements.withUnsafeMutableBufferPointer { target in
            guard let target = target.baseAddress else { return }
            design.withReader { reader in
                for column in 0..<design.columns { reader.copy(column..<(column + 1), to: target + column * rows) }
            }
        }
        return result
    }

    /// The squares of a family's columns of AᵀD, for ranges of its rows, from AᵀX with rows of a multiple of eight.
    private static func squares(
        _ family: AtomFamily, _ products: Matrix, _ ranges: [Range<Int>], _ parallelism: Parallelism
    ) -> [[Double]] {
        products.elements.withUnsafeBufferPointer { elements in
            guard let start = elements.baseAddress else { return [] }
            nonisolated(unsafe) let base = start
            return squares(family, products.rows, ranges, parallelism) { columns, target in
                family.combine(columns, products.rows, base, target)
            }
        }
    }

    /// D_jᵀD_j of every atom of a family.
    private static func grams(_ family: AtomFamily, _ design: Design, _ parallelism: Parallelism) -> [Double] {
        let n = design.rows
        return design.withReader { reader in
            nonisolated(unsafe) let reader = reader
            return squares(family, n, [0..<n], parallelism) { columns, target in
                withUnsafeTemporaryAllocation(of: Double.self, capacity: n) { scratch in
                    guard let scratch = scratch.baseAddress else { return }
                    family.build(columns, reader, n, scratch, target)
                }
            }[0]
        }
    }

    /// AᵀA of every atom's k × width matrix A, of some ranges of its rows each, as the tiles of the family place them.
    ///
    /// - Parameter write: writes such columns of the family, k numbers each.
    private static func squares(
        _ family: AtomFamily, _ k: Int, _ ranges: [Range<Int>], _ parallelism: Parallelism,
        _ write: @Sendable (_ columns: Range<Int>, _ target: UnsafeMutablePointer<Double>) -> Void
    ) -> [[Double]] {
        let (tiles, blocks) = (family.tiles, family.blocks)
        var result = [Double](repeating: 0, count: ranges.count * tiles.squareCount)
        result.withUnsafeMutableBufferPointer { elements in
            guard let start = elements.baseAddress else { return }
            // Pieces write to matrices of their own.
            nonisolated(unsafe) let target = start
            parallelism.forEachPiece(of: blocks.count, piece: 4 * AtomTiles.piece) { _, items in
                withUnsafeTemporaryAllocation(of: Double.self, capacity: tiles.width * k) { memory in
                    guard let built = memory.baseAddress else { return }
                    for j in items {
                        let width = blocks.columns(of: j).count
                        write(blocks.columns(of: j), built)
                        for (number, rows) in ranges.enumerated() {
                            let own = target + number * tiles.squareCount
                            for a in 0..<width {
                                for b in 0...a {
                                    let product = BLAS.dot(
                                        rows.count, built + a * k + rows.lowerBound, built + b * k + rows.lowerBound)
                                    own[tiles.square(j, a, b)] = product
                                    own[tiles.square(j, b, a)] = product
                                }
                            }
                        }
                    }
                }
            }
        }
        return ranges.indices.map {
            Array(result[($0 * tiles.squareCount)..<(($0 + 1) * tiles.squareCount)])
        }
    }

    /// AᵀX in the first k rows of a matrix, of two or four rows or a multiple of eight, the others zero.
    ///
    /// - Parameter matrix: A, n × k.
    /// - Complexity: O(n·q·k), one full pass over the design.
    func products(_ matrix: Matrix) -> Matrix {
        let (n, k, q) = (design.rows, matrix.columns, design.columns)
        var products = Matrix(rows: k <= 2 ? 2 : k <= 4 ? 4 : (k + 7) / 8 * 8, columns: q)
        let stride = products.rows
        matrix.elements.withUnsafeBufferPointer { elements in
            products.elements.withUnsafeMutableBufferPointer { products in
                guard let first = elements.baseAddress, let start = products.baseAddress else { return }
                nonisolated(unsafe) let (a, target) = (first, start)
                design.withReader { reader in
                    nonisolated(unsafe) let reader = reader
                    parallelism.forEachPiece(of: q, piece: Self.piece) { _, columns in
                        // In place where the design is in double precision, else converted.
                        var converted: [Double] = []
                        if reader.inPlace(columns.lowerBound) == nil {
                            converted = [Double](repeating: 0, count: columns.count * n)
                            reader.copy(columns, to: &converted)
                        }
                        converted.withUnsafeBufferPointer { buffer in
                            guard let d = reader.inPlace(columns.lowerBound) ?? buffer.baseAddress else { return }
                            let own = target + columns.lowerBound * stride
                            if k <= Self.few {
                                for first in Swift.stride(from: 0, to: columns.count, by: Self.part) {
                                    let count = min(Self.part, columns.count - first)
                                    for i in 0..<k {
                                        BLAS.gemm(
                                            true, false, 1, count, n, 1, a + i * n, n, d + first * n, n, 0,
                                            own + first * stride + i, stride)
                                    }
                                }
                            } else {
                                BLAS.gemm(true, false, k, columns.count, n, 1, a, n, d, n, 0, own, stride)
                            }
                        }
                    }
                }
            }
        }
        return products
    }

    /// AᵀX of some matrices in one pass over the design, each from a row on that is a multiple of eight.
    func products(_ matrices: [Matrix]) -> (products: Matrix, first: [Int]) {
        let padded = matrices.map { ($0.columns + 7) / 8 * 8 }
        let zeros = zip(matrices, padded).map { [Double](repeating: 0, count: ($1 - $0.columns) * $0.rows) }
        let all = Matrix(
            rows: design.rows, columns: padded.reduce(0, +),
            elements: zip(matrices, zeros).flatMap { $0.elements + $1 })
        return (products(all), padded.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) })
    }

    /// D_jᵀYYᵀD_j of every atom of a family, from YᵀX in the first rows of products.
    func squares(_ f: Int, _ products: Matrix, rows: Int) -> [Double] {
        Self.squares(families[f], products, [0..<rows], parallelism)[0]
    }

    /// D_jᵀYYᵀD_j of every atom, for each of some responses, a family an array.
    private func squares(of responses: [Matrix]) -> [[[Double]]] {
        let all = Matrix(
            rows: design.rows, columns: responses.reduce(0) { $0 + $1.columns }, elements: responses.flatMap(\.elements)
        )
        let ends = responses.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.columns) }
        let ranges = responses.indices.map { ends[$0]..<ends[$0 + 1] }
        let products = products(all)
        let byFamily = families.map { Self.squares($0, products, ranges, parallelism) }
        return responses.indices.map { number in byFamily.map { $0[number] } }
    }

    /// The power of a response, as single atoms see it.
    ///
    /// - Parameter response: Y, n × T; another n than the design's is a programming error.
    /// - Complexity: O(q·T·(n + nonzero weights a column of all families)); memory O(q·T).
    public func power(of response: Matrix) -> Power {
        precondition(response.rows == design.rows, "a response of other rows than the design")
        return Power(response: response, squares: squares(of: [response])[0])
    }

    /// What the best single atom explains of a response: the largest fall of ‖Y − fit‖², ridge included.
    ///
    /// - Parameter power: of the response, from this dictionary or from one of another ridge.
    /// - Returns: 0 where no atom explains anything.
    /// - Complexity: O(q·width²), no product with the design.
    public func largestScore(_ power: Power) -> Double { largestScore(power.squares) }

    private func largestScore(_ squares: [[Double]]) -> Double {
        families.indices.reduce(0) { best, f in
            Remainders.scores(squares[f], fullGram(f), families[f].tiles, directed: keepsDirections, turning: turning)
                .reduce(best, max)
        }
    }

    /// What the best single atom explains of each of some responses, as ``largestScore(_:)`` of its ``power(of:)``.
    ///
    /// - Parameter responses: Y, n × T each; T may differ, another n than the design's is a programming error.
    /// - Complexity: as ``power(of:)`` of all samples together, a pass over the design for some two hundred of them;
    ///   memory of the products with so many, however many there are.
    public func largestScores(of responses: [Matrix]) -> [Double] {
        precondition(responses.allSatisfy { $0.rows == design.rows }, "a response of other rows than the design")
        var (scores, first): ([Double], Int) = ([], 0)
        while first < responses.count {
            var (next, count) = (first, 0)
            repeat {
                count += responses[next].columns
                next += 1
            } while next < responses.count && count + responses[next].columns <= Self.samples
            scores += squares(of: Array(responses[first..<next])).map(largestScore)
            first = next
        }
        return scores
    }

    /// The score of every atom in the place of each atom of a fit: by how much min ‖Y − fit‖² + ridge falls when it joins the
    /// others, refitted.
    ///
    /// - Parameters:
    ///   - atoms: of a dictionary of as many rows, of different blocks, with their directions.
    ///   - dictionary: that one; may be this one.
    ///   - blocks: for each of them, the block of this dictionary that it stands for, all different.
    ///   - power: of the response, from this dictionary.
    /// - Returns: a place an array, in it a family an array, a number an atom: 0 where the block of another place is its
    ///   own, and where no row sees it. nil where, but for rounding, the columns of the atoms depend on one another.
    /// - Complexity: O(q·(n + w)·(k + T)) for k columns in the fit and w nonzero weights a column of all families.
    public func profiles(
        of atoms: [Atom], in dictionary: AtomDictionary, as blocks: [Int], _ power: Power
    ) -> [[[Double]]]? {
        let response = Power(response: power.response, squares: [])
        guard let fit = SubsetFit(atoms, to: response, in: dictionary, after: SubsetFit(to: power)) else { return nil }
        let scores = AtomScores(
            beside: fit.renamed(blocks.map { Atom(family: 0, block: $0) }), of: power, in: self)
        return atoms.indices.map { scores.all(inPlaceOf: $0) }
    }

    /// The atom with the direction in which it explains most alone, where it is to have one and has none yet.
    func directed(_ atom: Atom, by power: Power) -> Atom {
        let width = families[atom.family].blocks.columns(of: atom.block).count
        guard keepsDirections, width > 1, atom.direction.isEmpty, !atom.turns, !power.squares.isEmpty else {
            return atom
        }
        let tiles = families[atom.family].tiles
        func block(_ elements: [Double], plus diagonal: Double) -> Matrix {
            Matrix(rows: width, columns: width) {
                elements[tiles.square(atom.block, $0, $1)] + ($0 == $1 ? diagonal : 0)
            }
        }
        return Atom(
            family: atom.family, block: atom.block,
            direction: Remainders.direction(
                block(grams[atom.family], plus: ridge * largest[atom.family][atom.block]),
                block(power.squares[atom.family], plus: 0)))
    }

    /// What an atom explains less what it has to explain for turning.
    public func worth(_ score: Double, of atom: Atom) -> Double { atom.turns ? score - turning : score }

    /// The columns of an atom, n × width, or n × 1 where it has a direction.
    func columns(_ atom: Atom) -> Matrix {
        let columns = families[atom.family].columns(of: atom.block, in: design)
        guard !atom.direction.isEmpty else { return columns }
        return columns * Matrix(rows: atom.direction.count, columns: 1, elements: atom.direction)
    }

    /// The norm of the largest column of an atom; 0 where no row sees it.
    public func size(of atom: Atom) -> Double { largest[atom.family][atom.block].squareRoot() }

    /// D_jᵀD_j + c·max diag(D_jᵀD_j)·I of every atom of a family.
    func fullGram(_ f: Int) -> [Double] {
        var grams = grams[f]
        let tiles = families[f].tiles
        for (j, largest) in largest[f].enumerated() {
            for x in 0..<families[f].blocks.columns(of: j).count { grams[tiles.square(j, x, x)] += ridge * largest }
        }
        return grams
    }
}
