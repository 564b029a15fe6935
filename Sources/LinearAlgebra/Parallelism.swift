import Dispatch
import Glibc

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
    public static var allCores: Parallelism { Parallelism(threads: sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

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

extension Parallelism {
    /// C ← α·op(A)·op(B) + β·C as ``BLAS/gemm(_:_:_:_:_:_:_:_:_:_:_:_:_:)``, the columns of C cut into pieces.
    ///
    /// The pieces are the same on any number of threads. A small product is done at once.
    ///
    /// - Parameter piece: columns of C a piece.
    public func gemm(
        _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int, _ alpha: Double,
        _ a: UnsafePointer<Double>, _ lda: Int, _ b: UnsafePointer<Double>, _ ldb: Int, _ beta: Double,
        _ c: UnsafeMutablePointer<Double>, _ ldc: Int, piece width: Int = 96
    ) {
        // Below some four million operations the threads would wait longer for one another than they work.
        guard n >= 2 * width, m * n * k > 2_000_000 else {
            BLAS.gemm(transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
            return
        }
        nonisolated(unsafe) let (a, b, c) = (a, b, c)
        forEachPiece(of: n, piece: width) { _, items in
            let start = items.lowerBound
            BLAS.gemm(
                transposeA, transposeB, m, items.count, k, alpha, a, lda, b + (transposeB ? start : start * ldb), ldb,
                beta, c + start * ldc, ldc)
        }
    }
}
