import HDF5
import SourceImaging

/// An estimate as HDF5, `estimate.h5`: amplitudes of the active sources only.
///
/// Root attributes `format="estimate"`, `version=1`, `subject`, `condition`, `candidate_count`, `goodness_of_fit`.
/// - `times` [time] s.
/// - `sources`, group attribute `frame` (`head`, `mri`, `ctf`); the source that explains most field first:
///   - `index` [source], from 0 in the forward; `position` [source, 3] m;
///   - `hemisphere` (0 left, 1 right, −1 volume, −2 unknown) and `vertex` (−1 unknown), absent when unknown for all;
///   - `axis_count` [source]: 1 fixed, more when the dipole may turn;
///   - `amplitudes` [source, axis, time] A·m and `axes` [source, axis, 3] unit vectors, zero beyond a source's
///     `axis_count`; `axes` zero where the direction is not known;
///   - the stored numbers of ``SourceColumn/all``, SI units, NaN where one is not known: `peak_amplitude` and `peak_time`,
///     which follow from the amplitudes, `field`, `share`, and where sources were refined `extent`, `times_noise`,
///     `probability` and the bounds of 95 % intervals `peak_amplitude_low`, `peak_amplitude_high`, `peak_time_low`,
///     `peak_time_high`, `extent_low`, `extent_high`;
///   - where sources have regions (NaN where one has none): `region_level` and `region_volume` m³ [source],
///     `region_centre` [source, 3] m, `region_axes` [source, axis, 3] m, the half-axes of an ellipsoid, the longest first;
///     `region_vertices` [vertex], candidates by their index in the forward from 0, those of all sources one after
///     another, and `region_offsets` [source + 1]: those of source s are `[region_offsets[s], region_offsets[s + 1])`.
/// - `selection`, a row a λ tried, descending: `lambda`, `ratio`, `criterion`, `degrees_of_freedom`,
///   `squared_residual`, `active_count`, `relative_gap`; group attributes `criterion`, `search`, `axis` (`lambda`, or
///   `evaluation` where every source has a λ of its own: rows in order of evaluation, `lambda` the geometric mean),
///   `estimates_risk` (1 where the criterion is a kind of SURE), `chosen_index`, `at_grid_edge`; where λ is a quantile of
///   noise also `noise_quantile`, `noise_draws`, `noise_correlation` and the dataset `noise_levels` [kind of row]; where more than λ was chosen, `notes` [λ], text.
/// - `refinement`, where sources were refined: attributes `charge` (squared whitened units), `stretches` and `length`
///   (samples) of the noise it was measured on, `settled`, `looks`, and where they are known `gain_error`,
///   `false_positive_rate`, `charge_uncertainty` (squared whitened units); `objectives` [start].
/// - `time_frequency`, where sources were sparse in time and frequency: attributes `rho`, `sampling_frequency` Hz,
///   `first_time` s, `samples`; `lengths` and `steps` of windows in samples; of each window a group `window_1` …: `frequency`
///   Hz, `time` s (the middle), `real` and `imaginary` A·m [source, axis, frequency, time]: one-sided orthonormal coefficients, zero
///   beyond a source's `axis_count`.
/// - `stability`, where it was measured: attributes `by` (`epochs`, `sensors`, `noise`) and `radius` m; `distance` m and
///   `peak_amplitude` A·m, [source, repeat], NaN where a repeat does not find the source; `source_count` and
///   `lambda_ratio` [repeat]; places without a source in the estimate: `other/index`, `other/position` m,
///   `other/found_fraction`, `other/position_spread` m.
/// - `preparation`, attributes `rank`, `noise_deviation`, `baseline_deviation` (absent without baseline),
///   `noise_source`, `averages` (absent when unknown), `epochs` (of the recording; 1 for an average), `rank_source`,
///   `channels_mag`, `channels_grad`, `channels_eeg`.
/// - `checks`, what was looked at before anything was computed: `name`, `mark` (`ok`, `look`, `wrong`), `finding`, `advice`.
/// - `certificate`, attributes `relative_gap`, `tolerance`, `epochs`, `full_passes`.
/// - `candidates`, where it is known where all candidates lie: group attribute `frame`; `position` [candidate, 3] m, optional
///   `hemisphere` (0 left, 1 right, −1 volume), `vertex`, and `triangles` [triangle, 3], candidates that are neighbours on the
///   surface, by their index from 0, for drawing.
/// - `sensors`, where the data are known, the channels that were used: `name`, `kind` (`mag`, `grad`, `eeg`), `bad`, optional
///   `location` [sensor, 12] and `compensation`; `measured` and `explained` [sensor, time] V, T, T/m by kind of sensor.
/// - `settings` and `versions`, attributes by name, text. `warnings`, a list of text.
/// - `timing`, attributes `load`, `prepare`, `solve`, `total` and dataset `selection` [λ], all s. It alone differs from
///   run to run (`h5diff --exclude-path /timing A B`), and may be absent.
public enum EstimateFile {
    /// The bytes of the file, which holds all but normals of candidates; ``Estimate/versions`` are those of this program.
    ///
    /// - Parameters:
    ///   - estimate: what was found.
    ///   - programVersion: version of the program that found it.
    ///   - timing: whether to write the group `timing`; without it the same estimate gives the same bytes.
    /// - Throws: ``InputError`` when a source's amplitudes or axes do not agree with each other or with the times, the data
    ///   of sensors not with these, or candidates not with their number.
    public static func encode(
        _ estimate: Estimate, programVersion: String, timing: Bool = true
    ) throws(InputError) -> [UInt8] {
        try check(estimate)
        let version = HDF5Library.version
        return try encoding(.estimate) { (writer) throws(HDF5Error) in
            try writer.attribute("subject", estimate.subject)
            try writer.attribute("condition", estimate.condition)
            try writer.attribute("candidate_count", estimate.candidateCount)
            try writer.attribute("goodness_of_fit", estimate.goodnessOfFit)
            try writer.dataset("times", estimate.times, shape: [estimate.times.count])
            try writeSources(estimate, writer)
            for group in estimate.storedGroups { try writer.write(group.fields, to: group.name) }
            try writer.write(settings: estimate.settings, to: "settings")
            try writer.write(
                settings: [
                    Setting("foci", programVersion), Setting("hdf5", version),
                    Setting("layout", "\(NativeReader.version)"),
                ], to: "versions")
            try writer.dataset("warnings", strings: estimate.warnings)
            if timing { try writer.write(estimate.storedTiming, to: "timing") }
        }
    }

    /// Writes an estimate, atomically.
    ///
    /// - Throws: ``InputError`` as ``encode(_:programVersion:timing:)`` and ``AtomicFile/write(_:to:)`` do.
    public static func write(
        _ estimate: Estimate, to path: String, programVersion: String, timing: Bool = true
    ) throws(InputError) {
        try AtomicFile.write(try encode(estimate, programVersion: programVersion, timing: timing), to: path)
    }

    /// Refuses what no reader could make sense of.
    private static func check(_ estimate: Estimate) throws(InputError) {
        let samples = estimate.times.count
        for source in estimate.sources {
            guard source.amplitudes.columns == samples else {
                throw InputError(
                    "sources/amplitudes", found: "\(source.amplitudes.columns) samples of source \(source.index)",
                    expected: "\(samples), as many as times")
            }
            if let axes = source.axes, axes.count != source.amplitudes.rows {
                throw InputError(
                    "sources/axes", found: "\(axes.count) axes of source \(source.index)",
                    expected: "\(source.amplitudes.rows), as many as rows of amplitudes")
            }
        }
        if let candidates = estimate.candidates, candidates.count != estimate.candidateCount {
            throw InputError(
                "candidates/position", found: "\(candidates.count) candidates",
                expected: "\(estimate.candidateCount), the number of candidates")
        }
        guard let data = estimate.sensorData else { return }
        for (name, matrix) in [("measured", data.measured), ("explained", data.explained)]
        where matrix.rows != data.sensors.count || matrix.columns != samples {
            throw InputError(
                "sensors/\(name)", found: "\(matrix.rows) × \(matrix.columns)",
                expected: "\(data.sensors.count) × \(samples) (sensors × times)")
        }
    }

    private static func writeSources(_ estimate: Estimate, _ writer: borrowing HDF5Writer) throws(HDF5Error) {
        let sources = estimate.sources
        let (count, samples) = (sources.count, estimate.times.count)
        let width = sources.map(\.amplitudes.rows).max() ?? 1
        var amplitudes = [Double](repeating: 0, count: count * width * samples)
        var axes = [Double](repeating: 0, count: count * width * 3)
        for (s, source) in sources.enumerated() {
            for a in 0..<source.amplitudes.rows {
                for t in 0..<samples { amplitudes[(s * width + a) * samples + t] = source.amplitudes[a, t] }
                guard let axis = source.axes?[a] else { continue }
                for k in 0..<3 { axes[(s * width + a) * 3 + k] = axis[k] }
            }
        }
        try writer.attribute("frame", of: "sources", estimate.frame.rawValue)
        try writer.dataset("sources/index", integers: sources.map(\.index), shape: [count])
        try writer.write("sources/position", sources.map(\.position))
        if sources.contains(where: { $0.hemisphere != nil }) {
            try writer.dataset(
                "sources/hemisphere", integers: sources.map { $0.hemisphere?.rawValue ?? -2 }, shape: [count], as: .int8
            )
        }
        if sources.contains(where: { $0.vertex != nil }) {
            try writer.dataset("sources/vertex", integers: sources.map { $0.vertex ?? -1 }, shape: [count])
        }
        try writer.dataset("sources/axis_count", integers: sources.map(\.amplitudes.rows), shape: [count], as: .uint8)
        try writer.dataset("sources/amplitudes", amplitudes, shape: [count, width, samples])
        try writer.dataset("sources/axes", axes, shape: [count, width, 3])
        try writer.write(estimate.storedColumns, to: "sources")
    }
}
