import HDF5
import SourceImaging

/// An estimate as MATLAB 7.3, `.mat`: one struct `estimate`.
///
/// `time` s (a row); for each source, the one that explains most field first: `index` (from 1, among the candidates),
/// `position` m (source × 3), `hemisphere` (text), `vertex` (from 0, as FreeSurfer numbers them; NaN where unknown),
/// `moment` A·m (a cell each, axes × samples), `axis` (a cell each, axes × 3; empty where unknown), `timecourse` A·m
/// (source × samples; signed with one axis, else the magnitude), `field`, `share`, where sources were refined `extent` m
/// (0 for a point) and `times_noise`; then `goodness_of_fit`, `selection`, where there is one `refinement`, `certificate`,
/// `settings` and `versions` (cells of name and value) and `warnings`.
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

    private static func structure(_ estimate: StoredEstimate) -> MATLABValue {
        let sources = estimate.sources
        var fields: [(name: String, value: MATLABValue)] = []
        fields.append(("subject", .text(estimate.subject)))
        fields.append(("condition", .text(estimate.condition)))
        fields.append(("frame", .text(estimate.frame.rawValue)))
        fields.append(("candidate_count", .number(Double(estimate.candidateCount))))
        fields.append(("time", .row(estimate.times)))
        fields.append(("index", .column(sources.map { Double($0.index + 1) })))
        fields.append(("position", matrix(sources.map { [$0.position.x, $0.position.y, $0.position.z] }, columns: 3)))
        fields.append(("hemisphere", .texts(sources.map { $0.hemisphere?.name ?? "" })))
        fields.append(("vertex", .column(sources.map { $0.vertex.map { Double($0) } ?? .nan })))
        fields.append(("moment", .cell(size: [sources.count, 1], sources.map { matrix($0.amplitudes) })))
        fields.append(("axis", .cell(size: [sources.count, 1], sources.map(axes))))
        fields.append(("timecourse", matrix(sources.map(\.timeCourse), columns: estimate.times.count)))
        fields.append(("field", .column(sources.map(\.field))))
        fields.append(("share", .column(sources.map(\.share))))
        if estimate.refinement != nil {
            fields.append(("extent", .column(sources.map { $0.extent ?? .nan })))
            fields.append(("times_noise", .column(sources.map { $0.timesNoise ?? .nan })))
        }
        fields.append(("goodness_of_fit", .number(estimate.goodnessOfFit)))
        fields.append(("selection", structure(estimate.selection)))
        if let refinement = estimate.refinement { fields.append(("refinement", structure(refinement))) }
        fields.append(("certificate", structure(estimate.certificate)))
        fields.append(("settings", pairs(estimate.settings)))
        fields.append(("versions", pairs(estimate.versions)))
        fields.append(("warnings", .texts(estimate.warnings)))
        return .structure(fields)
    }

    private static func structure(_ selection: SelectionCurve) -> MATLABValue {
        let points = selection.points
        return .structure([
            ("criterion_name", .text(selection.criterion)),
            ("chosen", .number(Double(selection.chosenIndex + 1))),
            ("at_grid_edge", .logical(selection.atGridEdge)),
            ("lambda", .column(points.map(\.lambda))),
            ("ratio", .column(points.map(\.ratio))),
            ("criterion", .column(points.map(\.criterion))),
            ("degrees_of_freedom", .column(points.map(\.degreesOfFreedom))),
            ("squared_residual", .column(points.map(\.squaredResidual))),
            ("active_count", .column(points.map { Double($0.activeCount) })),
            ("relative_gap", .column(points.map(\.relativeGap))),
        ])
    }

    private static func structure(_ refinement: Refinement) -> MATLABValue {
        .structure([
            ("charge", .number(refinement.charge.value)),
            ("stretches", .number(Double(refinement.charge.stretches))),
            ("length", .number(Double(refinement.charge.length))),
            ("objectives", .column(refinement.objectives)),
            ("settled", .logical(refinement.isSettled)),
            ("looks", .number(Double(refinement.looks))),
        ])
    }

    private static func structure(_ certificate: EstimateCertificate) -> MATLABValue {
        .structure([
            ("relative_gap", .number(certificate.relativeGap)),
            ("tolerance", .number(certificate.tolerance)),
            ("epochs", .number(Double(certificate.epochs))),
            ("full_passes", .number(Double(certificate.fullPasses))),
        ])
    }

    private static func axes(_ source: EstimatedSource) -> MATLABValue {
        matrix((source.axes ?? []).map { [$0.x, $0.y, $0.z] }, columns: 3)
    }

    private static func matrix(_ matrix: Matrix) -> MATLABValue {
        .array(size: [matrix.rows, matrix.columns], matrix.elements)
    }

    /// A matrix from its rows.
    private static func matrix(_ rows: [[Double]], columns: Int) -> MATLABValue {
        matrix(Matrix(rows: rows.count, columns: columns) { rows[$0][$1] })
    }

    /// Names and values as a cell array of two columns.
    private static func pairs(_ list: [(name: String, value: String)]) -> MATLABValue {
        .cell(size: [list.count, 2], list.map { .text($0.name) } + list.map { .text($0.value) })
    }
}
