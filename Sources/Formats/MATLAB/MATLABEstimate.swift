import HDF5
import SourceImaging

/// An estimate as MATLAB 7.3, `.mat`: one struct `estimate`, which holds what ``EstimateFile`` does, named alike.
///
/// `time` s (a row); for each source, the one that explains most field first: `index` (from 1, among the candidates),
/// `position` m (source × 3), `hemisphere` (text), `vertex` (from 0, as FreeSurfer numbers them; NaN where unknown),
/// `moment` A·m (a cell each, axes × samples), `axis` (a cell each, axes × 3; empty where unknown), `timecourse` A·m
/// (source × samples; signed with one axis, else the magnitude), and the stored numbers of ``SourceColumn/all``; where
/// sources have regions `region_level`, `region_volume` m³, `region_centre` m, `region_axes` m (source × axis × 3) and
/// `region_vertices`, those of source s being `region_vertices(region_offsets(s) : region_offsets(s + 1) - 1)`; then
/// `goodness_of_fit`, the structs `selection` (where `criterion_name` and `chosen`, from 1, stand for attributes),
/// `preparation`, `refinement` and `stability` (where there are any), `certificate` and `timing`, `settings` and `versions`
/// (cells of name and value) and `warnings`; and the structs `candidates` and `sensors` where they are known, as in
/// `estimate.h5` but for `candidates.triangles`, whose indices count from 1.
enum MATLABEstimate: FormatWriter {
    static let formatName = "MATLAB 7.3"
    static let endings = [".mat"]

    static func encode(_ value: FileValue, to path: String) throws(InputError) -> [(path: String, bytes: [UInt8])] {
        guard case .estimate(let estimate) = value else { throw cannotHold(value.content, path) }
        let structure = structure(estimate)
        let bytes = try translating { () throws(HDF5Error) -> [UInt8] in
            var encoder = try MATLABEncoder()
            try encoder.add("estimate", structure)
            return try encoder.finish()
        }
        return [(path, bytes)]
    }

    private static func structure(_ estimate: Estimate) -> MATLABValue {
        let sources = estimate.sources
        var fields: [(name: String, value: MATLABValue)] = [
            ("subject", .text(estimate.subject)), ("condition", .text(estimate.condition)),
            ("frame", .text(estimate.frame.rawValue)), ("candidate_count", .number(Double(estimate.candidateCount))),
            ("time", .row(estimate.times)), ("index", value(.places(sources.map(\.index)))),
            ("position", value(.vectors(sources.map(\.position)))),
            ("hemisphere", .texts(sources.map { $0.hemisphere?.name ?? "" })),
            ("vertex", .column(sources.map { $0.vertex.map { Double($0) } ?? .nan })),
            ("moment", .cell(size: [sources.count, 1], sources.map { matrix($0.amplitudes) })),
            ("axis", .cell(size: [sources.count, 1], sources.map { value(.vectors($0.axes ?? [])) })),
            ("timecourse", matrix(sources.map(\.timeCourse), columns: estimate.times.count)),
        ]
        fields += members(estimate.storedColumns)
        fields.append(("goodness_of_fit", .number(estimate.goodnessOfFit)))
        fields += estimate.storedGroups.map { ($0.name, .structure(members($0.fields))) }
        fields.append(("settings", pairs(estimate.settings)))
        fields.append(("versions", pairs(estimate.versions)))
        fields.append(("warnings", .texts(estimate.warnings)))
        fields.append(("timing", .structure(members(estimate.storedTiming))))
        return .structure(fields)
    }

    /// Fields by their names in MATLAB, where attributes and datasets share theirs.
    private static func members(_ fields: [EstimateField]) -> [(name: String, value: MATLABValue)] {
        fields.map { field in
            let name =
                switch (field.name, field.value) {
                case ("criterion", .text): "criterion_name"
                case ("chosen_index", _): "chosen"
                default: field.name
                }
            return (name, value(field.value))
        }
    }

    private static func value(_ value: EstimateValue) -> MATLABValue {
        switch value {
        case .number(let number): .number(number)
        case .count(let count): .number(Double(count))
        case .place(let place): .number(Double(place) + 1)
        case .flag(let flag): .logical(flag)
        case .text(let text): .text(text)
        case .numbers(let numbers): .column(numbers)
        case .counts(let counts): .column(counts.map { Double($0) })
        case .places(let places): .column(places.map { Double($0) + 1 })
        case .vectors(let vectors): matrix(vectors.map { [$0.x, $0.y, $0.z] }, columns: 3)
        case .table(let table): matrix(table)
        case .array(let elements, let shape): .array(size: shape, columnMajor(elements, shape))
        case .texts(let texts): .texts(texts)
        case .triples(let triples):
            .array(
                size: [triples.count, 3, 3],
                (0..<3).flatMap { k in (0..<3).flatMap { a in triples.map { $0[a][k] } } })
        case .flags(let flags): .column(flags.map { $0 ? 1 : 0 })
        case .labels(let labels): .column(labels.map { Double($0) })
        case .triangles(let triangles):
            matrix(triangles.map { [Double($0.x) + 1, Double($0.y) + 1, Double($0.z) + 1] }, columns: 3)
        case .group(let fields): .structure(members(fields))
        }
    }

    private static func matrix(_ matrix: Matrix) -> MATLABValue {
        .array(size: [matrix.rows, matrix.columns], matrix.elements)
    }

    /// The same numbers with the first dimension fastest.
    private static func columnMajor(_ elements: [Double], _ shape: [Int]) -> [Double] {
        elements.indices.map { place in
            var (rest, source) = (place, 0)
            for size in shape {
                source = source * size + rest % size
                rest /= size
            }
            return elements[source]
        }
    }

    /// A matrix from its rows.
    private static func matrix(_ rows: [[Double]], columns: Int) -> MATLABValue {
        matrix(Matrix(rows: rows.count, columns: columns) { rows[$0][$1] })
    }

    /// Names and values as a cell array of two columns.
    private static func pairs(_ list: [Setting]) -> MATLABValue {
        .cell(size: [list.count, 2], list.map { .text($0.name) } + list.map { .text($0.value) })
    }
}
