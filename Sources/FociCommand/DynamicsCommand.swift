import ArgumentParser
import Foci
import Foundation

/// `foci dynamics`: who drives whom among the sources of an estimate, or the columns of a table.
struct DynamicsCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "dynamics",
            abstract: "Say who drives whom among the sources that were found.",
            discussion: """
                Fits the sources of an estimate again in every epoch of a recording, all together, and says which drives which: \
                whose past, or state, tells what another does next. Any other variables come from a table with a column time \
                (s), optionally epoch, and a column each. The models are
                \(listed(DynamicsKind.all.map { ($0.name, $0.help) }))

                The penalties of a network are
                \(listed(NetworkPenaltyKind.all.map { ($0.name, $0.help) }))

                An arrow is predictive influence among what was given: a source that was not found can fake it. One average of \
                many trials tells next to nothing, and is refused without --force. With --output a folder has
                  dynamics.html    a page with all of it, warnings first
                  connections.tsv  a row for each pair: influence, p, corrected p, claimed, confirmed
                  connections.svg, influence.svg, spectrum.svg, forecast.svg, dynamics.json

                EXAMPLES
                  foci dynamics result/estimate.h5 --recording epochs.fif \\
                      --forward f.fif --covariance c.fif --output drives
                  foci dynamics --table trajectories.tsv --json
                  foci dynamics --table pendulum.tsv --model linear --order 2

                Exit codes: 0 done, 2 something is wrong with the input, 130 interrupted.
                """)
    }

    @Argument(help: ArgumentHelp("Result of 'foci localize': estimate.h5, or its folder.", valueName: "estimate"))
    var estimate: String?

    @Option(help: ArgumentHelp("Variables over time, in the place of an estimate.", valueName: "file"))
    var table: String?

    @Option(help: ArgumentHelp("Recording of epochs.", valueName: "file"))
    var recording: String?

    @Option(help: ArgumentHelp("Forward model that the sources were found with.", valueName: "file"))
    var forward: String?

    @Option(help: ArgumentHelp("Noise covariance of one epoch.", valueName: "file"))
    var covariance: String?

    @OptionGroup var reading: FileOptions

    @Option(
        help: ArgumentHelp(
            "First and last time of each epoch, s. All by default, without a covariance from time 0 on.",
            valueName: "first last"))
    var window: TimeRange?

    @Option(
        help: ArgumentHelp(
            "Whether the evoked response, the mean over epochs, is taken from each. (default: subtract, from 10 epochs on)",
            valueName: "subtract|keep"))
    var evoked: EvokedPart?

    @Option(help: "The kind of model.")
    var model = DynamicsRequest().model

    @Option(help: ArgumentHelp("Lags of autoregression, or order of equations: auto, or a number.", valueName: "n"))
    var order: String?

    @Option(help: ArgumentHelp("Accepted part of false connections among those claimed.", valueName: "part"))
    var falseDiscoveryRate = DynamicsRequest().settings.falseDiscoveryRate

    @Option(
        help: ArgumentHelp(
            "Influences below this part of the strongest are not claimed, however significant.", valueName: "part"))
    var smallestInfluence = DynamicsRequest().settings.smallestInfluence

    @Option(help: "What keeps a network sparse.")
    var penalty = DynamicsRequest().penalty

    @Option(
        help: ArgumentHelp("λ of a network's penalty. (default: auto, by held-out segments)", valueName: "auto|number"))
    var lambda: String?

    @Option(
        help: ArgumentHelp(
            "Resamples of epochs that tell how steady connections are. (default: 100, of other models than plain 20)",
            valueName: "n"))
    var resamples: Int?

    @Option(help: ArgumentHelp("Part of the epochs held out to judge forecasts, 0 for none.", valueName: "part"))
    var heldOut = DynamicsRequest().heldOut

    @Option(help: "Seed of what is drawn.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("Threads; no result depends on it. All cores by default.", valueName: "n"))
    var threads: Int?

    @OptionGroup var told: AnswerOptions

    func run() throws {
        let request = try request()
        try request.check()
        var folder = try told.folder()
        let monitor = Terminal.monitor(quiet: told.quiet)
        let (data, source) = try variables(request, monitor)
        let answer = try naming(table ?? recording ?? "", as: table == nil ? .recording : .table) {
            try request.run(data, monitor: monitor)
        }
        try folder?.add(answer, of: source, heading: heading(source))
        try folder?.commit()
        try told.tell(
            json: answer.summary.json(isIndented: false), text: DynamicsReading.text(answer.summary),
            first: "dynamics.html")
    }

    private func heading(_ estimate: Estimate?) -> String {
        guard let estimate else { return table.map { ($0 as NSString).lastPathComponent } ?? "" }
        return [estimate.subject, estimate.condition].filter { !$0.isEmpty }.joined(separator: ", ")
    }

    /// What is asked about.
    private func variables(
        _ request: DynamicsRequest, _ monitor: Monitor
    ) throws -> (data: NamedTrajectories, estimate: Estimate?) {
        if let table {
            guard estimate == nil, recording == nil else {
                throw InputError("--table", found: "it beside an estimate or a recording", expected: "one of both")
            }
            return (
                try naming(table, as: .table) { try NamedTrajectories(DataTable.read(table)) }, nil
            )
        }
        guard let estimate else {
            throw InputError("dynamics", found: "no estimate", expected: "one, or --table", advice: "see --help")
        }
        guard let recording else {
            throw InputError("--recording", found: "nothing", expected: "the recording of epochs")
        }
        guard let forward else {
            throw InputError("--forward", found: "nothing", expected: "the one that the sources were found with")
        }
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: estimate, isDirectory: &isFolder)
        let found = try EstimateFile.read(exists && isFolder.boolValue ? "\(estimate)/estimate.h5" : estimate)
        monitor.report(.init(stage: "reading", detail: recording))
        let contents = try LocalizationFiles(
            forward: forward, recording: recording, covariance: covariance, options: try reading.options()
        ).read()
        var asked = SourceDynamicsRequest()
        asked.dynamics = request
        asked.window = try window?.range(of: optionName(.window))
        asked.names = reading.matchNames
        asked.evoked = evoked
        let variables = try naming(forward, as: .forward) {
            try naming(recording, as: .recording) {
                try asked.trajectories(
                    of: found, recording: contents.recording, forward: contents.forward,
                    covariance: contents.covariance, monitor: monitor)
            }
        }
        return (variables, found)
    }

    /// What the options ask for.
    private func request() throws(InputError) -> DynamicsRequest {
        var request = try DynamicsRequest(
            Dictionary(
                [(SettingName.order, order), (.lambda, lambda)].compactMap { name, text in
                    text.map { (name.rawValue, Double($0).map { .number($0) } ?? .text($0)) }
                }
            ) { $1 })
        request.penalty = penalty
        request.model = model
        request.settings.falseDiscoveryRate = falseDiscoveryRate
        request.settings.smallestInfluence = smallestInfluence
        request.resamples = resamples
        request.settings.seed = seed
        request.settings.parallelism = try .of(threads)
        request.heldOut = heldOut
        request.isForced = told.force
        return request
    }
}

extension EvokedPart: ExpressibleByArgument {}
extension DynamicsKind: OptionKind {}
extension NetworkPenaltyKind: OptionKind {}
