import Foundation
import Synchronization
import TestSupport

/// The built program, run as its users run it.
enum Program {
    /// What a run left.
    struct Outcome {
        /// Exit code; nil when a signal ended the program.
        let status: Int32?
        /// The signal that ended it, if one did.
        let signal: Int32?
        /// Standard output.
        let output: String
        /// Standard error.
        let errors: String

        /// Lines of standard error.
        var errorLines: [String] {
            errors.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
    }

    /// Why a run gave no outcome.
    enum Failure: Error, CustomStringConvertible {
        case notBuilt(lookedBeside: [String])
        case tooSlow(arguments: [String], seconds: Double)

        var description: String {
            switch self {
            case .notBuilt(let places): "there is no program 'foci' beside or above \(places.joined(separator: ", "))"
            case .tooSlow(let arguments, let seconds):
                "foci \(arguments.joined(separator: " ")): still running after \(seconds) s"
            }
        }
    }

    /// Where the program is.
    static let path: Result<String, Failure> =
        BuiltProgram.path("foci").map { .success($0) } ?? .failure(.notBuilt(lookedBeside: BuiltProgram.runners))

    /// Tests run side by side; no more programs than cores at a time, so that a time limit means something.
    private static let places = DispatchSemaphore(value: max(2, ProcessInfo.processInfo.activeProcessorCount))

    /// Runs the program to its end.
    ///
    /// - Parameters:
    ///   - arguments: as on a command line.
    ///   - folder: its working folder.
    ///   - shell: a line for `sh` that runs the program as `"$@"`, for limits and redirections.
    ///   - limit: seconds after which it is killed and the test fails.
    ///   - meanwhile: called with the process number once it runs.
    /// - Throws: ``Failure``.
    static func run(
        _ arguments: [String], in folder: String, shell: String? = nil, limit: Double = 60,
        meanwhile: (_ process: Int32) -> Void = { _ in }
    ) throws -> Outcome {
        let program = try path.get()
        places.wait()
        defer { places.signal() }
        let process = Process()
        if let shell {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", shell, "sh", program] + arguments
        } else {
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
        }
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = FileHandle.nullDevice
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try withoutBlockedSignals { try process.run() }
        // Both at once: a program that fills one pipe while the other is read would wait for ever.
        let readings = [Reading(of: output), Reading(of: errors)]
        meanwhile(process.processIdentifier)
        guard ended.wait(timeout: .now() + limit) == .success else {
            kill(process.processIdentifier, SIGKILL)
            throw Failure.tooSlow(arguments: arguments, seconds: limit)
        }
        let wasSignalled = process.terminationReason == .uncaughtSignal
        return Outcome(
            status: wasSignalled ? nil : process.terminationStatus,
            signal: wasSignalled ? process.terminationStatus : nil, output: readings[0].text, errors: readings[1].text)
    }

    /// A program inherits the signals that are blocked in the thread that starts it, and threads that run tests block
    /// SIGINT; a terminal's do not.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// A pipe read to its end on a thread of its own.
    private final class Reading: Sendable {
        private let bytes = Mutex(Data())
        private let ended = DispatchSemaphore(value: 0)

        init(of pipe: Pipe) {
            Thread.detachNewThread {
                let data = pipe.fileHandleForReading.readDataToEndOfFile()
                self.bytes.withLock { $0 = data }
                self.ended.signal()
            }
        }

        /// All that was written; waits for the end.
        var text: String {
            ended.wait()
            ended.signal()
            return bytes.withLock { String(decoding: $0, as: UTF8.self) }
        }
    }
}
