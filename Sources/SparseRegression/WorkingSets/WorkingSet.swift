/// The blocks a solver works on: their columns, what they share with the response and, where it is wanted, their Gram
/// matrix; extended along a path instead of computed again.
///
/// Memory: m·(n + T) doubles for m columns, and m² for the Gram matrix.
final class WorkingSet {
    private(set) var problem: RegressionProblem
    private let parallelism: Parallelism
    private let allocations: AllocationCount
    /// Blocks in order of insertion.
    private(set) var blocks: [Int] = []
    /// First column of each block, and the number of columns at the end.
    private(set) var starts: [Int] = [0]
    /// Where each block of the problem stands in `blocks`; −1 when it does not.
    private var positions: [Int32]
    /// Allocated columns, the leading dimension of `gram`.
    private(set) var capacity = 0
    /// Number of columns that `gram` covers.
    private var gramWidth = 0
    /// X_WᵀX_W, capacity × capacity; see ``formGram()``.
    private(set) var gram: Buffer
    /// X_W, n × capacity.
    private(set) var columns: Buffer
    /// YᵀX_W, T × capacity.
    private(set) var correlation: Buffer

    init(problem: RegressionProblem, parallelism: Parallelism, allocations: AllocationCount) {
        self.problem = problem
        self.parallelism = parallelism
        self.allocations = allocations
        positions = [Int32](repeating: -1, count: problem.blocks.count)
        gram = Buffer(allocations)
        columns = Buffer(allocations)
        correlation = Buffer(allocations)
    }

    /// Number of columns.
    var width: Int { starts[starts.count - 1] }

    func contains(_ block: Int) -> Bool { positions[block] >= 0 }

    func position(of block: Int) -> Int { Int(positions[block]) }

    /// The columns of the block at a position.
    @inline(__always)
    func range(_ position: Int) -> Range<Int> { starts[position]..<starts[position + 1] }

    /// Forgets everything but the memory.
    func removeAll() {
        for block in blocks { positions[block] = -1 }
        blocks.removeAll(keepingCapacity: true)
        starts = [0]
        gramWidth = 0
    }

    /// Goes over to another response of the same design; columns and Gram matrix stay.
    func adopt(_ other: RegressionProblem) {
        problem = other
        correlation = Buffer(capacity: capacity * other.response.columns, allocations)
        correlate(0..<width)
    }

    /// Adds blocks that are not there yet.
    ///
    /// - Complexity: O(n·T · new columns).
    func insert(_ newBlocks: [Int]) {
        let added = newBlocks.filter { !contains($0) }
        guard !added.isEmpty else { return }
        let n = problem.rowCount
        let old = width
        grow(to: old + added.reduce(0) { $0 + problem.blocks.columns(of: $1).count })
        problem.design.withReader { reader in
            for block in added {
                let range = problem.blocks.columns(of: block)
                positions[block] = Int32(blocks.count)
                reader.copy(range, to: columns.pointer + width * n)
                blocks.append(block)
                starts.append(width + range.count)
            }
        }
        correlate(old..<width)
    }

    /// YᵀX for some columns.
    private func correlate(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        let n = problem.rowCount
        let t = problem.response.columns
        problem.response.elements.withUnsafeBufferPointer { y in
            guard let y = y.baseAddress else { return }
            parallelism.gemm(
                true, false, t, range.count, n, 1, y, n, columns.pointer + range.lowerBound * n, n, 0,
                correlation.pointer + range.lowerBound * t, t)
        }
    }

    /// Completes the Gram matrix.
    ///
    /// - Complexity: O(n · new columns · all columns).
    func formGram() {
        let (old, total) = (gramWidth, width)
        guard old < total else { return }
        let n = problem.rowCount
        if gram.capacity < capacity * capacity {
            // The columns are still there; the Gram matrix moves to its new leading dimension.
            let larger = Buffer(capacity: capacity * capacity, allocations)
            for column in 0..<old {
                (larger.pointer + column * capacity).update(from: gram.pointer + column * gramLeading, count: old)
            }
            gram = larger
        }
        gramLeading = capacity
        let ld = capacity
        nonisolated(unsafe) let (x, g) = (columns.pointer, gram.pointer)
        parallelism.forEachPiece(of: total - old, piece: 48) { _, items in
            // Each piece fills the rows above and including itself; the rest follows by symmetry.
            let first = old + items.lowerBound
            BLAS.gemm(
                true, false, first + items.count, items.count, n, 1, x, n, x + first * n, n, 0, g + first * ld, ld)
        }
        for column in old..<total {
            for row in 0..<column { g[column + row * ld] = g[row + column * ld] }
        }
        gramWidth = total
    }

    /// Leading dimension that the Gram matrix was last written with.
    private var gramLeading = 0

    private func grow(to needed: Int) {
        guard needed > capacity else { return }
        let n = problem.rowCount
        let t = problem.response.columns
        let newCapacity = min(max(needed, capacity + capacity / 8, 64), max(needed, problem.design.columns))
        let (newColumns, newCorrelation) = (
            Buffer(capacity: newCapacity * n, allocations), Buffer(capacity: newCapacity * t, allocations)
        )
        newColumns.pointer.update(from: columns.pointer, count: width * n)
        newCorrelation.pointer.update(from: correlation.pointer, count: width * t)
        (columns, correlation, capacity) = (newColumns, newCorrelation, newCapacity)
    }
}
