import Foci
import Foundation

/// A name of BIDS: entities with their labels, in order, such as `sub-01_ses-a_task-rest`.
public struct BIDSName: Codable, Sendable, Equatable {
    /// Entities in the order in which BIDS writes them.
    static let order = ["sub", "ses", "task", "acq", "run", "proc", "rec", "space", "split", "desc"]

    /// Labels by entity.
    public private(set) var labels: [String: String]

    /// A name from labels.
    public init(_ labels: [String: String]) { self.labels = labels }

    /// The label of an entity.
    public subscript(entity: String) -> String? {
        get { labels[entity] }
        set { labels[entity] = newValue }
    }

    /// `sub-01_ses-a_task-rest`.
    public var text: String {
        Self.order.compactMap { entity in labels[entity].map { "\(entity)-\($0)" } }.joined(separator: "_")
    }

    /// The name, its suffix and its ending of a file: of `sub-01_task-a_proc-clean_cov.fif` these are the entities, `cov`
    /// and `.fif`; nil for a file that is not named so.
    static func parse(_ file: String) -> (name: BIDSName, suffix: String, ending: String)? {
        guard let dot = file.firstIndex(of: ".") else { return nil }
        var parts = file[..<dot].split(separator: "_", omittingEmptySubsequences: false)
        guard let suffix = parts.popLast(), !suffix.isEmpty, !suffix.contains("-") else { return nil }
        var labels: [String: String] = [:]
        for part in parts {
            guard let dash = part.firstIndex(of: "-") else { return nil }
            let (entity, label) = (String(part[..<dash]), String(part[part.index(after: dash)...]))
            guard order.contains(entity), !label.isEmpty, labels[entity] == nil else { return nil }
            labels[entity] = label
        }
        guard labels["sub"] != nil else { return nil }
        return (BIDSName(labels), String(suffix), String(file[dot...]))
    }

    /// The label of a subject, of its name or of a name that begins with it: of `sub-01_task-a` and of `01` it is `01`.
    static func subject(_ text: String) -> String {
        guard text.hasPrefix("sub-") else { return label(text) }
        return label(String(text.dropFirst(4).prefix { $0 != "_" }))
    }

    /// A text as a label of BIDS may be: letters and digits of ASCII alone; the rest is left out and what follows it starts
    /// with a capital: `auditory/left` is `auditoryLeft`. Long texts are cut and keep apart by a few digits of their hash.
    public static func label(_ text: String) -> String {
        var label = ""
        var startsWord = false
        for character in text {
            guard character.isASCII, character.isLetter || character.isNumber else {
                startsWord = !label.isEmpty
                continue
            }
            label += startsWord ? character.uppercased() : String(character)
            startsWord = false
        }
        guard label.count > 40 || label.isEmpty else { return label }
        return String(label.prefix(32)) + SHA256.hex(of: Array(text.utf8)).prefix(8)
    }
}
