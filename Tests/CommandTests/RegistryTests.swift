import Foci
import Foundation
import TestSupport
import Testing

@testable import FociCommand

// A penalty, a criterion and a search that the program does not have: each is what one file of it holds, and one line in the
// list of its family, which is bound here for as long as a test lasts.

/// The logarithmic penalty λ·ε·Σ_j w_j log(1 + ‖B_j‖/ε), whose slope at zero is λ_j.
private struct ScaledLogarithm: NamedPenalty {
    let base: LogarithmicPenalty

    static let kind = PenaltyKind(
        Self.self, name: "log", help: "a logarithm of the norm",
        shape: PenaltyKind.Shape(option: .gamma, symbol: "ε", usual: 0.5))

    init(lambda: Double, shape: Double?, weights: [Double]?) throws(InvalidPenalty) {
        let width = shape ?? .nan
        base = try LogarithmicPenalty(lambda: lambda * width, width: width, weights: weights)
    }

    var isConvex: Bool { base.isConvex }
    func value(norm: Double, block: Int) -> Double { base.value(norm: norm, block: block) }
    func proximal(norm: Double, step: Double, block: Int) -> Double {
        base.proximal(norm: norm, step: step, block: block)
    }
    func activation(step: Double, block: Int) -> Double { base.activation(step: step, block: block) }
    func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        base.derivatives(norm: norm, block: block)
    }
    func thirdDerivative(norm: Double, block: Int) -> Double { base.thirdDerivative(norm: norm, block: block) }
}

/// Mallows' C_p (Mallows 1973): ‖Y − XB‖²/σ² − nT + 2·dof.
private struct MallowsCriterion: FitCriterion {
    let noiseVariance: Double
    var name: String { "Cp" }

    func combine(_ summary: FitSummary) -> FitValue {
        FitValue(
            value: summary.squaredResidual / noiseVariance - summary.entryCount + 2 * summary.degreesOfFreedom,
            residualSlope: 1 / noiseVariance, freedomSlope: 2)
    }
}

extension CriterionKind {
    fileprivate static let mallows = CriterionKind("cp", help: "Mallows' criterion", needsNoiseLevel: true) {
        MallowsCriterion(noiseVariance: $0.noiseVariance)
    }
}

/// Ternary search over one λ: of two points at the thirds of an interval the higher one is its next end.
private struct TernarySearch: Search {
    var name: String { "ternary" }

    func begin(at start: [Double], in domain: SearchDomain) {}

    func next(after points: [SearchPoint], memory: inout Void, in domain: SearchDomain) -> SearchStep {
        var (low, high) = (domain.lower[0], domain.upper[0])
        for k in stride(from: 1, to: points.count, by: 2) {
            let thirds = (points[k - 1], points[k])
            if thirds.0.value < thirds.1.value { high = thirds.1.logs[0] } else { low = thirds.0.logs[0] }
        }
        guard high - low > 0.02 else { return .end(.converged) }
        let third = (high - low) / 3
        return .evaluate([points.count % 2 == 0 ? low + third : high - third], gradient: false)
    }
}

extension SearchKind {
    fileprivate static let ternary = SearchKind("ternary", help: "thirds of an interval", reach: .one) { _ in
        TernarySearch()
    }
}

@Suite("Penalties, criteria and searches of one file and one line")
struct RegistryTests {
    let folder: TemporaryFolder
    let problem: String

    init() throws {
        folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 12)
        let gain = random.normal(rows: 24, columns: 40)
        let data =
            gain.columns([3, 17, 31]) * random.normal(rows: 3, columns: 8) + random.normal(rows: 24, columns: 8) * 0.5
        try folder.write("p.h5", try ProblemFile.encode(ProblemContents(gain: gain, data: data, orientations: 1)))
        problem = folder.path + "/p.h5"
    }

    private func withMore<Result>(_ body: () throws -> Result) rethrows -> Result {
        try PenaltyKind.$all.withValue(PenaltyKind.all + [ScaledLogarithm.kind]) {
            try CriterionKind.$all.withValue(CriterionKind.all + [.mallows]) {
                try SearchKind.$all.withValue(SearchKind.all + [.ternary], operation: body)
            }
        }
    }

    @Test("what is in no list is refused by name, and the message lists what there is")
    func unknown() throws {
        for (option, known) in [("--penalty", "scad"), ("--criterion", "ebic"), ("--search", "adam")] {
            let error = try #require(throws: (any Error).self) {
                try SelectCommand.parse(["--problem", "p.h5", option, "log"])
            }
            let message = SelectCommand.fullMessage(for: error)
            #expect(message.contains("'log'") && message.contains(known), "\(message)")
        }
    }

    @Test("a penalty of one file is solved for by its name, its number of shape included", arguments: [nil, 0.25])
    func penalty(_ shape: Double?) throws {
        let options = shape.map { ["--gamma", "\($0)"] } ?? []
        let result = try withMore {
            let arguments = ["--problem", problem, "--lambda-ratio", "0.3", "--penalty", "log", "--quiet"] + options
            let command = try #require(try SolveCommand.parse(arguments) as SolveCommand?)
            return try command.solved()
        }
        let contents = try ProblemFile.read(problem)
        let regression = try RegressionProblem(
            design: contents.design, response: contents.data, blocks: BlockStructure(count: 40, size: 1))
        let penalty = try ScaledLogarithm(lambda: 0.3 * regression.largestLambda(), shape: shape ?? 0.5, weights: nil)
        let direct = AutomaticSolver().solve(regression, penalty)
        #expect(result.penalty == "log" && result.last.reason == "converged" && result.last.relativeGap == nil)
        #expect(result.last.support == direct.active.blocks && result.last.nonzero > 0)
        #expect(abs(result.last.objective - direct.certificate.objective) < 1e-9 * direct.certificate.objective)
    }

    @Test("a kind says the scope that its penalty has", arguments: PenaltyKind.all)
    func scopes(_ kind: PenaltyKind) throws {
        let shape = kind.shape.map { $0.usual ?? 1 }
        #expect(try kind.type.init(lambda: 1, shape: shape, weights: nil).scope == kind.scope)
    }

    @Test("help and errors read the lists")
    func help() throws {
        let (solve, select) = withMore {
            #expect(throws: InputError.self) {
                try SolveCommand.parse([
                    "--problem", problem, "--lambda-ratio", "0.3", "--penalty", "log", "--gamma", "0",
                ])
                .solved()
            }
            #expect {
                try SolveCommand.parse(["--problem", problem, "--lambda-ratio", "0.3", "--gamma", "2"]).solved()
            } throws: { "\($0)".contains("mcp or scad or log") }
            return (SolveCommand.helpMessage(columns: 200), SelectCommand.helpMessage(columns: 200))
        }
        #expect(solve.contains("l21, l1, elastic-net, mcp, scad, log;") && solve.contains("  a logarithm of the norm"))
        #expect(select.contains("kfold-epochs, cp;") && select.contains("  Mallows' criterion"))
        #expect(select.contains("adam, ternary)") && select.contains("  thirds of an interval"))
        for help in [SolveCommand.helpMessage(columns: 200), SelectCommand.helpMessage(columns: 200)] {
            #expect(!help.contains("logarithm") && !help.contains("Mallows") && !help.contains("ternary"))
        }
    }

    @Test("a criterion and a search of one file choose λ by their names")
    func choice() throws {
        let arguments = ["--problem", problem, "--sigma", "0.5", "--quiet"]
        let (own, usual) = try withMore {
            (
                try SelectCommand.parse(arguments + ["--criterion", "cp", "--search", "ternary"]).selected(),
                try SelectCommand.parse(
                    arguments + ["--criterion", "sure", "--search", "grid", "--evaluations", "200"]
                )
                .selected()
            )
        }
        #expect(own.criterion == "Cp" && own.search == "ternary" && own.end == "converged")
        // C_p is SURE in units of σ² where there are no other wells.
        #expect(own.value * 0.25 <= usual.value + 0.02 * abs(usual.value))
        #expect(Set([3, 17, 31]).isSubset(of: own.support))
    }

    @Test("all three together, with a λ for every source")
    func together() throws {
        let selected = try withMore {
            try SelectCommand.parse([
                "--problem", problem, "--sigma", "0.5", "--quiet", "--criterion", "cp", "--penalty", "log", "--weights",
                "learned", "--evaluations", "8",
            ]).selected()
        }
        #expect(selected.penalty == "log" && selected.gamma == 0.5 && selected.weights?.count == 40)
        #expect(selected.history.last.map { $0.value < selected.history[0].value } == true)
        #expect(
            throws: InputError.self, "ternary search is of one λ"
        ) {
            try withMore {
                try SelectCommand.parse([
                    "--problem", problem, "--search", "ternary", "--weights", "learned",
                ]).selected()
            }
        }
    }
}
