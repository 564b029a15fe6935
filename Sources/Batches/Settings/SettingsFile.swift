import Foci
import Foundation
import Yams

/// Settings in a YAML file: names of options with values, and under `conditions` such settings for some conditions alone.
public struct SettingsFile: Sendable {
    /// One setting.
    public struct Item: Sendable {
        /// Name of the option, with dashes.
        public let key: String
        /// Its value.
        public let value: Value
        /// Line in the file, from 1.
        public let line: Int
    }

    /// What a setting may be.
    public enum Value: Sendable, Equatable {
        /// A number, a word, `true` or `false`, as the file has it.
        case text(String)
        /// `[0.05, 0.15]`, or lines with dashes.
        case list([String])
        /// `{meg: 70, eeg: 59}`.
        case map([String])
    }

    /// Path of the file.
    public let path: String
    /// Settings of all recordings.
    public let items: [Item]
    /// Settings of conditions, by name or parts of names between slashes.
    public let conditions: [(name: String, line: Int, items: [Item])]

    /// Reads a file.
    ///
    /// - Throws: ``InputError`` with the line for text that is not YAML, keys that stand twice, and values of other kinds.
    public init(_ path: String) throws(InputError) {
        self.path = path
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
        else {
            throw InputError(path, found: "no file that can be read", expected: "settings in YAML")
        }
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch { throw Self.failure(path, error) }
        guard let root, root != Node("") else {
            (items, conditions) = ([], [])
            return
        }
        guard case .mapping(let mapping) = root else {
            throw InputError(
                Self.place(path, root), found: "no settings", expected: "lines such as 'window: [0.05, 0.15]'")
        }
        var items: [Item] = []
        var conditions: [(name: String, line: Int, items: [Item])] = []
        for (key, value) in mapping {
            guard key.string == "conditions" else {
                items.append(try Self.item(path, key, value))
                continue
            }
            guard case .mapping(let all) = value else {
                throw InputError(Self.place(path, value), found: "no conditions", expected: "names with settings below")
            }
            for (name, own) in all {
                guard case .mapping(let settings) = own, let text = name.string else {
                    throw InputError(
                        Self.place(path, name), found: "no settings of a condition", expected: "lines below its name")
                }
                conditions.append(
                    (text, Self.line(name), try settings.map { (k, v) throws(InputError) in try Self.item(path, k, v) })
                )
            }
        }
        for all in [items] + conditions.map(\.items) { try Self.checkUnique(path, all) }
        self.items = items
        self.conditions = conditions
    }

    /// `gain_error` and `gain-error` are one key.
    private static func checkUnique(_ path: String, _ items: [Item]) throws(InputError) {
        var seen = Set<String>()
        for item in items where !seen.insert(item.key).inserted {
            throw InputError(
                "\(path) line \(item.line)", found: "'\(item.key)' more than once", expected: "each key once")
        }
    }

    private static func item(_ path: String, _ key: Node, _ value: Node) throws(InputError) -> Item {
        guard let name = key.string else { throw InputError(place(path, key), found: "a key that is no name") }
        let content: Value
        switch value {
        case .scalar(let scalar):
            guard !scalar.string.isEmpty, scalar.string != "null", scalar.string != "~" else {
                throw InputError(
                    place(path, key), found: "'\(name)' without a value", expected: "a value, or no such line")
            }
            content = .text(scalar.string)
        case .sequence(let sequence):
            let texts = sequence.compactMap(\.scalar?.string)
            guard texts.count == sequence.count, !texts.isEmpty else {
                throw InputError(place(path, value), found: "a list of other than values", expected: "numbers or words")
            }
            content = .list(texts)
        case .mapping(let mapping):
            let texts = mapping.compactMap { key, value in
                key.string.flatMap { key in value.scalar.map { "\(key):\($0.string)" } }
            }
            guard texts.count == mapping.count, !texts.isEmpty else {
                throw InputError(
                    place(path, value), found: "something nested in '\(name)'", expected: "names with values")
            }
            content = .map(texts)
        case .alias:
            throw InputError(place(path, value), found: "an alias", expected: "a value")
        }
        return Item(key: name.replacing("_", with: "-"), value: content, line: line(key))
    }

    private static func line(_ node: Node) -> Int { node.mark?.line ?? 1 }

    private static func place(_ path: String, _ node: Node) -> String { "\(path) line \(line(node))" }

    private static func failure(_ path: String, _ error: any Error) -> InputError {
        switch error {
        case YamlError.duplicatedKeysInMapping(let duplicates, let context):
            return InputError(
                "\(path) line \(context.mark.line)",
                found: duplicates.map { "'\($0)'" }.joined(separator: ", ") + " more than once",
                expected: "each key once")
        case YamlError.parser(_, let problem, let mark, _), YamlError.scanner(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            return InputError("\(path) line \(mark.line)", found: "not YAML: \(problem)", expected: "settings in YAML")
        default:
            return InputError(
                path, found: "not YAML: \(error)".split(separator: "\n").first.map(String.init) ?? "not YAML")
        }
    }
}
