import Foci
import TestSupport
import Testing

@testable import Batches

@Suite("Settings files")
struct SettingsFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ text: String) throws -> SettingsFile {
        try BatchSample.write(text, to: "s.yaml", in: folder)
        return try SettingsFile(folder.file("s.yaml"))
    }

    @Test("Words, lists and names with values, each with its line; some for conditions alone")
    func values() throws {
        let file = try read(
            """
            # of all
            window: [0.05, 0.15]
            gain_error: 0.1
            rank: {meg: 70, eeg: 59}
            conditions:
              auditory/left:
                window: [0.05, 0.12]
            """)
        #expect(file.items.map(\.key) == ["window", "gain-error", "rank"])
        #expect(file.items.map(\.line) == [2, 3, 4])
        #expect(file.items.map(\.value) == [.list(["0.05", "0.15"]), .text("0.1"), .map(["meg:70", "eeg:59"])])
        #expect(file.conditions.map(\.name) == ["auditory/left"] && file.conditions[0].items[0].line == 7)
        #expect(try read("").items.isEmpty && read("# nothing\n").items.isEmpty)
    }

    @Test(
        "What is wrong is told with its line",
        arguments: [
            ("a: 1\nb: 2\na: 3\n", "line 1: 'a' more than once"), ("gain_error: 1\ngain-error: 2\n", "line 2"),
            ("a: [1\n", "not YAML"), ("- a\n- b\n", "no settings"), ("a:\n", "line 1: 'a' without a value"),
            ("a: 1\nconditions: 3\n", "line 2"), ("a: [[1]]\n", "line 1"), ("a: {b: {c: 1}}\n", "something nested"),
        ])
    func errors(text: String, part: String) {
        let said = line { _ = try read(text) }
        #expect(said?.contains(part) == true, "\(said ?? "nothing")")
        #expect(said?.contains("s.yaml") == true && said?.contains("\n") == false)
    }
}
