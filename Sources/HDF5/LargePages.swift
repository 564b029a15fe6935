import Glibc

/// Memory in large pages: a matrix of a gigabyte takes a quarter of a million small ones, each with a fault of its own.
enum LargePages {
    private static let size = 2 << 20

    /// Asks for large pages in a piece of memory that was not touched yet. Advice only: nothing depends on it.
    static func advise(_ memory: UnsafeRawBufferPointer) {
        guard memory.count >= 4 * size, let start = memory.baseAddress else { return }
        let first = (UInt(bitPattern: start) + UInt(size) - 1) / UInt(size) * UInt(size)
        let end = (UInt(bitPattern: start) + UInt(memory.count)) / UInt(size) * UInt(size)
        guard first < end, let place = UnsafeMutableRawPointer(bitPattern: first) else { return }
        madvise(place, Int(end - first), Int32(MADV_HUGEPAGE))
    }
}
