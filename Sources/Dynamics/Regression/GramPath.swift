import Glibc
import LinearAlgebra
import SparseRegression

/// A group Lasso of one response whose data are known by their products alone: ½N⁻¹‖y − Xb‖² + λ Σ_k w_k‖b_k‖, some columns
/// free, λ by BIC of the refit.
///
/// With XᵀX/N = LLᵀ and the free columns first, ½‖Lᵀb − L⁻¹Xᵀy/N‖² differs from the loss by a constant; the lower rows hold
/// the penalized columns alone, and the upper ones give the free coefficients that fit best to any of theirs. The engine
/// sees as many rows as penalized columns, whatever N.
struct GramPath {
    /// XᵀX.
    let gram: Matrix
    /// Xᵀy.
    let cross: [Double]
    /// ‖y‖².
    let squares: Double
    /// N.
    let count: Int
    /// Columns without a penalty.
    let free: [Int]
    /// The columns of each block, together with `free` all of them.
    let blocks: [[Int]]
    /// One a block.
    let weights: [Double]
    /// How many independent observations BIC counts: N, or less where rows depend on each other.
    let observations: Double
    /// Columns of X in the order of the factor.
    private let columns: [Int]
    /// L, lower triangular.
    private let factor: Matrix
    /// L⁻¹Xᵀy/N.
    private let right: [Double]

    /// So many points in a row with a worse criterion end a path: the more blocks, the slower and the worse.
    private static let patience = 10

    /// A point of the path.
    struct Point {
        let lambda: Double
        /// The blocks that are not zero.
        let active: [Int]
        /// Of the refit.
        let criterion: Double
        /// The engine's answer.
        fileprivate let solution: ActiveSet
    }

    /// - Throws: ``InvalidTrajectories/dependent`` where columns depend on each other.
    /// - Complexity: O(columns³).
    init(
        gram: Matrix, cross: [Double], squares: Double, count: Int, free: [Int], blocks: [[Int]], weights: [Double],
        observations: Double? = nil
    ) throws(InvalidTrajectories) {
        self.gram = gram
        self.cross = cross
        self.squares = squares
        self.count = count
        self.free = free
        self.blocks = blocks
        self.weights = weights
        self.observations = observations ?? Double(count)
        let columns = free + blocks.flatMap { $0 }
        self.columns = columns
        let size = columns.count
        let scale = 1 / Double(count)
        var l = Matrix(rows: size, columns: size) { gram[columns[$0], columns[$1]] * scale }
        let diagonal = (0..<size).map { l[$0, $0].squareRoot() }
        var w = columns.map { cross[$0] * scale }
        let isFactored = l.elements.withUnsafeMutableBufferPointer { l in
            w.withUnsafeMutableBufferPointer { w in
                guard let l = l.baseAddress, let w = w.baseAddress, LAPACK.cholesky(size, l, size) else { return false }
                BLAS.forwardSubstitute(size, 1, l, size, w, size)
                return true
            }
        }
        // A pivot is what the columns before it leave of a column.
        guard isFactored, (0..<size).allSatisfy({ l[$0, $0] > 1e-7 * diagonal[$0] }) else { throw .dependent }
        factor = l
        right = w
    }

    /// Solves along a path, or at one λ.
    ///
    /// - Parameters:
    ///   - lambda: nil: forty values from the largest that matters to a thousandth of it, as far as the criterion goes on to
    ///     fall or every block is active.
    ///   - relativeGap: duality gap at which each solve ends; 0 asks for all digits.
    /// - Returns: at least one point, λ descending.
    func points(lambda: Double?, relativeGap: Double) throws(InvalidTrajectories) -> [Point] {
        var criteria: [[Int]: Double] = [:]
        func point(_ lambda: Double, _ solution: ActiveSet) -> Point {
            let known = criteria[solution.blocks] ?? criterion(of: solution.blocks)
            criteria[solution.blocks] = known
            return Point(lambda: lambda, active: solution.blocks, criterion: known, solution: solution)
        }
        let rest = columns.count - free.count
        let first = free.count
        guard rest > 0 else { return [point(lambda ?? 0, .empty(samples: 1))] }
        let design = Matrix(rows: rest, columns: rest) { $0 <= $1 ? factor[first + $1, first + $0] : 0 }
        let response = Matrix(rows: rest, columns: 1, elements: Array(right[first...]))
        do {
            let problem = try RegressionProblem(
                design: design, response: response, blocks: BlockStructure(sizes: blocks.map(\.count)),
                keepsSamples: true)
            let session = AutomaticSolver().session(for: problem, parallelism: .serial)
            let largest = session.largestLambda(weights: weights)
            // Nothing is left to explain.
            guard largest > 0 || lambda != nil else { return [point(0, .empty(samples: 1))] }
            let grid = lambda.map { LambdaGrid([$0]) } ?? LambdaGrid(from: largest, toRatio: 1e-3, count: 40)
            var points: [Point] = []
            var best = Double.infinity
            var worse = 0
            _ = try session.path(
                over: grid, penalty: { try GroupLasso(lambda: $0, weights: weights) },
                stop: StopRule(relativeGap: relativeGap)
            ) { next in
                points.append(point(next.lambda, next.solution.active))
                let criterion = points[points.count - 1].criterion
                worse = criterion > best ? worse + 1 : 0
                best = min(best, criterion)
                return next.solution.active.count == blocks.count || worse >= Self.patience
            }
            return points
        } catch { throw .dependent }
    }

    /// The coefficients of all columns at a point, the free ones by back-substitution.
    func coefficients(at point: Point) -> [Double] {
        var ordered = [Double](repeating: 0, count: columns.count)
        let starts = blocks.reduce(into: [free.count]) { $0.append($0[$0.count - 1] + $1.count) }
        for (k, block) in point.solution.blocks.enumerated() {
            for column in blocks[block].indices {
                ordered[starts[block] + column] = point.solution.coefficients[0, point.solution.offsets[k] + column]
            }
        }
        for row in free.indices.reversed() {
            var value = right[row]
            for column in (row + 1)..<max(columns.count, row + 1) { value -= factor[column, row] * ordered[column] }
            ordered[row] = value / factor[row, row]
        }
        var result = ordered
        for (place, column) in columns.enumerated() { result[column] = ordered[place] }
        return result
    }

    /// Least squares on the free columns and those of some blocks; all others 0. Nil where they depend on each other.
    func refit(_ active: [Int]) -> (coefficients: [Double], squares: Double)? {
        let kept = free + active.flatMap { blocks[$0] }
        var result = [Double](repeating: 0, count: columns.count)
        guard !kept.isEmpty else { return (result, squares) }
        let own = Matrix(rows: kept.count, columns: kept.count) { gram[kept[$0], kept[$1]] }
        let target = Matrix(rows: kept.count, columns: 1) { row, _ in cross[kept[row]] }
        guard let solution = try? Cholesky(own).solve(target) else { return nil }
        for (place, column) in kept.enumerated() { result[column] = solution[place, 0] }
        return (result, squares - kept.indices.reduce(0) { $0 + target[$1, 0] * solution[$1, 0] })
    }

    /// n ln(rss/N) + k ln n of least squares on the free columns and those of some blocks (Schwarz 1978).
    func criterion(of active: [Int]) -> Double {
        guard let fit = refit(active), fit.squares > 0 else { return .infinity }
        let unknowns = free.count + active.reduce(0) { $0 + blocks[$1].count }
        return observations * log(fit.squares / Double(count)) + Double(unknowns) * log(observations)
    }
}
