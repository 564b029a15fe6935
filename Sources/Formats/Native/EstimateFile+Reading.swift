import HDF5
import SourceImaging

extension EstimateFile {
    /// Reads an estimate. It equals the one that was written but for ``Estimate/versions``, normals of
    /// ``Estimate/candidates``, which are nil, and triangles of theirs that name no sources.
    ///
    /// - Throws: ``InputError`` that names the file and the dataset.
    public static func read(_ path: String) throws(InputError) -> Estimate {
        try read(NativeReader(path, content: .estimate))
    }

    static func read(_ reader: NativeReader) throws(InputError) -> Estimate {
        let times = try reader.doubles("times", "a sample")
        let timed = try reader.contains("timing")
        var sources = try sources(reader, times)
        try readColumns(reader, into: &sources)
        try readRegions(reader, into: &sources)
        let stability = try reader.contains("stability") ? try stability(reader, &sources) : nil
        var estimate = Estimate(
            sources: sources, times: times, frame: try reader.frame(), selection: try selection(reader, timed: timed),
            preparation: try preparation(reader),
            certificate: EstimateCertificate(
                relativeGap: try reader.number("relative_gap", of: "certificate"),
                tolerance: try reader.number("tolerance", of: "certificate"),
                epochs: try reader.count("epochs", of: "certificate"),
                fullPasses: try reader.count("full_passes", of: "certificate")))
        estimate.subject = try reader.text("subject") ?? ""
        estimate.condition = try reader.text("condition") ?? ""
        estimate.candidateCount = try reader.count("candidate_count")
        estimate.goodnessOfFit = try reader.number("goodness_of_fit")
        estimate.settings = try reader.settings(of: "settings")
        estimate.versions = try reader.settings(of: "versions")
        estimate.warnings = try reader.contains("warnings") ? try reader.strings("warnings", "a warning") : []
        if timed {
            estimate.seconds = StageSeconds(
                load: try reader.number("load", of: "timing"), prepare: try reader.number("prepare", of: "timing"),
                solve: try reader.number("solve", of: "timing"), total: try reader.number("total", of: "timing"))
        }
        estimate.stability = stability
        estimate.timeFrequency =
            try reader.contains("time_frequency") ? try timeFrequency(reader, times, &estimate.sources) : nil
        estimate.refinement = try reader.contains("refinement") ? try refinement(reader) : nil
        // Neither group is in files of earlier builds.
        estimate.candidates =
            try reader.contains("candidates")
            ? try reader.sourceSpace(in: "candidates", count: estimate.candidateCount) : nil
        estimate.sensorData =
            try reader.contains("sensors") ? try sensorData(reader, sampleCount: times.count) : nil
        return estimate
    }

    private static func timeFrequency(
        _ reader: NativeReader, _ times: [Double], _ sources: inout [EstimatedSource]
    ) throws(InputError) -> TimeFrequencyRecord {
        let group = "time_frequency"
        let (lengths, samples) = (
            try reader.integers("\(group)/lengths", "a window"), try reader.count("samples", of: group)
        )
        let steps = try reader.integers("\(group)/steps", count: lengths.count, "a window")
        // Windows that overlap without end, or many of them, would take memory without end.
        let isSmall =
            lengths.count <= 64 && zip(lengths, steps).allSatisfy { $0 <= max(4, samples) && $1 > 0 && $0 / $1 <= 64 }
        guard samples == times.count, isSmall else {
            throw InputError(
                "\(reader.path): \(group)", found: "\(samples) samples and windows of \(lengths)",
                expected: "\(times.count) samples, and up to 64 windows no longer, of 64 steps at most")
        }
        let frame: GaborFrame
        do throws(GaborFrame.Invalid) {
            frame = try GaborFrame(
                zip(lengths, steps).map { GaborFrame.Window(length: $0, step: $1) }, samples: samples)
        } catch {
            throw InputError("\(reader.path): \(group)", found: "\(error)")
        }
        var spectra = sources.map { _ in [[(real: Matrix, imaginary: Matrix)]]() }
        for k in lengths.indices {
            let name = "\(group)/\(TimeFrequencyRecord.name(of: k))"
            let (rows, columns) = (frame.frequencies(of: k).count, frame.centres(of: k).count)
            let parts = try ["real", "imaginary"].map { (part) throws(InputError) -> HDF5Array<Double> in
                let array = try reading(reader.file.doubles("\(name)/\(part)"))
                guard array.shape.count == 4, array.shape[0] == sources.count, array.shape[2] == rows,
                    array.shape[3] == columns, array.elements.allSatisfy(\.isFinite)
                else {
                    throw reader.shapeError(
                        "\(name)/\(part)", array.shape, "\(sources.count) × axes × \(rows) × \(columns) finite numbers")
                }
                return array
            }
            for (s, source) in sources.enumerated() {
                guard parts.allSatisfy({ $0.shape[1] >= source.amplitudes.rows }) else {
                    throw reader.shapeError("\(name)/real", parts[0].shape, "\(source.amplitudes.rows) axes or more")
                }
                spectra[s].append(
                    (0..<source.amplitudes.rows).map { axis in
                        let both = parts.map { part in
                            Matrix(rows: rows, columns: columns) { f, i in
                                part.elements[((s * part.shape[1] + axis) * rows + f) * columns + i]
                            }
                        }
                        return (both[0], both[1])
                    })
            }
        }
        for s in sources.indices {
            let axes = sources[s].amplitudes.rows
            let columns = (0..<axes).compactMap { axis in frame.coefficients(of: spectra[s].map { $0[axis] }) }
            guard columns.count == axes else { continue }
            sources[s].coefficients = Matrix(rows: frame.size, columns: axes, elements: columns.flatMap { $0 })
        }
        let frequency = try reader.number("sampling_frequency", of: group)
        guard frequency > 0, frequency.isFinite else {
            throw InputError(
                "\(reader.path): \(group)/sampling_frequency", found: "\(frequency)",
                expected: "a positive number of Hz")
        }
        return TimeFrequencyRecord(
            frame: frame, samplingFrequency: frequency, firstTime: try reader.number("first_time", of: group),
            rho: try reader.number("rho", of: group))
    }

    private static func sensorData(_ reader: NativeReader, sampleCount: Int) throws(InputError) -> SensorData {
        let sensors = try reader.sensors()
        func table(_ name: String) throws(InputError) -> Matrix {
            let matrix = try reader.matrix(name)
            guard matrix.rows == sensors.count, matrix.columns == sampleCount else {
                throw reader.shapeError(
                    name, [matrix.rows, matrix.columns], "\(sensors.count) × \(sampleCount) (sensors × times)")
            }
            return matrix
        }
        return SensorData(
            sensors: sensors, measured: try table("sensors/measured"), explained: try table("sensors/explained"))
    }

    private static func sources(
        _ reader: NativeReader, _ times: [Double]
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
                    axes: directions.contains(SIMD3()) ? nil : directions, field: .nan, share: .nan))
        }
        return sources
    }

    /// Reads the numbers of ``SourceColumn/all`` that do not follow from others; those of all estimates must be there.
    private static func readColumns(
        _ reader: NativeReader, into sources: inout [EstimatedSource]
    ) throws(InputError) {
        for column in SourceColumn.all {
            guard let restore = column.restore else { continue }
            let name = "sources/\(column.name)"
            if column.presence != .always, try !reader.contains(name) { continue }
            for (s, value) in try reader.doubles(name, count: sources.count, "a source").enumerated()
            where column.presence == .always || value.isFinite {
                restore(&sources[s], value)
            }
        }
    }

    /// A dataset [source, axis, …] of finite numbers.
    private static func cube(
        _ name: String, _ reader: NativeReader, _ count: Int
    ) throws(InputError) -> HDF5Array<Double> {
        let array = try reading(reader.file.doubles(name))
        guard array.shape.count == 3, array.shape[0] == count else {
            throw reader.shapeError(name, array.shape, "three dimensions, the first \(count)")
        }
        guard array.elements.allSatisfy(\.isFinite) else {
            throw InputError("\(reader.path): \(name)", found: "NaN or infinity", expected: "finite values")
        }
        return array
    }

    private static func selection(
        _ reader: NativeReader, timed: Bool
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
        let name = try reader.text("criterion", of: "selection") ?? ""
        // Files of earlier builds tell it by the name alone.
        let estimatesRisk = try reader.integer("estimates_risk", of: "selection").map { $0 != 0 }
        var curve = SelectionCurve(
            origin: SelectionCurve.Origin(search: try reader.text("search", of: "selection") ?? "path", axis: axis),
            criterion: name, estimatesRisk: estimatesRisk ?? name.hasPrefix("SURE"),
            points: lambda.indices.map {
                SelectionPoint(
                    lambda: lambda[$0], ratio: ratio[$0], criterion: criterion[$0], degreesOfFreedom: freedom[$0],
                    squaredResidual: residual[$0], activeCount: active[$0], relativeGap: gap[$0],
                    seconds: timed ? seconds[$0] : 0)
            }, chosenIndex: chosen, atGridEdge: try reader.integer("at_grid_edge", of: "selection") ?? 0 != 0)
        if try reader.contains("selection/notes") {
            let notes = try reader.strings("selection/notes", "a point")
            guard notes.count == curve.points.count else {
                throw InputError(
                    "\(reader.path): selection/notes", found: "\(notes.count)", expected: "\(curve.points.count)")
            }
            curve.notes = notes
        }
        if let quantile = try reader.double("noise_quantile", of: "selection") {
            curve.quantile = QuantileRecord(
                quantile: quantile, draws: try reader.integer("noise_draws", of: "selection") ?? 0,
                deviations: try reader.doubles("selection/noise_levels", "a kind of row"),
                correlation: try reader.double("noise_correlation", of: "selection") ?? 0)
        }
        return curve
    }

    private static func preparation(_ reader: NativeReader) throws(InputError) -> PreparationReport {
        let group = "preparation"
        var channels: [SensorKind: Int] = [:]
        for kind in SensorKind.allCases {
            if let number = try reader.integer("channels_\(kind.rawValue)", of: group), number > 0 {
                channels[kind] = number
            }
        }
        var report = PreparationReport(
            channels: channels, rank: try reader.count("rank", of: group),
            baselineDeviation: try reader.double("baseline_deviation", of: group),
            noiseDeviation: try reader.number("noise_deviation", of: group),
            noiseSource: try reader.text("noise_source", of: group) ?? "",
            averages: try reader.double("averages", of: group))
        report.epochs = try reader.integer("epochs", of: group)
        report.rankSource = try reader.text("rank_source", of: group) ?? ""
        report.checks = try checks(reader)
        return report
    }

    /// The group `checks`; none in files of earlier builds.
    private static func checks(_ reader: NativeReader) throws(InputError) -> [HealthCheck] {
        guard try reader.contains("checks") else { return [] }
        let names = try reader.strings("checks/name", "a check")
        func column(_ name: String) throws(InputError) -> [String] {
            try reader.strings("checks/\(name)", count: names.count, "a check")
        }
        let (marks, findings, advice) = (try column("mark"), try column("finding"), try column("advice"))
        var checks: [HealthCheck] = []
        for (k, name) in names.enumerated() {
            guard let mark = HealthCheck.Mark(rawValue: marks[k]) else {
                throw InputError(
                    "\(reader.path): checks/mark", found: "'\(marks[k])'",
                    expected: HealthCheck.Mark.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", "))
            }
            checks.append(HealthCheck(name: name, mark: mark, finding: findings[k], advice: advice[k]))
        }
        return checks
    }

    private static func refinement(_ reader: NativeReader) throws(InputError) -> Refinement {
        let group = "refinement"
        return Refinement(
            charge: NoiseCharge(
                value: try reader.number("charge", of: group), stretches: try reader.count("stretches", of: group),
                length: try reader.count("length", of: group)),
            objectives: try reader.doubles("refinement/objectives", "a start"),
            isSettled: try reader.count("settled", of: group) != 0, looks: try reader.count("looks", of: group),
            gainError: try reader.double("gain_error", of: group),
            falsePositiveRate: try reader.double("false_positive_rate", of: group),
            chargeUncertainty: try reader.double("charge_uncertainty", of: group),
            heldOut: try reader.double("held_out_sensors", of: group))
    }

    /// The group `stability`; what became of each source is put into it.
    private static func stability(
        _ reader: NativeReader, _ sources: inout [EstimatedSource]
    ) throws(InputError) -> Stability {
        let sourceCount = sources.count
        let counts = try reader.integers("stability/source_count", "a repeat")
        let ratios = try reader.doubles("stability/lambda_ratio", count: counts.count, "a repeat")
        let name = try reader.required(try reader.text("by", of: "stability"), "by", of: "stability", "a method")
        guard let method = StabilityMethod(rawValue: name) else {
            throw InputError(
                "\(reader.path): stability@by", found: "'\(name)'",
                expected: StabilityMethod.allCases.map(\.rawValue).joined(separator: ", "))
        }
        func table(_ name: String) throws(InputError) -> [[Double?]] {
            let array = try reading(reader.file.doubles(name))
            guard array.shape == [sourceCount, counts.count] else {
                throw reader.shapeError(name, array.shape, "\(sourceCount) × \(counts.count) (sources × repeats)")
            }
            return (0..<sourceCount).map { s in
                (0..<counts.count).map { r in
                    let value = array.elements[s * counts.count + r]
                    return value.isFinite ? value : nil
                }
            }
        }
        let distances = try table("stability/distance")
        let amplitudes = try table("stability/peak_amplitude")
        for s in sources.indices {
            sources[s].stability = Stability.Source(distances: distances[s], amplitudes: amplitudes[s])
        }
        let indices = try reader.integers("stability/other/index", "a place")
        let positions = try reader.vectors("stability/other/position", count: indices.count)
        let found = try reader.doubles("stability/other/found_fraction", count: indices.count, "a place")
        let spreads = try reader.doubles("stability/other/position_spread", count: indices.count, "a place")
        return Stability(
            method: method,
            radius: try reader.required(
                try reader.double("radius", of: "stability"), "radius", of: "stability", "a distance"),
            others: indices.indices.map {
                Stability.Other(
                    index: indices[$0], position: positions[$0], found: found[$0], positionSpread: spreads[$0])
            }, counts: counts, ratios: ratios)
    }
}

extension NativeReader {
    /// A number that must be there.
    fileprivate func number(_ name: String, of object: String = "/") throws(InputError) -> Double {
        try required(try double(name, of: object), name, of: object, "a number")
    }

    /// A whole number that must be there.
    fileprivate func count(_ name: String, of object: String = "/") throws(InputError) -> Int {
        try required(try integer(name, of: object), name, of: object, "a whole number")
    }
}
