import Foundation
import SparseRegression
import TestSupport
import Testing

/// A penalty with four blocks: plain, of a small weight, unpenalized, excluded.
struct NamedPenalty: CustomTestStringConvertible, Sendable {
    let name: String
    let penalty: any BlockPenalty
    /// Whether the blocks differ; else all four are plain.
    var isWeighted = true
    var testDescription: String { name }

    static let weights = [1, 0.3, 0, Double.infinity]

    static func all(lambda: Double) throws -> [NamedPenalty] {
        try convex(lambda: lambda) + nonconvex(lambda: lambda)
    }

    static func convex(lambda: Double) throws -> [NamedPenalty] {
        [
            .init(name: "group Lasso", penalty: try GroupLasso(lambda: lambda, weights: weights)),
            .init(name: "elastic net", penalty: try ElasticNet(lambda: lambda, ridge: 0.4, weights: weights)),
            .init(name: "Lasso", penalty: try Lasso(lambda: lambda, weights: weights)),
            .init(
                name: "elastic net of entries",
                penalty: Entrywise(try ElasticNet(lambda: lambda, ridge: 2, weights: weights))),
            .init(name: "cubic", penalty: CubicNorm(lambda: lambda, cube: 0.3), isWeighted: false),
            .init(name: "rounded", penalty: RoundedNorm(lambda: lambda, rise: 0.75), isWeighted: false),
        ]
    }

    static func nonconvex(lambda: Double) throws -> [NamedPenalty] {
        [
            .init(name: "square root", penalty: try SquareRootPenalty(lambda: lambda, weights: weights)),
            .init(name: "log", penalty: try LogarithmicPenalty(lambda: lambda, width: 0.5, weights: weights)),
            .init(name: "narrow log", penalty: try LogarithmicPenalty(lambda: lambda, width: 1e-3, weights: weights)),
            .init(name: "MCP", penalty: try MinimaxConcavePenalty(lambda: lambda, gamma: 3, weights: weights)),
            .init(name: "SCAD", penalty: try SmoothlyClippedPenalty(lambda: lambda, gamma: 3.7, weights: weights)),
        ]
    }
}

/// What ``BlockPenalty`` promises to solvers, degrees of freedom and hypergradients, for every penalty there is.
@Suite("Penalties")
struct PenaltyTests {
    static let lambdas = [1.3, 0.02]
    static let steps = [1e-6, 0.1, 0.9, 1, 1.5, 2.7, 3, 20, 1e3, 1e8]

    @Test("the proximal operator finds the lowest point of a fine grid", arguments: lambdas, steps)
    func proximal(_ lambda: Double, _ step: Double) throws {
        for named in try NamedPenalty.all(lambda: lambda) {
            let penalty = named.penalty
            for block in 0..<3 {
                let threshold = step * penalty.activation(step: step, block: block)
                for norm in [1e-3, 0.2, 1, 4, 30, 0.7 * threshold, 1.01 * threshold, 1.5 * threshold, 10 * threshold] {
                    func objective(_ r: Double) -> Double {
                        // Scaled by the norm, so that one tolerance serves all lengths of step.
                        (0.5 * (r - norm) * (r - norm) + step * penalty.value(norm: r, block: block)) / (norm * norm)
                    }
                    guard norm > 0 else { continue }
                    let found = penalty.proximal(norm: norm, step: step, block: block)
                    let count = 4000
                    // No φ falls, so that the minimum lies between zero and the norm; geometric near zero, even above.
                    let lowest = (0...count).reduce(Double.infinity) { lowest, k in
                        let x = Double(k) / Double(count)
                        return min(lowest, objective(norm * x), objective(norm * pow(10, -12 * x)))
                    }
                    #expect(found >= 0 && found <= norm, "\(named.name), block \(block), norm \(norm)")
                    #expect(objective(found) <= lowest + 1e-13, "\(named.name), block \(block), norm \(norm): \(found)")
                    // (norm − r)/step is the slope at r.
                    let slope = penalty.derivatives(norm: found, block: block).first
                    #expect(
                        found == 0 || abs(norm - found - step * slope) <= 1e-9 * norm,
                        "\(named.name), block \(block), norm \(norm): \(found)")
                }
            }
            guard named.isWeighted else { continue }
            // An excluded block stays out, an unpenalized one has no threshold.
            #expect(penalty.proximal(norm: 1e12, step: step, block: 3) == 0)
            #expect(penalty.activation(step: step, block: 3) == .infinity)
            #expect(penalty.activation(step: step, block: 2) == 0)
            #expect(penalty.proximal(norm: 1e-12, step: step, block: 2) > 0)
            #expect(penalty.proximal(norm: 0, step: step, block: 0) == 0)
        }
    }

    @Test("the proximal operator never falls as the norm grows", arguments: lambdas, steps)
    func monotony(_ lambda: Double, _ step: Double) throws {
        for named in try NamedPenalty.all(lambda: lambda) {
            for block in 0..<4 {
                var last = 0.0
                for k in 0..<600 {
                    let norm = 1e-3 * pow(1.05, Double(k)) * max(1, step.squareRoot() * 1e-2)
                    let next = named.penalty.proximal(norm: norm, step: step, block: block)
                    #expect(next >= last * (1 - 1e-12), "\(named.name), block \(block), norm \(norm)")
                    last = next
                }
            }
        }
    }

    @Test("activation is where the proximal operator leaves zero", arguments: lambdas, steps)
    func activation(_ lambda: Double, _ step: Double) throws {
        for named in try NamedPenalty.all(lambda: lambda) {
            for block in 0..<2 {
                let threshold = step * named.penalty.activation(step: step, block: block)
                #expect(threshold > 0 && threshold.isFinite)
                let below = named.penalty.proximal(norm: threshold * (1 - 1e-9), step: step, block: block)
                let above = named.penalty.proximal(norm: threshold * (1 + 1e-9), step: step, block: block)
                #expect(below == 0, "\(named.name), block \(block)")
                #expect(above > 0, "\(named.name), block \(block)")
            }
        }
    }

    @Test("derivatives are those of the value", arguments: lambdas)
    func derivatives(_ lambda: Double) throws {
        for named in try NamedPenalty.all(lambda: lambda) {
            let penalty = named.penalty
            for block in 0..<3 {
                #expect(penalty.value(norm: 0, block: block) == 0)
                for r in [0.013, 0.11, 0.9, 2.3, 17] {
                    let h = 1e-5 * r
                    let values = [-1, 0, 1].map { penalty.value(norm: r + $0 * h, block: block) }
                    let slopes = [-1, 1].map { penalty.derivatives(norm: r + $0 * h, block: block).first }
                    let bends = [-1, 1].map { penalty.derivatives(norm: r + $0 * h, block: block).second }
                    let (first, second) = penalty.derivatives(norm: r, block: block)
                    let third = penalty.thirdDerivative(norm: r, block: block)
                    #expect(
                        abs((bends[1] - bends[0]) / (2 * h) - third) <= 1e-6 * max(lambda / (r * r), abs(third)),
                        "\(named.name), block \(block), r \(r)")
                    #expect(
                        abs((values[2] - values[0]) / (2 * h) - first) <= 1e-6 * max(lambda, abs(first)),
                        "\(named.name), block \(block), r \(r)")
                    #expect(
                        abs((slopes[1] - slopes[0]) / (2 * h) - second) <= 1e-6 * max(lambda / r, abs(second)),
                        "\(named.name), block \(block), r \(r)")
                }
                // A long step's threshold may lie below the slope at zero, never above it.
                let atZero = penalty.derivatives(norm: 1e-300, block: block).first
                for step in Self.steps {
                    #expect(penalty.activation(step: step, block: block) <= atZero * (1 + 1e-12) + 1e-300)
                }
            }
            if named.isWeighted { #expect(penalty.value(norm: 1, block: 3) == .infinity) }
            #expect(penalty.value(norm: 0, block: 3) == 0)
        }
    }

    @Test("Fenchel–Young holds, with equality at the derivative; beyond the limit the conjugate is infinite")
    func conjugates() throws {
        for named in try NamedPenalty.convex(lambda: 1.3) {
            let penalty = named.penalty
            #expect(penalty.isConvex)
            for block in 0..<4 {
                let limit = penalty.slopeLimit(block: block)
                #expect(limit >= penalty.activation(step: 1, block: block))
                for slope in [0, 0.1, 0.39, 1, 1.3, 2, 50] {
                    if slope <= limit {
                        let conjugate = penalty.conjugate(slope: slope, block: block)
                        let largest = (0...20_000).reduce(0.0) {
                            let r = 0.01 * Double($1)
                            return max($0, slope * r - penalty.value(norm: r, block: block))
                        }
                        #expect(abs(conjugate - largest) <= 1e-4 * max(1, largest), "\(named.name), block \(block)")
                        #expect(conjugate >= largest - 1e-12 * max(1, largest))
                    } else {
                        #expect(slope * 1e12 - penalty.value(norm: 1e12, block: block) > 1e9)
                    }
                }
                guard block < 3 else { continue }
                for r in [0.2, 1, 7] {
                    let slope = penalty.derivatives(norm: r, block: block).first
                    let sum = penalty.value(norm: r, block: block) + penalty.conjugate(slope: slope, block: block)
                    #expect(abs(sum - slope * r) <= 1e-12 * max(1, sum))
                }
            }
        }
        for named in try NamedPenalty.nonconvex(lambda: 1.3) { #expect(!named.penalty.isConvex) }
    }

    @Test("a certified gap comes with a point that is nearly optimal", arguments: Engine.main + [.proximalGradient])
    func certificates(_ engine: Engine) throws {
        let problem = try randomProblem(n: 20, blocks: 40, width: 2, samples: 3, seed: 8)
        let largest = problem.largestLambda()
        let norm = (problem.blockNorms().max() ?? 0) * problem.squaredResponseNorm.squareRoot() / largest
        for penalty in [
            CubicNorm(lambda: 0.1 * largest, cube: 0.1 * largest),
            RoundedNorm(lambda: 0.1 * largest, rise: 0.3 * largest),
        ] as [any BlockPenalty] {
            for gap in [1e-2, 1e-10] {
                let solution = engine.solver.solve(problem, penalty, stop: StopRule(relativeGap: gap))
                #expect(solution.reason == .converged && solution.active.count > 1, "\(penalty)")
                // A proximal step of a block lowers the objective by at least ½L_j‖ΔB_j‖².
                let certificate = solution.certificate
                #expect(
                    certificate.relativeViolation <= norm * max(certificate.relativeGap, 1e-15).squareRoot(),
                    "\(penalty): \(certificate)")
            }
        }
    }

    @Test("the scope is that of entries for entries alone")
    func scopes() throws {
        for named in try NamedPenalty.all(lambda: 1) {
            #expect((named.penalty.scope == .entry) == (named.name == "Lasso" || named.name.hasSuffix("entries")))
        }
    }

    @Test("impossible parameters are refused", arguments: [0, -1, Double.nan, .infinity, -.infinity])
    func refusal(_ bad: Double) throws {
        func refuses(_ make: () throws(InvalidPenalty) -> Void) -> String? {
            do { try make() } catch { return error.description }
            return nil
        }
        let expectsPositive = [
            refuses { () throws(InvalidPenalty) in _ = try GroupLasso(lambda: bad) },
            refuses { () throws(InvalidPenalty) in _ = try Lasso(lambda: bad) },
            refuses { () throws(InvalidPenalty) in _ = try ElasticNet(lambda: bad, ridge: 1) },
            refuses { () throws(InvalidPenalty) in _ = try SquareRootPenalty(lambda: bad) },
            refuses { () throws(InvalidPenalty) in _ = try LogarithmicPenalty(lambda: bad, width: 1) },
            refuses { () throws(InvalidPenalty) in _ = try MinimaxConcavePenalty(lambda: bad, gamma: 3) },
            refuses { () throws(InvalidPenalty) in _ = try SmoothlyClippedPenalty(lambda: bad, gamma: 3) },
        ]
        for message in expectsPositive { #expect(message?.hasPrefix("λ is ") == true) }
        let expectsShape = [
            refuses { () throws(InvalidPenalty) in _ = try ElasticNet(lambda: 1, ridge: bad) },
            refuses { () throws(InvalidPenalty) in _ = try LogarithmicPenalty(lambda: 1, width: bad) },
            refuses { () throws(InvalidPenalty) in _ = try MinimaxConcavePenalty(lambda: 1, gamma: bad) },
            refuses { () throws(InvalidPenalty) in _ = try SmoothlyClippedPenalty(lambda: 1, gamma: bad) },
        ]
        for message in expectsShape { #expect(message?.contains("expected a ") == true) }
        #expect(refuses { () throws(InvalidPenalty) in _ = try SmoothlyClippedPenalty(lambda: 1, gamma: 2) } != nil)
        // Zero and infinity are weights; negative numbers and NaN are not.
        let isWeight = bad >= 0
        #expect(
            (refuses { () throws(InvalidPenalty) in _ = try GroupLasso(lambda: 1, weights: [1, bad]) } == nil)
                == isWeight)
        #expect(
            (refuses { () throws(InvalidPenalty) in _ = try ElasticNet(lambda: 1, ridge: 1, weights: [bad]) } == nil)
                == isWeight)
        #expect(
            (refuses { () throws(InvalidPenalty) in _ = try SquareRootPenalty(lambda: 1, weights: [bad]) } == nil)
                == isWeight)
    }
}
