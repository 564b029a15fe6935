import SourceImaging

/// All formats that files are read from and written in, and the telling of them apart. Nothing else knows them all.
public enum FileFormats {
    /// A reader a format; the first that recognizes a file reads it.
    static let readers: [any FormatReader.Type] = [
        NativeFile.self, FIFFile.self, MNEForwardFile.self, FieldTripFile.self, EEGLABFile.self, BrainstormFile.self,
    ]

    /// A writer a format; of those whose ending a name has, the one with the longest writes it.
    static let writers: [any FormatWriter.Type] = [
        NativeFile.self, SourceEstimateHDF5.self, SourceEstimateBinary.self, DipoleFile.self, MATLABEstimate.self,
    ]

    /// Opens a file of any format, told by its content; names and suffixes mean nothing.
    ///
    /// - Throws: ``InputError`` when it cannot be read or is of no known format; then with what it looks like.
    public static func open(_ path: String) throws(InputError) -> any FormatReader {
        try open(FileCandidate(path, sensors: { channels throws(InputError) in try sensors(of: channels.candidate()) }))
    }

    /// The reader of a file.
    ///
    /// - Parameters:
    ///   - candidate: the file.
    ///   - readers: the formats to try, in order.
    /// - Throws: ``InputError`` as ``open(_:)`` does.
    static func open(
        _ candidate: FileCandidate, by readers: [any FormatReader.Type] = readers
    ) throws(InputError) -> any FormatReader {
        for format in readers {
            if let reader = try format.open(candidate) { return reader }
        }
        let expected = "one of " + readers.map { $0.formatName }.joined(separator: ", ")
        guard let other = candidate.notHDF5 else {
            throw InputError(
                candidate.path, found: "an HDF5 file of no known layout", expected: expected,
                advice: "\(NativeFile.formatName) says what it holds in an attribute 'format' of its root")
        }
        throw InputError(candidate.path, found: other.found, expected: expected, advice: Message(other.advice))
    }

    /// What the channels of a recording or forward model measure.
    ///
    /// - Throws: ``InputError`` when the file is neither.
    private static func sensors(of candidate: FileCandidate) throws(InputError) -> Sensors {
        try open(candidate).lookUpSensors()
    }

    /// The files of a value in the format that the ending of a path asks for.
    ///
    /// - Throws: ``InputError`` when no format has such an ending, or the format cannot hold the value.
    public static func encode(
        _ value: FileValue, to path: String
    ) throws(InputError) -> [(path: String, bytes: [UInt8])] {
        try encode(value, to: path, by: writers)
    }

    static func encode(
        _ value: FileValue, to path: String, by writers: [any FormatWriter.Type]
    ) throws(InputError) -> [(path: String, bytes: [UInt8])] {
        var best: (any FormatWriter.Type)?
        var longest = 0
        for writer in writers {
            for ending in writer.endings where path.hasSuffix(ending) && ending.count > longest {
                (best, longest) = (writer, ending.count)
            }
        }
        guard let best else {
            throw InputError(
                path, found: "a name whose ending tells no format",
                expected: "one of " + writers.flatMap { $0.endings }.joined(separator: ", "))
        }
        return try best.encode(value, to: path)
    }
}
