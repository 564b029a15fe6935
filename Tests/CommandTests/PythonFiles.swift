import Foundation
import TestSupport

/// Files that a Python script makes once, for all tests of a suite.
struct PythonFiles: Sendable {
    /// What the script printed.
    let output: String
    private let files: [String: [UInt8]]

    /// Runs a script and keeps all that it writes.
    init(_ script: String) throws {
        let folder = try TemporaryFolder()
        output = try PythonEnvironment.run(script, in: folder.path)
        var files: [String: [UInt8]] = [:]
        for name in folder.contents { files[name] = try folder.read(name) }
        self.files = files
    }

    /// A new folder with all of them.
    func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (name, bytes) in files { try folder.write(name, bytes) }
        return folder
    }
}

extension PythonFiles {
    /// A raw recording, averages of it, forward and covariance, made by `recorded` of `situations.py`; as JSON how many
    /// epochs MNE-Python keeps for each average.
    static let recorded = Result {
        try PythonFiles("import json, situations; print(json.dumps(situations.recorded()))")
    }
}
