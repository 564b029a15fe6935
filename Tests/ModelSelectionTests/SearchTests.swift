import Foundation
import ModelSelection
import Synchronization
import Testing

/// A search with its type hidden, run on one λ.
struct AnySearch: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let run:
        @Sendable (SelectionObjective<SharedLambda<GroupLasso>>, [Double], SearchDomain, SearchLimit, Monitor) throws ->
            SearchRecord
    let resume:
        @Sendable (SearchRecord, SelectionObjective<SharedLambda<GroupLasso>>, SearchLimit, Monitor) throws ->
            SearchRecord

    init(_ search: some Search) {
        testDescription = search.name
        run = { try search.run($0, from: $1, in: $2, limit: $3, monitor: $4) }
        resume = { try search.resume($0, $1, limit: $2, monitor: $3) }
    }

    static let all = [
        AnySearch(BrentSearch()), AnySearch(GridSearch(count: 9)), AnySearch(RandomSearch(count: 9, seed: 3)),
        AnySearch(BayesianSearch(count: 14)), AnySearch(GradientDescent()), AnySearch(LineSearch()),
        AnySearch(QuasiNewtonSearch()), AnySearch(AdamSearch()), AnySearch(PathSearch()),
    ]

    /// Those that are meant to find a minimum in few evaluations.
    static let quick = [
        AnySearch(BrentSearch()), AnySearch(LineSearch()), AnySearch(QuasiNewtonSearch()),
    ]
}

@Suite("Searches")
struct SearchTests {
    /// An objective on a problem with true sources, with its domain.
    static func objective(
        _ seed: UInt64, width: Int = 1, samples: Int = 12, criterion: any Criterion = SteinRisk(),
        amplitude: Double = 0.6
    ) throws -> (objective: SelectionObjective<SharedLambda<GroupLasso>>, domain: SearchDomain) {
        let (problem, _) = try noisyProblem(
            n: 40, blocks: BlockStructure(count: 90, size: width), samples: samples, seed: seed, amplitude: amplitude)
        let largest = log(problem.largestLambda())
        return (
            try SelectionObjective(problem: problem, family: SharedLambda<GroupLasso>(), criterion: criterion),
            SearchDomain(lower: [largest + log(0.01)], upper: [largest])
        )
    }

    /// A criterion on a problem, and how near to the minimum of 200 points a search must come in 15 evaluations: the part
    /// of what there is to gain, from no source to the best λ, that may be missing.
    struct Case: Sendable, CustomTestStringConvertible {
        let criterion: NamedCriterion
        let problem: (seed: UInt64, width: Int, samples: Int)

        var testDescription: String { "\(criterion.testDescription), \(problem)" }

        /// Slopes do not see the jumps of exact degrees of freedom, and the evaluations these cost are lost for the look at
        /// wells. The deeper the jumps, the sooner 15 evaluations are too few: those of GCV are the deepest.
        func tolerance(_ search: AnySearch) -> Double {
            if criterion.criterion is any FitCriterion, search.testDescription != "brent" { return 0.02 }
            return criterion.criterion is GeneralizedCrossValidation ? 0.0125 : 0.01
        }

        /// Of a single sample the exact degrees of freedom are nothing but jumps, each a few hundredths of all there is to
        /// gain; of 40 entries cross-validated, wells are as many as sources. Monte-Carlo SURE alone has slopes there.
        static let all: [Case] = criteria.flatMap { criterion in
            [(31, 1, 12), (32, 3, 12), (33, 1, 12), (31, 1, 60), (31, 1, 1)]
                .filter { $0.2 > 1 || criterion.criterion is MonteCarloSteinRisk }
                .map { Case(criterion: criterion, problem: $0) }
        }

        static let criteria: [NamedCriterion] = [
            NamedCriterion(SteinRisk()), NamedCriterion(GeneralizedCrossValidation()),
            NamedCriterion(InformationCriterion(.akaike, noiseVariance: 1)),
            NamedCriterion(
                (try? RowSplit(rowCount: 40, folds: 4, seed: 2)).map { HeldOutRows(crossValidating: $0) }
                    ?? HeldOutRows([0]), "4-fold"),
            NamedCriterion(MonteCarloSteinRisk(seed: 1)),
        ]
    }

    @Test(
        "from any start 15 evaluations come within a hundredth, or the stated part, of the minimum of 200 points",
        arguments: Case.all)
    func minimum(_ test: Case) throws {
        let (criterion, problem) = (test.criterion, test.problem)
        let (objective, domain) = try Self.objective(
            problem.seed, width: problem.width, samples: problem.samples, criterion: criterion.criterion)
        let grid = try GridSearch(count: 200).run(objective, from: domain.upper, in: domain)
        try #require(grid.points.count == 200)
        let lowest = try #require(grid.best).value
        // What is there to gain, from no source to the best λ.
        let gain = grid.points[0].value - lowest
        for search in AnySearch.quick {
            let tolerance = test.tolerance(search)
            for ratio in [0.05, 0.08, 0.12, 0.2, 0.3, 0.45, 0.65, 0.9] {
                let fresh = try Self.objective(
                    problem.seed, width: problem.width, samples: problem.samples, criterion: criterion.criterion
                ).objective
                let found = try search.run(
                    fresh, [domain.upper[0] + log(ratio)], domain, SearchLimit(maximumEvaluations: 15), .silent)
                // Values along the way may be inexact.
                let best = try objective.evaluate(
                    try #require(found.best).logs, wantsGradient: false, stop: StopRule()
                ).value
                #expect(
                    best <= lowest + tolerance * gain,
                    "\(search.testDescription) from \(ratio): \((best - lowest) / gain) above, \(found.points.count)")
                #expect(found.points.count <= 15 && found.end != nil)
                #expect(found.innerSolves * 5 <= grid.innerSolves)
            }
        }
    }

    @Test("stopped, written down and taken up again, a search goes the same way", arguments: AnySearch.all, [2, 5])
    func resumption(_ search: AnySearch, _ stops: Int) throws {
        let stop = StopRule(relativeGap: 1e-10)
        let (objective, domain) = try Self.objective(34)
        let start = [domain.upper[0] + log(0.5)]
        let whole = try search.run(
            objective, start, domain, SearchLimit(maximumEvaluations: 12, stop: stop), .silent)
        var part = try search.run(
            try Self.objective(34).objective, start, domain, SearchLimit(maximumEvaluations: stops, stop: stop), .silent
        )
        #expect(part.points.count <= stops)
        if part.points.count == stops { #expect(part.end == .evaluationLimit || part.end == whole.end) }
        part = try SearchRecord(json: part.json())
        let resumed = try search.resume(
            part, try Self.objective(34).objective, SearchLimit(maximumEvaluations: 12, stop: stop), .silent)
        #expect(resumed.end == whole.end && resumed.points.count == whole.points.count)
        for (a, b) in zip(resumed.points, whole.points) {
            #expect(abs(a.logs[0] - b.logs[0]) < 1e-5 && abs(a.value - b.value) < 1e-5 * (1 + abs(b.value)))
        }
    }

    @Test("the same settings give the same search, bit for bit", arguments: AnySearch.all)
    func determinism(_ search: AnySearch) throws {
        func once() throws -> [[Double]] {
            let (objective, domain) = try Self.objective(35, criterion: MonteCarloSteinRisk(seed: 5))
            return try search.run(
                objective, [domain.upper[0] - 1], domain, SearchLimit(maximumEvaluations: 8), .silent
            ).points.map { $0.logs + [$0.value] + ($0.gradient ?? []) }
        }
        #expect(try once() == once())
    }

    @Test("a record of other data is told apart, even where only signs differ, an even number of them")
    func fingerprints() throws {
        func print(_ values: [Double]) -> UInt64 {
            var print = Fingerprint()
            print.absorb(values)
            return print.value
        }
        let values = [1.5, -2, 3, 0.25]
        #expect(print(values) == print(values))
        #expect(
            Set([values, [-1.5, 2, 3, 0.25], values.map { -$0 }, values.map { 2 * $0 }, values.reversed()].map(print))
                .count == 5)
    }

    @Test("seeds matter where they should, and nowhere else")
    func seeds() throws {
        let (objective, domain) = try Self.objective(36)
        func points(_ search: some Search) throws -> [[Double]] {
            try search.run(objective, from: domain.upper, in: domain).points.map(\.logs)
        }
        #expect(try points(RandomSearch(count: 5, seed: 1)) != points(RandomSearch(count: 5, seed: 2)))
        #expect(try points(RandomSearch(count: 5, seed: 1)) == Array(points(RandomSearch(count: 9, seed: 1)).prefix(5)))
    }

    @Test("cancellation keeps what was evaluated, and a record of another search is refused", arguments: AnySearch.all)
    func cancellation(_ search: AnySearch) throws {
        let (objective, domain) = try Self.objective(37)
        let questions = Atomic(0)
        let monitor = Monitor(isCancelled: { questions.add(1, ordering: .relaxed).newValue > 20 })
        let found = try search.run(
            objective, [domain.upper[0] - 1], domain, SearchLimit(maximumEvaluations: 40), monitor)
        #expect(found.end == .cancelled && found.points.count < 40)
        let other = try RandomSearch(count: 2, seed: 8).run(objective, from: domain.upper, in: domain)
        if search.testDescription == "random" {
            // Another start is another search.
            let text = String(decoding: try other.json(), as: UTF8.self)
                .replacingOccurrences(of: "\"start\":[", with: "\"start\":[-")
            let moved = try SearchRecord(json: Data(text.utf8))
            #expect(throws: InvalidRecord.history(evaluation: 1)) {
                try search.resume(moved, objective, SearchLimit(), .silent)
            }
        } else {
            #expect(throws: InvalidRecord.search(found: "random", expected: search.testDescription)) {
                try search.resume(other, objective, SearchLimit(), .silent)
            }
        }
    }

    @Test("two hyperparameters: Brent in turns and the gradient searches reach the minimum of a grid")
    func elasticNet() throws {
        let (problem, _) = try noisyProblem(
            n: 30, blocks: BlockStructure(count: 50, size: 1), samples: 6, seed: 41, amplitude: 0.6)
        let largest = log(problem.largestLambda())
        let domain = SearchDomain(lower: [largest - 4, -4], upper: [largest, 4])
        func objective() throws -> SelectionObjective<SharedLambda<ElasticNet>> {
            try SelectionObjective(problem: problem, family: SharedLambda<ElasticNet>(), criterion: SteinRisk())
        }
        let grid = try GridSearch(count: 25).run(objective(), from: domain.upper, in: domain)
        #expect(grid.points.count == 625 && grid.end == .exhausted)
        #expect(Set(grid.points.map(\.logs)).count == 625)
        let lowest = try #require(grid.best).value
        let gain = grid.points[0].value - lowest
        let start = [largest - 0.7, 0.0]
        let limit = SearchLimit(maximumEvaluations: 60)
        for record in [
            try BrentSearch().run(objective(), from: start, in: domain, limit: limit),
            try QuasiNewtonSearch().run(objective(), from: start, in: domain, limit: limit),
            try LineSearch().run(objective(), from: start, in: domain, limit: limit),
            try BayesianSearch(count: 50).run(objective(), from: start, in: domain, limit: limit),
        ] {
            let best = try #require(record.best).value
            #expect(best <= lowest + 0.02 * gain, "\(record.search): \((best - lowest) / gain)")
        }
    }

    @Test("learned weights lower the criterion below the best shared λ", arguments: [1, 3])
    func learnedWeights(_ width: Int) throws {
        let (problem, _) = try noisyProblem(
            n: 30, blocks: BlockStructure(count: 40, size: width), samples: 6, seed: 43, amplitude: 0.6)
        let largest = problem.largestLambda()
        let shared = try #require(
            try SelectionMethod().chooseLambda(
                AutomaticSolver().session(for: problem, parallelism: .serial), family: SharedLambda<GroupLasso>(),
                stop: StopRule())
        )
        let logs = [Double](repeating: log(shared.curve.chosen.lambda), count: problem.blocks.count)
        let domain = SearchDomain(
            lower: logs.map { _ in log(largest) - 5 }, upper: logs.map { _ in log(0.9 * largest) })
        for record in [
            try LineSearch().run(learned(problem), from: logs, in: domain, limit: SearchLimit(maximumEvaluations: 40)),
            try QuasiNewtonSearch().run(
                learned(problem), from: logs, in: domain, limit: SearchLimit(maximumEvaluations: 40)),
            try AdamSearch().run(learned(problem), from: logs, in: domain, limit: SearchLimit(maximumEvaluations: 40)),
        ] {
            let gain = record.points[0].value - (record.best?.value ?? .infinity)
            #expect(gain > 5, "\(record.search) gained \(gain)")
        }
    }

    private func learned(_ problem: RegressionProblem) throws -> SelectionObjective<LearnedWeights<GroupLasso>> {
        try SelectionObjective(
            problem: problem, family: LearnedWeights<GroupLasso>(blockCount: problem.blocks.count),
            criterion: SteinRisk())
    }
}
