import ArgumentParser
import Batches
import Foci
import Foundation

/// Width of the kernel over which places of subjects count as one.
enum KernelChoice: ExpressibleByArgument, Equatable {
    case automatic
    /// mm.
    case width(Double)

    /// `auto` or a number; its range is checked with the other settings.
    init?(argument: String) {
        if argument == "auto" {
            self = .automatic
        } else if let width = Double(argument) {
            self = .width(width)
        } else {
            return nil
        }
    }

    var defaultValueDescription: String {
        switch self {
        case .automatic: "auto"
        case .width(let width): "\(width)"
        }
    }
}

/// `foci group RESULTS`: analyses over all subjects of a batch.
struct GroupCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "group",
            abstract: "Analyse all subjects of a batch together.",
            discussion: """
                RESULTS is the output folder of 'foci batch'. What is done there is read again, every subject and condition \
                from its own files with its own settings, and given to the analyses:
                \(listed(GroupAnalyses.all.map { ($0.name, $0.help) }))

                Each writes a folder of its name below RESULTS/group, whole or not at all, and a section of \
                RESULTS/group.html, which stays while the batch's results are the same.

                joint: subjects are localized alone, then the places of the group are sought in the data of all at \
                once, and where the others have a source it takes less to show one. Every subject keeps its own data, \
                positions and amplitudes, in group/joint as 'foci localize' writes them. Places compare on a template \
                or in MNI coordinates where there are such, else by an affine alignment of the candidate sources. The \
                width of the kernel over which places count as one is the one under which the data of all are \
                likeliest; where they are no likelier than with sources anywhere nothing is shared. With reweighted \
                sources a map of all is shared instead, and its width is the one under which the sources found alone \
                predict one another best.

                statistics: amplitudes at the places of the group are fitted again for every recording, with the covariance of \
                their errors, and explained by mixed-effects models: which effects there are, tested with Holm's correction \
                over all places and effects and chosen by averaging over models, how much they differ between subjects, and \
                who departs.

                connections: of recordings of single epochs the places are fitted in every epoch, and who drives whom among them \
                by autoregression, as 'foci dynamics' does it. The same models as of the statistics say which connections differ \
                between conditions or with covariates. Influence is predictive: a source that was not found can fake it.

                EXAMPLES
                  foci batch bids results
                  foci group results
                  foci group results --analysis statistics --formula "amplitude ~ condition*age + (condition | subject)"
                  foci group results --analysis joint --kernel 7 --json

                Exit codes: 0 done, 2 something is wrong with the input, 130 interrupted.
                """)
    }

    @Argument(help: ArgumentHelp("Output folder of 'foci batch'.", valueName: "results"))
    var results: String

    @Option(
        help: ArgumentHelp("Analyses to run, with commas between. All that apply by default.", valueName: "name,..."))
    var analysis: String?

    @Option(help: ArgumentHelp("Width of the kernel over which places count as one: auto, or mm.", valueName: "mm"))
    var kernel = KernelChoice.automatic

    @Option(
        help: ArgumentHelp(
            "How much the other subjects count against a subject's own data, from 0 to below 1.", valueName: "part"))
    var coupling = JointSettings().coupling

    @Option(
        help: ArgumentHelp(
            "What reweighted sources start from: those of each subject alone, or together those that all have or none has."
        ))
    var start = JointSettings().start

    @OptionGroup var statistics: StatisticsOptions

    @OptionGroup var grouping: GroupOptions

    @Option(help: ArgumentHelp("Threads; no result depends on it. All cores by default.", valueName: "n"))
    var threads: Int?

    @Flag(help: "Print the result as JSON on standard output.")
    var json = false

    @Flag(help: "Say nothing on standard error but errors.")
    var quiet = false

    /// Findings by name of the analysis; why one was left out.
    private struct Answer: Encodable {
        struct Key: CodingKey {
            let stringValue: String
            let intValue: Int? = nil
            init(_ name: String) { stringValue = name }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        let outcomes: [(name: String, outcome: GroupRun.AnalysisOutcome)]

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            var left = container.nestedContainer(keyedBy: Key.self, forKey: Key("left_out"))
            for (name, outcome) in outcomes {
                switch outcome {
                case .found(let findings): try container.encode(findings.answer, forKey: Key(name))
                case .leftOut(let reason): try left.encode(reason, forKey: Key(name))
                }
            }
        }
    }

    mutating func run() throws {
        var settings = try grouping.settings()
        settings.joint = try joint()
        settings.statistics = try statistics.settings(settings.joint.parallelism)
        let run = GroupRun(BatchFolder(results), settings)
        let outcomes = try run.run(
            try wanted(), areWanted: analysis != nil, recipe: { try LocalizationArguments.recipe($0) },
            monitor: Terminal.monitor(quiet: quiet))
        if json { return try Terminal.result(try JSON.text(Answer(outcomes: outcomes), isIndented: false)) }
        guard !quiet else { return }
        var lines = outcomes.map { name, outcome in
            switch outcome {
            case .found(let findings): "\(name): \(findings.summary)"
            case .leftOut(let reason): "\(name): left out, \(reason)"
            }
        }
        lines.append("See \(BatchFolder(results).path)/group.html.")
        try Terminal.result(lines.joined(separator: "\n"))
    }

    /// The analyses that are asked for, in the order of the list.
    private func wanted() throws -> [any GroupAnalysis] {
        guard let analysis else { return GroupAnalyses.all }
        let names = analysis.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        if let unknown = names.first(where: { !GroupAnalyses.names.contains($0) }) {
            throw InputError(
                "--analysis", found: "'\(unknown)'", expected: "some of \(GroupAnalyses.names.joined(separator: ", "))")
        }
        return GroupAnalyses.all.filter { names.contains($0.name) }
    }

    /// How subjects are coupled.
    private func joint() throws -> JointSettings {
        var joint = JointSettings()
        guard coupling >= 0, coupling < 1 else {
            throw InputError("--coupling", found: "\(coupling)", expected: "a number from 0 (none) to below 1")
        }
        joint.coupling = coupling
        joint.start = start
        if case .width(let width) = kernel {
            guard width >= 1, width <= 50 else {
                throw InputError("--kernel", found: "\(width)", expected: "auto, or 1 to 50 mm")
            }
            joint.kernelWidth = width / 1000
        }
        joint.parallelism = try .of(threads)
        return joint
    }
}

extension JointSettings.Start: ExpressibleByArgument {}
