import CAllocationCount
import LinearAlgebra
import Testing

@testable import MixedEffects

@Suite("Heap allocations of the solvers of effects")
struct EffectAllocationTests {
    private static func allocations(_ body: () -> Void) -> Int {
        allocation_count_begin()
        body()
        return allocation_count_end()
    }

    private static func objective() throws -> (PenalizedLikelihood, Effects) {
        let problem = try RandomModel.problem(sizes: [6, 9, 4, 7, 3, 25], fixed: 6, random: 5, seed: 2)
        let objective = try PenalizedLikelihood(Likelihood(problem), penalty: SCADPenalty(lambda: 0.7, knot: 0.5))
        return (objective, SolverTests.start(problem))
    }

    @Test("a proximal gradient step allocates nothing", arguments: [ProximalGradient.Step.fixed(1e-4), .backtracking])
    func proximalGradient(_ step: ProximalGradient.Step) throws {
        let (objective, start) = try Self.objective()
        func count(_ limit: Int) -> Int {
            let solver = ProximalGradient(step: step, stop: .residual(0), iterationLimit: limit)
            var taken = 0
            let count = Self.allocations { taken = solver.solve(objective, from: start).iterations }
            #expect(taken == limit)
            return count
        }
        _ = count(2)
        #expect(count(3) == count(30))
    }

    @Test("a Newton step of the interior point allocates nothing, nor does moving its centre")
    func barrierNewton() throws {
        let (objective, start) = try Self.objective()
        for mode in [BarrierNewton.Centre.still, .following] {
            let newton = BarrierNewton(objective, strength: 1, mode: mode, start: start, barrier: 1)
            newton.enter(barrier: 1)
            for _ in 0..<2 { #expect(newton.step()) }
            let count = Self.allocations {
                for _ in 0..<5 {
                    _ = newton.step()
                    _ = newton.recentre()
                    newton.barrier = 0.3 * newton.complementarity
                }
            }
            #expect(count == 0)
        }
    }
}
