import Foundation

extension Process {
    /// Runs to the end and gives what was said.
    ///
    /// - Parameter folder: where its words are kept meanwhile: in files, not pipes, which somebody would have to empty.
    func runToEnd(in folder: String) throws -> (output: String, errors: String) {
        standardInput = FileHandle.nullDevice
        let names = ["output", "errors"].map { "\(folder)/.said-\($0)-\(UUID().uuidString)" }
        defer { for name in names { try? FileManager.default.removeItem(atPath: name) } }
        for name in names { _ = FileManager.default.createFile(atPath: name, contents: nil) }
        standardOutput = FileHandle(forWritingAtPath: names[0])
        standardError = FileHandle(forWritingAtPath: names[1])
        try run()
        waitUntilExit()
        let texts = names.map { String(decoding: FileManager.default.contents(atPath: $0) ?? Data(), as: UTF8.self) }
        return (texts[0], texts[1])
    }
}
