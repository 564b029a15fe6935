import HDF5
import SourceImaging

/// A forward model as HDF5, `*.forward.h5`.
///
/// Root attributes `format="forward"`, `version=1`, `subject` (optional).
/// - `gain` [sensor, source·orientation], any floating point, V/(A·m), T/(A·m), T/m/(A·m); attribute `orientations` 1
///   or 3. With 3, columns 3j…3j+2 are x, y, z of source j in the frame of `sources`.
/// - `sensors/name`, `sensors/kind` (`mag`, `grad`, `eeg`); optional `sensors/bad`, `sensors/location` [sensor, 12],
///   `sensors/compensation` (`none`, `grade 3`).
/// - `sources/position` [source, 3] m; group attribute `frame` (`head`, `mri`, `ctf`); optional `sources/normal` [source, 3],
///   `sources/hemisphere` (0 left, 1 right, −1 volume), `sources/vertex`.
/// - optional `acquisition/device_to_head` [4, 4] (m), `acquisition/note`; attributes `subject` and `maxwell_rank` of the
///   group `acquisition`.
public enum ForwardFile {
    /// Reads a forward model.
    ///
    /// - Throws: ``InputError`` that names the file and the dataset.
    public static func read(_ path: String) throws(InputError) -> Forward {
        try read(NativeReader(path, content: .forward))
    }

    static func read(_ reader: NativeReader) throws(InputError) -> Forward {
        let subject = try reader.text("subject") ?? ""
        let sensors = try reader.sensors()
        let positions = try reader.vectors("sources/position")
        let normals =
            try reader.contains("sources/normal")
            ? try reader.vectors("sources/normal", count: positions.count) : nil
        let hemispheres =
            try reader.contains("sources/hemisphere")
            ? try reader.hemispheres("sources/hemisphere", count: positions.count) : nil
        let vertices =
            try reader.contains("sources/vertex")
            ? try reader.integers("sources/vertex", count: positions.count, "a source") : nil
        let frame = try reader.frame()
        let gain = try reader.matrix("gain")
        let orientations = try reader.orientations(of: "gain")
        var forward = try within(reader.path) { () throws(InputError) in
            try Forward(
                subject: subject, gain: gain, orientations: orientations, sensors: sensors,
                sources: SourceSpace(
                    positions: positions, normals: normals, hemispheres: hemispheres, vertices: vertices, frame: frame))
        }
        forward.acquisition = try reader.acquisition()
        if forward.acquisition.subject.isEmpty { forward.acquisition.subject = subject }
        return forward
    }

    /// The bytes of the file.
    ///
    /// - Parameters:
    ///   - forward: the model.
    ///   - singlePrecision: whether to store the gain as 32-bit floats, packed: a third of the size, 7 digits.
    /// - Throws: ``InputError`` when a gain is too large for single precision or memory runs out.
    public static func encode(_ forward: Forward, singlePrecision: Bool = false) throws(InputError) -> [UInt8] {
        let gain = forward.gainWithDefects
        if singlePrecision, let k = gain.elements.firstIndex(where: { $0.isFinite && !Float($0).isFinite }) {
            throw InputError(
                "gain", found: "\(gain.elements[k])", expected: "values that 32-bit floats can hold")
        }
        return try encoding(.forward) { (writer) throws(HDF5Error) in
            try writer.attribute("subject", forward.subject)
            try writer.write(
                "gain", gain, as: singlePrecision ? .float32 : .float64, compressed: singlePrecision)
            try writer.attribute("orientations", of: "gain", forward.orientations)
            try writer.write(forward.sensors)
            try writer.attribute("frame", of: "sources", forward.sources.frame.rawValue)
            try writer.write("sources/position", forward.sources.positions)
            let count = forward.sources.count
            if let normals = forward.sources.normals { try writer.write("sources/normal", normals) }
            if let hemispheres = forward.sources.hemispheres {
                try writer.dataset(
                    "sources/hemisphere", integers: hemispheres.map(\.rawValue), shape: [count], as: .int8)
            }
            if let vertices = forward.sources.vertices {
                try writer.dataset("sources/vertex", integers: vertices, shape: [count])
            }
            try writer.write(forward.acquisition)
        }
    }
}
