import ArgumentParser
import Batches
import Foci
import Foundation

/// The options of `foci localize` that a batch takes, too.
struct LocalizationArguments: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "localize")
    @OptionGroup var reading: FileOptions
    @OptionGroup var options: LocalizationOptions

    /// What options mean.
    ///
    /// - Throws: the parser's error for options that it does not know, ``InputError`` for values out of their range.
    static func recipe(_ arguments: [String]) throws -> Recipe {
        let parsed = try parseArguments(arguments)
        return Recipe(
            settings: try parsed.options.settings(names: parsed.reading.matchNames),
            reading: try parsed.reading.options())
    }

    static func parseArguments(_ arguments: [String]) throws -> LocalizationArguments {
        guard let parsed = try parseAsRoot(arguments) as? LocalizationArguments else {
            throw InputError(
                "settings", found: arguments.joined(separator: " "), expected: "options of 'foci localize'")
        }
        return parsed
    }
}

/// An option as the parser knows it.
struct KnownOption {
    let name: String
    let isFlag: Bool
    let isRepeated: Bool
    let fallback: String?
    let help: String

    /// Those that are of the batch as a whole, not of a recording.
    static let general: Set<String> = ["condition", "threads", "json", "quiet", "help"]

    /// Every option of a recording, in the order of the help.
    static let all = options(of: LocalizationArguments.self).filter { !general.contains($0.name) }

    /// Every option of a command, as its parser tells them.
    static func options(of command: any ParsableCommand.Type) -> [KnownOption] {
        struct Dump: Decodable {
            struct Command: Decodable { let arguments: [Argument]? }
            struct Argument: Decodable {
                struct Name: Decodable { let kind, name: String }
                let kind: String
                let names: [Name]?
                let isRepeating: Bool
                let defaultValue: String?
                let abstract: String?
            }
            let command: Command
        }
        guard let dump = try? JSONDecoder().decode(Dump.self, from: Data(command._dumpHelp().utf8)) else { return [] }
        return (dump.command.arguments ?? []).flatMap { argument in
            (argument.names ?? []).filter { $0.kind == "long" }.map { name in
                KnownOption(
                    name: name.name, isFlag: argument.kind == "flag", isRepeated: argument.isRepeating,
                    fallback: argument.defaultValue, help: argument.abstract ?? "")
            }
        }
    }

    static func named(_ name: String) -> KnownOption? { all.first { $0.name == name } }
}

/// Settings in layers: what a file of the data says, the settings file, its settings of a condition, options, and what a
/// table says of one recording; each stands above those before it.
struct BatchSettings {
    /// One option with what it comes from.
    struct Setting {
        let name: String
        /// As the parser takes them; several for an option that may be repeated.
        let arguments: [String]
        /// In plain English: `foci.yaml line 3`, `option`, `subjects.tsv`.
        let origin: String
    }

    let file: SettingsFile?
    /// Options on the command line.
    let options: [Setting]

    /// - Parameters:
    ///   - path: of the settings file; nil for none.
    ///   - commandLine: all arguments of the program, of which those of a recording are taken.
    /// - Throws: ``InputError`` for a settings file that is wrong, with the line.
    init(path: String?, commandLine: [String]) throws {
        file = try path.map { try SettingsFile($0) }
        options = Self.settings(in: commandLine)
        if let file {
            for items in [file.items] + file.conditions.map(\.items) {
                for item in items { _ = try Self.setting(item, in: file.path) }
            }
        }
    }

    /// The settings of a recording, one an option, in the order of the help.
    ///
    /// - Parameters:
    ///   - condition: the condition as the recording calls it, and its label.
    ///   - implied: options that files of the data imply.
    ///   - own: options of this recording alone.
    /// - Throws: ``InputError`` for a value that an option does not take.
    func effective(condition: [String], implied: [String] = [], own: [String] = []) throws -> [Setting] {
        var layers = Self.settings(in: implied, origin: "a file of the data")
        if let file {
            layers += try file.items.map { try Self.setting($0, in: file.path) }
            for section in file.conditions where condition.contains(where: { Self.matches(section.name, $0) }) {
                layers += try section.items.map { try Self.setting($0, in: file.path) }
            }
        }
        layers += options + Self.settings(in: own, origin: "the table")
        var last: [String: Setting] = [:]
        for setting in layers { last[setting.name] = setting }
        return KnownOption.all.compactMap { last[$0.name] }
    }

    private static func matches(_ wanted: String, _ name: String) -> Bool {
        let own = Set(name.split(separator: "/"))
        return wanted == name || !wanted.isEmpty && wanted.split(separator: "/").allSatisfy { own.contains($0) }
    }

    /// The options of recordings among arguments.
    private static func settings(in arguments: [String], origin: String = "option") -> [Setting] {
        var found: [Setting] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else { continue }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let known = KnownOption.named(String(parts[0])) else { continue }
            var text = argument
            if !known.isFlag, parts.count == 1, let value = rest.popFirst() { text += "=\(value)" }
            if known.isRepeated, let place = found.firstIndex(where: { $0.name == known.name }) {
                found[place] = Setting(name: known.name, arguments: found[place].arguments + [text], origin: origin)
            } else {
                found.append(Setting(name: known.name, arguments: [text], origin: origin))
            }
        }
        return found
    }

    /// A line of the settings file as an option, tried alone so that an error names its line.
    private static func setting(_ item: SettingsFile.Item, in path: String) throws -> Setting {
        let place = "\(path) line \(item.line)"
        var (name, value) = (item.key, item.value)
        // A flag that turns something off is a setting that is true or false.
        if KnownOption.named(name) == nil, KnownOption.named("no-\(name)") != nil, case .text(let text) = value {
            name = "no-\(name)"
            value = .text(text == "true" ? "false" : text == "false" ? "true" : text)
        }
        guard let known = KnownOption.named(name) else {
            throw InputError(
                place, found: "'\(item.key)'", expected: "an option of 'foci localize'", advice: advice(name))
        }
        let arguments: [String]
        switch value {
        case .text(let text) where known.isFlag:
            guard ["true", "false"].contains(text) else {
                throw InputError(place, found: "'\(text)' for \(item.key)", expected: "true or false")
            }
            arguments = text == "true" ? ["--\(name)"] : []
        case .text(let text): arguments = ["--\(name)=\(range(text) ?? text)"]
        case .list(let texts) where known.isRepeated: arguments = texts.map { "--\(name)=\($0)" }
        case .list(let texts) where texts.count == 2 && texts.allSatisfy({ Double($0) != nil }):
            arguments = ["--\(name)=\(texts[0])..\(texts[1])"]
        case .list(let texts), .map(let texts): arguments = ["--\(name)=\(texts.joined(separator: ","))"]
        }
        do { _ = try LocalizationArguments.parseArguments(arguments) } catch {
            let found = value.words.joined(separator: ", ")
            let expected = known.help.split(separator: "\n").first.map(String.init) ?? ""
            throw InputError(place, found: "'\(found)' for \(item.key)", expected: expected)
        }
        return Setting(name: name, arguments: arguments, origin: place)
    }

    /// `0.05 0.15` as the parser takes it; nil for anything else.
    private static func range(_ text: String) -> String? {
        let parts = text.split(separator: " ")
        return parts.count == 2 && parts.allSatisfy { Double($0) != nil } ? "\(parts[0])..\(parts[1])" : nil
    }

    /// The known name that is nearest to one that is not known.
    private static func advice(_ name: String) -> Message {
        if KnownOption.general.contains(name) { return "give it on the command line" }
        let near = KnownOption.all.map(\.name).min { distance($0, name) < distance($1, name) } ?? ""
        return distance(near, name) <= max(2, name.count / 3)
            ? Message("'\(near)' may be meant") : "'foci config show' lists all"
    }

    /// Insertions, deletions and replacements between two names.
    private static func distance(_ first: String, _ second: String) -> Int {
        var row = Array(0...second.count)
        for (i, a) in first.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in second.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(row[j] + 1, above + 1, diagonal + (a == b ? 0 : 1))
                diagonal = above
            }
        }
        return row[second.count]
    }

    /// The settings as a settings file has them, each with where it comes from; those that nothing sets with their default.
    func text(condition: [String] = []) throws -> String {
        let effective = Dictionary(uniqueKeysWithValues: try effective(condition: condition).map { ($0.name, $0) })
        return KnownOption.all.map { option in
            let key = option.name.replacing("-", with: "_")
            guard let setting = effective[option.name] else {
                return "# \(key): \(option.fallback ?? (option.isFlag ? "false" : "unset"))    # default"
            }
            let values = setting.arguments.map { argument in
                argument.split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) ?? "true"
            }
            let value =
                option.isFlag
                ? (setting.arguments.isEmpty ? "false" : "true")
                : option.isRepeated
                    ? "[\(values.map { "\"\($0)\"" }.joined(separator: ", "))]" : Self.yaml(values.first ?? "")
            return "\(key): \(value)    # \(setting.origin)"
        }.joined(separator: "\n") + "\n"
    }

    /// A value as YAML: a range as a list, words that YAML would take for something else in quotes.
    private static func yaml(_ value: String) -> String {
        if let range = TimeRange(argument: value) { return "[\(range.first), \(range.last)]" }
        let isPlain = value.allSatisfy { $0.isLetter || $0.isNumber || "._-+".contains($0) }
        return isPlain && !["no", "yes", "on", "off", "null"].contains(value) ? value : "\"\(value)\""
    }
}

extension SettingsFile.Value {
    fileprivate var words: [String] {
        switch self {
        case .text(let text): [text]
        case .list(let texts), .map(let texts): texts
        }
    }
}
