import Foci
import Foundation

/// A process that works on units, one at a time: a crash of it or the end of its memory costs one recording.
///
/// Orders go to its standard input, a line each, and events come from its standard output. It ends when its input does, so
/// that it does not outlive the run that started it.
final class WorkerProcess {
    /// What came of a process.
    enum Message: Sendable {
        case event(BatchEvent)
        case ended(String)
    }

    private let process = Process()
    private let input = Pipe()
    /// The item that it works on, and what of it is not yet done.
    var item: BatchPlan.Item?
    var remaining: [String] = []
    var current: String?
    /// Bytes that the item was reckoned with.
    var memory = 0
    /// The forward that it holds.
    var forward: String?

    /// Starts a process.
    ///
    /// - Parameters:
    ///   - program: path of the program.
    ///   - deliver: called on another thread.
    /// - Throws: ``InputError`` when it cannot be started.
    init(_ program: String, deliver: @escaping @Sendable (Message) -> Void) throws(InputError) {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["batch", "worker"]
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        do { try process.run() } catch {
            throw InputError(program, found: "cannot be started: \(error.localizedDescription)")
        }
        let (reading, running) = (output.fileHandleForReading, UncheckedProcess(process))
        Thread.detachNewThread {
            var rest = Data()
            while true {
                let data = reading.availableData
                if data.isEmpty { break }
                rest += data
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
                    rest = Data(rest[rest.index(after: end)...])
                    if let event = BatchEvent(line: line) { deliver(.event(event)) }
                }
            }
            running.process.waitUntilExit()
            deliver(.ended(running.reason))
        }
    }

    private struct UncheckedProcess: @unchecked Sendable {
        let process: Process

        init(_ process: Process) { self.process = process }

        /// How it ended, in plain English.
        var reason: String {
            let status = process.terminationStatus
            guard process.terminationReason == .uncaughtSignal else { return "the process ended with code \(status)" }
            let name = String(cString: strsignal(status))
            return "the process was ended by signal \(status) (\(name))"
                + (status == SIGKILL ? ", perhaps for want of memory" : ", a defect: please report it with the log")
        }
    }

    /// Gives it work.
    func order(_ order: WorkOrder) {
        guard let text = try? JSON.text(order, isIndented: false) else { return }
        // A process that has ended says so by itself.
        try? input.fileHandleForWriting.write(contentsOf: Data((text + "\n").utf8))
    }

    /// Tells it that no more comes: it ends when it is done.
    func finish() { try? input.fileHandleForWriting.close() }

    /// Asks it to stop at the next safe point, or ends it at once.
    func stop(atOnce: Bool) { kill(process.processIdentifier, atOnce ? SIGKILL : SIGTERM) }
}
