import Foundation

/// Programs that were built with the tests.
public enum BuiltProgram {
    /// Folders of the test runner, as far as they can be told. The runner's own path tells the build folder, whatever the
    /// configuration and scratch path.
    public static let runners = [
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
        Bundle.main.executablePath, CommandLine.arguments.first,
    ].compactMap { $0 }

    /// Where a program is: beside the test runner, or in a folder above it; nil when nowhere there.
    public static func path(_ name: String) -> String? {
        for runner in runners {
            var folder = URL(fileURLWithPath: runner).standardizedFileURL.deletingLastPathComponent()
            for _ in 0..<4 {
                let candidate = folder.appendingPathComponent(name).path
                var isFolder: ObjCBool = false
                if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue,
                    FileManager.default.isExecutableFile(atPath: candidate)
                {
                    return candidate
                }
                folder.deleteLastPathComponent()
            }
        }
        return nil
    }
}
