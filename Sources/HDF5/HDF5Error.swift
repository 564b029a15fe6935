/// A file that could not be read or built, told in one line: file, object, what was found, what was expected.
public struct HDF5Error: Error, Equatable, Sendable, CustomStringConvertible {
    /// What went wrong, for a program to tell cases apart.
    public enum Kind: Sendable, Equatable {
        /// There is no file at the path.
        case missingFile
        /// The path names a folder, a pipe or a device.
        case notRegularFile
        /// The system does not let the file be read.
        case unreadable
        /// The file has no bytes.
        case emptyFile
        /// The file is of another format.
        case notHDF5
        /// The file ends before its content does.
        case truncated
        /// The file is HDF5 but its content contradicts itself.
        case damaged
        /// The file has no such group, dataset or attribute.
        case missingObject
        /// The object is of another kind or type.
        case wrongType
        /// The dataset has another shape.
        case wrongShape
        /// The object claims more data than its file can hold.
        case implausibleSize
        /// The file uses a feature that is refused: another file's data, an unknown filter.
        case refused
        /// A file could not be built.
        case notWritten
    }

    /// What went wrong.
    public let kind: Kind
    /// Path of the file as the caller gave it; empty for a file in memory.
    public let file: String
    /// Path of the group or dataset, with `@name` for an attribute; empty when the whole file is meant.
    public let object: String
    /// What was found.
    public let found: String
    /// What was expected; may be empty when `found` says it all.
    public let expected: String
    /// What the user can do; may be empty.
    public let advice: String

    /// Each part is a clause without a full stop.
    init(
        _ kind: Kind, file: String, object: String = "", found: String, expected: String = "", advice: String = ""
    ) {
        self.kind = kind
        self.file = file
        self.object = object
        self.found = found
        self.expected = expected
        self.advice = advice
    }

    /// The whole error on one line.
    public var description: String {
        let place = [file, object].filter { !$0.isEmpty }.joined(separator: ": ")
        var line = place.isEmpty ? found : "\(place): \(found)"
        if !expected.isEmpty { line += "; expected \(expected)" }
        if !advice.isEmpty { line += "; \(advice)" }
        return line.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
