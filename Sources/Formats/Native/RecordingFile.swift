import HDF5
import SourceImaging

/// A recording as HDF5, `*.recording.h5`.
///
/// Root attributes `format="recording"`, `version=1`, `sampling_frequency` Hz, `first_time` s, `averages` (of one epoch 1;
/// of an average what divides the variance of noise, whole or not; absent when unknown), `condition` (optional),
/// `projected` (1: the projectors are already applied; optional).
/// - `data` [sensor, time] or [epoch, sensor, time]; V, T, T/m by kind of sensor.
/// - `sensors` and `acquisition` as in ``ForwardFile``; optional `projectors` [k, sensor].
public enum RecordingFile {
    /// Reads a recording.
    ///
    /// - Throws: ``InputError`` that names the file and the dataset.
    public static func read(_ path: String) throws(InputError) -> Recording {
        try read(NativeReader(path, content: .recording))
    }

    static func read(_ reader: NativeReader) throws(InputError) -> Recording {
        let frequency = try reader.required(
            try reader.double("sampling_frequency"), "sampling_frequency", "the sampling frequency in Hz")
        let firstTime = try reader.required(
            try reader.double("first_time"), "first_time", "the time of the first sample in s")
        let averages = try reader.double("averages")
        let condition = try reader.text("condition") ?? ""
        let projected = try reader.integer("projected") ?? 0
        let sensors = try reader.sensors()
        let projectors = try reader.optionalMatrix("projectors")
        let isStack = try reading(reader.file.describe("data").shape.count == 3)
        let epochs = try reading(reader.file.matrices("data")).map { Matrix($0) }
        var recording = try within(reader.path) { () throws(InputError) in
            try Recording(
                epochs: epochs, samplingFrequency: frequency, firstTime: firstTime,
                averages: averages ?? (isStack ? 1 : nil), condition: condition, isProjected: projected != 0,
                sensors: sensors, projectors: projectors)
        }
        recording.acquisition = try reader.acquisition()
        if let averages = recording.acquisition.averagesBySample,
            averages.count != recording.sampleCount || averages.contains(where: { !($0.isNaN || $0 > 0 && $0 <= 1e9) })
        {
            throw InputError(
                "\(reader.path): acquisition/averages",
                found: "\(averages.count) values, or some that are no numbers of trials",
                expected: "\(recording.sampleCount) positive ones, NaN where there are no data")
        }
        return recording
    }

    /// The bytes of the file; a single epoch is written as [sensor, time].
    ///
    /// - Throws: ``InputError`` when memory runs out.
    public static func encode(_ recording: Recording) throws(InputError) -> [UInt8] {
        try encoding(.recording) { (writer) throws(HDF5Error) in
            try writer.attribute("sampling_frequency", recording.samplingFrequency)
            try writer.attribute("first_time", recording.firstTime)
            if let averages = recording.averages { try writer.attribute("averages", averages) }
            try writer.attribute("condition", recording.condition)
            try writer.attribute("projected", recording.isProjected ? 1 : 0)
            if recording.epochs.count == 1 {
                try writer.write("data", recording.epochs[0])
            } else {
                try writer.matrices(
                    "data", rows: recording.sensors.count, columns: recording.sampleCount,
                    columnMajor: recording.epochs.map(\.elements))
            }
            try writer.write(recording.sensors)
            try writer.write("projectors", recording.projectors)
            try writer.write(recording.acquisition)
        }
    }
}
