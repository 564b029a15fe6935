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

    @Flag(help: "Print as JSON.")
    var json = false

    mutating func run() throws {
        let description = try FileInspection.describe(file)
        try Terminal.result(json ? try encoded(description) : description.text)
    }
}
