import HDF5
import SourceImaging

/// Source estimates as MNE-Python's HDF5, `*-stc.h5`, for `mne.read_source_estimate`.
///
/// Amplitudes in A·m. Sources of fixed orientation become a scalar estimate with signed amplitudes; where a dipole may
/// turn, a vector estimate (sources × 3 × samples) along x, y, z of the estimate's frame.
enum SourceEstimateHDF5: FormatWriter {
    static let formatName = "MNE-Python source estimate (HDF5)"
    static let endings = ["-stc.h5", "_stc.h5"]

    static func encode(_ value: FileValue, to path: String) throws(InputError) -> [(path: String, bytes: [UInt8])] {
        guard case .estimate(let estimate) = value else { throw cannotHold(value.content, path) }
        let rows = try SourceEstimateRows(estimate)
        let samples = estimate.times.count
        var shape = [rows.sources.count, samples]
        var data: [Double] = []
        if rows.isVector {
            shape = [rows.sources.count, 3, samples]
            for source in rows.sources {
                let moments = try source.moments()
                for component in 0..<3 { data += moments.row(component) }
            }
        } else {
            for source in rows.sources { data += source.amplitudes.row(0) }
        }
        let (values, sizes) = (data, shape)
        let bytes = try translating { () throws(HDF5Error) -> [UInt8] in
            let writer = try HDF5Writer()
            try writer.attribute("TITLE", of: "mnepython", "dict")
            func title(_ writer: borrowing HDF5Writer, _ object: String, _ type: String) throws(HDF5Error) {
                try writer.attribute("TITLE", of: "mnepython/\(object)", type)
            }
            func text(_ writer: borrowing HDF5Writer, _ object: String, _ value: String) throws(HDF5Error) {
                let codes = value.utf8.map { Int($0) }
                try writer.dataset("mnepython/\(object)", integers: codes, shape: [codes.count], as: .uint8)
                try title(writer, object, "unicode")
            }
            func number(_ writer: borrowing HDF5Writer, _ object: String, _ value: Double) throws(HDF5Error) {
                // One element, not a scalar: MNE-Python refuses those.
                try writer.dataset("mnepython/\(object)", [value], shape: [1])
                try title(writer, object, "float")
            }
            try writer.dataset("mnepython/key_data", values, shape: sizes)
            try title(writer, "key_data", "ndarray")
            try text(writer, "key_src_type", rows.space.rawValue)
            if estimate.subject.isEmpty {
                try writer.dataset("mnepython/key_subject", integers: [0], shape: [1], as: .uint8)
                try title(writer, "key_subject", "None")
            } else {
                try text(writer, "key_subject", estimate.subject)
            }
            try number(writer, "key_tmin", rows.firstTime)
            try number(writer, "key_tstep", rows.timeStep)
            try title(writer, "key_vertices", "list")
            for (part, vertices) in rows.vertices.enumerated() {
                try writer.dataset(
                    "mnepython/key_vertices/idx_\(part)", integers: vertices, shape: [vertices.count])
                try title(writer, "key_vertices/idx_\(part)", "ndarray")
            }
            return try writer.finish()
        }
        return [(path, bytes)]
    }
}
