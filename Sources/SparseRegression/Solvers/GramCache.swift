/// The Gram matrix of the blocks a solver works on, extended along a path instead of computed again.
///
/// Memory: m² + m·(n + T) doubles for m cached columns.
final class GramCache {
    private let problem: RegressionProblem
    private let parallelism: Parallelism
    /// Cached blocks in order of insertion.
    private(set) var blocks: [Int] = []
    /// First cached column of each cached block, and the number of columns at the end.
    private(set) var starts: [Int] = [0]
    /// Largest eigenvalue of X_jᵀX_j of each cached block.
    private(set) var lipschitz: [Double] = []
    /// Where each block of the problem stands in `blocks`; −1 when it does not.
    private var positions: [Int32]
    /// Allocated columns, the leading dimension of `gram`.
    private(set) var capacity = 0
    /// X_WᵀX_W, capacity × capacity.
    private(set) var gram = Buffer()
    /// X_W, n × capacity.
    private(set) var columns = Buffer()
    /// YᵀX_W, T × capacity.
    private(set) var correlation = Buffer()

    init(problem: RegressionProblem, parallelism: Parallelism) {
        self.problem = problem
        self.parallelism = parallelism
        positions = [Int32](repeating: -1, count: problem.blocks.count)
    }

    /// Number of cached columns.
    var width: Int { starts[starts.count - 1] }

    func contains(_ block: Int) -> Bool { positions[block] >= 0 }

    func position(of block: Int) -> Int { Int(positions[block]) }

    /// Forgets everything but the memory.
    func removeAll() {
        for block in blocks { positions[block] = -1 }
        blocks.removeAll(keepingCapacity: true)
        lipschitz.removeAll(keepingCapacity: true)
        starts = [0]
    }

    /// Adds blocks that are not cached yet.
    ///
    /// - Complexity: O(n · new columns · all columns).
    func insert(_ newBlocks: [Int]) {
        let added = newBlocks.filter { !contains($0) }
        guard !added.isEmpty else { return }
        let n = problem.rowCount
        let t = problem.response.columns
        let old = width
        let new = added.reduce(0) { $0 + problem.blocks.columns(of: $1).count }
        grow(to: old + new)
        let ld = capacity
        problem.design.elements.withUnsafeBufferPointer { design in
            guard let design = design.baseAddress else { return }
            for block in added {
                let range = problem.blocks.columns(of: block)
                positions[block] = Int32(blocks.count)
                (columns.pointer + width * n).update(from: design + range.lowerBound * n, count: range.count * n)
                blocks.append(block)
                starts.append(width + range.count)
            }
        }
        nonisolated(unsafe) let x = columns.pointer
        nonisolated(unsafe) let g = gram.pointer
        let total = old + new
        parallelism.forEachPiece(of: new, piece: 48) { _, items in
            // Each piece fills the rows above and including itself; the rest follows by symmetry.
            let first = old + items.lowerBound
            BLAS.gemm(
                true, false, first + items.count, items.count, n, 1, x, n, x + first * n, n, 0, g + first * ld, ld)
        }
        for column in old..<total {
            for row in 0..<column { g[column + row * ld] = g[row + column * ld] }
        }
        problem.response.elements.withUnsafeBufferPointer { y in
            guard let y = y.baseAddress else { return }
            BLAS.gemm(true, false, t, new, n, 1, y, n, x + old * n, n, 0, correlation.pointer + old * t, t)
        }
        for position in (blocks.count - added.count)..<blocks.count {
            let range = starts[position]..<starts[position + 1]
            lipschitz.append(Self.largestEigenvalue(g + range.lowerBound * (ld + 1), range.count, ld))
        }
    }

    private func grow(to needed: Int) {
        guard needed > capacity else { return }
        let n = problem.rowCount
        let t = problem.response.columns
        let newCapacity = min(max(needed, capacity + capacity / 8, 64), max(needed, problem.design.columns))
        let (newGram, newColumns, newCorrelation) = (
            Buffer(capacity: newCapacity * newCapacity), Buffer(capacity: newCapacity * n),
            Buffer(capacity: newCapacity * t)
        )
        for column in 0..<width {
            (newGram.pointer + column * newCapacity).update(from: gram.pointer + column * capacity, count: width)
        }
        newColumns.pointer.update(from: columns.pointer, count: width * n)
        newCorrelation.pointer.update(from: correlation.pointer, count: width * t)
        (gram, columns, correlation, capacity) = (newGram, newColumns, newCorrelation, newCapacity)
    }

    /// The largest eigenvalue of a small symmetric positive semidefinite matrix, by Jacobi rotations.
    static func largestEigenvalue(_ matrix: UnsafePointer<Double>, _ size: Int, _ ld: Int) -> Double {
        if size == 1 { return matrix[0] }
        var a = Matrix(rows: size, columns: size) { matrix[$0 + $1 * ld] }
        for _ in 0..<30 {
            var offDiagonal = 0.0
            var diagonal = 0.0
            for p in 0..<size {
                diagonal += a[p, p] * a[p, p]
                for q in 0..<p { offDiagonal += a[p, q] * a[p, q] }
            }
            if offDiagonal <= 1e-30 * diagonal { break }
            for p in 0..<size {
                for q in (p + 1)..<max(size, p + 1) where a[p, q] != 0 {
                    let theta = (a[q, q] - a[p, p]) / (2 * a[p, q])
                    let tangent = (theta >= 0 ? 1.0 : -1.0) / (abs(theta) + (theta * theta + 1).squareRoot())
                    let cosine = 1 / (tangent * tangent + 1).squareRoot()
                    let sine = tangent * cosine
                    for k in 0..<size {
                        let (akp, akq) = (a[k, p], a[k, q])
                        a[k, p] = cosine * akp - sine * akq
                        a[k, q] = sine * akp + cosine * akq
                    }
                    for k in 0..<size {
                        let (apk, aqk) = (a[p, k], a[q, k])
                        a[p, k] = cosine * apk - sine * aqk
                        a[q, k] = sine * apk + cosine * aqk
                    }
                }
            }
        }
        return (0..<size).reduce(0) { max($0, a[$1, $1]) }
    }
}
