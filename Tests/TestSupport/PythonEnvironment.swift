import Foundation

/// Python with the programs that tests compare with: MNE-Python, SciPy, h5py, mat73, pymatreader, pystache.
public enum PythonEnvironment {
    private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The interpreter: from the environment variable `FOCI_TEST_PYTHON`, else of `.venv-test` in the package.
    public static let interpreter: String = {
        if let given = ProcessInfo.processInfo.environment["FOCI_TEST_PYTHON"], !given.isEmpty { return given }
        return package.appendingPathComponent(".venv-test/bin/python").path
    }()

    /// Whether it is there; tests that need it are skipped where it is not.
    public static let isPresent: Bool = {
        let present = FileManager.default.isExecutableFile(atPath: interpreter)
        if !present { print("skipped: no Python at \(interpreter) (scripts/test makes it)") }
        return present
    }()

    /// A program that was installed with them; nil where it is not there.
    public static func program(_ name: String) -> String? {
        let path = (interpreter as NSString).deletingLastPathComponent + "/" + name
        guard !FileManager.default.isExecutableFile(atPath: path) else { return path }
        print("skipped: no \(name) at \(path) (scripts/test makes it)")
        return nil
    }

    /// Why a test is skipped.
    public static let absence = "no .venv-test (scripts/test makes it)"

    /// A script that failed, with what it said.
    public struct Failure: Error, CustomStringConvertible {
        /// Standard error of the script.
        public let description: String
    }

    /// Runs a script; modules in `Tests/TestSupport/Python` can be imported.
    ///
    /// - Parameters:
    ///   - script: Python.
    ///   - folder: its working folder.
    /// - Returns: its standard output.
    /// - Throws: ``Failure`` when it ends with another code than 0.
    @discardableResult
    public static func run(_ script: String, in folder: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: interpreter)
        process.arguments = ["-c", script]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var environment = ProcessInfo.processInfo.environment
        environment["PYTHONPATH"] = package.appendingPathComponent("Tests/TestSupport/Python").path
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        // Several tests run at once: one thread each.
        for name in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"] { environment[name] = "1" }
        process.environment = environment
        let said = try process.runToEnd(in: folder)
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw Failure(description: "Python ended with \(process.terminationStatus): \(said.errors)")
        }
        return said.output
    }
}
