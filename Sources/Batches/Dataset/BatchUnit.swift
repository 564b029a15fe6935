import Foci
import Foundation

/// One recording of one condition to be localized.
public struct BatchEntry: Codable, Sendable, Equatable {
    /// Name of the condition in names of files: letters and digits, unique in its unit.
    public var label: String
    /// The condition as the recording calls it; may be empty.
    public var condition: String
    /// Path of the recording.
    public var recording: String
    /// What chooses the condition in the recording, as `--condition` takes it; nil where it holds but one.
    public var selector: String?
    /// Options of this recording alone, as `foci localize` takes them: they stand above all others.
    public var own: [String] = []

    /// An entry without options of its own.
    public init(label: String, condition: String, recording: String, selector: String? = nil) {
        self.label = label
        self.condition = condition
        self.recording = recording
        self.selector = selector
    }
}

/// What is localized together, since it shares a forward model and a covariance: a session of a subject, all conditions.
public struct BatchUnit: Codable, Sendable, Equatable {
    /// What its files are named by: `sub`, `ses`, `task` and the like, in the order of BIDS.
    public var name: BIDSName
    /// `meg` or `eeg`: the folder of its results.
    public var datatype: String
    /// Path of the forward model.
    public var forward: String
    /// Path of the noise covariance; nil estimates the noise from the recording.
    public var covariance: String?
    /// Options that its files imply, such as a rank, as `foci localize` takes them: they stand below all others.
    public var implied: [String] = []
    /// Files that ``implied`` comes from.
    public var implying: [String] = []
    /// The recordings.
    public var entries: [BatchEntry]
    /// What was decided while its files were paired, in plain English.
    public var notes: [String] = []

    /// Label of the subject, without `sub-`.
    public var subject: String { name["sub"] ?? "" }

    /// Its key: name of its state file, lock and log.
    public var key: String { name.text }
}

/// What a layout found.
public struct DatasetFindings: Sendable {
    /// What can be localized, by subject, then name.
    public var units: [BatchUnit] = []
    /// What could not be paired, and why.
    public var problems: [Problem] = []

    /// Something that cannot be localized.
    public struct Problem: Codable, Sendable, Equatable {
        /// A subject or a file.
        public let name: String
        /// Why, in plain English.
        public let reason: String
    }

    /// Throws for a subject that is wanted and that nothing was found of.
    public func check(_ shared: SharedInputs) throws(InputError) {
        let found = Set(units.map(\.subject) + problems.map { BIDSName.subject($0.name) })
        if let missing = shared.subjects.first(where: { !found.contains(BIDSName.subject($0)) }) {
            throw InputError(
                "--participant-label", found: "'\(missing)', of whom there are no recordings",
                expected: "labels of subjects, with or without sub-")
        }
    }

    /// Sorts units by name, so that neither a file system's order nor a table's decides anything.
    mutating func sort() {
        units.sort { $0.key < $1.key }
        problems.sort { ($0.name, $0.reason) < ($1.name, $1.reason) }
    }
}

/// A way in which data sets lie on a disk.
public protocol DatasetLayout: Sendable {
    /// Finds what can be localized.
    ///
    /// - Throws: ``InputError`` where nothing can be found at all; what fails for a subject alone is among the problems.
    func find() throws(InputError) -> DatasetFindings
}

/// What is the same for all subjects, whatever the layout.
public struct SharedInputs: Sendable {
    /// A forward model for all subjects, such as a template's.
    public var forward: String? { didSet { forward = forward.map(absolutePath) } }
    /// Where covariances come from.
    public var covariance = CovarianceChoice.found
    /// Conditions to localize, by name, a part of it between slashes, or index; all where empty.
    public var conditions: [String] = []
    /// Labels of the subjects wanted, with or without `sub-`; all where empty.
    public var subjects: [String] = []
    /// How conditions of raw recordings are read.
    public var reading = ReadingOptions()

    /// All subjects, all conditions, everything as it is found.
    public init() {}

    /// Whether a subject is wanted.
    func wants(_ subject: String) -> Bool {
        subjects.isEmpty || subjects.contains { BIDSName.subject($0) == BIDSName.subject(subject) }
    }
}

/// Where covariances come from.
public enum CovarianceChoice: Sendable, Equatable {
    /// The one that stands beside the recording, if any.
    case found
    /// Of several that stand beside it, the one of this kind: `noise`, `rest`, `custom` or `baseline` (of no task).
    case kind(String)
    /// One file for all subjects.
    case file(String)
    /// None: the noise is estimated before time 0.
    case none
}

/// A path that holds in any working folder.
func absolutePath(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

extension String {
    func replacingPrefix(_ prefix: String, with replacement: String) -> String {
        hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
    }
}
