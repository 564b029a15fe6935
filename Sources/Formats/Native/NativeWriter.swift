import HDF5
import SourceImaging

/// How the parts that several formats share are written.
extension HDF5Writer {
    borrowing func write(_ path: String, _ matrix: Matrix, as precision: Precision = .float64, compressed: Bool = false)
        throws(HDF5Error)
    {
        try self.matrix(
            path, rows: matrix.rows, columns: matrix.columns, columnMajor: matrix.elements, as: precision,
            compressed: compressed)
    }

    borrowing func write(_ path: String, _ vectors: [SIMD3<Double>]) throws(HDF5Error) {
        try dataset(path, vectors.flatMap { [$0.x, $0.y, $0.z] }, shape: [vectors.count, 3])
    }

    borrowing func write(_ sensors: Sensors) throws(HDF5Error) {
        try dataset("sensors/name", strings: sensors.names)
        try dataset("sensors/kind", strings: sensors.kinds.map(\.rawValue))
        try dataset("sensors/bad", integers: sensors.bad.map { $0 ? 1 : 0 }, shape: [sensors.count], as: .uint8)
        if let locations = sensors.locations { try write("sensors/location", locations) }
    }

    /// Settings as attributes of a group, which keep their order.
    borrowing func write(settings: [Setting], to group: String) throws(HDF5Error) {
        try self.group(group)
        for setting in settings { try attribute(setting.name, of: group, setting.value) }
    }
}

/// Builds a file in memory and tells a failure as an ``InputError``.
func encoding(
    _ content: FileContent, _ body: (borrowing HDF5Writer) throws(HDF5Error) -> Void
) throws(InputError) -> [UInt8] {
    try translating { () throws(HDF5Error) -> [UInt8] in
        let writer = try HDF5Writer()
        try writer.attribute("format", content.rawValue)
        try writer.attribute("version", NativeReader.version)
        try body(writer)
        return try writer.finish()
    }
}
