import SparseRegression
import Testing

@Suite("Active sets")
struct ActiveSetTests {
    private func set(_ blocks: [Int], _ values: [Double]) -> ActiveSet {
        // Two columns a block, one sample.
        ActiveSet(
            blocks: blocks, offsets: (0...blocks.count).map { 2 * $0 },
            coefficients: Matrix(rows: 1, columns: values.count, elements: values))
    }

    @Test("a line through two of them passes through both, goes on beyond, and leaves out what would turn about")
    func line() {
        let first = set([1, 4, 9], [1, 1, 2, 0, 3, 3])
        let second = set([4, 7, 9], [4, 0, 5, 5, 1, 1])
        #expect(ActiveSet.line(from: first, to: second, at: 1) == second)
        #expect(ActiveSet.line(from: first, to: second, at: 0) == first)
        #expect(
            ActiveSet.line(from: first, to: second, at: 0.5)
                == set([1, 4, 7, 9], [0.5, 0.5, 3, 0, 2.5, 2.5, 2, 2]))
        // Block 1 is gone already, block 9 crosses zero.
        #expect(ActiveSet.line(from: first, to: second, at: 2) == set([4, 7], [6, 0, 10, 10]))
        let other = ActiveSet.empty(samples: 3)
        #expect(ActiveSet.line(from: first, to: other, at: 0.5) == other)
        #expect(ActiveSet.line(from: .empty(samples: 1), to: second, at: 2) == set([4, 7, 9], [8, 0, 10, 10, 2, 2]))
    }

    @Test("a start on the line between two solutions is closer than either", arguments: [1, 3])
    func prediction(_ width: Int) throws {
        let problem = try randomProblem(n: 30, blocks: 60, width: width, samples: 5, seed: 3)
        let lambdas = [0.3, 0.27, 0.24].map { $0 * problem.largestLambda() }
        let found = try lambdas.map {
            AndersonDescent().solve(problem, try GroupLasso(lambda: $0), stop: StopRule(relativeGap: 1e-12)).active
        }
        func excess(_ start: ActiveSet, _ k: Int) -> Double {
            problem.objective(problem.dense(start), lambda: lambdas[k])
                - problem.objective(problem.dense(found[k]), lambda: lambdas[k])
        }
        let between = ActiveSet.line(from: found[0], to: found[2], at: 0.5)
        #expect(excess(between, 1) < 0.25 * min(excess(found[0], 1), excess(found[2], 1)))
        let beyond = ActiveSet.line(from: found[0], to: found[1], at: 2)
        #expect(excess(beyond, 2) < 0.5 * excess(found[1], 2))
    }

    #if compiler(>=6.2)
        @Test("offsets that do not ascend from zero to the number of columns end the program, not in foreign memory")
        func offsets() async {
            await #expect(processExitsWith: .failure) {
                _ = ActiveSet(blocks: [0], offsets: [5, 1], coefficients: Matrix(rows: 3, columns: 1))
            }
            await #expect(processExitsWith: .failure) {
                _ = ActiveSet(blocks: [0, 1], offsets: [0, 9, 1], coefficients: Matrix(rows: 3, columns: 1))
            }
        }
    #endif
}
