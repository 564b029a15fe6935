import HDF5
import SourceImaging

extension InputError {
    /// The same complaint about a file, as the program's own error.
    init(_ error: HDF5Error) {
        let place = [error.file, error.object].filter { !$0.isEmpty }.joined(separator: ": ")
        self.init(place, found: error.found, expected: error.expected, advice: error.advice)
    }
}

/// Runs a reading or writing of HDF5 and tells its failure as an ``InputError``.
func translating<T: ~Copyable>(_ body: () throws(HDF5Error) -> T) throws(InputError) -> T {
    do { return try body() } catch { throw InputError(error) }
}

/// Runs the making of a value and puts the file's path before what is wrong with it.
func within<T>(_ path: String, _ body: () throws(InputError) -> T) throws(InputError) -> T {
    do { return try body() } catch { throw error.within(path) }
}
