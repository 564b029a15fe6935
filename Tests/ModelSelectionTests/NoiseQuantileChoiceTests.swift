import ModelSelection
import Testing

@Suite("The choice of λ by the quantile of noise")
struct NoiseQuantileChoiceTests {
    /// Rows of the second kind are three times as loud.
    private static let labels = (0..<30).map { $0 < 16 ? 5 : 1 }

    private static func problem(_ seed: UInt64, signal: Double) throws -> RegressionProblem {
        var random = SeededGenerator(seed: 1)
        let design = random.normal(rows: 30, columns: 80)
        random = SeededGenerator(seed: seed)
        var response = design.columns([7, 44]) * random.normal(rows: 2, columns: 12) * signal
        let noise = random.normal(rows: 30, columns: 12)
        for t in 0..<12 { for i in 0..<30 { response[i, t] += (labels[i] == 5 ? 1 : 3) * noise[i, t] } }
        return try RegressionProblem(
            design: design, response: response, blocks: BlockStructure(count: 80, size: 1))
    }

    private static func choice(_ problem: RegressionProblem, labels: [Int]?, draws: Int? = nil) throws -> SharedChoice {
        var method = SelectionMethod()
        method.criterion = .noiseQuantile
        method.draws = draws
        return try #require(
            try method.chooseLambda(
                AutomaticSolver().session(for: problem, parallelism: .serial), family: SharedLambda<GroupLasso>(),
                labels: labels, stop: StopRule(relativeGap: 1e-9)))
    }

    @Test("noise alone shows nothing in about 95 of 100 cases")
    func noiseAlone() throws {
        var quiet = 0
        for seed in 0..<200 {
            let problem = try Self.problem(100 + UInt64(seed), signal: 0)
            let found = try Self.choice(problem, labels: Self.labels, draws: 199)
            if found.solution.active.count == 0 { quiet += 1 }
        }
        // A deviation of 0.022, with that of the quantile.
        #expect((178...200).contains(quiet), "\(quiet)")
    }

    @Test("sources are found, and the noise level of each kind of row")
    func levels() throws {
        let problem = try Self.problem(3, signal: 2)
        let found = try Self.choice(problem, labels: Self.labels)
        let record = try #require(found.curve.quantile)
        #expect(Set([7, 44]).isSubset(of: found.solution.active.blocks) && found.solution.active.count < 10)
        // In ascending order of labels.
        #expect(record.deviations.count == 2 && record.draws == 40)
        // A little above the truth: what shrinkage leaves of the sources counts as noise.
        #expect((2.6...3.6).contains(record.deviations[0]) && (0.8...1.8).contains(record.deviations[1]))
        #expect(found.curve.chosen.ratio < 1 && !found.curve.atGridEdge && found.end == nil)
        // Optimal for S⁻¹ of those levels at Λ, the quantile.
        let residual = problem.response - found.solution.active.fit(in: problem)
        let solved = Matrix(rows: 30, columns: residual.columns) { i, t in
            residual[i, t] / record.deviations[Self.labels[i] == 5 ? 1 : 0]
        }
        for (j, norm) in problem.correlationNorms(solved, parallelism: .serial).enumerated() {
            #expect(norm <= record.quantile * (1 + 1e-3))
            if found.solution.active.blocks.contains(j) { #expect(norm >= record.quantile * (1 - 1e-3)) }
        }
        // One level for all rows: that of the residual.
        let single = try Self.choice(problem, labels: nil)
        let sigma = try #require(single.curve.quantile).deviations
        #expect(sigma.count == 1 && abs(sigma[0] - (single.solution.squaredResidual / 360).squareRoot()) < 1e-9)
        #expect(single.curve.quantile?.quantile == record.quantile)
        let alike = try Self.choice(problem, labels: [Int](repeating: 4, count: 30))
        #expect(alike.solution.active == single.solution.active)
    }

    @Test("data of zeros have no sources; too few draws are told")
    func edges() throws {
        let problem = try Self.problem(3, signal: 1)
        let silent = try problem.with(response: problem.response * 0)
        for labels in [nil, Self.labels] {
            let none = try Self.choice(silent, labels: labels)
            #expect(none.solution.active.count == 0 && none.largest == 0 && none.curve.chosen.ratio == 1)
        }
        #expect(throws: InvalidCriterion.self) { try Self.choice(problem, labels: nil, draws: 18) }
    }
}
