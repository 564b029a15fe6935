import HDF5
import SourceImaging

extension InputError {
    /// The same complaint about a file, as the program's own error.
    init(_ error: HDF5Error) {
        let place = [error.file, error.object].filter { !$0.isEmpty }.joined(separator: ": ")
        self.init(place, found: error.found, expected: error.expected, advice: Message(error.advice))
    }
}

/// What is read of an HDF5 file; a failure is told as an ``InputError``.
func reading<T>(_ value: @autoclosure () throws(HDF5Error) -> T) throws(InputError) -> T {
    do { return try value() } catch { throw InputError(error) }
}

/// Runs several readings or writings of HDF5 and tells a failure as an ``InputError``.
func translating<T>(_ body: () throws(HDF5Error) -> T) throws(InputError) -> T {
    do { return try body() } catch { throw InputError(error) }
}

/// Runs the making of a value and puts the file's path before what is wrong with it, unless it stands there.
func within<T>(_ path: String, _ body: () throws(InputError) -> T) throws(InputError) -> T {
    do { return try body() } catch {
        if case .named(let place) = error.place, place == path || place.hasPrefix(path + ":") { throw error }
        throw error.within(path)
    }
}

/// Sizes of dimensions as people write them.
func sizes(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: " × ") }

/// Vectors from their coordinates, three by three.
func vectors(rowMajor values: [Double]) -> [SIMD3<Double>] {
    stride(from: 0, to: values.count - 2, by: 3).map { SIMD3(values[$0], values[$0 + 1], values[$0 + 2]) }
}
