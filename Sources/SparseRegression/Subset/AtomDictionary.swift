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
    /// D_jᵀD_j of every atom, a family an array, placed by ``AtomFamily/squareOffsets``.
    let grams: [[Double]]
    /// The largest squared column of every atom, a family an array; 0 where no row sees the atom.
    let largest: [[Double]]
    /// Threads; no result depends on them.
    public let parallelism: Parallelism

    /// An atom: a block of one of the families.
    public struct Atom: Sendable, Hashable {
        /// Number of the family.
        public let family: Int
        /// Number of the block.
        public let block: Int

        /// An atom of a dictionary; numbers that it does not have are a programming error where they are used.
        public init(family: Int, block: Int) {
            self.family = family
            self.block = block
        }
    }

    /// The power of a response, YYᵀ, also as single atoms see it, whatever the ridge.
    public struct Power: Sendable {
        /// Y, n × T.
        let response: Matrix
        /// YYᵀ, n × n.
        let matrix: Matrix
        /// D_jᵀYYᵀD_j of every atom, a family an array, placed by ``AtomFamily/squareOffsets``.
        let squares: [[Double]]
    }

    /// c where no source is so strong that it matters.
    public static let usualRidge = 0.05

    /// Number of blocks that are worked on at once.
    static let piece = 96

    /// A dictionary of a design.
    ///
    /// - Parameters:
    ///   - design: X, n × q.
    ///   - families: each of as many blocks as the others.
    ///   - ridge: c of ``SubsetSelection``, positive.
    ///   - parallelism: threads; no result depends on them.
    /// - Complexity: O(n·(nonzero weights of all families)).
    public init(design: Design, families: [AtomFamily], ridge: Double = usualRidge, parallelism: Parallelism = .serial)
    {
        precondition(families.allSatisfy { $0.suits(design) }, "a family of columns that the design does not have")
        self.design = design
        self.families = families
        self.ridge = ridge
        self.parallelism = parallelism
        grams = families.map { Self.grams($0, design, parallelism) }
        largest = zip(families, grams).map { family, grams in
            (0..<family.blocks.count).map { j in
                let width = family.blocks.columns(of: j).count
                return (0..<width).reduce(0) { max($0, grams[family.squareOffsets[j] + $1 * (width + 1)]) }
            }
        }
    }

    /// D_jᵀD_j of every atom of a family.
    private static func grams(_ family: AtomFamily, _ design: Design, _ parallelism: Parallelism) -> [Double] {
        let (blocks, offsets, n) = (family.blocks, family.squareOffsets, design.rows)
        var grams = [Double](repeating: 0, count: offsets[blocks.count])
        grams.withUnsafeMutableBufferPointer { elements in
            guard let start = elements.baseAddress else { return }
            // Pieces write to Gram matrices of their own.
            nonisolated(unsafe) let target = start
            design.withReader { reader in
                nonisolated(unsafe) let reader = reader
                parallelism.forEachPiece(of: blocks.count, piece: piece) { _, items in
                    let columns = blocks.offsets[items.lowerBound]..<blocks.offsets[items.upperBound]
                    var memory = [Double](repeating: 0, count: (columns.count + 1) * n)
                    memory.withUnsafeMutableBufferPointer { memory in
                        guard let scratch = memory.baseAddress else { return }
                        let built = scratch + n
                        family.build(columns, reader, n, scratch, built)
                        for j in items {
                            let own = blocks.columns(of: j)
                            square(n, own.count, built + (own.lowerBound - columns.lowerBound) * n, target + offsets[j])
                        }
                    }
                }
            }
        }
        return grams
    }

    /// AᵀA of `count` columns of n values each.
    private static func square(
        _ n: Int, _ count: Int, _ columns: UnsafePointer<Double>, _ target: UnsafeMutablePointer<Double>
    ) {
        for a in 0..<count {
            for b in 0...a {
                let product = BLAS.dot(n, columns + a * n, columns + b * n)
                target[a + b * count] = product
                target[b + a * count] = product
            }
        }
    }

    /// D_jᵀD_j + c·max diag(D_jᵀD_j)·I of one atom, element (a, b).
    @inline(__always)
    func gram(_ atom: Atom, _ a: Int, _ b: Int) -> Double {
        let family = families[atom.family]
        let width = family.blocks.columns(of: atom.block).count
        let element = grams[atom.family][family.squareOffsets[atom.block] + a + b * width]
        return a == b ? element + ridge * largest[atom.family][atom.block] : element
    }

    /// AᵀD for all atoms, k × columns, a family a matrix.
    ///
    /// - Parameter matrix: A, n × k.
    /// - Complexity: O(n·q·k), one full pass over the design.
    func products(_ matrix: Matrix) -> [Matrix] {
        let (n, k, q) = (design.rows, matrix.columns, design.columns)
        var base = Matrix(rows: k, columns: q)
        matrix.elements.withUnsafeBufferPointer { elements in
            base.elements.withUnsafeMutableBufferPointer { products in
                guard let first = elements.baseAddress, let start = products.baseAddress else { return }
                nonisolated(unsafe) let (a, target) = (first, start)
                design.withReader { reader in
                    nonisolated(unsafe) let reader = reader
                    parallelism.forEachPiece(of: q, piece: 3 * Self.piece) { _, columns in
                        // In place where the design is in double precision, else converted.
                        var converted: [Double] = []
                        if reader.inPlace(columns.lowerBound) == nil {
                            converted = [Double](repeating: 0, count: columns.count * n)
                            reader.copy(columns, to: &converted)
                        }
                        converted.withUnsafeBufferPointer { buffer in
                            guard let d = reader.inPlace(columns.lowerBound) ?? buffer.baseAddress else { return }
                            BLAS.gemm(
                                true, false, k, columns.count, n, 1, a, n, d, n, 0, target + columns.lowerBound * k, k)
                        }
                    }
                }
            }
        }
        return families.map { $0.combine(base, parallelism) }
    }

    /// The power of a response, as single atoms see it.
    ///
    /// - Parameter response: Y, n × T.
    /// - Complexity: O(n·q·T).
    public func power(of response: Matrix) -> Power {
        let t = response.columns
        return Power(
            response: response,
            matrix: Matrix.product(response, transposed: false, response, transposed: true, parallelism: parallelism),
            squares: zip(families, products(response)).map { family, products in
                let blocks = family.blocks
                var squares = [Double](repeating: 0, count: family.squareOffsets[blocks.count])
                products.elements.withUnsafeBufferPointer { products in
                    squares.withUnsafeMutableBufferPointer { squares in
                        guard let products = products.baseAddress, let squares = squares.baseAddress else { return }
                        for j in 0..<blocks.count {
                            let own = blocks.columns(of: j)
                            Self.square(
                                t, own.count, products + own.lowerBound * t, squares + family.squareOffsets[j])
                        }
                    }
                }
                return squares
            })
    }

    /// What the best single atom explains of a response: the largest fall of ‖Y − fit‖², ridge included.
    ///
    /// - Parameter power: of the response, from this dictionary or from one of another ridge.
    /// - Returns: 0 where no atom explains anything.
    /// - Complexity: O(q·width²), no product with the design.
    public func largestScore(_ power: Power) -> Double {
        AtomScores(beside: SubsetFit(samples: 0), of: power, in: self).addition?.score ?? 0
    }
}
