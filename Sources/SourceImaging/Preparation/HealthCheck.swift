/// One thing on which the trust in a result rests, looked at before anything is computed.
public struct HealthCheck: Sendable, Equatable {
    /// What was found of it.
    public enum Mark: String, Sendable, Codable, CaseIterable {
        /// As it should be.
        case ok
        /// Possible, but worth a look; a warning, too.
        case look
        /// Wrong: nothing is computed from it.
        case wrong
    }

    /// What was looked at in a word or two, such as `rank`.
    public let name: String
    /// What was found of it.
    public let mark: Mark
    /// What was found, in plain English.
    public let finding: String
    /// What to do about it; empty where there is nothing to do.
    public let advice: String

    /// A check as a file of results gives it; a preparation makes its own.
    public init(name: String, mark: Mark, finding: String, advice: String) {
        self.name = name
        self.mark = mark
        self.finding = finding
        self.advice = advice
    }

    /// Finding and advice on one line.
    public var text: String { advice.isEmpty ? finding : "\(finding); \(advice)" }
}
