import Foci

/// An analysis over all subjects of a batch, see `foci group`: one file, and one line in ``GroupAnalyses/all``.
public protocol GroupAnalysis: Sendable {
    /// Its name on the command line and of its folder in `group/`: lower-case letters.
    var name: String { get }

    /// What it does, a line of the help.
    var help: String { get }

    /// Why it has nothing to work on here, in plain English; nil where it has. Asked before anything is read again.
    func reasonAgainst(_ input: GroupInput) -> String?

    /// Runs it.
    ///
    /// - Parameters:
    ///   - input: what the batch left.
    ///   - output: its folder, which appears whole when this has returned, in the place of an older one.
    ///   - monitor: progress, cancellation and warnings.
    /// - Returns: what it found, for the page of the group and for programs.
    /// - Throws: ``InputError`` where it cannot be done, ``NothingToAnalyse`` where reading showed that there is nothing to work
    ///   on, `CancellationError`.
    func run(_ input: GroupInput, into output: GroupOutput, monitor: Monitor) throws -> GroupFindings
}

/// What an analysis throws that only sees by reading why it has nothing to work on, see ``GroupAnalysis/reasonAgainst(_:)``.
public struct NothingToAnalyse: Error {
    /// In plain English.
    public let reason: String
}

/// What an analysis over all subjects found.
public struct GroupFindings: Sendable {
    /// In plain English, one line.
    public var summary: String
    /// What the page of the group tells of it.
    public var sections: [PageSection]
    /// The same for programs, see `--json`: the value of the key that is its name.
    public var answer: any Encodable & Sendable

    /// See the properties.
    public init(summary: String, sections: [PageSection], answer: any Encodable & Sendable) {
        self.summary = summary
        self.sections = sections
        self.answer = answer
    }
}

/// All analyses that there are.
public enum GroupAnalyses {
    /// In the order in which they run and stand on the page.
    public static let all: [any GroupAnalysis] = [
        JointAnalysis(), GroupStatistics(), ConnectionAnalysis(), TransportAnalysis(),
    ]

    /// Names of all.
    public static var names: [String] { all.map(\.name) }
}
