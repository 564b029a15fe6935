import SourceImaging

/// What a file holds, for people.
public struct FileDescription: Sendable {
    /// The path as the caller gave it.
    public let path: String
    /// Name of the format.
    public let format: String
    /// What the file holds.
    public let contents: [FileContent]
    /// The conditions; empty where there is no recording.
    public let conditions: [Condition]
    /// Facts in order, a name and a value each.
    public let facts: [FileFact]
    /// What a localization needs beside the file, one entry each; empty where it cannot be part of one.
    public let missing: [Message]
    /// What looks wrong, in plain English, one line each.
    public let warnings: [Message]
}

/// Looks into files of any format that the program knows.
public enum FileInspection {
    /// Reads a file as a whole and says what it holds, what is missing for a localization and what looks wrong with it.
    ///
    /// Of several conditions the one chosen is described, or the first.
    ///
    /// - Throws: ``InputError`` when the file cannot be read.
    public static func describe(
        _ path: String, options: ReadingOptions = ReadingOptions()
    ) throws(InputError) -> FileDescription {
        let reader = try FileFormats.open(path)
        let contents = reader.contents
        var findings = FileFindings()
        if contents.count > 1 {
            findings.facts.append("contents", contents.map(\.rawValue).joined(separator: ", "))
        }
        if reader.conditions.count > 1 {
            findings.facts.append("conditions", type(of: reader).list(reader.conditions))
        }
        findings.facts += try reader.facts(options)
        for content in contents {
            let part: FileFindings
            switch content {
            case .forward: part = FileFindings(try reader.forward(options))
            case .recording:
                var options = options
                if options.conditions.isEmpty, reader.conditions.count > 1 { options.conditions = ["0"] }
                if let own = try reader.describe(content, options) {
                    part = own
                } else {
                    part = FileFindings(try reader.recording(options))
                }
            case .covariance:
                if let own = try reader.describe(content, options) {
                    part = own
                } else {
                    part = FileFindings(try reader.covariance(options))
                }
            case .problem, .estimate, .truth: part = try reader.describe(content, options) ?? FileFindings()
            }
            findings.facts += part.facts
            findings.warnings += part.warnings
        }
        return FileDescription(
            path: path, format: type(of: reader).formatName, contents: contents, conditions: reader.conditions,
            facts: findings.facts, missing: missing(contents), warnings: findings.warnings)
    }

    /// What a localization needs beside a file with these contents.
    static func missing(_ contents: [FileContent]) -> [Message] {
        guard !Set(contents).isDisjoint(with: [.forward, .recording, .covariance]) else { return [] }
        var missing: [Message] = []
        if !contents.contains(.recording) { missing.append("a recording (\(.recording))") }
        if !contents.contains(.forward) { missing.append("a forward model (\(.forward))") }
        if !contents.contains(.covariance) {
            missing.append("a noise covariance (\(.covariance)), or a baseline before time 0 in the recording")
        }
        return missing
    }
}
