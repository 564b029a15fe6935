/// Something given to the program that it cannot work with, told in one line: where, what was found, what was
/// expected, what to do.
public struct InputError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where: the file, dataset, channel or option.
    public var place: String
    /// What was found there.
    public let found: String
    /// What was expected; may be empty when `found` says it all.
    public let expected: String
    /// What the user can do; may be empty.
    public let advice: String

    /// An error from its parts; each is a clause without a full stop.
    public init(_ place: String, found: String, expected: String = "", advice: String = "") {
        self.place = place
        self.found = found
        self.expected = expected
        self.advice = advice
    }

    /// The same error with the name of a file or an option put before its place.
    public func within(_ outer: String) -> InputError {
        InputError(place.isEmpty ? outer : "\(outer): \(place)", found: found, expected: expected, advice: advice)
    }

    /// The whole error on one line.
    public var description: String {
        var line = "\(place): \(found)"
        if !expected.isEmpty { line += "; expected \(expected)" }
        if !advice.isEmpty { line += "; \(advice)" }
        return line.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
