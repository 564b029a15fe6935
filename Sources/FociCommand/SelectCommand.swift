import ArgumentParser
import Foci
import Foundation

/// `foci select`: the choice of hyperparameters, numerics alone.
struct SelectCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "select",
            abstract: "Choose the hyperparameters of a whitened problem.",
            discussion: """
                Minimizes a criterion over λ, over λ and μ of the elastic net, or over a λ_j for every source. The penalties are
                \(listed(PenaltyKind.all.map { ($0.name, $0.help) }))
                the criteria
                \(listed(CriterionKind.all.filter { !$0.needsReplicates }.map { ($0.name, $0.help) }))
                and the searches
                \(listed(SearchKind.all.map { ($0.name, $0.help) }))

                EXAMPLES
                  foci select --problem p.h5 --criterion sure --json
                  foci select --problem p.h5 --criterion sure-mc --weights learned \\
                      --search l-bfgs --sigma 0.577
                  foci select --problem p.h5 --criterion kfold --penalty elastic-net \\
                      --search brent
                """)
    }

    @Option(help: ArgumentHelp("Problem: datasets gain and data, attribute orientations.", valueName: "file"))
    var problem: String

    @Option(help: "What makes a choice good.")
    var criterion = CriterionKind.sure

    @Option(help: "How it is searched for; brent by default, line-search for learned weights.")
    var search: SearchKind?

    @OptionGroup var penalizing: PenaltyOptions

    @Option(help: "One λ for all sources, or one learned for each.")
    var weights = SelectRequest.Weights.shared

    @Option(help: "Standard deviation of an entry of the noise; 1 after whitening.")
    var sigma = 1.0

    @Option(help: "How gradients are computed.")
    var hypergradient = GradientSource.analytic(ImplicitGradient())

    @Option(
        help: ArgumentHelp(
            "Where to begin, as a fraction of λ_max: 0.5 by default, 0.1 for learned weights.", valueName: "ratio"))
    var start: Double?

    @Option(help: ArgumentHelp("Most evaluations; points of a grid along each side.", valueName: "n"))
    var evaluations: Int?

    @Option(help: ArgumentHelp("Folds of kfold; held-out holds out the first of them.", valueName: "n"))
    var folds = 5

    @Option(
        help: ArgumentHelp(
            "Random directions of sure-mc (1 by default), draws of noise of noise-quantile (40).", valueName: "n"))
    var draws: Int?

    @Option(help: "Seed of folds, directions and draws.")
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "Keeps the search in this file, and takes it up from there when the file exists.", valueName: "file"))
    var state: String?

    @OptionGroup var computing: ComputingOptions

    func run() throws {
        let result = try selected()
        if computing.json {
            try Terminal.result(JSON.text(result, isIndented: false, keys: .convertToSnakeCase))
        } else {
            try Terminal.result(result.text)
        }
    }

    /// Chooses what the options ask for.
    ///
    /// - Throws: ``InputError``, and `CancellationError` where the user interrupted.
    func selected() throws -> SelectSummary {
        let request = try request()
        let regression = try SolveCommand.read(problem, keepsSamples: request.penalty.scope == .entry)
        let saved = try state.flatMap { FileManager.default.fileExists(atPath: $0) ? try Self.saved($0) : nil }
        do {
            return try naming(problem) {
                try request.run(
                    regression, resuming: saved, monitor: Terminal.monitor(quiet: computing.quiet), keep: keep
                ).summary
            }
        } catch let error as InvalidRecord {
            throw InputError(state ?? "--state", found: "\(error)")
        }
    }

    /// What the options ask for.
    private func request() throws(InputError) -> SelectRequest {
        var request = SelectRequest()
        request.criterion = criterion
        request.search = search
        request.hypergradient = hypergradient
        request.penalty = penalizing.penalty
        request.shapes = penalizing.shapes
        request.weights = weights
        request.sigma = sigma
        request.start = start
        request.evaluations = evaluations
        request.folds = folds
        request.draws = draws
        request.seed = seed
        request.stop = try computing.stop()
        request.parallelism = try computing.parallelism()
        try request.check()
        if !criterion.isSearched, state != nil {
            throw InputError(
                .criterion, found: "\(criterion.name) with a state", expected: "none: it is not searched for")
        }
        return request
    }

    /// Keeps a search in its file.
    private func keep(_ record: SearchRecord) throws {
        if let state { try AtomicFile.write(Array(try record.json()), to: state) }
        if record.end == .cancelled, let state {
            Terminal.fail("interrupted; the search is kept in \(state), run the same command to go on", code: 130)
        }
    }

    private static func saved(_ path: String) throws(InputError) -> SearchRecord {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw InputError(path, found: "a file that cannot be read", expected: "a search kept by --state")
        }
        guard let record = try? SearchRecord(json: data) else {
            throw InputError(path, found: "no search", expected: "a file written by --state")
        }
        return record
    }
}

extension SelectSummary {
    /// What λ follows from, on a line of its own; nothing where it is not the noise.
    private var noise: String {
        guard let noiseQuantile else { return "" }
        let levels = noiseQuantile.deviations.map { String(format: "%.4g", $0) }.joined(separator: ", ")
        let quantile = String(format: "%.6g", noiseQuantile.quantile)
        return "\nnoise          σ = \(levels), quantile \(quantile) of \(noiseQuantile.draws) draws"
    }

    /// The choice in a few lines, for people.
    var text: String {
        let choice = lambdaRatio.map { String(format: "λ = %.4g of λ_max", $0) } ?? "one λ a source"
        return """
            choice         \(choice)\(ridge.map { String(format: ", μ = %.4g", $0) } ?? "")\(gamma.map { String(format: ", γ = %.4g", $0) } ?? "")
            criterion      \(criterion) = \(String(format: "%.6g", value))
            sources        \(support.count)\(noise)
            search         \(search): \(evaluations) evaluations, \(innerSolves) solves, \(end ?? "")
            time           \(String(format: "%.3f", seconds)) s
            """
    }
}
