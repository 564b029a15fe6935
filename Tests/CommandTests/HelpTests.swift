import Foundation
import TestSupport
import Testing

@Suite("Help, whole")
struct HelpTests {
    /// Where the texts lie. Where a change is meant, `foci help COMMAND` writes them anew, 80 columns wide.
    private static let texts = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Help")

    @Test(
        "every command says what it is expected to say, to the letter",
        arguments: [
            "foci", "localize", "batch", "config", "inspect", "convert", "simulate", "compare", "solve", "select",
            "report", "group", "mixed",
        ])
    func whole(_ command: String) throws {
        let folder = try TemporaryFolder()
        let outcome = try Program.run(
            command == "foci" ? ["--help"] : ["help", command], in: folder.path, shell: "COLUMNS=80 exec \"$@\"")
        expectSuccess(outcome)
        let expected = try String(contentsOf: Self.texts.appending(path: "\(command).txt"), encoding: .utf8)
        let (found, wanted) = (outcome.output.split(separator: "\n"), expected.split(separator: "\n"))
        for (a, b) in zip(found, wanted) { #expect(a == b) }
        #expect(outcome.output == expected)
    }
}
