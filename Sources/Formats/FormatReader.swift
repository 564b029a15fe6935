import SourceImaging

/// What to read of a file that holds more than one thing, or not all that is needed.
public struct ReadingOptions: Sendable {
    /// The conditions of a recording that are read as one: names, parts of hierarchical names (`auditory` of
    /// `auditory/left`), or indices from 0; none where there is only one.
    public var conditions: [String]
    /// When the name of a channel in one file means a channel of another.
    public var names: NameMatching
    /// Where the events of a raw recording are and how epochs are cut around them.
    public var epochs = EpochOptions()
    /// Path of the file that describes the channels, for formats that keep them apart. It is opened once for all files
    /// that are read with the same options.
    public var channels: String? {
        get { channelFile?.path }
        set { channelFile = newValue.map { ChannelFile($0) } }
    }
    var channelFile: ChannelFile?
    /// What channels measure, by their names, for files that do not say it: of the recording that goes with them.
    public var sensors: Sensors?

    /// Options; none are needed for a file that holds one condition and says what its channels measure.
    ///
    /// - Parameters: as the properties of these names.
    public init(
        conditions: [String] = [], channels: String? = nil, sensors: Sensors? = nil, names: NameMatching = .exact
    ) {
        self.conditions = conditions
        self.names = names
        self.sensors = sensors
        self.channels = channels
    }
}

/// How epochs are cut from a raw recording.
public struct EpochOptions: Sendable, Equatable {
    /// A file of events, or the name of a channel with triggers; nil where the recording is not raw.
    public var events: String?
    /// First and last time of an epoch, s from its event.
    public var window = -0.2...0.5
    /// Largest difference between two samples of a channel within an epoch, V, T or T/m; epochs beyond are left out.
    public var rejection: [SensorKind: Double] = [:]

    /// No events; epochs from -0.2 to 0.5 s, none rejected.
    public init() {}
}

/// A condition of a recording.
public struct Condition: Sendable, Equatable {
    /// Its name; may be empty.
    public let name: String
    /// How much there is of it in plain English, such as `12 epochs`; empty when unknown.
    public let amount: String

    init(_ name: String, amount: String = "") {
        self.name = name
        self.amount = amount
    }

    /// Whether a name asked for means this condition: each of its tags, between slashes, is one of the condition's.
    func has(tags wanted: String) -> Bool {
        let own = Set(name.split(separator: "/"))
        let tags = wanted.split(separator: "/")
        return !tags.isEmpty && tags.allSatisfy { own.contains($0) }
    }
}

/// A file of one format, open for reading.
///
/// Every format is a type that conforms, in a folder of its own, and an entry of ``FileFormats/readers``. What a format
/// cannot hold it does not implement.
public protocol FormatReader: Sendable {
    /// Name of the format for people, for example `FIF (MNE-Python, MEGIN)`.
    static var formatName: String { get }

    /// The file, open, where its content (signature and layout) is of this format; nil where it is of another.
    ///
    /// - Throws: ``InputError`` when it is of this format but cannot be read.
    static func open(_ candidate: FileCandidate) throws(InputError) -> Self?

    /// Path of the file as the caller gave it.
    var path: String { get }

    /// What the file holds, in the order of the file; found without reading it as a whole.
    var contents: [FileContent] { get }

    /// The conditions of the recordings, in the order of the file; empty where there is no recording, or where they depend
    /// on options (events of a raw recording).
    var conditions: [Condition] { get }

    /// Facts that no value of ``SourceImaging`` carries: coordinate frames, units as stored, compensation.
    func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact]

    /// Reads the forward model.
    ///
    /// - Throws: ``InputError`` that names the file and what is wrong with it, or that it holds something else.
    func forward(_ options: ReadingOptions) throws(InputError) -> Forward

    /// Reads one condition.
    ///
    /// - Parameter index: of ``conditions``.
    /// - Throws: ``InputError`` as ``forward(_:)``.
    func condition(_ index: Int, _ options: ReadingOptions) throws(InputError) -> Recording

    /// Reads the conditions that were chosen, as one.
    ///
    /// - Throws: ``InputError`` as ``forward(_:)``, and when there are several conditions and none was chosen.
    func recording(_ options: ReadingOptions) throws(InputError) -> Recording

    /// What the channels of the recording or forward model measure, for files that do not say it of theirs.
    ///
    /// - Throws: ``InputError`` when the file holds neither.
    func lookUpSensors() throws(InputError) -> Sensors

    /// Reads the noise covariance of one epoch.
    ///
    /// - Throws: ``InputError`` as ``forward(_:)``.
    func covariance(_ options: ReadingOptions) throws(InputError) -> NoiseCovariance

    /// Reads a result.
    ///
    /// - Throws: ``InputError`` as ``forward(_:)``.
    func estimate(_ options: ReadingOptions) throws(InputError) -> Estimate

    /// What a file holds, described by the format itself; nil where it is a value that others describe.
    func describe(_ content: FileContent, _ options: ReadingOptions) throws(InputError) -> FileFindings?
}

extension FormatReader {
    /// No conditions.
    public var conditions: [Condition] { [] }

    /// No further facts.
    public func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact] { [] }

    /// Throws: the file holds something else.
    public func forward(_ options: ReadingOptions) throws(InputError) -> Forward { throw lacks(.forward) }

    /// Throws: the file holds something else.
    public func condition(_ index: Int, _ options: ReadingOptions) throws(InputError) -> Recording {
        throw lacks(.recording)
    }

    /// The conditions chosen of ``conditions``, as one.
    public func recording(_ options: ReadingOptions) throws(InputError) -> Recording {
        guard contents.contains(.recording) else { throw lacks(.recording) }
        try refuseEvents(options)
        return try union(of: conditions, options) { index throws(InputError) in try condition(index, options) }
    }

    /// The conditions that were chosen of a list, read one by one, as one recording.
    func union(
        of conditions: [Condition], _ options: ReadingOptions,
        _ read: (Int) throws(InputError) -> Recording
    ) throws(InputError) -> Recording {
        var parts: [Recording] = []
        for index in try chosen(of: conditions, options) { parts.append(try read(index)) }
        return try within(path) { () throws(InputError) in try Recording.union(of: parts) }
    }

    /// The channels of the forward model, or of the first condition.
    public func lookUpSensors() throws(InputError) -> Sensors {
        if contents.contains(.forward) { return try forward(ReadingOptions()).sensors }
        return try condition(0, ReadingOptions()).sensors
    }

    /// Throws: the file holds something else.
    public func covariance(_ options: ReadingOptions) throws(InputError) -> NoiseCovariance { throw lacks(.covariance) }

    /// Throws where events are given for a recording that is not raw.
    func refuseEvents(_ options: ReadingOptions) throws(InputError) {
        guard options.epochs.events != nil else { return }
        throw InputError(
            path, found: "a recording that is averaged or cut into epochs",
            expected: "a raw one, for events that epochs are cut around", advice: "leave \(.events) out")
    }

    /// Throws: the file holds something else.
    public func estimate(_ options: ReadingOptions) throws(InputError) -> Estimate { throw lacks(.estimate) }

    /// Nothing of its own.
    public func describe(
        _ content: FileContent, _ options: ReadingOptions
    ) throws(InputError) -> FileFindings? { nil }

    /// The error of a file that holds something else than was asked for.
    func lacks(_ content: FileContent) -> InputError {
        let names = contents.map(\.rawValue).joined(separator: ", ")
        return InputError(
            path, found: "\(Self.formatName) with \(names.isEmpty ? "nothing that is needed" : names)",
            expected: content.phrase, advice: "check which file is given for which purpose")
    }

    /// Conditions with their indices and how much there is of each, long names and long lists cut.
    static func list(_ conditions: [Condition]) -> String {
        let listed = conditions.prefix(12).enumerated().map { index, condition in
            let name = condition.name.count > 60 ? condition.name.prefix(59) + "…" : condition.name
            return "\(index) '\(name)'" + (condition.amount.isEmpty ? "" : " (\(condition.amount))")
        }
        let all = listed.joined(separator: ", ")
        return conditions.count > 12 ? "\(all), … (\(conditions.count))" : all
    }

    /// The indices of the conditions that were asked for, ascending, or of the only one.
    ///
    /// A name is compared as a whole first, then by its tags (all conditions that have them), and then a number is an index
    /// from 0.
    ///
    /// - Throws: ``InputError`` that lists the conditions.
    func chosen(of conditions: [Condition], _ options: ReadingOptions) throws(InputError) -> [Int] {
        let all = Self.list(conditions)
        if options.conditions.isEmpty {
            if conditions.count == 1 { return [0] }
            throw InputError(
                path, found: "\(conditions.count) conditions: \(all)", expected: "one of them, or several as one",
                advice: "choose it with \(.condition) NAME or \(.condition) INDEX, repeated for several")
        }
        var chosen = Set<Int>()
        for wanted in options.conditions {
            let same = conditions.indices.filter { conditions[$0].name == wanted }
            guard same.count <= 1 else {
                throw InputError(
                    path, found: "condition '\(wanted)' \(same.count) times", expected: "one condition",
                    advice: "choose by index: \(all)")
            }
            let tagged = conditions.indices.filter { conditions[$0].has(tags: wanted) }
            if let same = same.first {
                chosen.insert(same)
            } else if !tagged.isEmpty {
                chosen.formUnion(tagged)
            } else if let index = Int(wanted), conditions.indices.contains(index) {
                chosen.insert(index)
            } else {
                throw InputError(path, found: "no condition '\(wanted)'", expected: "one of \(all)")
            }
        }
        return chosen.sorted()
    }
}
