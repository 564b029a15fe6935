import SourceImaging

/// A value that a file can hold.
public enum FileValue: Sendable {
    /// A forward model.
    case forward(Forward)
    /// A recording.
    case recording(Recording)
    /// A noise covariance.
    case covariance(NoiseCovariance)
    /// A result.
    case estimate(Estimate)

    /// What it is.
    public var content: FileContent {
        switch self {
        case .forward: .forward
        case .recording: .recording
        case .covariance: .covariance
        case .estimate: .estimate
        }
    }
}

/// A format that files are written in.
///
/// Every one is a type that conforms, in the folder of its format, and an entry of ``FileFormats/writers``. A file to be
/// written has no content yet, so here, and only here, its name tells the format.
public protocol FormatWriter: Sendable {
    /// Name of the format for people.
    static var formatName: String { get }

    /// Endings of file names that ask for this format, for example `-stc.h5`.
    static var endings: [String] { get }

    /// The files of a value, as paths and bytes; more than one where the format splits them.
    ///
    /// - Parameter path: where the user wants it, ending in one of ``endings``.
    /// - Throws: ``InputError`` when the format cannot hold the value.
    static func encode(_ value: FileValue, to path: String) throws(InputError) -> [(path: String, bytes: [UInt8])]
}

extension FormatWriter {
    /// The error of a value that the format cannot hold.
    static func cannotHold(_ content: FileContent, _ path: String) -> InputError {
        InputError(
            path, found: "a name that asks for \(formatName), which holds no \(content.rawValue)",
            expected: "another ending", advice: "end the name in .h5 for this program's own layout")
    }
}
