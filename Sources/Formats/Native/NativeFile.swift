import HDF5
import SourceImaging

/// A file of the program's own layout: HDF5 with an attribute `format`.
struct NativeFile: FormatReader {
    static let formatName = "Foci HDF5"

    /// The one thing that the file holds.
    let content: FileContent
    let conditions: [Condition]

    private let file: HDF5File

    var path: String { file.path }
    var contents: [FileContent] { [content] }

    /// The file, when it is of this layout.
    ///
    /// - Throws: ``InputError`` when its attribute `format` names nothing that is known.
    static func open(_ candidate: FileCandidate) throws(InputError) -> NativeFile? {
        guard let file = candidate.hdf5, let content = try NativeReader.content(of: file) else { return nil }
        guard content == .recording else { return NativeFile(content: content, conditions: [], file: file) }
        let condition = try reading(file.string(attribute: "condition"))
        return NativeFile(content: content, conditions: [Condition(condition ?? "")], file: file)
    }

    func forward(_ options: ReadingOptions) throws(InputError) -> Forward {
        try ForwardFile.read(NativeReader(file, content: .forward))
    }

    func condition(_ index: Int, _ options: ReadingOptions) throws(InputError) -> Recording {
        try RecordingFile.read(NativeReader(file, content: .recording))
    }

    func recording(_ options: ReadingOptions) throws(InputError) -> Recording {
        // A file of another content says so itself.
        guard content == .recording else { return try condition(0, options) }
        try refuseEvents(options)
        return try union(of: conditions, options) { index throws(InputError) in try condition(index, options) }
    }

    func covariance(_ options: ReadingOptions) throws(InputError) -> NoiseCovariance {
        try CovarianceFile.read(NativeReader(file, content: .covariance))
    }

    func estimate(_ options: ReadingOptions) throws(InputError) -> Estimate {
        try EstimateFile.read(NativeReader(file, content: .estimate))
    }

    func describe(_ content: FileContent, _ options: ReadingOptions) throws(InputError) -> FileFindings? {
        switch content {
        case .problem: FileFindings(try ProblemFile.read(NativeReader(file, content: .problem)))
        case .estimate: FileFindings(try estimate(options))
        case .truth: FileFindings(try TruthFile.read(NativeReader(file, content: .truth)))
        case .forward, .recording, .covariance: nil
        }
    }
}

extension NativeFile: FormatWriter {
    static let endings = [".h5"]

    /// The file of a value; an estimate is written by what computed it.
    static func encode(
        _ value: FileValue, to path: String
    ) throws(InputError) -> [(path: String, bytes: [UInt8])] {
        switch value {
        case .forward(let forward): return [(path, try ForwardFile.encode(forward))]
        case .recording(let recording): return [(path, try RecordingFile.encode(recording))]
        case .covariance(let covariance): return [(path, try CovarianceFile.encode(covariance))]
        case .estimate: throw cannotHold(.estimate, path)
        }
    }
}
