import Foundation

/// The real data and reference results that lie beside a checkout, where there are any.
public enum Shared {
    /// The folder: from the environment variable `FOCI_SHARED`, else `../shared` beside the package.
    public static let root: String = {
        if let given = ProcessInfo.processInfo.environment["FOCI_SHARED"], !given.isEmpty { return given }
        // Tests/TestSupport/Shared.swift stands three levels below the package.
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return package.deletingLastPathComponent().appendingPathComponent("shared").path
    }()

    /// Whether the folder is there; tests that need it are skipped where it is not.
    public static let isPresent: Bool = {
        let present = FileManager.default.fileExists(atPath: root + "/data")
        if !present { print("skipped: the shared data are not at \(root) (set FOCI_SHARED)") }
        return present
    }()

    /// Why a test is skipped.
    public static let absence = "the shared data are not there (set FOCI_SHARED)"

    /// The path of a file in the folder.
    public static func path(_ name: String) -> String { "\(root)/\(name)" }
}
