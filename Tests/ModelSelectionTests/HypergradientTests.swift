import Foundation
import ModelSelection
import TestSupport
import Testing

/// λ·r + κ·r³ with (log λ, log κ): φ″ changes with r, and outgrows φ′/r.
private struct CubicFamily: PenaltyFamily {
    let name = "cubic"
    let parameterCount = 2

    func penalty(at logs: [Double]) throws(InvalidPenalty) -> CubicNorm {
        CubicNorm(lambda: exp(logs[0]), cube: exp(logs[1]))
    }

    func sensitivities(of penalty: CubicNorm, norm: Double, block: Int) -> [Sensitivity] {
        [
            Sensitivity(parameter: 0, (penalty.lambda, 0)),
            Sensitivity(parameter: 1, (3 * penalty.cube * norm * norm, 6 * penalty.cube * norm)),
        ]
    }
}

/// A penalty family on a problem, at a point with some blocks active, its type hidden.
struct Model: Sendable, CustomTestStringConvertible {
    let testDescription: String
    private let check: @Sendable (any Criterion, any Hypergradient) throws -> Comparison

    /// A gradient, its judge, and the supports that the judge saw.
    struct Comparison {
        var gradient: [Double] = []
        var differences: [Double] = []
        var activeCount = 0
        var isSmooth = true
        var freedom: Double?

        /// ‖gradient − differences‖ over ‖differences‖.
        var error: Double {
            let squares = zip(gradient, differences).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            return (squares / max(differences.reduce(0) { $0 + $1 * $1 }, 1e-300)).squareRoot()
        }
    }

    /// The gradient of a criterion by a method, against central differences of solves to 1e-14.
    func compare(_ criterion: any Criterion, _ method: any Hypergradient) throws -> Comparison {
        try check(criterion, method)
    }

    init<Family: PenaltyFamily>(
        _ name: String, width: Int, samples: Int, family: @escaping @Sendable (RegressionProblem) -> Family,
        logs: @escaping @Sendable (RegressionProblem) -> [Double]
    ) {
        testDescription = name
        check = { criterion, method in
            let (problem, _) = try noisyProblem(
                n: 14, blocks: BlockStructure(count: width == 1 ? 30 : 12, size: width), samples: samples, seed: 23)
            let family = family(problem)
            let objective = try SelectionObjective(
                problem: problem, family: family, criterion: criterion, hypergradient: .analytic(method))
            let point = logs(problem)
            let stop = StopRule(relativeGap: 1e-16, relativeViolation: 1e-15)
            let found = try objective.evaluate(point, wantsGradient: true, stop: stop)
            var result = Comparison(
                gradient: try #require(found.gradient), activeCount: found.activeCount,
                freedom: found.degreesOfFreedom)
            for k in point.indices {
                // Central differences of fourth order, as wide as the next kink allows: the rounding of the solves shows
                // where they are narrow.
                var smooth: Double?
                for step in [6e-3, 2e-3, 5e-4, 1e-4] where smooth == nil {
                    var difference = 0.0
                    var isSmooth = true
                    for (place, weight) in [(1.0, 8.0), (-1, -8), (2, -1), (-2, 1)] {
                        var moved = point
                        moved[k] += place * step
                        let there = try objective.evaluate(moved, wantsGradient: false, stop: stop)
                        isSmooth = isSmooth && there.activeCounts == found.activeCounts
                        difference += weight * there.value / (12 * step)
                    }
                    smooth = isSmooth ? difference : nil
                }
                result.isSmooth = result.isSmooth && smooth != nil
                result.differences.append(smooth ?? .nan)
            }
            return result
        }
    }

    /// log λ at a fraction of λ_max.
    private static func log(_ ratio: Double, _ problem: RegressionProblem) -> Double {
        Foundation.log(ratio * problem.largestLambda())
    }

    /// log λ_j that differ from block to block.
    private static func logs(_ ratio: Double, _ count: Int, _ problem: RegressionProblem) -> [Double] {
        (0..<count).map { log(ratio, problem) + 0.15 * Double($0 % 5) }
    }

    static let all: [Model] = [
        Model("L2,1, one column", width: 1, samples: 5, family: { _ in SharedLambda<GroupLasso>() }) { [log(0.3, $0)] },
        Model("L2,1, three columns", width: 3, samples: 4, family: { _ in SharedLambda<GroupLasso>() }) {
            [log(0.3, $0)]
        },
        Model("L2,1, more samples than rows", width: 3, samples: 20, family: { _ in SharedLambda<GroupLasso>() }) {
            [log(0.35, $0)]
        },
        Model(
            "L2,1, given weights", width: 3, samples: 4,
            family: { SharedLambda<GroupLasso>(weights: (0..<$0.blocks.count).map { 0.8 + 0.1 * Double($0 % 4) }) }
        ) { [log(0.3, $0)] },
        Model(
            "L2,1, learned weights, one column", width: 1, samples: 5,
            family: { LearnedWeights<GroupLasso>(blockCount: $0.blocks.count) }
        ) { logs(0.25, $0.blocks.count, $0) },
        Model(
            "L2,1, learned weights, three columns", width: 3, samples: 4,
            family: { LearnedWeights<GroupLasso>(blockCount: $0.blocks.count) }
        ) { logs(0.25, $0.blocks.count, $0) },
        Model("L1, one sample", width: 1, samples: 1, family: { _ in SharedLambda<Lasso>() }) {
            [log(0.3, $0)]
        },
        Model("L1, three samples", width: 1, samples: 3, family: { _ in SharedLambda<Lasso>() }) {
            [log(0.2, $0)]
        },
        Model(
            "L1, learned weights, one sample", width: 1, samples: 1,
            family: { LearnedWeights<Lasso>(blockCount: $0.blocks.count) }
        ) { logs(0.25, $0.blocks.count, $0) },
        Model("elastic net, one column", width: 1, samples: 5, family: { _ in SharedLambda<ElasticNet>() }) {
            [log(0.25, $0), Foundation.log(1.5)]
        },
        Model("elastic net, three columns", width: 3, samples: 4, family: { _ in SharedLambda<ElasticNet>() }) {
            [log(0.25, $0), Foundation.log(1.5)]
        },
        Model(
            "elastic net, learned weights, one column", width: 1, samples: 5,
            family: { LearnedWeights<ElasticNet>(blockCount: $0.blocks.count) }
        ) { logs(0.2, $0.blocks.count, $0) + [Foundation.log(1.5)] },
        Model(
            "elastic net, learned weights, three columns", width: 3, samples: 4,
            family: { LearnedWeights<ElasticNet>(blockCount: $0.blocks.count) }
        ) { logs(0.2, $0.blocks.count, $0) + [Foundation.log(1.5)] },
        Model("cubic, one column", width: 1, samples: 5, family: { _ in CubicFamily() }) {
            [log(0.25, $0), Foundation.log(0.3)]
        },
        Model("cubic, three columns", width: 3, samples: 4, family: { _ in CubicFamily() }) {
            [log(0.25, $0), Foundation.log(0.3)]
        },
        Model(
            "elastic net, given ridge", width: 3, samples: 4, family: { _ in SharedLambda<ElasticNet>(shape: 1.5) }
        ) { [log(0.25, $0)] },
        Model(
            "MCP, three columns", width: 3, samples: 4, family: { _ in SharedLambda<MinimaxConcavePenalty>(shape: 3) }
        ) { [log(0.25, $0)] },
        Model(
            "SCAD, three columns", width: 3, samples: 4, family: { _ in SharedLambda<SmoothlyClippedPenalty>(shape: 5) }
        ) { [log(0.25, $0)] },
        Model(
            "elastic net of entries, one sample", width: 1, samples: 1,
            family: { _ in SharedLambda<Entrywise<ElasticNet>>() }
        ) { [log(0.25, $0), Foundation.log(1.5)] },
    ]
}

/// A criterion with a name for the list of tests.
struct NamedCriterion: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let criterion: any Criterion

    init(_ criterion: any Criterion, _ name: String? = nil) {
        self.criterion = criterion
        testDescription = name ?? criterion.name
    }

    static let all: [NamedCriterion] = [
        NamedCriterion(SteinRisk(noiseVariance: 0.8)),
        NamedCriterion(MonteCarloSteinRisk(noiseVariance: 0.8, draws: 2, seed: 4)),
        NamedCriterion(HeldOutRows([1, 4, 7, 12])),
        NamedCriterion(
            (try? RowSplit(rowCount: 14, folds: 3, seed: 1)).map { HeldOutRows(crossValidating: $0) }
                ?? HeldOutRows([0]), "3-fold"),
        NamedCriterion(GeneralizedCrossValidation()),
        NamedCriterion(InformationCriterion(.akaike, noiseVariance: 0.8)),
        NamedCriterion(InformationCriterion(.bayesian)),
        NamedCriterion(InformationCriterion(.extended(gamma: 0.5), noiseVariance: 0.8)),
    ]
}

@Suite("Hypergradients")
struct HypergradientTests {
    static let methods: [any Hypergradient] = [
        ImplicitGradient(), ImplicitForwardGradient(), ForwardGradient(), BackwardGradient(),
    ]

    @Test("all four agree with central differences and with one another", arguments: Model.all, NamedCriterion.all)
    func agreement(_ model: Model, _ criterion: NamedCriterion) throws {
        let reference = try model.compare(criterion.criterion, ImplicitGradient())
        try #require(reference.activeCount > 1 && reference.isSmooth, "the point is no place to compare at")
        #expect(reference.differences.contains { abs($0) > 1e-3 })
        #expect(reference.error <= 1e-5, "implicit: \(reference.error)")
        for method in Self.methods.dropFirst() {
            let other = try model.compare(criterion.criterion, method)
            #expect(other.error <= 1e-5, "\(method.name): \(other.error)")
            let difference = Model.Comparison(gradient: other.gradient, differences: reference.gradient).error
            #expect(difference <= 1e-6, "\(method.name) differs by \(difference)")
        }
    }
}
