import HDF5
import SourceImaging

/// A noise covariance as HDF5, `*.covariance.h5`.
///
/// Root attributes `format="covariance"`, `version=1`, `samples` (optional), `single_precision` (optional; 1: its numbers
/// have seven digits, whatever they are stored in).
/// - `covariance` [sensor, sensor] of one epoch, product of the sensors' units.
/// - `sensors` as in ``ForwardFile``; optional `projectors` [k, sensor].
public enum CovarianceFile {
    /// Reads a covariance.
    ///
    /// - Throws: ``InputError`` that names the file and the dataset.
    public static func read(_ path: String) throws(InputError) -> NoiseCovariance {
        try read(NativeReader(path, content: .covariance))
    }

    static func read(_ reader: NativeReader) throws(InputError) -> NoiseCovariance {
        let samples = try reader.integer("samples") ?? 0
        let sensors = try reader.sensors()
        let projectors = try reader.optionalMatrix("projectors")
        let matrix = try reader.matrix("covariance")
        let isSingle = try reader.integer("single_precision")
        return try within(reader.path) { () throws(InputError) in
            try NoiseCovariance(
                matrix: matrix, samples: samples, sensors: sensors, projectors: projectors,
                isSinglePrecision: isSingle.map { $0 != 0 })
        }
    }

    /// The bytes of the file.
    ///
    /// - Throws: ``InputError`` when memory runs out.
    public static func encode(_ covariance: NoiseCovariance) throws(InputError) -> [UInt8] {
        try encoding(.covariance) { (writer) throws(HDF5Error) in
            try writer.attribute("samples", covariance.samples)
            if covariance.isSinglePrecision { try writer.attribute("single_precision", 1) }
            try writer.write("covariance", covariance.matrixWithDefects)
            try writer.write(covariance.sensors)
            try writer.write("projectors", covariance.projectors)
        }
    }
}
