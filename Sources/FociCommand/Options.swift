import ArgumentParser
import Foci
import Foundation

/// Times `FIRST..LAST` in seconds; the program also accepts them as two arguments.
struct TimeRange: ExpressibleByArgument {
    let first: Double
    let last: Double

    init?(argument: String) {
        guard let dots = argument.range(of: ".."), let first = Double(argument[..<dots.lowerBound]),
            let last = Double(argument[dots.upperBound...])
        else { return nil }
        self.first = first
        self.last = last
    }

    /// The range from the first time to the last.
    ///
    /// - Parameter option: the option that gave it, for the message.
    /// - Throws: ``InputError`` when the times are not finite or the last comes before the first.
    func range(of option: String) throws(InputError) -> ClosedRange<Double> {
        guard first.isFinite, last.isFinite, first <= last else {
            throw InputError(option, found: "\(first) to \(last) s", expected: "a first time and one not before it")
        }
        return first...last
    }
}

extension SensorSelection: ExpressibleByArgument {}
extension NameMatching: ExpressibleByArgument {}
extension NoiseSpectrum: ExpressibleByArgument {}
extension NoiseSource: ExpressibleByArgument {}

extension Orientation: ExpressibleByArgument {
    /// An orientation as ``init(name:)`` reads it; nil for anything else.
    public init?(argument: String) {
        guard let orientation = try? Orientation(name: argument) else { return nil }
        self = orientation
    }
}

extension LambdaChoice: ExpressibleByArgument {
    /// `auto` or a number; its range is checked with the other settings.
    public init?(argument: String) {
        if argument == "auto" {
            self = .automatic
        } else if let ratio = Double(argument) {
            self = .ratio(ratio)
        } else {
            return nil
        }
    }

    /// The choice as the option takes it.
    public var defaultValueDescription: String {
        switch self {
        case .automatic: "auto"
        case .ratio(let ratio): "\(ratio)"
        }
    }
}

/// The option that a setting of the library is given by.
func optionName(_ setting: SettingName) -> String { "--\(setting.rawValue)" }

/// An error as one line, with settings as options.
func errorLine(_ error: any Error) -> String { (error as? InputError)?.text(naming: optionName) ?? "\(error)" }

/// Runs a request, and tells of the file what it says of its input.
func naming<Result>(
    _ file: String, as input: InputError.InputName = .problem, _ body: () throws -> Result
) throws -> Result {
    do { return try body() } catch var error as InputError {
        if error.place == .input(input) { error.place = .named(file) }
        throw error
    }
}

/// What an option takes by its name from the list of its family.
public protocol OptionKind: NamedKind, ExpressibleByArgument {}

extension OptionKind {
    /// The kind of a name; nil where there is none.
    public init?(argument: String) {
        guard let kind = Self.named(argument) else { return nil }
        self = kind
    }

    /// The name.
    public var defaultValueDescription: String { name }

    /// The names of all.
    public static var allValueStrings: [String] { all.map(\.name) }
}

extension PenaltyKind: OptionKind {}
extension CriterionKind: OptionKind {}
extension SearchKind: OptionKind {}
extension MethodKind: OptionKind {}
extension GradientSource: OptionKind {}
extension SourceWeights: ExpressibleByArgument {}
extension SolveRequest.Engine: ExpressibleByArgument {}
extension SelectRequest.Weights: ExpressibleByArgument {}
extension StabilityMethod: ExpressibleByArgument {}

/// A list of names with a line of help each, for the discussion of a command.
func listed(_ kinds: [(name: String, help: String)]) -> String {
    let width = kinds.reduce(0) { max($0, $1.name.count) }
    return kinds.map { "  \($0.name.padding(toLength: width, withPad: " ", startingAt: 0))  \($0.help)" }
        .joined(separator: "\n")
}

/// The penalty and its number of shape.
struct PenaltyOptions: ParsableArguments {
    @Option(help: "The penalty.")
    var penalty = GroupLasso.kind

    @Option(help: Self.shapeHelp(.ridge))
    var ridge: Double?

    @Option(help: Self.shapeHelp(.gamma))
    var gamma: Double?

    /// What the number of shape is that an option gives, of every penalty that has it.
    private static func shapeHelp(_ option: PenaltyKind.Shape.Option) -> ArgumentHelp {
        let shapes = PenaltyKind.all.compactMap { kind in
            kind.shape.flatMap { $0.option == option ? (name: kind.name, shape: $0) : nil }
        }
        let parts = shapes.map { name, shape in
            let unit = shape.isPerCurvature ? ", in units of 1/‖X_j‖²" : ""
            return "\(shape.symbol) of \(name)" + (shape.usual.map { " (\($0.formatted()) by default\(unit))" } ?? "")
        }
        return ArgumentHelp("\(parts.joined(separator: " or ")).", valueName: shapes.first?.shape.symbol)
    }

    /// The numbers of shape that are given.
    var shapes: [PenaltyKind.Shape.Option: Double] {
        [PenaltyKind.Shape.Option.ridge: ridge, .gamma: gamma].compactMapValues(\.self)
    }
}

/// What every command that reads a recording or a forward shares.
struct FileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Condition of the recording, by name, a part of it between slashes, or index from 0. Repeated, or where several \
            have that part: all of them as one.
            """, valueName: "name|index"))
    var condition: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Events of a raw FIF recording: a file (-eve.fif, .eve or .txt of MNE, events.tsv of BIDS) or the name of a \
            trigger channel. Their codes or types are conditions.
            """, valueName: "file|channel"))
    var events: String?

    @Option(
        help: ArgumentHelp(
            "Epochs cut around events, in seconds, as two numbers. (default: -0.2 0.5)", valueName: "first last"))
    var epoch: TimeRange?

    @Option(
        help: ArgumentHelp(
            "Leave out epochs in which a channel of a kind varies by more, peak to peak, in V, T or T/m. Repeatable.",
            valueName: "kind:value"))
    var reject: [Rejection] = []

    @Option(
        help: """
            When names of channels mean the same: exact, or loose (upper and lower case, blanks, serial numbers behind and \
            kinds before a name do not count).
            """)
    var matchNames = NameMatching.exact

    @Option(
        help: ArgumentHelp(
            "Channel file of the study, for Brainstorm's files; a recording or forward, for a covariance of MNE.",
            valueName: "file"))
    var channels: String?

    /// The options, as readers take them.
    ///
    /// - Throws: ``InputError`` for epochs that end before they begin, or options of epochs without events.
    func options() throws(InputError) -> ReadingOptions {
        var options = ReadingOptions(conditions: condition, channels: channels, names: matchNames)
        options.epochs.events = events
        if events == nil, epoch != nil || !reject.isEmpty {
            throw InputError(
                epoch != nil ? .epoch : .reject, found: "no events to cut epochs around",
                expected: "\(optionName(.events))")
        }
        if let epoch { options.epochs.window = try epoch.range(of: "--epoch") }
        for rejection in reject { options.epochs.rejection[rejection.kind] = rejection.value }
        return options
    }
}

/// The largest peak-to-peak value of a kind of channel: `eeg:150e-6`.
struct Rejection: ExpressibleByArgument {
    let kind: SensorKind
    let value: Double

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = SensorKind(rawValue: String(parts[0])), let value = Double(parts[1]),
            value > 0, value.isFinite
        else { return nil }
        self.kind = kind
        self.value = value
    }
}

extension BaselineChoice: ExpressibleByArgument {
    /// `auto`, `none`, or times `FIRST..LAST` in seconds; the program also accepts them as two arguments.
    public init?(argument: String) {
        switch argument {
        case "auto": self = .automatic
        case "none": self = .none
        default:
            guard let times = TimeRange(argument: argument), times.first.isFinite, times.last.isFinite,
                times.first <= times.last
            else { return nil }
            self = .times(times.first...times.last)
        }
    }

    /// The choice as the option takes it.
    public var defaultValueDescription: String { name }
}

/// What every command that computes shares.
struct ComputingOptions: ParsableArguments {
    @Option(help: "Relative duality gap at which a solve is good enough.")
    var gap = 1e-6

    @Option(help: ArgumentHelp("Threads; no result depends on it. All cores by default.", valueName: "n"))
    var threads: Int?

    @Flag(help: "Print the result as JSON on standard output.")
    var json = false

    @Flag(help: "Say nothing on standard error but errors.")
    var quiet = false

    /// How exactly to solve, by the gap or, without convexity, the violation.
    ///
    /// - Throws: ``InputError`` for a gap out of its range.
    func stop(maximumSeconds: Double = .infinity) throws(InputError) -> StopRule {
        try StopRule(maximumSeconds: maximumSeconds).at(gap: gap)
    }

    /// Threads to use.
    ///
    /// - Throws: ``InputError`` for a number below one.
    func parallelism() throws(InputError) -> Parallelism { try .of(threads) }
}

extension Parallelism {
    /// So many threads; all cores where nobody asked.
    ///
    /// - Throws: ``InputError`` for a number out of its range.
    static func of(_ threads: Int?) throws(InputError) -> Parallelism {
        guard let threads else { return .allCores }
        guard (1...1024).contains(threads) else {
            throw InputError("--threads", found: "\(threads)", expected: "1 to 1024")
        }
        return Parallelism(threads: threads)
    }
}

/// Where the one answer of a command goes: to standard output, and to a folder where one is asked for.
struct AnswerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Folder to write; must not exist.", valueName: "dir"))
    var output: String?

    @Flag(help: "Replace the files of an output folder that exists.")
    var force = false

    @Flag(help: "Print the result as JSON on standard output.")
    var json = false

    @Flag(help: "Say nothing on standard error but errors.")
    var quiet = false

    /// The folder, checked before anything is computed; nil where none is asked for.
    func folder() throws(InputError) -> OutputFolder? {
        try output.map { path throws(InputError) in try OutputFolder(path, force: force) }
    }

    /// Tells what was found.
    ///
    /// - Parameters:
    ///   - json: for programs.
    ///   - text: for people.
    ///   - first: the file of the folder to look at first.
    func tell(json told: @autoclosure () throws -> String, text: @autoclosure () -> String, first: String) throws {
        if json { return try Terminal.result(told()) }
        guard !quiet || output == nil else { return }
        try Terminal.result(text() + (output.map { "\nResults are in \($0): look at \(first) first." } ?? ""))
    }
}

/// How a recording is prepared; what every command shares that looks at its three inputs together.
struct PreparationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Analysed times in seconds, as two numbers. All from time 0 on by default.", valueName: "first last"))
    var window: TimeRange?

    @Option(
        help: ArgumentHelp(
            """
            What holds noise alone: two times in seconds, whose mean is subtracted; auto (before time 0, the mean \
            subtracted where it is many standard errors from 0) or none (nothing subtracted).
            """, valueName: "first last|auto|none"))
    var baseline = BaselineChoice.automatic

    @Option(help: "Sensors: all, meg, eeg, mag or grad.")
    var sensors = SensorSelection.all

    @Option(
        help: ArgumentHelp(
            """
            Rank of the data: auto (the smallest that processing history, projectors, data and covariance say), info \
            (history and projectors), data (spectra of data and covariance), full (projectors), a number, or numbers by \
            kind such as meg:70,eeg:59.
            """, valueName: "rank"))
    var rank = "auto"

    @Option(
        help: ArgumentHelp(
            """
            How many trials the recording averages, by which noise is divided; a fraction for differences. What the \
            recording says by default.
            """, valueName: "x"))
    var averages: Double?

    @Option(
        help: ArgumentHelp(
            """
            What the noise covariance is taken from: covariance (the given one), baseline (before time 0), epochs \
            (what differs between them in the window), or auto (epochs or, where they make epochs held out less \
            likely, the given one, else baseline). (default: covariance where it is given, else auto)
            """, valueName: "source"))
    var noise: NoiseSource?

    @Option(
        help: ArgumentHelp(
            "Noise after whitening: what the covariance says, as measured in the baseline, or a number of times what the covariance says.",
            valueName: "covariance|baseline|number"))
    var sigma = "covariance"

    @Option(
        help: ArgumentHelp(
            "How sources may point: fixed (along the normal), free, or loose:ℓ. By default loose:0.2 where the forward has three orientations and normals, else what it allows.",
            valueName: "fixed|free|loose:ℓ"))
    var orientation: Orientation?

    @Option(help: "Exponent of the depth weighting, 0 (none) to 1.")
    var depth = 0.8

    /// The settings that the options make.
    ///
    /// - Parameter names: when names of channels mean the same.
    /// - Throws: ``InputError`` for a value outside of its range.
    func settings(names: NameMatching) throws(InputError) -> PreparationSettings {
        var settings = PreparationSettings()
        settings.sensors = sensors
        settings.names = names
        settings.orientation = orientation
        settings.depth = depth
        settings.window = try window?.range(of: "--window")
        settings.baseline = baseline
        settings.rank = try RankChoice(name: rank)
        settings.averages = averages
        settings.noise = noise
        settings.noiseLevel = try NoiseLevel(name: sigma)
        return settings
    }
}

/// What every command that localizes shares.
struct LocalizationOptions: ParsableArguments {
    @OptionGroup var preparing: PreparationOptions

    @Option(help: ArgumentHelp("λ: auto, or a fraction of λ_max.", valueName: "auto|ratio"))
    var lambda = LambdaChoice.automatic

    @Option(help: "How sources are estimated.")
    var method = MethodKind.mixedNorm

    @Option(
        help: ArgumentHelp(
            "Of method tf: sets of windows to choose from, as 80ms,40ms+160ms. (default: auto)", valueName: "auto|sets")
    )
    var windows = "auto"

    @Option(
        help: ArgumentHelp(
            "Of method tf: which part of the penalty is of single coefficients, 0 to 1. (default: auto)",
            valueName: "auto|part"))
    var rho: String?

    @Option(help: "What makes a choice good. (default: sure; evidence for its own weights)")
    var criterion: CriterionKind?

    @Option(help: "How it is searched for. (default: path; line-search for learned weights)")
    var search: SearchKind?

    @Option(
        help: """
            How sources are told from noise: shared (one λ for all), reweighted (rounds at that λ), refined (from there \
            exchanged for the few points and patches that are each worth more than noise), learned (a λ_j for each) or \
            evidence (a variance for each). (default: refined; with --lambda or \
            --reweight reweighted, or shared where nothing is reweighted)
            """)
    var weights: SourceWeights?

    @Option(
        help: ArgumentHelp(
            "Rounds of reweighting; 0 keeps the sources of the convex solution, as --weights shared does. (default: 5)",
            valueName: "n"))
    var reweight: Int?

    @Option(help: ArgumentHelp("Folds of the criteria that hold something out. (default: 5)", valueName: "n"))
    var folds: Int?

    @Option(
        help: ArgumentHelp(
            "Random directions of sure-mc (1 by default), draws of noise of noise-quantile (40).", valueName: "n"))
    var draws: Int?

    @Option(help: ArgumentHelp("Seed of folds, directions, searches and repeats.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "Relative error of the gain that refining reckons with, 0 to 1; 0 for a gain without errors. (default: learned)",
            valueName: "part"))
    var gainError: Double?

    @Option(
        help: ArgumentHelp(
            "How likely noise alone may make a refined source in the window. (default: 0.05)", valueName: "rate"))
    var falsePositiveRate: Double?

    @Option(
        help: ArgumentHelp(
            "Repeat the whole choice so often, and tell how often each source is found again.", valueName: "n"))
    var stability: Int?

    @Option(
        help: """
            What the repeats differ in: epochs drawn with replacement, sensors left out, or fresh noise. \
            (default: epochs where there are any, else noise)
            """)
    var stabilityBy: StabilityMethod?

    @OptionGroup var penalizing: PenaltyOptions

    @Flag(help: "Leave amplitudes shrunken, as the penalty makes them.")
    var noDebias = false

    @OptionGroup var computing: ComputingOptions

    /// ρ; nil for `auto`.
    static func part(_ text: String?) throws(InputError) -> Double? {
        guard let text, text != "auto" else { return nil }
        guard let value = Double(text) else {
            throw InputError(.rho, found: "'\(text)'", expected: "auto, or a number from 0 to 1")
        }
        return value
    }

    /// The settings that the options make.
    ///
    /// - Parameter names: when names of channels mean the same.
    /// - Throws: ``InputError`` for a value outside of its range.
    func settings(names: NameMatching) throws(InputError) -> LocalizationSettings {
        var settings = LocalizationSettings()
        settings.preparation = try preparing.settings(names: names)
        settings.lambda = lambda
        settings.selection.penalty = penalizing.penalty
        settings.selection.shape = try penalizing.penalty.shape(among: penalizing.shapes, isNeeded: true)
        settings.selection.criterion = criterion
        settings.selection.search = search
        settings.selection.weights = weights
        settings.selection.method = method
        settings.selection.windows = try SelectionSettings.windows(named: windows)
        settings.selection.rho = try Self.part(rho)
        settings.selection.folds = folds
        settings.selection.draws = draws
        settings.selection.seed = seed
        settings.selection.gainError = gainError
        if let falsePositiveRate { settings.selection.falsePositiveRate = falsePositiveRate }
        settings.reweightingRounds = reweight
        if let stability {
            guard stability != 0 else {
                throw InputError(.stability, found: "0 repeats", expected: "2 to 1000")
            }
            settings.stability.repeats = stability
        }
        settings.stability.method = stabilityBy
        settings.isDebiased = !noDebias
        settings.relativeGap = computing.gap
        settings.parallelism = try computing.parallelism()
        settings.windowTransforms = .fftw
        return settings
    }
}
