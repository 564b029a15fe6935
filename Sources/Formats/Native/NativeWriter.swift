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

    /// The group `sensors`.
    borrowing func write(_ sensors: Sensors) throws(HDF5Error) { try write(sensors.stored, to: "sensors") }

    /// The group `acquisition`, with what is known.
    borrowing func write(_ acquisition: Acquisition) throws(HDF5Error) {
        if !acquisition.subject.isEmpty { try attribute("subject", of: "acquisition", acquisition.subject) }
        if !acquisition.sensorFrame.isEmpty {
            try attribute("sensor_frame", of: "acquisition", acquisition.sensorFrame)
        }
        if let rank = acquisition.maxwellRank { try attribute("maxwell_rank", of: "acquisition", rank) }
        if let transform = acquisition.deviceToHead {
            let rows = (0..<3).flatMap { i in (0..<3).map { transform.rotation[i][$0] } + [transform.translation[i]] }
            try dataset("acquisition/device_to_head", rows + [0, 0, 0, 1], shape: [4, 4])
        }
        if let averages = acquisition.averagesBySample {
            try dataset("acquisition/averages", averages, shape: [averages.count])
        }
        if !acquisition.notes.isEmpty {
            try dataset("acquisition/note", strings: acquisition.notes.map { $0.text { $0.rawValue } })
        }
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
