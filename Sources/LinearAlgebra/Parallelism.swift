import Dispatch
import Foundation

/// How many threads a computation may use.
///
/// Work is cut into pieces whose boundaries do not depend on the number of threads; therefore results do not
/// either, bit for bit.
public struct Parallelism: Sendable, Equatable {
    /// Number of threads, at least one.
    public let threads: Int

    /// - Parameter threads: wanted number of threads; below one means one.
    public init(threads: Int) { self.threads = max(1, threads) }

    /// As many threads as the machine has active cores.
    public static var allCores: Parallelism {
        Parallelism(threads: ProcessInfo.processInfo.activeProcessorCount)
    }

    /// One thread.
    public static let serial = Parallelism(threads: 1)

    /// Calls `body` once for every piece of `0..<count`, on up to `threads` threads, and waits for all.
    ///
    /// - Parameters:
    ///   - count: number of items.
    ///   - piece: items a piece; the last may hold fewer.
    ///   - body: receives the number of the piece and its items. Pieces may run at the same time.
    public func forEachPiece(of count: Int, piece: Int, _ body: @Sendable (_ number: Int, _ items: Range<Int>) -> Void)
    {
        let pieces = (count + piece - 1) / piece
        let workers = min(threads, pieces)
        @Sendable func run(_ number: Int) {
            body(number, (number * piece)..<min(count, (number + 1) * piece))
        }
        if workers <= 1 {
            for number in 0..<pieces { run(number) }
        } else {
            DispatchQueue.concurrentPerform(iterations: workers) { worker in
                for number in stride(from: worker, to: pieces, by: workers) { run(number) }
            }
        }
    }
}
