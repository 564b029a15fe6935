import HDF5
import SourceImaging

/// A named value of an estimate, as `estimate.h5` and MATLAB both hold it, or of what forwards and recordings hold alike.
typealias EstimateField = (name: String, value: EstimateValue)

/// Single values are attributes in HDF5, lists datasets with a value an item. Places are counted from 0 in HDF5 and from 1
/// in MATLAB.
enum EstimateValue {
    case number(Double), count(Int), place(Int), flag(Bool), text(String)
    case numbers([Double]), counts([Int]), places([Int]), vectors([SIMD3<Double>]), table(Matrix), texts([String])
    /// Of any shape, the last dimension fastest.
    case array([Double], shape: [Int])
    /// Three vectors an item: [item, 3, 3].
    case triples([[SIMD3<Double>]])
    /// An item each: yes or no; a number that names something and is the same everywhere; three places [item, 3]. All are
    /// stored in as few bytes as hold them.
    case flags([Bool]), labels([Int]), triangles([SIMD3<Int32>])
    case group([EstimateField])
}

extension Estimate {
    /// The numbers of sources that files hold; NaN where one is not known.
    var storedColumns: [EstimateField] {
        SourceColumn.all.filter { $0.isStored && has($0) }.map { column in
            (column.name, .numbers(sources.map { column.value($0, times) ?? .nan }))
        } + storedRegions
    }

    /// The regions of sources, none where no source has one; NaN where a source has none. The vertices of source s are
    /// those from offset s on, up to offset s + 1.
    private var storedRegions: [EstimateField] {
        let regions = sources.map(\.region)
        guard regions.contains(where: { $0 != nil }) else { return [] }
        let unknown = SIMD3(repeating: Double.nan)
        return [
            ("region_level", .numbers(regions.map { $0?.level ?? .nan })),
            ("region_volume", .numbers(regions.map { $0?.volume ?? .nan })),
            ("region_centre", .vectors(regions.map { $0?.centre ?? unknown })),
            ("region_axes", .triples(regions.map { $0?.axes ?? [unknown, unknown, unknown] })),
            (
                "region_offsets",
                .places(regions.reduce(into: [0]) { $0.append($0[$0.count - 1] + ($1?.vertices.count ?? 0)) })
            ),
            ("region_vertices", .places(regions.flatMap { $0?.vertices ?? [] })),
        ]
    }

    /// What stands beside the sources, group by group.
    var storedGroups: [(name: String, fields: [EstimateField])] {
        var groups = [(name: "selection", fields: selection.stored), (name: "preparation", fields: preparation.stored)]
        if !preparation.checks.isEmpty { groups.append(("checks", preparation.storedChecks)) }
        if let refinement { groups.append(("refinement", refinement.stored)) }
        if let timeFrequency { groups.append(("time_frequency", timeFrequency.stored(sources))) }
        if let stability { groups.append(("stability", stability.stored(sources))) }
        groups.append(("certificate", certificate.stored))
        if let candidates { groups.append(("candidates", candidates.stored(withNormals: false))) }
        if let sensorData { groups.append(("sensors", sensorData.stored)) }
        return groups
    }

    /// The time spent, which alone differs from run to run.
    var storedTiming: [EstimateField] {
        [
            ("load", .number(seconds.load)), ("prepare", .number(seconds.prepare)), ("solve", .number(seconds.solve)),
            ("total", .number(seconds.total)), ("selection", .numbers(selection.points.map(\.seconds))),
        ]
    }
}

extension TimeFrequencyRecord {
    /// A group each window has, numbered from 1.
    static func name(of dictionary: Int) -> String { "window_\(dictionary + 1)" }

    fileprivate func stored(_ sources: [EstimatedSource]) -> [EstimateField] {
        let width = sources.map(\.amplitudes.rows).max() ?? 1
        return [
            ("rho", .number(rho)), ("sampling_frequency", .number(samplingFrequency)),
            ("first_time", .number(firstTime)), ("samples", .count(frame.samples)),
            ("lengths", .counts(frame.windows.map(\.length))), ("steps", .counts(frame.windows.map(\.step))),
        ]
            + frame.windows.indices.map { k in
                let (frequencies, times) = (frequencies(of: k), times(of: k))
                let shape = [sources.count, width, frequencies.count, times.count]
                var (real, imaginary): ([Double], [Double]) = ([], [])
                for source in sources {
                    for axis in 0..<width {
                        guard let own = source.coefficients, axis < own.columns else {
                            let none = [Double](repeating: 0, count: frequencies.count * times.count)
                            (real, imaginary) = (real + none, imaginary + none)
                            continue
                        }
                        let parts = frame.spectrum(own.column(axis), of: k)
                        real += parts.real.transposed.elements
                        imaginary += parts.imaginary.transposed.elements
                    }
                }
                return (
                    Self.name(of: k),
                    .group([
                        ("frequency", .numbers(frequencies)), ("time", .numbers(times)),
                        ("real", .array(real, shape: shape)), ("imaginary", .array(imaginary, shape: shape)),
                    ])
                )
            }
    }
}

extension EstimateCertificate {
    fileprivate var stored: [EstimateField] {
        [
            ("relative_gap", .number(relativeGap)), ("tolerance", .number(tolerance)), ("epochs", .count(epochs)),
            ("full_passes", .count(fullPasses)),
        ]
    }
}

extension SelectionCurve {
    fileprivate var stored: [EstimateField] {
        let noise: [EstimateField] =
            quantile.map {
                [
                    ("noise_quantile", .number($0.quantile)), ("noise_draws", .count($0.draws)),
                    ("noise_levels", .numbers($0.deviations)), ("noise_correlation", .number($0.correlation)),
                ]
            } ?? []
        return noise + [
            ("criterion", .text(criterion)), ("search", .text(search)), ("axis", .text(axis.rawValue)),
            ("estimates_risk", .flag(estimatesRisk)), ("chosen_index", .place(chosenIndex)),
            ("at_grid_edge", .flag(atGridEdge)),
            ("lambda", .numbers(points.map(\.lambda))), ("ratio", .numbers(points.map(\.ratio))),
            ("criterion", .numbers(points.map(\.criterion))),
            ("degrees_of_freedom", .numbers(points.map(\.degreesOfFreedom))),
            ("squared_residual", .numbers(points.map(\.squaredResidual))),
            ("relative_gap", .numbers(points.map(\.relativeGap))),
            ("active_count", .counts(points.map(\.activeCount))),
        ] + (notes.map { [("notes", .texts($0))] } ?? [])
    }
}

extension PreparationReport {
    fileprivate var stored: [EstimateField] {
        var fields: [EstimateField] = [
            ("rank", .count(rank)), ("noise_deviation", .number(noiseDeviation)),
        ]
        if let baselineDeviation { fields.append(("baseline_deviation", .number(baselineDeviation))) }
        fields.append(("noise_source", .text(noiseSource)))
        if let averages { fields.append(("averages", .number(averages))) }
        if let epochs { fields.append(("epochs", .count(epochs))) }
        if !rankSource.isEmpty { fields.append(("rank_source", .text(rankSource))) }
        return fields + SensorKind.allCases.map { ("channels_\($0.rawValue)", .count(channels[$0] ?? 0)) }
    }

    fileprivate var storedChecks: [EstimateField] {
        [
            ("name", .texts(checks.map(\.name))), ("mark", .texts(checks.map(\.mark.rawValue))),
            ("finding", .texts(checks.map(\.finding))), ("advice", .texts(checks.map(\.advice))),
        ]
    }
}

extension Refinement {
    fileprivate var stored: [EstimateField] {
        let optional = [
            ("gain_error", gainError), ("false_positive_rate", falsePositiveRate),
            ("charge_uncertainty", chargeUncertainty), ("held_out_sensors", heldOut),
        ]
        return [
            ("charge", .number(charge.value)), ("stretches", .count(charge.stretches)),
            ("length", .count(charge.length)),
            ("settled", .flag(isSettled)), ("looks", .count(looks)), ("objectives", .numbers(objectives)),
        ] + optional.compactMap { name, value in value.map { (name, .number($0)) } }
    }
}

extension Stability {
    fileprivate func stored(_ sources: [EstimatedSource]) -> [EstimateField] {
        // What a source has no value for, repeats did not find.
        func table(_ values: (Source) -> [Double?]) -> EstimateValue {
            let rows = sources.map { $0.stability.map(values) ?? [] }
            return .table(
                Matrix(rows: rows.count, columns: repeats) { s, r in
                    rows[s].indices.contains(r) ? rows[s][r] ?? .nan : .nan
                })
        }
        return [
            ("by", .text(method.rawValue)), ("radius", .number(radius)), ("distance", table(\.distances)),
            ("peak_amplitude", table(\.amplitudes)), ("source_count", .counts(counts)),
            ("lambda_ratio", .numbers(ratios)),
            (
                "other",
                .group([
                    ("index", .places(others.map(\.index))), ("position", .vectors(others.map(\.position))),
                    ("found_fraction", .numbers(others.map(\.found))),
                    ("position_spread", .numbers(others.map(\.positionSpread))),
                ])
            ),
        ]
    }
}

extension HDF5Writer {
    /// Single values as attributes of a group, lists as datasets in it.
    borrowing func write(_ fields: [EstimateField], to group: String) throws(HDF5Error) {
        for field in fields {
            let path = "\(group)/\(field.name)"
            switch field.value {
            case .number(let number): try attribute(field.name, of: group, number)
            case .count(let count), .place(let count): try attribute(field.name, of: group, count)
            case .flag(let flag): try attribute(field.name, of: group, flag ? 1 : 0)
            case .text(let text): try attribute(field.name, of: group, text)
            case .numbers(let numbers): try dataset(path, numbers, shape: [numbers.count])
            case .counts(let counts), .places(let counts): try dataset(path, integers: counts, shape: [counts.count])
            case .vectors(let vectors): try write(path, vectors)
            case .table(let table): try write(path, table)
            case .array(let elements, let shape): try dataset(path, elements, shape: shape)
            case .texts(let texts): try dataset(path, strings: texts)
            case .triples(let triples):
                try dataset(path, triples.joined().flatMap { [$0.x, $0.y, $0.z] }, shape: [triples.count, 3, 3])
            case .flags(let flags):
                try dataset(path, integers: flags.map { $0 ? 1 : 0 }, shape: [flags.count], as: .uint8)
            case .labels(let labels):
                try dataset(path, integers: labels, shape: [labels.count], as: .narrowest(for: labels))
            case .triangles(let triangles):
                let corners = triangles.flatMap { [Int($0.x), Int($0.y), Int($0.z)] }
                try dataset(path, integers: corners, shape: [triangles.count, 3], as: .narrowest(for: corners))
            case .group(let fields): try write(fields, to: path)
            }
        }
    }
}
