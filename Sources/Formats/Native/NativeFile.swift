import HDF5
import SourceImaging

/// A file of the program's own layout: HDF5 with an attribute `format`.
struct NativeFile: FormatReader {
    static let formatName = "Foci HDF5"

    let path: String
    /// The one thing that the file holds.
    let content: FileContent
    let conditions: [String]

    var contents: [FileContent] { [content] }

    /// The file, when it is of this layout.
    ///
    /// - Throws: ``InputError`` when its attribute `format` names nothing that is known.
    static func open(_ candidate: FileCandidate) throws(InputError) -> NativeFile? {
        guard let hdf5 = candidate.hdf5, let content = try recognize(hdf5.file) else { return nil }
        guard content == .recording else { return NativeFile(path: candidate.path, content: content, conditions: []) }
        let condition = try translating { () throws(HDF5Error) -> String? in
            try hdf5.file.string(attribute: "condition")
        }
        return NativeFile(path: candidate.path, content: content, conditions: [condition ?? ""])
    }

    /// What a file of this layout holds; nil for another layout.
    static func recognize(_ file: borrowing HDF5File) throws(InputError) -> FileContent? {
        let (name, isProblem) = try translating { () throws(HDF5Error) -> (String?, Bool) in
            if let name = try file.string(attribute: "format") { return (name, false) }
            // A problem file may come without the attribute: two datasets say all.
            guard try file.kind(of: "gain") == .dataset else { return (nil, false) }
            return (nil, try file.kind(of: "data") == .dataset)
        }
        guard let name else { return isProblem ? .problem : nil }
        guard let content = FileContent(rawValue: name) else {
            throw InputError(
                "\(file.path): @format", found: "'\(name)'",
                expected: "one of " + FileContent.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", "))
        }
        return content
    }

    func forward(_ options: ReadingOptions) throws(InputError) -> Forward { try ForwardFile.read(path) }

    func recording(_ options: ReadingOptions) throws(InputError) -> Recording {
        if content == .recording { _ = try chosenCondition(options) }
        return try RecordingFile.read(path)
    }

    func covariance(_ options: ReadingOptions) throws(InputError) -> NoiseCovariance {
        try CovarianceFile.read(path)
    }

    func estimate(_ options: ReadingOptions) throws(InputError) -> Estimate {
        try EstimateFile.read(path)
    }

    func describe(_ content: FileContent, _ options: ReadingOptions) throws(InputError) -> FileFindings? {
        switch content {
        case .problem: FileInspection.describe(try ProblemFile.read(path))
        case .estimate: FileInspection.describe(try EstimateFile.read(path))
        case .truth: FileInspection.describe(try TruthFile.read(path))
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
