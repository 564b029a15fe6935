import CAllocationCount
import Glibc
import LinearAlgebra
import Testing

@testable import SparseRegression

@Suite("A group Lasso over several problems")
struct SharedSupportLassoTests {
    /// Problems of unequal rows and samples, of which the last lacks blocks that others have and has one of its own.
    private struct World {
        var problems: [RegressionProblem] = []
        let groups: [[Int?]]

        /// - Parameter samples: of each problem.
        init(samples: [Int] = [3, 3, 3], width: Int = 1, seed: UInt64 = 1, noise: Double = 0.3) throws {
            var random = SeededGenerator(seed: seed)
            let (rows, counts) = ([14, 11, 12], [9, 9, 8])
            for s in 0..<3 {
                let design = random.normal(rows: rows[s], columns: counts[s] * width)
                let truth = Matrix(rows: counts[s] * width, columns: samples[s]) { i, t in
                    i / width == 2 || i / width == 5 ? 1 + 0.1 * Double(i + t) : 0
                }
                let response = design * truth + random.normal(rows: rows[s], columns: samples[s]) * noise
                problems.append(
                    try RegressionProblem(
                        design: design, response: response,
                        blocks: BlockStructure(sizes: [Int](repeating: width, count: counts[s])), keepsSamples: true))
            }
            groups = (0..<7).map { [$0, $0, $0] } + [[7, 8, nil], [8, 7, nil], [nil, nil, 7]]
        }

        /// The same as one problem with a block-diagonal design, a block a group; equal samples and whole groups alone.
        func blockDiagonal() throws -> RegressionProblem {
            let order = groups.map { group in
                group.enumerated().flatMap { s, block in
                    block.map { problems[s].blocks.columns(of: $0).map { (s, $0) } } ?? []
                }
            }
            let first = problems.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.rowCount) }
            let columns = order.flatMap { $0 }
            var design = Matrix(rows: first[3], columns: columns.count)
            for (c, (s, column)) in columns.enumerated() {
                let own = problems[s].design.columns([column])
                for i in 0..<own.rows { design[first[s] + i, c] = own[i, 0] }
            }
            var response = Matrix(rows: first[3], columns: problems[0].response.columns)
            for (s, problem) in problems.enumerated() {
                for t in 0..<response.columns {
                    for i in 0..<problem.rowCount { response[first[s] + i, t] = problem.response[i, t] }
                }
            }
            return try RegressionProblem(
                design: design, response: response, blocks: BlockStructure(sizes: order.map(\.count)),
                keepsSamples: true)
        }
    }

    private let exact = StopRule(relativeGap: 1e-12)

    @Test("steps allocate nothing", arguments: [1, 2])
    func allocations(_ width: Int) throws {
        let world = try World(samples: [1, 3, 4], width: width)
        let lasso = try SharedSupportLasso(world.problems, groups: world.groups)
        let state = SharedSupportState(lasso, from: nil)
        state.keep(Array(world.groups.indices))
        let lambda = 0.3 * lasso.largestLambda()
        func sweep() { for c in world.groups.indices { state.step(c, lambda, 50) } }
        sweep()
        let before = state.objective(lambda)
        let count = AllocationTests.count { for _ in 0..<20 { sweep() } }
        #expect(count == 0 && state.objective(lambda) < before)
    }

    @Test("it is the group Lasso of the block-diagonal design", arguments: [1, 2], [0.7, 0.3, 0.05])
    func blockDiagonal(_ width: Int, _ part: Double) throws {
        let world = try World(width: width)
        let lasso = try SharedSupportLasso(world.problems, groups: world.groups)
        let whole = try world.blockDiagonal()
        let largest = lasso.largestLambda()
        #expect(abs(largest - whole.largestLambda()) <= 1e-12 * largest)
        let lambda = part * largest
        let found = try lasso.solve(lambda: lambda, stop: exact)
        let other = AutomaticSolver().solve(whole, try GroupLasso(lambda: lambda), stop: exact)
        #expect(found.relativeGap <= 1e-12 && found.active == other.active.blocks)
        #expect(abs(found.objective - other.certificate.objective) <= 1e-10 * found.objective)
        for (a, b) in zip(found.norms, other.active.norms) { #expect(abs(a - b) < 1e-5 * (1 + b)) }
        // A start changes nothing but the way.
        let near = try lasso.solve(lambda: 0.9 * lambda, stop: exact)
        let again = try lasso.solve(lambda: lambda, from: near, stop: exact)
        #expect(again.active == found.active && abs(again.objective - found.objective) <= 1e-10 * found.objective)
    }

    @Test(
        "optimality: correlations are λ in the direction of the coefficients, no larger elsewhere; gaps bound the objective"
    )
    func optimality() throws {
        let world = try World(samples: [2, 5, 3], seed: 3)
        let lasso = try SharedSupportLasso(world.problems, groups: world.groups)
        #expect(try lasso.solve(lambda: lasso.largestLambda() * (1 + 1e-9)).active.isEmpty)
        let lambda = 0.2 * lasso.largestLambda()
        let found = try lasso.solve(lambda: lambda, stop: exact)
        #expect(!found.active.isEmpty && found.active.count < world.groups.count)
        for (c, group) in world.groups.enumerated() {
            var square = 0.0
            let norm = found.active.firstIndex(of: c).map { found.norms[$0] }
            for (s, block) in group.enumerated() {
                guard let block else { continue }
                let problem = world.problems[s]
                let residual = problem.response - found.parts[s].fit(in: problem)
                let correlation = Matrix.product(
                    residual, transposed: true, problem.design.columns(problem.blocks.columns(of: block)))
                square += correlation.squaredNorm
                guard let norm, let k = found.parts[s].blocks.firstIndex(of: block) else { continue }
                let own = found.parts[s].coefficients.columns([k])
                #expect((correlation - own * (lambda / norm)).squaredNorm.squareRoot() < 1e-4 * lambda)
            }
            #expect(square.squareRoot() <= lambda * (1 + 1e-5))
        }
        let rough = try lasso.solve(lambda: lambda, stop: StopRule(relativeGap: 1e-2))
        let scale = 0.5 * world.problems.reduce(0) { $0 + $1.squaredResponseNorm }
        #expect(rough.relativeGap <= 1e-2)
        #expect(rough.objective >= found.objective - 1e-12 * scale)
        #expect(rough.objective - found.objective <= rough.relativeGap * scale)
    }

    @Test("degrees of freedom are the divergence of the fit", arguments: [1, 2])
    func freedom(_ width: Int) throws {
        let world = try World(samples: [2, 3, 2], width: width, seed: 5, noise: 0.8)
        let lasso = try SharedSupportLasso(world.problems, groups: world.groups)
        let lambda = 0.15 * lasso.largestLambda()
        let stop = StopRule(relativeGap: 1e-15)
        let found = try lasso.solve(lambda: lambda, stop: stop)
        let freedom = try #require(lasso.degreesOfFreedom(found, lambda: lambda))
        let step = 1e-4
        for s in 0..<3 {
            var divergence = 0.0
            let problem = world.problems[s]
            for t in 0..<problem.response.columns {
                for i in 0..<problem.rowCount {
                    var values: [Double] = []
                    for sign in [-1.0, 1] {
                        var response = problem.response
                        response[i, t] += sign * step
                        var problems = world.problems
                        problems[s] = try problem.with(response: response, keepsSamples: true)
                        let moved = try SharedSupportLasso(problems, groups: world.groups).solve(
                            lambda: lambda, from: found, stop: stop)
                        #expect(moved.active == found.active)
                        values.append(moved.parts[s].fit(in: problems[s])[i, t])
                    }
                    divergence += (values[1] - values[0]) / (2 * step)
                }
            }
            #expect(abs(freedom[s] - divergence) < 1e-3 * divergence, "\(freedom[s]) \(divergence)")
        }
        // Of one problem it is the group Lasso's own.
        let single = try SharedSupportLasso([world.problems[0]], groups: (0..<9).map { [$0] })
        let alone = try single.solve(lambda: lambda, stop: stop)
        let columns = alone.parts[0].designColumns(of: world.problems[0])
        let hessian = try #require(
            SupportHessian(
                gram: Matrix.product(columns, transposed: true, columns), coefficients: alone.parts[0].coefficients,
                offsets: alone.parts[0].offsets, slopes: alone.norms.map { _ in (lambda, 0) }))
        let own = try #require(single.degreesOfFreedom(alone, lambda: lambda))
        #expect(abs(own[0] - hessian.degreesOfFreedom(samples: world.problems[0].sampleCount)) < 1e-9 * own[0])
    }

    @Test("the λ chosen has the smallest risk of those tried, and finds what acts")
    func choice() throws {
        let world = try World(seed: 7)
        let lasso = try SharedSupportLasso(world.problems, groups: world.groups)
        let choice = try lasso.chosen(noiseVariances: [0.09, 0.09, 0.09], stop: StopRule(relativeGap: 1e-8))
        let best = try #require(choice.curve.min { $0.risk < $1.risk })
        #expect(choice.lambda == best.lambda && choice.lambda < choice.curve[0].lambda)
        #expect(choice.curve[0].degreesOfFreedom < 1e-6)
        #expect(Set([2, 5]).isSubset(of: Set(choice.solution.active)))
    }

    @Test("impossible groups and λ are told")
    func refusals() throws {
        let problems = try World().problems
        let groups = try World().groups
        func refused(_ expected: SharedSupportLasso.Invalid, _ body: () throws(SharedSupportLasso.Invalid) -> Void) {
            do {
                try body()
                Issue.record("no error")
            } catch {
                #expect(error == expected && !error.description.isEmpty)
            }
        }
        refused(.entries(group: 0, found: 2, expected: 3)) { () throws(SharedSupportLasso.Invalid) in
            _ = try SharedSupportLasso(problems, groups: [[0, 1]])
        }
        refused(.block(group: 10, problem: 2, block: 8)) { () throws(SharedSupportLasso.Invalid) in
            _ = try SharedSupportLasso(problems, groups: groups + [[nil, nil, 8]])
        }
        refused(.cover(problem: 0, block: 3, groups: 2)) { () throws(SharedSupportLasso.Invalid) in
            _ = try SharedSupportLasso(problems, groups: groups + [[3, nil, nil]])
        }
        refused(.cover(problem: 2, block: 7, groups: 0)) { () throws(SharedSupportLasso.Invalid) in
            _ = try SharedSupportLasso(problems, groups: Array(groups.dropLast()))
        }
        let lasso = try SharedSupportLasso(problems, groups: groups)
        for lambda in [0, -1, Double.infinity] {
            refused(.lambda(lambda)) { () throws(SharedSupportLasso.Invalid) in _ = try lasso.solve(lambda: lambda) }
        }
        let silent = try problems.map { try $0.with(response: $0.response * 0) }
        #expect(try SharedSupportLasso(silent, groups: groups).solve(lambda: 1).relativeGap == 0)
    }
}
