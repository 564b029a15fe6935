import ArgumentParser
import Foci

/// `foci inspect`: what files hold, and whether they fit together.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Say what a file holds, or whether several fit together.",
        discussion: """
            Of one file: sizes, units, plausibility. Of a recording with its forward model and noise covariance, in any order: \
            a checklist of all on which a localization rests (channels, units, compensation, head position, rank, reference, \
            baseline, noise, averages), each ok, LOOK or WRONG, with what to do.

            EXAMPLES
              foci inspect sample.forward.h5
              foci inspect sample-ave.fif sample-fwd.fif sample-cov.fif
                  Look before you localize.
            """)

    @Argument(help: ArgumentHelp("The files.", valueName: "file"))
    var files: [String]

    @OptionGroup var reading: FileOptions

    @OptionGroup var preparing: PreparationOptions

    @Flag(help: "Print as JSON.")
    var json = false

    /// What `--json` prints of a file.
    private struct Printed: Encodable {
        let file: String
        let format: String
        let contents: [String]
        let conditions: [String]
        let facts: [String: String]
        let missing: [String]
        let warnings: [String]

        init(_ description: FileDescription) {
            file = description.path
            format = description.format
            contents = description.contents.map(\.rawValue)
            conditions = description.conditions.map(\.name)
            facts = Dictionary(
                description.facts.map { ($0.name, $0.value) }, uniquingKeysWith: { "\($0); \($1)" })
            missing = description.missing.map { $0.text(naming: optionName) }
            warnings = description.warnings.map { $0.text(naming: optionName) }
        }
    }

    /// What `--json` prints of several.
    private struct PrintedTogether: Encodable {
        let files: [Printed]
        let checks: [Summary.Check]
    }

    mutating func run() throws {
        let options = try reading.options()
        let settings = try preparing.settings(names: reading.matchNames)
        guard files.count > 1 else {
            let description = try FileInspection.describe(files[0], options: options)
            return try Terminal.result(
                json ? JSON.text(Printed(description), isIndented: true) : text(description, isAlone: true))
        }
        let together = try LocalizationFiles(files, options: options)
        let contents = try together.read()
        var details = options
        details.sensors = contents.recording.sensors
        var descriptions: [FileDescription] = []
        for file in files {
            // What channels measure is asked of the recording; which condition is meant, of the covariance no one.
            descriptions.append(try FileInspection.describe(file, options: details))
        }
        let checks = PreparedProblem.examine(
            recording: contents.recording, forward: contents.forward, covariance: contents.covariance,
            settings: settings, naming: optionName)
        if json {
            let printed = PrintedTogether(files: descriptions.map { Printed($0) }, checks: checks.map { .init($0) })
            return try Terminal.result(JSON.text(printed, isIndented: true))
        }
        let lines =
            descriptions.map { text($0, isAlone: false) } + [
                (["together:"] + PlainSummary.checks(checks)).joined(separator: "\n")
            ]
        try Terminal.result(lines.joined(separator: "\n\n"))
    }

    /// A file in plain English.
    private func text(_ description: FileDescription, isAlone: Bool) -> String {
        let width = description.facts.reduce(0) { max($0, $1.name.count) }
        var lines = [
            "\(description.path): "
                + [description.contents.map(\.rawValue).joined(separator: " and "), description.format]
                .filter { !$0.isEmpty }.joined(separator: ", ")
        ]
        lines += description.facts.map { fact in
            "  " + fact.name + String(repeating: " ", count: width - fact.name.count + 2) + fact.value
        }
        let missing = description.missing.map { $0.text(naming: optionName) }
        if isAlone, !missing.isEmpty {
            lines.append("  for a localization it takes also \(missing.joined(separator: "; "))")
        }
        lines += description.warnings.map { "  warning: \($0.text(naming: optionName))" }
        return lines.joined(separator: "\n")
    }
}
