import HDF5
import SourceImaging

/// The known sources of a simulated recording as HDF5, `*.truth.h5`.
///
/// Root attributes `format="truth"`, `version=1`.
/// - `times` [time] s.
/// - `sources/index` (from 0 in the forward; −1 off its grid), `sources/position` [source, 3] m, `sources/direction`
///   [source, 3] unit vectors, `sources/waveform` [source, time] A·m; group attribute `frame` (`head`, `mri`, `ctf`).
/// - `settings`: how it was simulated, attributes by name.
public enum TruthFile {
    /// Reads known sources.
    ///
    /// - Throws: ``InputError`` that names the file and the dataset.
    public static func read(_ path: String) throws(InputError) -> Truth {
        try read(NativeReader(path, content: .truth))
    }

    static func read(_ reader: NativeReader) throws(InputError) -> Truth {
        let times = try reader.doubles("times", "a sample")
        let frame = try reader.frame()
        let indices = try reader.integers("sources/index", "a source")
        let positions = try reader.vectors("sources/position", count: indices.count)
        let directions = try reader.vectors("sources/direction", count: indices.count)
        let waveforms = try reader.matrix("sources/waveform")
        guard waveforms.rows == indices.count, waveforms.columns == times.count else {
            throw reader.shapeError(
                "sources/waveform", [waveforms.rows, waveforms.columns], "\(indices.count) × \(times.count)")
        }
        for (name, values) in [
            ("times", times), ("sources/waveform", waveforms.elements),
            ("sources/position", positions.flatMap { [$0.x, $0.y, $0.z] }),
            ("sources/direction", directions.flatMap { [$0.x, $0.y, $0.z] }),
        ] where values.contains(where: { !$0.isFinite }) {
            throw InputError("\(reader.path): \(name)", found: "NaN or infinity", expected: "finite values")
        }
        let sources = indices.indices.map {
            Truth.Source(
                index: indices[$0], position: positions[$0], direction: directions[$0], waveform: waveforms.row($0))
        }
        return Truth(sources: sources, times: times, frame: frame, settings: try reader.settings(of: "settings"))
    }

    /// The bytes of the file.
    ///
    /// - Throws: ``InputError`` when a waveform has another number of samples than there are times.
    public static func encode(_ truth: Truth) throws(InputError) -> [UInt8] {
        let samples = truth.times.count
        if let source = truth.sources.first(where: { $0.waveform.count != samples }) {
            throw InputError(
                "sources/waveform", found: "\(source.waveform.count) samples of source \(source.index)",
                expected: "\(samples), as many as times")
        }
        return try encoding(.truth) { (writer) throws(HDF5Error) in
            let count = truth.sources.count
            try writer.dataset("times", truth.times, shape: [samples])
            try writer.attribute("frame", of: "sources", truth.frame.rawValue)
            try writer.dataset("sources/index", integers: truth.sources.map(\.index), shape: [count])
            try writer.write("sources/position", truth.sources.map(\.position))
            try writer.write("sources/direction", truth.sources.map(\.direction))
            try writer.dataset("sources/waveform", truth.sources.flatMap(\.waveform), shape: [count, samples])
            try writer.write(settings: truth.settings, to: "settings")
        }
    }
}
