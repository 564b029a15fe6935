import Foci
import Foundation
import Glibc
import Logging
import Synchronization

/// What the program says on standard error, and how it ends.
enum Terminal {
    /// Whether a person watches standard error.
    static let isInteractive = isatty(STDERR_FILENO) == 1

    /// Columns of the terminal; 80 where it does not say.
    static var width: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    /// Ends the program with one line on standard error.
    static func fail(_ message: String, code: Int32) -> Never {
        write("\(clearing)foci: \(message)\n")
        exit(code)
    }

    static func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }

    /// What wipes a progress line off, where there may be one.
    static let clearing = isInteractive ? "\r\u{1B}[K" : ""

    /// Prints a result on standard output.
    ///
    /// - Throws: ``InputError`` when it cannot be written, for example to a full disk.
    static func result(_ text: String) throws(InputError) {
        write(clearing)
        do {
            try FileHandle.standardOutput.write(contentsOf: Data((text.hasSuffix("\n") ? text : text + "\n").utf8))
        } catch {
            throw InputError("standard output", found: "it cannot be written to", expected: "an open file or pipe")
        }
    }

    /// A logger that writes plain lines to standard error.
    static func logger(quiet: Bool) -> Logger {
        var logger = Logger(label: "foci") { _ in LineHandler() }
        logger.logLevel = quiet ? .error : .info
        return logger
    }

    /// A monitor for work at the terminal: a progress line where a person watches, warnings, and an end on interruption.
    static func monitor(quiet: Bool) -> Monitor {
        let logger = logger(quiet: quiet)
        let line = isInteractive && !quiet ? ProgressLine() : nil
        return Monitor(
            report: { line?.show($0) }, isCancelled: { Interruption.isRequested },
            warn: { logger.warning("\($0)") })
    }
}

/// Log lines as a person reads them: the level only where it matters.
private struct LineHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let mark = event.level >= .warning ? "\(event.level): " : ""
        Terminal.write("\(Terminal.clearing)foci: \(mark)\(event.message)\n")
    }
}

/// One line on standard error that is written over; it appears once work has lasted half a second.
private final class ProgressLine: Sendable {
    private let clock = Stopwatch()
    private let last = Mutex(0.0)

    func show(_ progress: Monitor.Progress) {
        let seconds = clock.seconds
        last.withLock { last in
            guard seconds > 0.5, seconds - last > 0.1 else { return }
            last = seconds
            Terminal.write("\r\u{1B}[K\(progress.stage): \(progress.detail), \(String(format: "%.0f", seconds)) s\r")
        }
    }
}

/// An interruption by the user (Ctrl-C): the work stops at the next safe point; a second one ends the program at once.
enum Interruption {
    private static let requested = Atomic(false)

    static var isRequested: Bool { requested.load(ordering: .relaxed) }

    static func install() {
        signal(SIGINT) { _ in
            Interruption.requested.store(true, ordering: .relaxed)
            signal(SIGINT, SIG_DFL)
        }
        // What a cluster sends before it ends a job.
        signal(SIGTERM) { _ in Interruption.requested.store(true, ordering: .relaxed) }
    }
}
