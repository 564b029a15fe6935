import HDF5
import SourceImaging

/// What a file of an estimate holds: everything but the sensor data.
public struct StoredEstimate: Sendable {
    /// Name of the subject; may be empty.
    public let subject: String
    /// Name of the condition; may be empty.
    public let condition: String
    /// Frame of positions and axes.
    public let frame: CoordinateFrame
    /// Number of candidate sources in the forward.
    public let candidateCount: Int
    /// Active sources, the one that explains most field first.
    public let sources: [EstimatedSource]
    /// Time of each sample, s.
    public let times: [Double]
    /// 1 − ‖Y − XB‖²/‖Y‖², whitened.
    public let goodnessOfFit: Double
    /// Every λ tried and the choice.
    public let selection: SelectionCurve
    /// What was found while preparing.
    public let preparation: PreparationReport
    /// How well the numerics were solved.
    public let certificate: EstimateCertificate
    /// Settings, by name, in the order of the options.
    public let settings: [(name: String, value: String)]
    /// Versions of the program, of HDF5 and of the layout, by name.
    public let versions: [(name: String, value: String)]
    /// Things to know before trusting the result, one line each.
    public let warnings: [String]
    /// Time spent; zeros when the file was written without.
    public let seconds: StageSeconds
    /// How often each source is found again; nil where that was not measured.
    public let stability: Stability?
    /// How the sources were refined; nil where they were not.
    public let refinement: Refinement?
}

/// An estimate as HDF5, `estimate.h5`: the active sources only.
///
/// Root attributes `format="estimate"`, `version=1`, `subject`, `condition`, `candidate_count`, `goodness_of_fit`.
/// - `times` [time] s.
/// - `sources`, group attribute `frame` (`head`, `mri`, `ctf`); the source that explains most field first:
///   - `index` [source], from 0 in the forward; `position` [source, 3] m;
///   - `hemisphere` (0 left, 1 right, −1 volume, −2 unknown) and `vertex` (−1 unknown), absent when unknown for all;
///   - `axis_count` [source]: 1 fixed, more when the dipole may turn;
///   - `amplitudes` [source, axis, time] A·m and `axes` [source, axis, 3] unit vectors, zero beyond a source's
///     `axis_count`; `axes` zero where the direction is not known;
///   - `field` ‖X_jB_j‖ and `share` ‖X_jB_j‖²/‖Y‖², whitened; `peak_amplitude` A·m, `peak_time` s;
///   - where sources were refined: `extent` of the patch, m, 0 for a point, and `times_noise`, how many times what noise
///     makes a source explain it explains beyond the others.
/// - `selection`, a row a λ tried, descending: `lambda`, `ratio`, `criterion`, `degrees_of_freedom`,
///   `squared_residual`, `active_count`, `relative_gap`; group attributes `criterion`, `search`, `axis` (`lambda`, or
///   `evaluation` where every source has a λ of its own: rows in order of evaluation, `lambda` the geometric mean),
///   `chosen_index`, `at_grid_edge`.
/// - `refinement`, where sources were refined: attributes `charge` (squared whitened units), `stretches` and `length`
///   (samples) of the noise it was measured on, `settled`, `looks`; `objectives` [start].
/// - `stability`, where it was measured: attributes `by` (`epochs`, `sensors`, `noise`) and `radius` m; `distance` m and
///   `peak_amplitude` A·m, [source, repeat], NaN where a repeat does not find the source; `source_count` and
///   `lambda_ratio` [repeat]; places without a source in the estimate: `other/index`, `other/position` m,
///   `other/found_fraction`, `other/position_spread` m.
/// - `preparation`, attributes `rank`, `noise_deviation`, `baseline_deviation` (absent without baseline),
///   `noise_source`, `averages`, `channels_mag`, `channels_grad`, `channels_eeg`.
/// - `certificate`, attributes `relative_gap`, `tolerance`, `epochs`, `full_passes`.
/// - `settings` and `versions`, attributes by name, text. `warnings`, a list of text.
/// - `timing`, attributes `load`, `prepare`, `solve`, `total` and dataset `selection` [λ], all s. It alone differs from
///   run to run (`h5diff --exclude-path /timing A B`), and may be absent.
public enum EstimateFile {
    /// The bytes of the file.
    ///
    /// - Parameters:
    ///   - estimate: what was found.
    ///   - programVersion: version of the program that found it.
    ///   - timing: whether to write the group `timing`; without it the same estimate gives the same bytes.
    /// - Throws: ``InputError`` when a source's amplitudes or axes do not agree with each other or with the times.
    public static func encode(
        _ estimate: Estimate, programVersion: String, timing: Bool = true
    ) throws(InputError) -> [UInt8] {
        let sources = estimate.sources
        let samples = estimate.times.count
        for source in sources {
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
        let version = HDF5Library.version
        return try encoding(.estimate) { (writer) throws(HDF5Error) in
            try writer.attribute("subject", estimate.subject)
            try writer.attribute("condition", estimate.condition)
            try writer.attribute("candidate_count", estimate.candidateCount)
            try writer.attribute("goodness_of_fit", estimate.goodnessOfFit)
            try writer.dataset("times", estimate.times, shape: [samples])
            try write(sources, estimate, writer)
            try write(estimate.selection, writer)
            try write(estimate.preparation, writer)
            if let refinement = estimate.refinement { try write(refinement, writer) }
            if let stability = estimate.stability { try write(stability, writer) }

            let certificate = estimate.certificate
            try writer.attribute("relative_gap", of: "certificate", certificate.relativeGap)
            try writer.attribute("tolerance", of: "certificate", certificate.tolerance)
            try writer.attribute("epochs", of: "certificate", certificate.epochs)
            try writer.attribute("full_passes", of: "certificate", certificate.fullPasses)

            try writer.write(settings: estimate.settings, to: "settings")
            try writer.write(
                settings: [("foci", programVersion), ("hdf5", version), ("layout", "\(NativeReader.version)")],
                to: "versions")
            try writer.dataset("warnings", strings: estimate.warnings)
            if timing {
                try writer.attribute("load", of: "timing", estimate.seconds.load)
                try writer.attribute("prepare", of: "timing", estimate.seconds.prepare)
                try writer.attribute("solve", of: "timing", estimate.seconds.solve)
                try writer.attribute("total", of: "timing", estimate.seconds.total)
                let points = estimate.selection.points
                try writer.dataset("timing/selection", points.map(\.seconds), shape: [points.count])
            }
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

    /// Reads an estimate.
    ///
    /// - Throws: ``InputError`` that names the file and the dataset.
    public static func read(_ path: String) throws(InputError) -> StoredEstimate {
        try read(NativeReader(path, content: .estimate))
    }

    static func read(_ reader: NativeReader) throws(InputError) -> StoredEstimate {
        let times = try reader.doubles("times", "a sample")
        func attribute(_ name: String, of object: String = "/") throws(InputError) -> Double {
            try reader.required(try reader.double(name, of: object), name, of: object, "a number")
        }
        func count(_ name: String, of object: String = "/") throws(InputError) -> Int {
            try reader.required(try reader.integer(name, of: object), name, of: object, "a whole number")
        }
        var channels: [SensorKind: Int] = [:]
        for kind in SensorKind.allCases {
            if let number = try reader.integer("channels_\(kind.rawValue)", of: "preparation"), number > 0 {
                channels[kind] = number
            }
        }
        let timed = try reader.contains("timing")
        let sources = try sources(reader, times)
        return StoredEstimate(
            subject: try reader.text("subject") ?? "", condition: try reader.text("condition") ?? "",
            frame: try reader.frame(), candidateCount: try count("candidate_count"),
            sources: sources, times: times, goodnessOfFit: try attribute("goodness_of_fit"),
            selection: try selection(reader, timed: timed),
            preparation: PreparationReport(
                channels: channels, rank: try count("rank", of: "preparation"),
                baselineDeviation: try reader.double("baseline_deviation", of: "preparation"),
                noiseDeviation: try attribute("noise_deviation", of: "preparation"),
                noiseSource: try reader.text("noise_source", of: "preparation") ?? "",
                averages: try count("averages", of: "preparation")),
            certificate: EstimateCertificate(
                relativeGap: try attribute("relative_gap", of: "certificate"),
                tolerance: try attribute("tolerance", of: "certificate"),
                epochs: try count("epochs", of: "certificate"),
                fullPasses: try count("full_passes", of: "certificate")),
            settings: try reader.settings(of: "settings"), versions: try reader.settings(of: "versions"),
            warnings: try reader.contains("warnings") ? try reader.strings("warnings", "a warning") : [],
            seconds: timed
                ? StageSeconds(
                    load: try attribute("load", of: "timing"), prepare: try attribute("prepare", of: "timing"),
                    solve: try attribute("solve", of: "timing"), total: try attribute("total", of: "timing"))
                : StageSeconds(),
            stability: try reader.contains("stability") ? try stability(reader, sources: sources.count) : nil,
            refinement: try reader.contains("refinement") ? try refinement(reader) : nil)
    }

    // MARK: Sources

    private static func write(
        _ sources: [EstimatedSource], _ estimate: Estimate, _ writer: borrowing HDF5Writer
    ) throws(HDF5Error) {
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
        try writer.dataset("sources/field", sources.map(\.field), shape: [count])
        try writer.dataset("sources/share", sources.map(\.share), shape: [count])
        try writer.dataset("sources/peak_amplitude", sources.map(\.peakAmplitude), shape: [count])
        let peaks = sources.map { samples > 0 ? estimate.times[$0.peakSample] : 0 }
        try writer.dataset("sources/peak_time", peaks, shape: [count])
        if estimate.refinement != nil {
            try writer.dataset("sources/extent", sources.map { $0.extent ?? .nan }, shape: [count])
            try writer.dataset("sources/times_noise", sources.map { $0.timesNoise ?? .nan }, shape: [count])
        }
    }

    private static func sources(
        _ reader: borrowing NativeReader, _ times: [Double]
    ) throws(InputError) -> [EstimatedSource] {
        let indices = try reader.integers("sources/index", "a source")
        let count = indices.count
        let positions = try reader.vectors("sources/position", count: count)
        let hemispheres =
            try reader.contains("sources/hemisphere")
            ? try reader.integers("sources/hemisphere", count: count, "a source") : nil
        let vertices =
            try reader.contains("sources/vertex")
            ? try reader.integers("sources/vertex", count: count, "a source") : nil
        let axisCounts = try reader.integers("sources/axis_count", count: count, "a source")
        let amplitudes = try cube("sources/amplitudes", reader, count)
        let axes = try cube("sources/axes", reader, count)
        let fields = try reader.doubles("sources/field", count: count, "a source")
        let shares = try reader.doubles("sources/share", count: count, "a source")
        let extents = try known("sources/extent", reader, count)
        let timesNoise = try known("sources/times_noise", reader, count)
        let width = amplitudes.shape[1]
        guard amplitudes.shape[2] == times.count else {
            throw reader.shapeError("sources/amplitudes", amplitudes.shape, "\(count) × axes × \(times.count)")
        }
        guard axes.shape[1] == width, axes.shape[2] == 3 else {
            throw reader.shapeError("sources/axes", axes.shape, "\(count) × \(width) × 3")
        }
        var sources: [EstimatedSource] = []
        for s in 0..<count {
            guard axisCounts[s] >= 1, axisCounts[s] <= width else {
                throw InputError(
                    "\(reader.path): sources/axis_count", found: "\(axisCounts[s]) for source \(indices[s])",
                    expected: "1 to \(width), the axes of 'sources/amplitudes'")
            }
            var hemisphere: Hemisphere?
            if let number = hemispheres?[s], number != -2 {
                guard let known = Hemisphere(rawValue: number) else {
                    throw InputError(
                        "\(reader.path): sources/hemisphere", found: "\(number) for source \(indices[s])",
                        expected: "0 (left), 1 (right), -1 (volume) or -2 (unknown)")
                }
                hemisphere = known
            }
            let directions = (0..<axisCounts[s]).map { a in
                let first = (s * width + a) * 3
                return SIMD3(axes.elements[first], axes.elements[first + 1], axes.elements[first + 2])
            }
            sources.append(
                EstimatedSource(
                    index: indices[s], position: positions[s], hemisphere: hemisphere,
                    vertex: vertices.flatMap { $0[s] < 0 ? nil : $0[s] },
                    amplitudes: Matrix(rows: axisCounts[s], columns: times.count) { a, t in
                        amplitudes.elements[(s * width + a) * times.count + t]
                    },
                    axes: directions.contains(SIMD3()) ? nil : directions, field: fields[s], share: shares[s],
                    extent: extents?[s], timesNoise: timesNoise?[s]))
        }
        return sources
    }

    /// Numbers of sources, nil where one is unknown; nil where the file does not have them.
    private static func known(
        _ name: String, _ reader: borrowing NativeReader, _ count: Int
    ) throws(InputError) -> [Double?]? {
        guard try reader.contains(name) else { return nil }
        return try reader.doubles(name, count: count, "a source").map { $0.isFinite ? $0 : nil }
    }

    /// A dataset [source, axis, …] of finite numbers.
    private static func cube(
        _ name: String, _ reader: borrowing NativeReader, _ count: Int
    ) throws(InputError) -> HDF5Array<Double> {
        let array = try translating { () throws(HDF5Error) -> HDF5Array<Double> in try reader.file.doubles(name) }
        guard array.shape.count == 3, array.shape[0] == count else {
            throw reader.shapeError(name, array.shape, "three dimensions, the first \(count)")
        }
        guard array.elements.allSatisfy(\.isFinite) else {
            throw InputError("\(reader.path): \(name)", found: "NaN or infinity", expected: "finite values")
        }
        return array
    }

    // MARK: Selection and preparation

    private static func write(_ curve: SelectionCurve, _ writer: borrowing HDF5Writer) throws(HDF5Error) {
        let points = curve.points
        try writer.attribute("criterion", of: "selection", curve.criterion)
        try writer.attribute("search", of: "selection", curve.search)
        try writer.attribute("axis", of: "selection", curve.axis.rawValue)
        try writer.attribute("estimates_risk", of: "selection", curve.estimatesRisk ? 1 : 0)
        try writer.attribute("chosen_index", of: "selection", curve.chosenIndex)
        try writer.attribute("at_grid_edge", of: "selection", curve.atGridEdge ? 1 : 0)
        func column(_ name: String, _ values: [Double]) throws(HDF5Error) {
            try writer.dataset("selection/\(name)", values, shape: [points.count])
        }
        try column("lambda", points.map(\.lambda))
        try column("ratio", points.map(\.ratio))
        try column("criterion", points.map(\.criterion))
        try column("degrees_of_freedom", points.map(\.degreesOfFreedom))
        try column("squared_residual", points.map(\.squaredResidual))
        try column("relative_gap", points.map(\.relativeGap))
        try writer.dataset("selection/active_count", integers: points.map(\.activeCount), shape: [points.count])
    }

    private static func selection(
        _ reader: borrowing NativeReader, timed: Bool
    ) throws(InputError) -> SelectionCurve {
        let lambda = try reader.doubles("selection/lambda", "a λ")
        func column(_ name: String) throws(InputError) -> [Double] {
            try reader.doubles(name, count: lambda.count, "a λ")
        }
        let ratio = try column("selection/ratio")
        let criterion = try column("selection/criterion")
        let freedom = try column("selection/degrees_of_freedom")
        let residual = try column("selection/squared_residual")
        let gap = try column("selection/relative_gap")
        let active = try reader.integers("selection/active_count", count: lambda.count, "a λ")
        let seconds = timed ? try column("timing/selection") : []
        let chosen = try reader.required(
            try reader.integer("chosen_index", of: "selection"), "chosen_index", of: "selection", "the chosen row")
        guard lambda.indices.contains(chosen) else {
            throw InputError(
                "\(reader.path): selection@chosen_index", found: "\(chosen)",
                expected: "a row of \(lambda.count), from 0")
        }
        let axis = SelectionCurve.Axis(rawValue: try reader.text("axis", of: "selection") ?? "") ?? .lambda
        return SelectionCurve(
            origin: SelectionCurve.Origin(search: try reader.text("search", of: "selection") ?? "path", axis: axis),
            criterion: try reader.text("criterion", of: "selection") ?? "",
            estimatesRisk: try reader.integer("estimates_risk", of: "selection") ?? 0 != 0,
            points: lambda.indices.map {
                SelectionPoint(
                    lambda: lambda[$0], ratio: ratio[$0], criterion: criterion[$0], degreesOfFreedom: freedom[$0],
                    squaredResidual: residual[$0], activeCount: active[$0], relativeGap: gap[$0],
                    seconds: timed ? seconds[$0] : 0)
            }, chosenIndex: chosen, atGridEdge: try reader.integer("at_grid_edge", of: "selection") ?? 0 != 0)
    }

    private static func write(_ report: PreparationReport, _ writer: borrowing HDF5Writer) throws(HDF5Error) {
        let group = "preparation"
        try writer.attribute("rank", of: group, report.rank)
        try writer.attribute("noise_deviation", of: group, report.noiseDeviation)
        if let deviation = report.baselineDeviation { try writer.attribute("baseline_deviation", of: group, deviation) }
        try writer.attribute("noise_source", of: group, report.noiseSource)
        try writer.attribute("averages", of: group, report.averages)
        for kind in SensorKind.allCases {
            try writer.attribute("channels_\(kind.rawValue)", of: group, report.channels[kind] ?? 0)
        }
    }
}
