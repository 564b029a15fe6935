import CHDF5
import Dispatch
import Glibc
import Synchronization

/// Floating-point numbers as memory holds them, which ``PlainStorage`` reads.
protocol Real: Sendable, BitwiseCopyable {
    static var zero: Self { get }
    /// The library's name of the type. Inside the lock.
    static var memoryType: hid_t { get }
    init(_ single: Float)
}

extension Double: Real {
    static var memoryType: hid_t { foci_h5t_native_double() }
}

extension Float: Real {
    static var memoryType: hid_t { foci_h5t_native_float() }
}

/// The place of a dataset that lies in its file as in memory: in one piece, unpacked, little-endian IEEE numbers.
///
/// It is read without the library, which would read a part of a matrix row by row through several layers, and would
/// widen single precision in a buffer of its own.
struct PlainStorage: Sendable {
    private let input: InputFile
    private let offset: Int
    /// Bytes of an element: 4 or 8.
    let elementSize: Int

    /// Finds the place of a dataset that was checked to be whole and to lie in one piece within its file. Inside the lock.
    ///
    /// - Returns: nil where the elements have another form than memory has.
    init?(_ dataset: borrowing Handle, type: borrowing Handle, in input: InputFile) {
        guard 1.littleEndian == 1 else { return nil }
        if H5Tequal(type.id, foci_h5t_ieee_f64le()) > 0 {
            elementSize = 8
        } else if H5Tequal(type.id, foci_h5t_ieee_f32le()) > 0 {
            elementSize = 4
        } else {
            return nil
        }
        let start = H5Dget_offset(dataset.id)
        guard start != foci_haddr_undefined(), let offset = Int(exactly: start) else { return nil }
        self.offset = offset
        self.input = input
    }

    /// Reads `buffer.count` elements as they are stored.
    ///
    /// - Returns: whether all of them were there.
    func read<Element: Real>(_ buffer: UnsafeMutableBufferPointer<Element>, from first: Int) -> Bool {
        if MemoryLayout<Element>.size == elementSize {
            return readStored(UnsafeMutableRawBufferPointer(buffer), from: first)
        }
        let piece = 1 << 16
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: min(piece, buffer.count)) { stored in
            for start in stride(from: 0, to: buffer.count, by: piece) {
                let count = min(piece, buffer.count - start)
                let part = UnsafeMutableBufferPointer(rebasing: stored[..<count])
                guard readStored(UnsafeMutableRawBufferPointer(part), from: first + start) else { return false }
                for i in 0..<count { buffer[start + i] = Element(stored[i]) }
            }
            return true
        }
    }

    /// Reads a row-major matrix that begins at an element into a column-major one, every element of which is written.
    ///
    /// - Returns: whether all elements were there.
    func readTransposed<Element: Real>(
        _ matrix: UnsafeMutableBufferPointer<Element>, rows: Int, columns: Int, from first: Int
    ) -> Bool {
        if MemoryLayout<Element>.size == elementSize {
            return readTransposed(matrix, rows: rows, columns: columns, from: first, as: Element.self) { $0 }
        }
        return readTransposed(matrix, rows: rows, columns: columns, from: first, as: Float.self) { Element($0) }
    }

    /// In tiles, each read line by line and turned in a core's cache, by two threads.
    @inline(__always)
    private func readTransposed<Stored: Real, Element: Real>(
        _ matrix: UnsafeMutableBufferPointer<Element>, rows: Int, columns: Int, from first: Int, as _: Stored.Type,
        _ convert: @Sendable (Stored) -> Element
    ) -> Bool {
        guard let base = matrix.baseAddress, matrix.count > 0 else { return true }
        let width = min(columns, 4096)
        let height = min(rows, max(1, (1 << 18) / width))
        // Lines a power of two apart would fall into the same few places of the first cache.
        let pitch = width == columns ? width : width + 8
        let (across, down) = ((columns - 1) / width + 1, (rows - 1) / height + 1)
        let next = Atomic(0)
        let failed = Atomic(false)
        nonisolated(unsafe) let result = base
        DispatchQueue.concurrentPerform(iterations: min(2, across * down)) { _ in
            withUnsafeTemporaryAllocation(of: Stored.self, capacity: pitch * height) { tile in
                while !failed.load(ordering: .relaxed) {
                    let number = next.add(1, ordering: .relaxed).oldValue
                    guard number < across * down else { return }
                    let (left, top) = (number / down * width, number % down * height)
                    let (wide, high) = (min(width, columns - left), min(height, rows - top))
                    // The columns of these tiles lie together; the first tile takes the memory for all of them.
                    if top == 0, across > 1 {
                        Self.populate(
                            UnsafeMutableRawPointer(result + left * rows), wide * rows * MemoryLayout<Element>.size)
                    }
                    let lines = width == columns ? 1 : high
                    let length = wide * high / lines
                    for line in 0..<lines {
                        let part = UnsafeMutableBufferPointer(rebasing: tile[(line * pitch)..<(line * pitch + length)])
                        guard
                            readStored(
                                UnsafeMutableRawBufferPointer(part), from: first + (top + line) * columns + left)
                        else {
                            failed.store(true, ordering: .relaxed)
                            return
                        }
                    }
                    guard let lines = tile.baseAddress else { return }
                    transpose(
                        lines, rows: high, columns: wide, pitch: pitch, to: result + left * rows + top, stride: rows,
                        convert)
                }
            }
        }
        return !failed.load(ordering: .relaxed)
    }

    /// Takes memory for pages that were not touched yet in one call instead of a fault each; does nothing where the
    /// system (Linux before 5.14) cannot.
    private static func populate(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        let first = (UInt(bitPattern: start) + page - 1) / page * page
        let end = (UInt(bitPattern: start) + UInt(byteCount)) / page * page
        guard first < end, let place = UnsafeMutableRawPointer(bitPattern: first) else { return }
        madvise(place, Int(end - first), foci_madv_populate_write())
    }

    /// Fills the buffer; false where the file ends before or cannot be read.
    private func readStored(_ buffer: UnsafeMutableRawBufferPointer, from first: Int) -> Bool {
        input.read(buffer, at: offset + first * elementSize) == 0
    }
}

/// Puts row-major lines into a column-major matrix, in squares that fit the first cache, eight lines at once.
///
/// - Parameters:
///   - from: the first line; each begins `pitch` elements after the last.
///   - rows: number of lines.
///   - columns: elements of a line.
///   - to: place of the first element in the matrix, whose columns begin `stride` elements after one another.
///   - convert: from what is stored to what the matrix holds.
@inline(__always)
func transpose<Stored: Real, Element: Real>(
    _ from: UnsafePointer<Stored>, rows: Int, columns: Int, pitch: Int, to: UnsafeMutablePointer<Element>,
    stride: Int, _ convert: (Stored) -> Element
) {
    let side = 32
    for left in Swift.stride(from: 0, to: columns, by: side) {
        let right = min(left + side, columns)
        for top in Swift.stride(from: 0, to: rows, by: 8) {
            if top + 8 <= rows {
                let (a, b) = (from + top * pitch, from + (top + 1) * pitch)
                let (c, d) = (from + (top + 2) * pitch, from + (top + 3) * pitch)
                let (e, f) = (from + (top + 4) * pitch, from + (top + 5) * pitch)
                let (g, h) = (from + (top + 6) * pitch, from + (top + 7) * pitch)
                for k in left..<right {
                    let column = to + k * stride + top
                    column[0] = convert(a[k])
                    column[1] = convert(b[k])
                    column[2] = convert(c[k])
                    column[3] = convert(d[k])
                    column[4] = convert(e[k])
                    column[5] = convert(f[k])
                    column[6] = convert(g[k])
                    column[7] = convert(h[k])
                }
            } else {
                for k in left..<right {
                    for j in top..<rows { to[k * stride + j] = convert(from[j * pitch + k]) }
                }
            }
        }
    }
}
