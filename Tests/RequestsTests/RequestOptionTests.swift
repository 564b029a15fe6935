import LinearAlgebra
import Testing

@testable import Requests

@Suite("Requests by the names of options")
struct RequestOptionTests {
    /// A small problem with two true columns.
    private func problem() throws -> RegressionProblem {
        var random = SeededGenerator(seed: 3)
        let design = random.normal(rows: 30, columns: 80)
        var truth = Matrix(rows: 80, columns: 4)
        for t in 0..<4 { (truth[7, t], truth[42, t]) = (3 * random.normal(), 3 * random.normal()) }
        return try RegressionProblem(
            design: design, response: design * truth + random.normal(rows: 30, columns: 4) * 0.3,
            blocks: BlockStructure(count: 80, size: 1))
    }

    @Test("an option that does not exist is refused, and those that do are listed")
    func unknown() {
        func check<Request: NamedRequest>(_ type: Request.Type) {
            #expect {
                try Request(["colour": .text("red")])
            } throws: { error in
                let text = "\(error)"
                return text.contains("'colour'") && text.contains(Request.function)
                    && Request.options.allSatisfy { text.contains($0.name.rawValue) }
            }
        }
        check(SolveRequest.self)
        check(SelectRequest.self)
        check(RefineRequest.self)
        check(LocalizationRequest.self)
    }

    @Test("no option is listed twice, and each refuses what it cannot be")
    func wrongValues() {
        func check<Request: NamedRequest>(_ type: Request.Type) {
            let names = Request.options.map(\.name.rawValue)
            #expect(Set(names).count == names.count)
            for name in names {
                // An array of this length is none of the numbers, words or pairs that options take; arrays are.
                guard !["weights", "lambdas", "start"].contains(name),
                    !(name == "windows" && Request.self == SolveRequest.self),
                    name != "steps"
                else { continue }
                #expect(throws: InputError.self, "\(name)") { try Request([name: .numbers([1, 2, 3])]) }
            }
        }
        check(SolveRequest.self)
        check(SelectRequest.self)
        check(RefineRequest.self)
        check(LocalizationRequest.self)
    }

    @Test("numbers may be given as numbers or as text; NaN is none")
    func numbers() throws {
        let (a, b) = (try SolveRequest(["gap": .number(1e-4)]), try SolveRequest(["gap": .text("1e-4")]))
        #expect(a.stop == b.stop && a.stop.relativeGap == 1e-4 && a.stop.relativeViolation == 1e-4)
        #expect(throws: InputError.self) { try SolveRequest(["gap": .number(.nan)]) }
        #expect(throws: InputError.self) { try SelectRequest(["folds": .number(2.5)]) }
        #expect(throws: InputError.self) { try SelectRequest(["seed": .number(-1)]) }
        #expect(try SelectRequest(["seed": .text("18446744073709551615")]).seed == .max)
    }

    @Test("a solve by λ, by its ratio and at the end of a path is one and the same")
    func solve() throws {
        let problem = try problem()
        let ratio = try SolveRequest(["lambda-ratio": .number(0.2), "gap": .number(1e-12)]).run(problem)
        let value = try SolveRequest(["lambda": .number(0.2 * ratio.largest), "gap": .number(1e-12)]).run(problem)
        let path = try SolveRequest([
            "lambda-ratio": .number(0.2), "count": .number(6), "gap": .number(1e-12),
        ]).run(problem)
        #expect(path.points.count == 6 && ratio.points.count == 1)
        for other in [value, path] {
            #expect(other.active.blocks == ratio.active.blocks && [7, 42].allSatisfy(other.active.blocks.contains))
            #expect((other.active.coefficients - ratio.active.coefficients).squaredNorm < 1e-9)
        }
    }

    @Test("weights are those of the penalty: infinity leaves a block out, and a weighted λ_max is one")
    func weights() throws {
        let problem = try problem()
        var weights = [Double](repeating: 1, count: 80)
        weights[7] = .infinity
        let answer = try SolveRequest(["lambda-ratio": .number(0.1), "weights": .numbers(weights)]).run(problem)
        #expect(!answer.active.blocks.contains(7) && answer.active.blocks.contains(42))
        weights[7] = 0.5
        let half = try SolveRequest(["lambda-ratio": .number(1), "weights": .numbers(weights)]).run(problem)
        #expect(half.largest == problem.largestLambda(weights: weights) && half.active.count == 0)
        #expect {
            try SolveRequest(["lambda-ratio": .number(1), "weights": .numbers([1, 1])]).run(problem)
        } throws: { "\($0)".contains("expected 80") }
    }

    @Test("debiased coefficients fit better, reweighted ones are fewer, at the same λ")
    func afterwards() throws {
        let problem = try problem()
        let plain = try SolveRequest(["lambda-ratio": .number(0.02)]).run(problem)
        let debiased = try SolveRequest(["lambda-ratio": .number(0.02), "debias": .text("true")]).run(problem)
        #expect(debiased.squaredResidual < plain.squaredResidual && debiased.active.blocks == plain.active.blocks)
        let residual = (problem.response - debiased.active.fit(in: problem)).squaredNorm
        #expect(abs(residual - debiased.squaredResidual) < 1e-10 * residual)
        let reweighted = try SolveRequest(["lambda-ratio": .number(0.02), "reweight": .number(5)]).run(problem)
        #expect(reweighted.active.count < plain.active.count && [7, 42].allSatisfy(reweighted.active.blocks.contains))
    }

    @Test("reweighting of scale unit descends on ½‖Y − XB‖² + λΣ√‖B_j‖")
    func unitScale() throws {
        let problem = try problem()
        let plain = try SolveRequest(["lambda-ratio": .number(0.3)]).run(problem)
        let unit = try SolveRequest([
            "lambda-ratio": .number(0.3), "reweight": .number(50), "reweight-scale": .text("unit"),
            "gap": .number(1e-12),
        ]).run(problem)
        let lambda = 0.3 * plain.largest
        func objective(_ answer: SolveRequest.Answer) -> Double {
            0.5 * answer.squaredResidual + lambda * answer.active.norms.reduce(0) { $0 + $1.squareRoot() }
        }
        #expect(objective(unit) < objective(plain) && unit.active.count > 0)
        // At rest: X_jᵀR = λ B_j / (2 ‖B_j‖^{3/2}) for every active block.
        let residual = problem.response - unit.active.fit(in: problem)
        let columns = unit.active.designColumns(of: problem)
        let correlations = Matrix.product(residual, transposed: true, columns)
        for (i, norm) in unit.active.norms.enumerated() {
            for t in 0..<4 {
                let slope = lambda * unit.active.coefficients[t, i] / (2 * norm * norm.squareRoot())
                #expect(abs(correlations[t, i] - slope) < 1e-4 * lambda)
            }
        }
    }

    @Test("blocks worth more than noise: the true ones, and none of noise alone at the rate asked for")
    func refine() throws {
        let problem = try problem()
        let answer = try RefineRequest(["sigma": .number(0.3)]).run(problem)
        #expect(answer.active.blocks == [7, 42] && answer.summary.settled)
        // Scores by hand: the residual of the fit without each.
        for (i, block) in answer.active.blocks.enumerated() {
            let rest = answer.active.blocks.filter { $0 != block }
            let one = SubsetSelection(charge: 1)
            let dictionary = AtomDictionary(design: problem.design, families: [.identity(problem.blocks)], ridge: 1e-6)
            let atoms = rest.map { AtomDictionary.Atom(family: 0, block: $0) }
            let coefficients = try #require(one.coefficients(atoms, dictionary, response: problem.response))
            let fit = Matrix.product(
                problem.design.columns(rest), transposed: false, coefficients, transposed: true)
            let without = (problem.response - fit).squaredNorm
            #expect(abs(without - answer.summary.squaredResidual - answer.scores[i]) < 1e-3 * without)
        }
        var (random, falsely) = (SeededGenerator(seed: 11), 0)
        for _ in 0..<60 {
            let noise = try problem.with(response: random.normal(rows: 30, columns: 4) * 0.3)
            let found = try RefineRequest(["sigma": .number(0.3)]).run(noise)
            if !found.active.blocks.isEmpty { falsely += 1 }
        }
        // 5 % of 60 are 3; more than 10 are as likely as 1 in 4000.
        #expect(falsely <= 10)
    }

    @Test("a localization's options have the meaning of the command's")
    func localization() throws {
        let request = try LocalizationRequest([
            "orientation": .text("loose:0.3"), "depth": .number(0.5), "lambda": .number(0.25),
            "weights": .text("shared"), "rank": .number(64), "window": .numbers([0.05, 0.15]), "sigma": .number(1.5),
            "stability": .number(20), "keep-preparation": .text("true"),
            "naming": .text("gain-error=gain_error,lambda=alpha"),
        ])
        let settings = try request.settings()
        #expect(settings.preparation.orientation == .loose(0.3) && settings.preparation.depth == 0.5)
        #expect(settings.lambda == .ratio(0.25) && settings.selection.weights == .shared)
        #expect(settings.preparation.rank == .given(meg: nil, eeg: nil, only: 64))
        #expect(settings.preparation.window == 0.05...0.15 && settings.preparation.noiseLevel == .deviation(1.5))
        #expect(settings.stability.repeats == 20 && request.keepsPreparation)
        #expect(request.name(of: .lambda) == "alpha" && request.name(of: .depth) == "depth")
        #expect(throws: InputError.self) {
            try LocalizationRequest(["penalty": .text("l21"), "gamma": .number(3)]).settings()
        }
    }
}
