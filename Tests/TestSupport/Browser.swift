import Foundation

/// Chromium without a window, in which tests look at pages.
public enum Browser {
    /// The program: from the environment variable `FOCI_TEST_BROWSER`, else the first of those that distributions install.
    private static let program: String? = {
        let environment = ProcessInfo.processInfo.environment
        if let given = environment["FOCI_TEST_BROWSER"], !given.isEmpty { return given }
        let folders = (environment["PATH"] ?? "/usr/bin").split(separator: ":").map(String.init)
        let names = ["chromium", "chromium-browser", "google-chrome"]
        return names.flatMap { name in folders.map { "\($0)/\(name)" } }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()

    /// Whether it is there; tests that need it are skipped where it is not.
    public static let isPresent: Bool = {
        if program == nil { print("skipped: no Chromium (scripts/install-test-dependencies installs it)") }
        return program != nil
    }()

    /// Why a test is skipped.
    public static let absence = "no Chromium (scripts/install-test-dependencies installs it)"

    /// What a page left.
    public struct Visit: Sendable {
        /// The document after its scripts ran.
        public let document: String
        /// Messages of the page's console, one each.
        public let messages: [String]
    }

    /// A browser that did not do its work.
    public struct Failure: Error, CustomStringConvertible {
        /// What it said.
        public let description: String
    }

    /// Opens a page and lets its scripts run.
    ///
    /// - Parameters:
    ///   - page: path of the file.
    ///   - folder: where the browser may write.
    public static func visit(_ page: String, in folder: String) throws -> Visit {
        let said = try run(["--dump-dom", "file://\(page)"], in: folder)
        return Visit(
            document: said.output,
            messages: said.errors.split(separator: "\n").map(String.init).filter { $0.contains("CONSOLE") })
    }

    /// Prints a page.
    ///
    /// - Returns: the bytes of the PDF.
    public static func pdf(_ page: String, in folder: String) throws -> Data {
        let target = "\(folder)/page.pdf"
        let said = try run(["--print-to-pdf=\(target)", "--no-pdf-header-footer", "file://\(page)"], in: folder)
        guard let data = FileManager.default.contents(atPath: target) else { throw Failure(description: said.errors) }
        return data
    }

    private static func run(_ arguments: [String], in folder: String) throws -> (output: String, errors: String) {
        guard let program else { throw Failure(description: absence) }
        let process = Process()
        // A browser that hangs must not hang the tests.
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        process.arguments =
            [
                "120", program, "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader", "--user-data-dir=\(folder)/browser", "--virtual-time-budget=15000",
                "--window-size=1000,800", "--enable-logging=stderr", "--force-prefers-reduced-motion",
            ] + arguments
        let said = try process.runToEnd(in: folder)
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw Failure(description: "the browser ended with \(process.terminationStatus): \(said.errors)")
        }
        return said
    }
}
