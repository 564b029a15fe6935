import HDF5
import SourceImaging

/// A whitened problem: the numbers alone, for work on solvers.
public struct ProblemContents: Sendable, Equatable {
    /// X: n × (positions·orientations), whitened, in the precision of the file.
    public let design: Design
    /// n × samples, whitened.
    public let data: Matrix
    /// Columns of the gain a position: 1 or 3.
    public let orientations: Int

    /// The gain in double precision; a copy where it is stored in single.
    public var gain: Matrix { design.matrix }

    /// A problem whose gain is in double precision.
    ///
    /// - Parameters:
    ///   - gain: n × (positions·orientations), whitened; a multiple of `orientations` columns.
    ///   - data: n × samples, whitened.
    ///   - orientations: columns a position, at least 1.
    /// - Throws: ``InputError`` when rows disagree, something is empty or not finite, the columns of the gain are not
    ///   divisible by the orientations.
    public init(gain: Matrix, data: Matrix, orientations: Int) throws(InputError) {
        try self.init(design: Design(gain), data: data, orientations: orientations)
    }

    /// A problem whose gain is in either precision.
    ///
    /// - Parameters: as of ``init(gain:data:orientations:)``.
    /// - Throws: ``InputError`` as that does.
    public init(design gain: Design, data: Matrix, orientations: Int) throws(InputError) {
        guard orientations >= 1 else {
            throw InputError("gain@orientations", found: "\(orientations)", expected: "1 or more")
        }
        guard gain.rows > 0, gain.columns > 0 else {
            throw InputError("gain", found: "\(gain.rows) × \(gain.columns)", expected: "at least one row and column")
        }
        guard gain.columns.isMultiple(of: orientations) else {
            throw InputError(
                "gain", found: "\(gain.columns) columns", expected: "a multiple of \(orientations) (orientations)")
        }
        guard data.rows == gain.rows, data.columns > 0 else {
            throw InputError(
                "data", found: "\(data.rows) × \(data.columns)",
                expected: "\(gain.rows) rows as in 'gain', one sample or more")
        }
        func refuse(_ name: String, _ value: Double, _ row: Int, _ column: Int) -> InputError {
            InputError(name, found: "\(value) in row \(row), column \(column)", expected: "finite values")
        }
        if let (row, column) = gain.firstNonFinite { throw refuse("gain", gain[row, column], row, column) }
        if let (row, column) = data.firstNonFinite { throw refuse("data", data[row, column], row, column) }
        design = gain
        self.data = data
        self.orientations = orientations
    }
}

/// A whitened problem as HDF5, `*.problem.h5`.
///
/// - `gain` [n, position·orientation], `data` [n, time]; attribute `orientations` of the root or of `gain`, 1 or 3.
/// - Root attributes `format="problem"`, `version=1`, both optional.
public enum ProblemFile {
    /// Reads a problem.
    ///
    /// - Throws: ``InputError`` that names the file and the dataset.
    public static func read(_ path: String) throws(InputError) -> ProblemContents {
        try read(NativeReader(path, content: .problem))
    }

    static func read(_ reader: NativeReader) throws(InputError) -> ProblemContents {
        let gain = try reader.design("gain")
        let data = try reader.matrix("data")
        let isOfGain = try reader.integer("orientations") == nil
        let orientations = try reader.orientations(of: isOfGain ? "gain" : "/")
        return try within(reader.path) { () throws(InputError) in
            try ProblemContents(design: gain, data: data, orientations: orientations)
        }
    }

    /// The bytes of the file.
    ///
    /// - Throws: ``InputError`` when memory runs out.
    public static func encode(_ problem: ProblemContents) throws(InputError) -> [UInt8] {
        try encoding(.problem) { (writer) throws(HDF5Error) in
            try writer.attribute("orientations", problem.orientations)
            try writer.write("gain", problem.gain, as: problem.design.isSinglePrecision ? .float32 : .float64)
            try writer.write("data", problem.data)
        }
    }
}
