import Foci
import Foundation
import Synchronization

/// Orders on standard input, read by a thread of their own.
///
/// The end of the run that sends them ends this process, too, in the middle of whatever it does: nothing that it leaves
/// half-written counts.
final class OrderQueue: Sendable {
    private let lines = Mutex<[String]>([])
    private let count = DispatchSemaphore(value: 0)

    init() {
        let parent = getppid()
        Thread.detachNewThread { [self] in
            while let line = readLine() {
                lines.withLock { $0.append(line) }
                count.signal()
            }
            count.signal()
        }
        Thread.detachNewThread {
            while getppid() == parent { usleep(200_000) }
            _exit(1)
        }
    }

    /// The next order, waited for; nil when no more come.
    func next() -> String? {
        count.wait()
        return lines.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
}

/// Lines on standard output, one at a time from any thread.
final class LineOutput: Sendable {
    private let lock = Mutex(())

    func write(_ line: String) {
        lock.withLock { _ in
            // Where nobody listens any more, this process is about to end.
            try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
        }
    }
}
