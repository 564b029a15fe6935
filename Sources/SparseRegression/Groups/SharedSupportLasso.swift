import Glibc
import LinearAlgebra

/// A group Lasso over several problems whose blocks belong together: min Σ_s ½‖Y_s − X_sB_s‖² + λ Σ_c ‖(B_1c … B_Sc)‖.
///
/// A group c has at most one block of each problem; what is a group's is active in all its problems or in none (several
/// subjects: Lim et al. 2017). Problems may have any numbers of rows, blocks and samples. The design of all would be
/// block-diagonal; only its blocks are stored. Coordinate descent over groups on a working set, with one step length for
/// all blocks of a group, exact where their norms are equal; the certificate is a duality gap over all groups.
public struct SharedSupportLasso: Sendable {
    /// What is solved.
    public let problems: [RegressionProblem]
    /// Of each group the block of each problem; nil where a problem has none.
    public let groups: [[Int?]]
    /// The largest squared norm of a group's blocks.
    private let curvatures: [Double]

    /// What makes groups impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// A group does not have an entry for every problem.
        case entries(group: Int, found: Int, expected: Int)
        /// A group names a block that a problem does not have.
        case block(group: Int, problem: Int, block: Int)
        /// A block is in two groups, or in none.
        case cover(problem: Int, block: Int, groups: Int)
        /// λ is not a positive number.
        case lambda(Double)

        /// One line in plain English.
        public var description: String {
            switch self {
            case .entries(let group, let found, let expected):
                "group \(group) has \(found) entries, expected one for each of the \(expected) problems"
            case .block(let group, let problem, let block):
                "group \(group) names block \(block) of problem \(problem), which has none such"
            case .cover(let problem, let block, let groups):
                "block \(block) of problem \(problem) is in \(groups) groups, expected in one"
            case .lambda(let value): "λ is \(value), expected a positive number"
            }
        }
    }

    /// Poses it.
    ///
    /// - Parameters:
    ///   - problems: at least one.
    ///   - groups: every block of every problem is in one of them.
    /// - Throws: ``Invalid``.
    /// - Complexity: O(n·q) a problem.
    public init(_ problems: [RegressionProblem], groups: [[Int?]]) throws(Invalid) {
        var seen = problems.map { [Int](repeating: 0, count: $0.blocks.count) }
        for (c, group) in groups.enumerated() {
            guard group.count == problems.count else {
                throw .entries(group: c, found: group.count, expected: problems.count)
            }
            for (s, block) in group.enumerated() {
                guard let block else { continue }
                guard seen[s].indices.contains(block) else { throw .block(group: c, problem: s, block: block) }
                seen[s][block] += 1
            }
        }
        for (s, counts) in seen.enumerated() {
            if let block = counts.firstIndex(where: { $0 != 1 }) {
                throw .cover(problem: s, block: block, groups: counts[block])
            }
        }
        let norms = problems.map { $0.blockNorms() }
        curvatures = groups.map { group in
            group.enumerated().reduce(0) { most, entry in
                entry.element.map { max(most, norms[entry.offset][$0] * norms[entry.offset][$0]) } ?? most
            }
        }
        self.problems = problems
        self.groups = groups
    }

    /// What was reached.
    public struct Solution: Sendable {
        /// One a problem: its blocks of the active groups.
        public let parts: [ActiveSet]
        /// ‖Y_s − X_sB_s‖².
        public let squaredResiduals: [Double]
        /// Active groups, ascending.
        public let active: [Int]
        /// ‖B_c‖ of each active group.
        public let norms: [Double]
        /// Σ_s ½‖Y_s − X_sB_s‖² + λ Σ_c ‖B_c‖.
        public let objective: Double
        /// (objective − dual objective) over ½ Σ_s ‖Y_s‖², or over 1 where that is zero.
        public let relativeGap: Double
        /// Sweeps.
        public let epochs: Int
    }

    /// The smallest λ at which nothing is active.
    public func largestLambda(parallelism: Parallelism = .serial) -> Double {
        correlations(problems.map(\.response), parallelism).max() ?? 0
    }

    /// ‖(X_scᵀR_s)_s‖ of each group.
    private func correlations(_ residuals: [Matrix], _ parallelism: Parallelism) -> [Double] {
        let norms = zip(problems, residuals).map { $0.correlationNorms($1, parallelism: parallelism) }
        return groups.map { group in
            group.enumerated().reduce(0) { sum, entry in
                entry.element.map { sum + norms[entry.offset][$0] * norms[entry.offset][$0] } ?? sum
            }.squareRoot()
        }
    }

    /// Minimizes.
    ///
    /// - Parameters:
    ///   - lambda: λ, positive.
    ///   - start: a solution to begin with; nil begins at zero.
    ///   - stop: the gap that is good enough, and most sweeps and looks.
    ///   - parallelism: threads of the looks at all blocks; no result depends on it.
    ///   - monitor: cancellation; the best point so far is returned.
    /// - Throws: ``Invalid`` where λ is not a positive number.
    /// - Complexity: O(n·q·T) a problem and look at all groups; O(n·T) a block and sweep.
    public func solve(
        lambda: Double, from start: Solution? = nil, stop: StopRule = StopRule(), parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) throws(Invalid) -> Solution {
        guard lambda > 0, lambda.isFinite else { throw .lambda(lambda) }
        let state = SharedSupportState(self, from: start)
        var (epochs, passes) = (0, 0)
        let scale = max(0.5 * problems.reduce(0) { $0 + $1.squaredResponseNorm }, .leastNormalMagnitude)
        while true {
            let norms = correlations(state.residuals, parallelism)
            passes += 1
            let gap = (state.objective(lambda) - dual(state.residuals, norms.max() ?? 0, lambda)) / scale
            if gap <= stop.relativeGap || epochs >= stop.maximumEpochs || passes >= stop.maximumPasses
                || monitor.isCancelled() || !gap.isFinite
            {
                return state.solution(lambda, relativeGap: gap, epochs: epochs)
            }
            // Those that violate most join, as many as are active and at least ten.
            let wanted = norms.indices.filter { norms[$0] > lambda && !state.isKept($0) }
                .sorted { (norms[$0], $1) > (norms[$1], $0) }
            state.keep(Array(wanted.prefix(max(10, 2 * state.activeCount))))
            epochs += descend(state, lambda, tolerance: 0.1 * max(gap, stop.relativeGap) * scale, stop)
        }
    }

    /// D(Θ) at Θ = f·R, the best feasible multiple of the residual.
    private func dual(_ residuals: [Matrix], _ largest: Double, _ lambda: Double) -> Double {
        var (fitted, squared) = (0.0, 0.0)
        for (problem, residual) in zip(problems, residuals) {
            fitted += zip(problem.response.elements, residual.elements).reduce(0) { $0 + $1.0 * $1.1 }
            squared += residual.squaredNorm
        }
        guard squared > 0 else { return 0 }
        let limit = largest > 0 ? lambda / largest : .infinity
        let f = min(limit, max(-limit, fitted / squared))
        return f * fitted - 0.5 * f * f * squared
    }

    /// Sweeps over the working set until one lowers the objective by little.
    private func descend(_ state: SharedSupportState, _ lambda: Double, tolerance: Double, _ stop: StopRule) -> Int {
        var (epochs, last) = (0, state.objective(lambda))
        while epochs < 2000 {
            for _ in 0..<5 { for c in state.kept { state.step(c, lambda, curvatures[c]) } }
            epochs += 5
            let next = state.objective(lambda)
            if !(last - next > tolerance * 0.1) { break }
            last = next
        }
        return epochs
    }
}

/// Coefficients and residuals while they change. A step allocates nothing.
final class SharedSupportState {
    private let lasso: SharedSupportLasso
    private(set) var residuals: [Matrix]
    /// Groups of the working set, in the order in which they joined.
    private(set) var kept: [Int] = []
    /// Of each group the blocks of its problems; none of one that is not kept.
    private var members: [[Member]]
    private var norms: [Double]
    /// Room for the coefficients of one group, one member after another.
    private var moved: [Double] = []

    private struct Member {
        let problem, block: Int
        let columns: Matrix
        /// Samples × columns.
        var coefficients: Matrix
    }

    init(_ lasso: SharedSupportLasso, from start: SharedSupportLasso.Solution?) {
        self.lasso = lasso
        residuals = lasso.problems.map(\.response)
        members = [[Member]](repeating: [], count: lasso.groups.count)
        norms = [Double](repeating: 0, count: lasso.groups.count)
        guard let start, zip(start.parts, lasso.problems).allSatisfy({ $0.fits($1, samples: $1.response.columns) })
        else { return }
        keep(start.active)
        for c in start.active {
            for i in members[c].indices {
                let (s, block) = (members[c][i].problem, members[c][i].block)
                let part = start.parts[s]
                guard let k = part.blocks.firstIndex(of: block) else { continue }
                let coefficients = part.coefficients.columns(part.offsets[k]..<part.offsets[k + 1])
                members[c][i].coefficients = coefficients
                residuals[s] =
                    residuals[s]
                    - Matrix.product(members[c][i].columns, transposed: false, coefficients, transposed: true)
            }
            norms[c] = members[c].reduce(0) { $0 + $1.coefficients.squaredNorm }.squareRoot()
        }
    }

    func isKept(_ c: Int) -> Bool { !members[c].isEmpty }

    var activeCount: Int { norms.count { $0 > 0 } }

    /// Adds groups to the working set.
    func keep(_ some: [Int]) {
        for c in some where members[c].isEmpty {
            kept.append(c)
            members[c] = lasso.groups[c].enumerated().compactMap { s, block in
                guard let block else { return nil }
                let problem = lasso.problems[s]
                let columns = problem.design.columns(problem.blocks.columns(of: block))
                return Member(
                    problem: s, block: block, columns: columns,
                    coefficients: Matrix(rows: problem.response.columns, columns: columns.columns))
            }
            let size = members[c].reduce(0) { $0 + $1.coefficients.elements.count }
            if size > moved.count { moved = [Double](repeating: 0, count: size) }
        }
    }

    /// A proximal step of one group: B ← soft(B + XᵀR/L, λ/L).
    func step(_ c: Int, _ lambda: Double, _ curvature: Double) {
        guard curvature > 0 else { return }
        moved.withUnsafeMutableBufferPointer { moved in
            guard let room = moved.baseAddress else { return }
            var (first, squared) = (0, 0.0)
            for member in members[c] {
                let (n, t, w) = (member.columns.rows, member.coefficients.rows, member.coefficients.columns)
                let target = room + first
                target.update(from: member.coefficients.elements, count: t * w)
                BLAS.gemm(
                    true, false, t, w, n, 1 / curvature, residuals[member.problem].elements, n, member.columns.elements,
                    n, 1, target, t)
                squared += BLAS.dot(t * w, target, target)
                first += t * w
            }
            let norm = squared.squareRoot()
            let factor = norm > 0 ? max(0, 1 - lambda / (curvature * norm)) : 0
            if factor == 0, norms[c] == 0 { return }
            first = 0
            for i in members[c].indices {
                let s = members[c][i].problem
                let (n, t) = (members[c][i].columns.rows, members[c][i].coefficients.rows)
                let (w, change) = (members[c][i].coefficients.columns, room + first)
                // What it becomes, and by how much it falls.
                for k in 0..<(t * w) {
                    let next = factor * change[k]
                    change[k] = members[c][i].coefficients.elements[k] - next
                    members[c][i].coefficients.elements[k] = next
                }
                BLAS.gemm(
                    false, true, n, t, w, 1, members[c][i].columns.elements, n, change, t, 1, &residuals[s].elements, n)
                first += t * w
            }
            norms[c] = factor * norm
        }
    }

    func objective(_ lambda: Double) -> Double {
        residuals.reduce(0) { $0 + 0.5 * $1.squaredNorm } + lambda * norms.reduce(0, +)
    }

    func solution(_ lambda: Double, relativeGap: Double, epochs: Int) -> SharedSupportLasso.Solution {
        let active = norms.indices.filter { norms[$0] > 0 }
        let parts = lasso.problems.indices.map { s in
            let own = active.flatMap { c in members[c].filter { $0.problem == s } }
                .sorted { $0.block < $1.block }
            return ActiveSet(
                blocks: own.map(\.block),
                offsets: own.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.columns.columns) },
                coefficients: Matrix(
                    rows: lasso.problems[s].response.columns, columns: own.reduce(0) { $0 + $1.columns.columns },
                    elements: own.flatMap(\.coefficients.elements)))
        }
        return SharedSupportLasso.Solution(
            parts: parts, squaredResiduals: residuals.map(\.squaredNorm), active: active,
            norms: active.map { norms[$0] }, objective: objective(lambda), relativeGap: relativeGap, epochs: epochs
        )
    }
}
