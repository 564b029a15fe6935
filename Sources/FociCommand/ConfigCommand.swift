import ArgumentParser
import Foci

/// `foci config`: the settings of a batch.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Tell the settings that a batch would use.", subcommands: [Show.self])

    /// `foci config show`: every setting with where it comes from.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every setting and where it comes from.",
            discussion: """
                Prints a settings file: what is set, by which line of which file or by an option, and in comments what is \
                left at its default. Options of 'foci localize' may be given as to 'foci batch'.

                EXAMPLES
                  foci config show --config foci.yaml
                  foci config show --config foci.yaml --for auditory/left --sensors meg
                """)

        @Option(help: ArgumentHelp("Settings in YAML.", valueName: "file"))
        var config: String?

        @Option(name: .customLong("for"), help: ArgumentHelp("Settings of this condition.", valueName: "condition"))
        var condition: String?

        @OptionGroup var reading: FileOptions

        @OptionGroup var options: LocalizationOptions

        mutating func run() throws {
            let settings = try BatchSettings(
                path: config, commandLine: FociCommand.joiningNumbers(Array(CommandLine.arguments.dropFirst())))
            let names = condition.map { [$0] } ?? []
            let arguments = try settings.effective(condition: names).flatMap(\.arguments)
            _ = try Localization(LocalizationArguments.recipe(arguments).settings, naming: optionName)
            try Terminal.result(try settings.text(condition: names))
        }
    }
}
