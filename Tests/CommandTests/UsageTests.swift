import Foci
import TestSupport
import Testing

@Suite("Help, version and usage errors")
struct UsageTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func foci(_ arguments: [String]) throws -> Program.Outcome {
        try Program.run(arguments, in: folder.path)
    }

    @Test("The version is the library's")
    func version() throws {
        let outcome = try foci(["--version"])
        expectSuccess(outcome)
        #expect(outcome.output == "\(fociVersion)\n")
    }

    @Test("The help shows every command and teaches by example", arguments: [["--help"], ["help"], ["-h"], []])
    func help(arguments: [String]) throws {
        let outcome = try foci(arguments)
        expectSuccess(outcome)
        for command in ["localize", "batch", "inspect", "convert", "simulate", "compare", "solve", "select", "mixed"] {
            #expect(outcome.output.contains("\n  \(command) "), "\(command)")
            #expect(outcome.output.contains("foci \(command) "), "an example of \(command)")
        }
        #expect(outcome.output.contains("Exit codes: 0 done, 2 something is wrong with the input, 130 interrupted"))
    }

    @Test(
        "Every command has a help with an example",
        arguments: ["localize", "batch", "inspect", "convert", "simulate", "compare", "solve", "select", "mixed"])
    func helpOfCommand(command: String) throws {
        let outcome = try foci(["help", command])
        expectSuccess(outcome)
        #expect(outcome.output.contains("EXAMPLE") && outcome.output.contains("foci \(command) "))
        #expect(try foci([command, "--help"]).output == outcome.output)
    }

    @Test("The help of localize lists its options and files")
    func helpOfLocalize() throws {
        let help = try foci(["help", "localize"]).output
        let text = help.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for option in [
            "--forward <file>", "--recording <file>", "--covariance <file>", "--output <dir>", "--window <first last>",
            "--sensors <", "--orientation <fixed|free|loose:ℓ>", "--depth <", "--lambda <auto|ratio>", "--reweight <n>",
            "--criterion <", "--search <", "--weights <", "--sigma <covariance|baseline|number>", "--folds <n>",
            "--draws <n>", "--seed <n>", "--stability <n>", "--stability-by <", "--gap <", "--threads <n>", "--json",
            "--quiet", "--force",
        ] {
            #expect(help.contains("\n  \(option)"), "\(option)")
        }
        for file in LocalizeTests.files + ["stability.tsv", "stability.svg"] { #expect(help.contains(file), "\(file)") }
        // What is not given has a default, and the help tells it.
        for value in ["default: all)", "(default: 0.8)", "(default: auto)", "(default: 5)", "(default: 1e-06)"] {
            #expect(text.contains(value), "\(value)")
        }
    }

    @Test(
        "A wrong command line ends with exit code 2 and says which part is wrong",
        arguments: [
            (["localise"], "localise"), (["localize"], "--forward"),
            (["localize", "--forward", "f", "--recording", "r"], "--output"),
            (["localize", "--forward", "f", "--recording", "r", "--output", "o", "--tempo", "3"], "--tempo"),
            (["localize", "--forward", "f", "--recording", "r", "--output", "o", "extra"], "extra"),
            (["localize", "--forward", "f", "--recording", "r", "--output", "o", "--sensors", "ecog"], "ecog"),
            (
                ["localize", "--forward", "f", "--recording", "r", "--output", "o", "--orientation", "loose:2"],
                "loose:2"
            ),
            (["localize", "--forward", "f", "--recording", "r", "--output", "o", "--lambda", "some"], "some"),
            (["localize", "--forward", "f", "--recording", "r", "--output", "o", "--window", "0.1"], "--window"),
            (["localize", "--forward", "f", "--recording", "r", "--output", "o", "--reweight", "2.5"], "2.5"),
            (["localize", "--forward", "f", "--recording", "r", "--output", "o", "--threads"], "--threads"),
            (["solve", "--problem", "p.h5"], "--lambda-ratio"), (["solve", "--lambda-ratio", "x"], "x"),
            (["inspect"], "<file>"), (["compare", "estimate.h5"], "<truth>"),
            (["simulate", "--output", "o", "--seed", "-1"], "-1"),
        ])
    func usage(arguments: [String], mention: String) throws {
        let outcome = try foci(arguments)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("foci: ") && !outcome.errors.hasPrefix("foci: Error"))
        #expect(outcome.errors.contains(mention), "\(outcome.errors)")
        #expect(folder.contents.isEmpty)
    }
}
