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
///   `sources/hemisphere` (0 left, 1 right, −1 volume), `sources/vertex`, `sources/triangles` [triangle, 3], sources that
///   are neighbours on the surface, by their index from 0, for drawing.
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
        let sources = try reader.sourceSpace(in: "sources")
        let gain = try reader.matrix("gain")
        let orientations = try reader.orientations(of: "gain")
        var forward = try within(reader.path) { () throws(InputError) in
            try Forward(
                subject: subject, gain: gain, orientations: orientations, sensors: sensors, sources: sources)
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
            try writer.write(forward.sources.stored(withNormals: true), to: "sources")
            try writer.write(forward.acquisition)
        }
    }
}
