import ArgumentParser
import Foci

/// `foci inspect`: what a file holds.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Say what a file holds: sizes, units, plausibility.",
        discussion: """
            EXAMPLE
              foci inspect sample.forward.h5
            """)

    @Argument(help: ArgumentHelp("The file.", valueName: "file"))
    var file: String

    @OptionGroup var reading: FileOptions

    @Flag(help: "Print as JSON.")
    var json = false

    /// What `--json` prints.
    private struct Printed: Encodable {
        let file: String
        let format: String
        let contents: [String]
        let conditions: [String]
        let facts: [String: String]
        let missing: [String]
        let warnings: [String]
    }

    mutating func run() throws {
        let description = try FileInspection.describe(file, options: reading.options)
        let missing = description.missing.map { $0.text(naming: optionName) }
        if json {
            let facts = Dictionary(description.facts.map { ($0.name, $0.value) }, uniquingKeysWith: { "\($0); \($1)" })
            try Terminal.result(
                JSON.text(
                    Printed(
                        file: file, format: description.format, contents: description.contents.map(\.rawValue),
                        conditions: description.conditions.map(\.name), facts: facts, missing: missing,
                        warnings: description.warnings), isIndented: true))
            return
        }
        let width = description.facts.reduce(0) { max($0, $1.name.count) }
        var lines = [
            "\(file): "
                + [description.contents.map(\.rawValue).joined(separator: " and "), description.format]
                .filter { !$0.isEmpty }.joined(separator: ", ")
        ]
        lines += description.facts.map { fact in
            "  " + fact.name + String(repeating: " ", count: width - fact.name.count + 2) + fact.value
        }
        if !missing.isEmpty {
            lines.append("  for a localization it takes also \(missing.joined(separator: "; "))")
        }
        lines += description.warnings.map { "  warning: \($0)" }
        try Terminal.result(lines.joined(separator: "\n"))
    }
}
