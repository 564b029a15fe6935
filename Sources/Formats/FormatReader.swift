import SourceImaging

/// What to read of a file that holds more than one thing, or not all that is needed.
public struct ReadingOptions: Sendable {
    /// The condition of a recording: its name, or its index from 0; nil where there is only one.
    public var condition: String?
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
    public init(condition: String? = nil, channels: String? = nil, sensors: Sensors? = nil) {
        self.condition = condition
        self.sensors = sensors
        self.channels = channels
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

    /// Names of the conditions of the recordings, in the order of the file; empty where there is no recording.
    var conditions: [String] { get }

    /// Facts that no value of ``SourceImaging`` carries: coordinate frames, units as stored, compensation.
    func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact]

    /// Reads the forward model.
    ///
    /// - Throws: ``InputError`` that names the file and what is wrong with it, or that it holds something else.
    func forward(_ options: ReadingOptions) throws(InputError) -> Forward

    /// Reads one condition.
    ///
    /// - Throws: ``InputError`` as ``forward(_:)``, and when there are several conditions and none was chosen.
    func recording(_ options: ReadingOptions) throws(InputError) -> Recording

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
    public var conditions: [String] { [] }

    /// No further facts.
    public func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact] { [] }

    /// Throws: the file holds something else.
    public func forward(_ options: ReadingOptions) throws(InputError) -> Forward { throw lacks(.forward) }

    /// Throws: the file holds something else.
    public func recording(_ options: ReadingOptions) throws(InputError) -> Recording { throw lacks(.recording) }

    /// Throws: the file holds something else.
    public func covariance(_ options: ReadingOptions) throws(InputError) -> NoiseCovariance { throw lacks(.covariance) }

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

    /// Conditions with their indices, long names and long lists cut.
    static func list(_ conditions: [String]) -> String {
        let listed = conditions.prefix(12).enumerated().map { index, name in
            "\(index) '\(name.count > 60 ? name.prefix(59) + "…" : name)'"
        }
        let all = listed.joined(separator: ", ")
        return conditions.count > 12 ? "\(all), … (\(conditions.count))" : all
    }

    /// The index of the condition that was asked for, or of the only one.
    ///
    /// A name is compared as a whole first; then a number is an index from 0.
    ///
    /// - Throws: ``InputError`` that lists the conditions.
    func chosenCondition(_ options: ReadingOptions) throws(InputError) -> Int {
        let names = conditions
        let all = Self.list(names)
        guard let wanted = options.condition else {
            if names.count == 1 { return 0 }
            throw InputError(
                path, found: "\(names.count) conditions: \(all)", expected: "one of them",
                advice: "choose it with \(.condition) NAME or \(.condition) INDEX")
        }
        let matches = names.indices.filter { names[$0] == wanted }
        if matches.count == 1 { return matches[0] }
        if matches.count > 1 {
            throw InputError(
                path, found: "condition '\(wanted)' \(matches.count) times", expected: "one condition",
                advice: "choose by index: \(all)")
        }
        if let index = Int(wanted), names.indices.contains(index) { return index }
        throw InputError(path, found: "no condition '\(wanted)'", expected: "one of \(all)")
    }
}
