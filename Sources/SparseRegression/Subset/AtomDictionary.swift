/// Families of atoms over one design, with what every search over them needs: the Gram matrix of each atom.
///
/// Atoms are never stored: a product with all of them is one product with the design, combined.
public struct AtomDictionary: Sendable {
    /// X: n × q.
    public let design: Design
    /// The families; all have as many blocks as the design.
    public let families: [AtomFamily]
    /// c: see ``SubsetSelection``.
    public let ridge: Double
    /// D_jᵀD_j + c·max diag(D_jᵀD_j)·I of every atom, width², one after the other, a family an array.
    let grams: [[Double]]
    /// Where the Gram matrix of each atom begins, a family an array.
    let gramOffsets: [[Int]]
    let parallelism: Parallelism

    /// An atom: a block of one of the families.
    public struct Atom: Sendable, Hashable {
        /// Number of the family.
        public let family: Int
        /// Number of the block.
        public let block: Int

        /// An atom by its family and block.
        public init(family: Int, block: Int) {
            self.family = family
            self.block = block
        }
    }

    /// c where no source is so strong that it matters.
    public static let usualRidge = 0.05

    /// Number of blocks that are worked on at once.
    static let piece = 96

    /// A dictionary of a design.
    ///
    /// - Parameter ridge: c of ``SubsetSelection``, positive.
    /// - Complexity: O(n·(nonzero weights of all families)).
    public init(design: Design, families: [AtomFamily], ridge: Double = usualRidge, parallelism: Parallelism = .serial)
    {
        self.design = design
        self.families = families
        self.ridge = ridge
        self.parallelism = parallelism
        let n = design.rows
        var grams: [[Double]] = []
        var gramOffsets: [[Int]] = []
        for family in families {
            let blocks = family.blocks
            var offsets = [0]
            for j in 0..<blocks.count {
                let width = blocks.columns(of: j).count
                offsets.append(offsets[j] + width * width)
            }
            var gram = [Double](repeating: 0, count: offsets[blocks.count])
            let starts = offsets
            gram.withUnsafeMutableBufferPointer { elements in
                guard let start = elements.baseAddress else { return }
                // Pieces write to Gram matrices of their own.
                nonisolated(unsafe) let target = start
                design.withReader { reader in
                    nonisolated(unsafe) let columnsOfDesign = reader
                    parallelism.forEachPiece(of: blocks.count, piece: Self.piece) { _, items in
                        let columns = blocks.offsets[items.lowerBound]..<blocks.offsets[items.upperBound]
                        var memory = [Double](repeating: 0, count: (columns.count + 1) * n)
                        memory.withUnsafeMutableBufferPointer { memory in
                            guard let scratch = memory.baseAddress else { return }
                            let built = scratch + n
                            family.build(columns, columnsOfDesign, n, scratch, built)
                            for j in items {
                                let own = blocks.columns(of: j)
                                let first = built + (own.lowerBound - columns.lowerBound) * n
                                for a in 0..<own.count {
                                    for b in 0..<own.count {
                                        target[starts[j] + a + b * own.count] = BLAS.dot(
                                            n, first + a * n, first + b * n)
                                    }
                                }
                                let diagonal = target + starts[j]
                                var largest = 0.0
                                for a in 0..<own.count { largest = max(largest, diagonal[a + a * own.count]) }
                                for a in 0..<own.count { diagonal[a + a * own.count] += ridge * largest }
                            }
                        }
                    }
                }
            }
            grams.append(gram)
            gramOffsets.append(offsets)
        }
        self.grams = grams
        self.gramOffsets = gramOffsets
    }

    /// D_jᵀD_j + c·max diag(D_jᵀD_j)·I of one atom, element (a, b).
    func gram(_ atom: Atom, _ a: Int, _ b: Int) -> Double {
        let width = families[atom.family].blocks.columns(of: atom.block).count
        return grams[atom.family][gramOffsets[atom.family][atom.block] + a + b * width]
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
                design.withReader { columnsOfDesign in
                    nonisolated(unsafe) let reader = columnsOfDesign
                    parallelism.forEachPiece(of: q, piece: 3 * Self.piece) { _, columns in
                        if let pointer = reader.inPlace(columns.lowerBound) {
                            BLAS.gemm(
                                true, false, k, columns.count, n, 1, a, n, pointer, n, 0,
                                target + columns.lowerBound * k, k)
                        } else {
                            var converted = [Double](repeating: 0, count: columns.count * n)
                            converted.withUnsafeMutableBufferPointer { buffer in
                                guard let buffer = buffer.baseAddress else { return }
                                reader.copy(columns, to: buffer)
                                BLAS.gemm(
                                    true, false, k, columns.count, n, 1, a, n, buffer, n, 0,
                                    target + columns.lowerBound * k, k)
                            }
                        }
                    }
                }
            }
        }
        return families.map { $0.combine(base) }
    }

    /// D_jᵀYYᵀD_j of every atom, a family an array, placed as the Gram matrices.
    ///
    /// - Parameter response: Y, n × T.
    /// - Complexity: O(n·q·T).
    func squares(of response: Matrix) -> [[Double]] {
        let t = response.columns
        return zip(products(response), families.indices).map { products, f in
            let blocks = families[f].blocks
            var squares = [Double](repeating: 0, count: grams[f].count)
            products.elements.withUnsafeBufferPointer { p in
                guard let p = p.baseAddress else { return }
                for j in 0..<blocks.count {
                    let own = blocks.columns(of: j)
                    for (x, a) in own.enumerated() {
                        for (y, b) in own.enumerated() {
                            squares[gramOffsets[f][j] + x + y * own.count] = BLAS.dot(t, p + a * t, p + b * t)
                        }
                    }
                }
            }
            return squares
        }
    }

    /// What the best single atom explains of a response: the largest fall of ‖Y − fit‖², ridge included.
    ///
    /// - Parameter response: n × T.
    /// - Complexity: O(n·q·T).
    public func largestScore(_ response: Matrix) -> Double {
        var look = SubsetLook(self, response)
        return look.look(at: [])?.addition?.score ?? 0
    }
}
