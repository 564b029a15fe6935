import Foci
import Foundation

/// Something that happened while a batch ran: a line of `--json-lines`, and what a worker tells the run that started it.
public struct BatchEvent: Codable, Sendable, Equatable {
    /// What happened.
    public enum Kind: String, Codable, Sendable {
        /// A batch, a unit or an entry began or ended.
        case batchStarted = "batch_started", batchFinished = "batch_finished"
        case unitStarted = "unit_started", unitFinished = "unit_finished"
        case entryStarted = "entry_started", entryFinished = "entry_finished"
        /// How far an entry is.
        case progress
        /// Something that a user should know before trusting an entry.
        case warning
        /// A unit is left to another run that has it.
        case held
        /// A page or the group's files were written.
        case wrote
    }

    /// What happened.
    public var event: Kind
    /// The unit.
    public var unit: String?
    /// Label of the entry.
    public var entry: String?
    /// `done`, `failed`, `interrupted`, or `unchanged` where another run did it meanwhile, of an entry that ended.
    public var status: String?
    /// A reason, a stage, a path, in plain English.
    public var text: String?
    /// Number of sources of an entry that is done.
    public var sources: Int?
    /// Number of its warnings.
    public var warnings: Int?
    /// Wall time, s.
    public var seconds: Double?
    /// Largest memory of the process so far, bytes.
    public var peakMemory: Int?
    /// Of a batch: how many entries are done.
    public var done: Int?
    /// How many failed.
    public var failed: Int?
    /// How many are as they were before.
    public var unchanged: Int?

    /// An event without particulars.
    public init(_ event: Kind, unit: String? = nil, entry: String? = nil, status: String? = nil, text: String? = nil) {
        self.event = event
        self.unit = unit
        self.entry = entry
        self.status = status
        self.text = text
    }

    /// One line of JSON, keys in snake case, without a newline.
    public var line: String { (try? JSON.text(self, isIndented: false, keys: .convertToSnakeCase)) ?? "{}" }

    /// An event from its line; nil for anything else.
    public init?(line: String) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let event = try? decoder.decode(Self.self, from: Data(line.utf8)) else { return nil }
        self = event
    }
}

/// What a worker is to do: some entries of a unit.
public struct WorkOrder: Codable, Sendable {
    /// The unit.
    public var unit: BatchUnit
    /// Labels of the entries to do, each with its options, as `foci localize` takes them.
    public var arguments: [String: [String]]
    /// Folder of the batch.
    public var output: String
    /// Threads of one localization.
    public var threads: Int
}

extension WorkOrder {
    /// An order from its line; nil for anything else.
    public init?(line: String) {
        guard let order = try? JSON.value(Self.self, from: Data(line.utf8)) else { return nil }
        self = order
    }
}
