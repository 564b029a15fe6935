/// What every block of the design has in common with the residual: ‖X_jᵀR‖, the only work that grows with the number
/// of sources.
///
/// A pass over the whole design costs n·q·T multiplications. Between two passes the residual moves by ‖R − R′‖, and
/// ‖X_jᵀR‖ by at most ‖X_j‖₂·‖R − R′‖: an upper bound is carried along for every block, and only blocks whose bound
/// could matter are computed anew. The bounds hold for any λ, so along a path the first look at a new λ is often free.
/// Passes run in pieces that fit the cache; nothing of the size of B is stored.
///
/// Over a design in single precision a pass multiplies in single precision, twice as fast, and adds what rounding can have
/// done to it (Higham 2002: (n + 1)·2⁻²⁴·‖x‖·‖R‖ a column) to the bound; only what has to be known exactly is then
/// multiplied again in double precision (``refine(above:)``).
final class Correlations {
    /// An upper bound of the largest singular value of each block.
    let norms: [Double]
    /// Upper bound of ‖X_jᵀR‖ for every block; exact where `isExact`.
    private(set) var bounds: [Double]
    /// Whether the bound of a block is its value at the present residual, to rounding in double precision.
    private(set) var isExact: [Bool]
    /// Columns multiplied with a residual so far.
    private(set) var columnsComputed = 0
    private let design: Design
    private let blocks: BlockStructure
    private let samples: Int
    private let parallelism: Parallelism
    private let residual: Buffer
    /// The residual in single precision, for designs stored so.
    private var roundedResidual: [Float] = []
    private var residualNorm = 0.0
    /// Whether the bound of a block is its value at the present residual plus the rounding of single precision.
    private var isRounded: [Bool]
    private let pieceColumns: Int
    private let scratch: [Scratch]
    private var stale: [Int32]

    private struct Scratch {
        let columns: Buffer
        let products: Buffer
        let sums: Buffer
        let singles: UnsafeMutablePointer<Float>
    }

    init(
        design: Design, blocks: BlockStructure, samples: Int, parallelism: Parallelism, norms known: [Double]? = nil,
        allocations: AllocationCount
    ) {
        self.design = design
        self.blocks = blocks
        self.samples = samples
        self.parallelism = parallelism
        norms = known ?? Self.largestSingularValues(design, blocks, parallelism)
        // Nothing is known of any residual yet.
        bounds = [Double](repeating: .infinity, count: blocks.count)
        isExact = [Bool](repeating: false, count: blocks.count)
        isRounded = isExact
        stale = [Int32](repeating: 0, count: blocks.count)
        residual = Buffer(capacity: design.rows * samples, allocations)
        residual.pointer.update(repeating: 0, count: design.rows * samples)
        // A piece of about 2 MB of columns; at least one block.
        let widest = (0..<blocks.count).reduce(1) { max($0, blocks.columns(of: $1).count) }
        pieceColumns = max(widest, min(384, max(16, 262_144 / design.rows)))
        let width = pieceColumns
        let n = design.rows
        scratch = (0..<parallelism.threads).map { _ in
            Scratch(
                columns: Buffer(capacity: width * n, allocations),
                products: Buffer(capacity: width * samples, allocations), sums: Buffer(capacity: width, allocations),
                singles: .allocate(capacity: design.isSinglePrecision ? width * samples : 1))
        }
        if design.isSinglePrecision { roundedResidual = [Float](repeating: 0, count: n * samples) }
    }

    deinit {
        for own in scratch { own.singles.deallocate() }
    }

    /// Carries the bounds over to another residual, n × samples.
    ///
    /// - Complexity: O(nT + number of blocks).
    func move(to newResidual: UnsafePointer<Double>) {
        let count = design.rows * samples
        var squared = 0.0
        for i in 0..<count {
            let difference = newResidual[i] - residual.pointer[i]
            squared += difference * difference
            residual.pointer[i] = newResidual[i]
        }
        guard squared > 0 else { return }
        residualNorm = BLAS.norm(count, newResidual)
        if design.isSinglePrecision {
            for i in 0..<count { roundedResidual[i] = Float(newResidual[i]) }
        }
        // Room for the rounding of the products themselves.
        let drift = squared.squareRoot() * (1 + 1e-10)
        for j in 0..<bounds.count {
            bounds[j] += norms[j] * drift
            isExact[j] = false
            isRounded[j] = false
        }
    }

    /// Computes ‖X_jᵀR‖ for every block whose bound is above its limit, unless it is known already: exactly, or over a
    /// design in single precision up to the rounding of single precision, which the bound then includes.
    ///
    /// - Parameter limit: the bound up to which a block needs no closer value; infinite leaves it alone.
    /// - Complexity: O(nT) for every column computed.
    func refresh(above limit: (_ block: Int) -> Double) {
        compute(inSingle: design.isSinglePrecision && Self.isSafeInSingle(residualNorm)) {
            !isExact[$0] && !isRounded[$0] && bounds[$0] > limit($0)
        }
    }

    /// Computes ‖X_jᵀR‖ exactly for every block whose bound is above its limit, unless it is exact already.
    ///
    /// - Complexity: O(nT) for every column computed.
    func refine(above limit: (_ block: Int) -> Double) {
        compute(inSingle: false) { !isExact[$0] && bounds[$0] > limit($0) }
    }

    /// Whether residuals of this size neither overflow nor vanish in single precision.
    private static func isSafeInSingle(_ norm: Double) -> Bool { norm > 1e-12 && norm < 1e12 }

    private func compute(inSingle: Bool, _ isWanted: (_ block: Int) -> Bool) {
        var count = 0
        for j in 0..<bounds.count where isWanted(j) {
            stale[count] = Int32(j)
            count += 1
        }
        guard count > 0 else { return }
        if inSingle { multiplyInSingle(count) } else { multiply(count) }
        columnsComputed += (0..<count).reduce(0) { $0 + blocks.columns(of: Int(stale[$1])).count }
        let unit = Double(design.rows + 4) * 0x1p-24 * residualNorm
        for k in 0..<count {
            let j = Int(stale[k])
            isExact[j] = !inSingle
            isRounded[j] = true
            guard inSingle else { continue }
            // The Frobenius norm of a block is at most √width times its largest singular value.
            bounds[j] += unit * norms[j] * Double(blocks.columns(of: j).count).squareRoot()
        }
    }

    /// Multiplies the first `count` stale blocks with the residual.
    private func multiply(_ count: Int) {
        let n = design.rows
        let t = samples
        let offsets = blocks.offsets
        nonisolated(unsafe) let r = residual.pointer
        forEachPiece(of: count) { reader, own, listed, results in
            let first = Int(listed[0])
            let isRun = Int(listed[listed.count - 1]) - first == listed.count - 1
            var x = UnsafePointer(own.columns.pointer)
            var width = 0
            if isRun, let inPlace = reader.inPlace(offsets[first]) {
                x = inPlace
                width = offsets[first + listed.count] - offsets[first]
            } else {
                // Scattered or single-precision columns are brought together for one product.
                for block in listed {
                    let columns = offsets[Int(block)]..<offsets[Int(block) + 1]
                    reader.copy(columns, to: own.columns.pointer + width * n)
                    width += columns.count
                }
            }
            let sums = own.sums.pointer
            if t == 1 {
                BLAS.gemv(true, n, width, 1, x, n, r, 0, sums)
                for k in 0..<width { sums[k] *= sums[k] }
            } else {
                let h = own.products.pointer
                BLAS.gemm(true, false, width, t, n, 1, x, n, r, n, 0, h, width)
                sums.update(repeating: 0, count: width)
                for s in 0..<t {
                    let column = h + s * width
                    for k in 0..<width { sums[k] += column[k] * column[k] }
                }
            }
            var column = 0
            for block in listed {
                var sum = 0.0
                for _ in offsets[Int(block)]..<offsets[Int(block) + 1] {
                    sum += sums[column]
                    column += 1
                }
                results[Int(block)] = sum.squareRoot()
            }
        }
    }

    /// As ``multiply(_:)``, in single precision: the sum of squares of a block is taken in double.
    private func multiplyInSingle(_ count: Int) {
        let n = design.rows
        let t = samples
        let offsets = blocks.offsets
        let rounded = roundedResidual
        rounded.withUnsafeBufferPointer { rounded in
            guard let residual = rounded.baseAddress else { return }
            nonisolated(unsafe) let r = residual
            forEachPiece(of: count) { reader, own, listed, results in
                var item = 0
                while item < listed.count {
                    // A run of neighbours is multiplied at once, where it lies.
                    let first = Int(listed[item])
                    var last = item + 1
                    while last < listed.count, Int(listed[last]) == first + last - item { last += 1 }
                    let start = offsets[first]
                    let width = offsets[first + last - item] - start
                    guard let x = reader.inPlaceSingle(start) else { return }
                    let h = own.singles
                    BLAS.transposedProduct(width, t, n, x, n, r, n, h, width)
                    let sums = own.sums.pointer
                    sums.update(repeating: 0, count: width)
                    for s in 0..<t {
                        let column = h + s * width
                        for k in 0..<width { sums[k] += Double(column[k]) * Double(column[k]) }
                    }
                    for k in item..<last {
                        let block = Int(listed[k])
                        var sum = 0.0
                        for c in offsets[block]..<offsets[block + 1] { sum += sums[c - start] }
                        results[block] = sum.squareRoot()
                    }
                    item = last
                }
            }
        }
    }

    /// Hands out the first `count` stale blocks in pieces of as many whole blocks as scratch memory holds columns, on all
    /// threads.
    ///
    /// - Parameter body: receives the columns, scratch memory of its own, the blocks, and where their values go.
    private func forEachPiece(
        of count: Int,
        _ body:
            @Sendable (
                _ reader: Design.Reader, _ own: Scratch, _ listed: UnsafeBufferPointer<Int32>,
                _ results: UnsafeMutablePointer<Double>
            ) -> Void
    ) {
        let widest = (0..<count).reduce(1) { max($0, blocks.columns(of: Int(stale[$1])).count) }
        let workers = scratch.count
        design.withReader { reader in
            stale.withUnsafeBufferPointer { stale in
                bounds.withUnsafeMutableBufferPointer { bounds in
                    guard let first = bounds.baseAddress else { return }
                    nonisolated(unsafe) let (reader, stale, results, scratch) = (reader, stale, first, scratch)
                    Parallelism(threads: workers).forEachPiece(of: count, piece: max(1, pieceColumns / widest)) {
                        // Pieces are dealt out in turn, so pieces of one worker never run at the same time.
                        body(reader, scratch[$0 % workers], UnsafeBufferPointer(rebasing: stale[$1]), results)
                    }
                }
            }
        }
    }

    /// The largest singular value of every block, rounded up.
    static func largestSingularValues(
        _ design: Design, _ blocks: BlockStructure, _ parallelism: Parallelism
    ) -> [Double] {
        var result = [Double](repeating: 0, count: blocks.count)
        let n = design.rows
        design.withReader { reader in
            result.withUnsafeMutableBufferPointer { buffer in
                guard let results = buffer.baseAddress else { return }
                nonisolated(unsafe) let (reader, result) = (reader, results)
                parallelism.forEachPiece(of: blocks.count, piece: 256) { _, items in
                    var copies: [Double] = []
                    var products: [Double] = []
                    for block in items {
                        let columns = blocks.columns(of: block)
                        let width = columns.count
                        func largest(_ x: UnsafePointer<Double>) -> Double {
                            if width == 1 { return BLAS.norm(n, x) }
                            products.removeAll(keepingCapacity: true)
                            for i in 0..<width {
                                for k in 0..<width { products.append(BLAS.dot(n, x + i * n, x + k * n)) }
                            }
                            return SmallSymmetric.largestEigenvalue(&products, size: width).squareRoot()
                        }
                        if let inPlace = reader.inPlace(columns.lowerBound) {
                            result[block] = largest(inPlace) * (1 + 1e-12)
                        } else {
                            if copies.count < width * n { copies = [Double](repeating: 0, count: width * n) }
                            copies.withUnsafeMutableBufferPointer { copies in
                                guard let x = copies.baseAddress else { return }
                                reader.copy(columns, to: x)
                                result[block] = largest(x) * (1 + 1e-12)
                            }
                        }
                    }
                }
            }
        }
        return result
    }
}
