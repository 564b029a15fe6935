import CFoci
import Reporting
import Requests

/// `foci_localize` as `foci.h` documents it.
@c @implementation
public func foci_localize(
    _ forward: OpaquePointer?, _ recording: OpaquePointer?, _ covariance: OpaquePointer?, _ options: OpaquePointer?,
    _ monitor: UnsafePointer<foci_monitor>?, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    var request = LocalizationRequest()
    return attempt({ request.name(of: $0) }) {
        let target = try target(result)
        let held = try object(HeldForward.self, forward, "forward")
        let data = try object(HeldRecording.self, recording, "recording").recording
        let noise = covariance == nil ? nil : try object(HeldCovariance.self, covariance, "covariance").covariance
        if options != nil {
            // Names first: an error of another option already speaks as the caller's users do.
            let values = try object(Values.self, options, "options").options()
            request = try LocalizationRequest(values.filter { $0.key == SettingName.naming.rawValue })
            request = try LocalizationRequest(values)
        }
        let settled = request
        let localization = try Localization(settled.settings(), naming: { settled.name(of: $0) })
        let estimate = try localization.run(
            recording: data, forward: held.forward, covariance: noise, monitor: FociC.monitor(monitor),
            shared: settled.keepsPreparation ? held.shared : nil)
        target.pointee = handle(Answer(parts(estimate)))
    }
}

/// All that a result tells of an estimate.
private func parts(_ estimate: Estimate) -> Answer.Parts {
    var parts = Answer.Parts()
    parts.estimate = estimate
    parts.numbers = [
        "goodness_of_fit": estimate.goodnessOfFit, "lambda_ratio": estimate.selection.chosen.ratio,
        "relative_gap": estimate.certificate.relativeGap, "seconds": estimate.seconds.total,
    ]
    addTexts(of: estimate, to: &parts)
    addArrays(of: estimate, to: &parts)
    return parts
}

private func addTexts(of estimate: Estimate, to parts: inout Answer.Parts) {
    let candidates = estimate.candidates
    let (subject, condition, frame) = (estimate.subject, estimate.condition, estimate.frame.rawValue)
    parts.texts = [
        "json": { try Summary(estimate).json() },
        "subject": { subject }, "condition": { condition }, "frame": { frame },
        "settings": {
            try JSON.text(Dictionary(estimate.settings.map { ($0.name, $0.value) }) { $1 }, isIndented: false)
        },
        "selection": {
            try JSON.text(SelectionRecord(estimate.selection), isIndented: false, keys: .convertToSnakeCase)
        },
        "channel-names": { try JSON.text(estimate.sensorData?.sensors.names ?? [], isIndented: false) },
        "columns": {
            try JSON.text(
                estimate.columns.map { ["name": $0.table.name, "meaning": $0.meaning] }, isIndented: false)
        },
        "sources.tsv": { SourceTable.tsv(estimate) },
        "selection.tsv": { SelectionTable.tsv(estimate.selection) },
        "regions.tsv": {
            guard let candidates, estimate.sources.contains(where: { $0.region != nil }) else { return nil }
            return RegionTable.tsv(estimate, candidates: candidates)
        },
        "stability.tsv": { estimate.stability.map { StabilityTable.tsv(estimate, $0) } },
        "sources.svg": { GlassBrainFigure.svg(estimate, candidates: candidates?.positions ?? []) },
        "timecourses.svg": { TimeCourseFigure.svg(estimate) },
        "spectrograms.svg": { SpectrogramFigure.svg(estimate) },
        "sensors.svg": { ButterflyFigure.svg(estimate) },
        "selection.svg": { SelectionFigure.svg(estimate) },
        "stability.svg": { estimate.stability.map { StabilityFigure.svg(estimate, $0) } },
    ]
}

private func addArrays(of estimate: Estimate, to parts: inout Answer.Parts) {
    let (sources, times) = (estimate.sources, estimate.times)
    parts.add("index", sources.map(\.index))
    parts.add("vertex", sources.map { $0.vertex ?? -1 })
    parts.add("hemisphere", sources.map { $0.hemisphere?.rawValue ?? -2 })
    parts.add("positions", Matrix(rows: sources.count, columns: 3) { sources[$0].position[$1] })
    parts.add("times", times, shape: [times.count])
    let candidates = estimate.candidates?.positions ?? []
    parts.add("candidates", Matrix(rows: candidates.count, columns: 3) { candidates[$0][$1] })
    // Every source of an estimate has as many axes.
    let width = sources.first?.amplitudes.rows ?? 1
    parts.add("amplitudes", sources.flatMap(\.amplitudes.elements), shape: [width, times.count, sources.count])
    if let record = estimate.timeFrequency {
        // Of each window real and imaginary parts.
        for k in record.frame.windows.indices {
            let spectra = sources.flatMap { source in
                (0..<width).map { axis in
                    record.frame.spectrum(
                        source.coefficients.map { $0.column(axis) } ?? [Double](repeating: 0, count: record.frame.size),
                        of: k)
                }
            }
            let (frequencies, middles) = (record.frequencies(of: k), record.times(of: k))
            let shape = [frequencies.count, middles.count, width * sources.count]
            parts.add("window-\(k + 1)/frequencies", frequencies, shape: [frequencies.count])
            parts.add("window-\(k + 1)/times", middles, shape: [middles.count])
            parts.add("window-\(k + 1)/real", spectra.flatMap(\.real.elements), shape: shape)
            parts.add("window-\(k + 1)/imaginary", spectra.flatMap(\.imaginary.elements), shape: shape)
        }
    }
    parts.add(
        "axes",
        sources.flatMap { source in
            (0..<width).flatMap { k in
                let axis = source.axes?[k]
                return (0..<3).map { axis?[$0] ?? .nan }
            }
        }, shape: [3, width, sources.count])
    for column in estimate.columns {
        parts.add(
            "column/\(column.table.name)",
            sources.map { source in column.value(source, times).map { $0 * column.table.factor } ?? .nan },
            shape: [sources.count])
    }
    let regions = sources.map { $0.region?.vertices ?? [] }
    parts.add("region", regions.flatMap(\.self))
    parts.add("region-offsets", regions.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) })
    guard let data = estimate.sensorData else { return }
    parts.add("measured", data.measured)
    parts.add("explained", data.explained)
}

/// All that was tried, as it is told.
private struct SelectionRecord: Encodable {
    struct Point: Encodable {
        let lambda, lambdaRatio, criterion, degreesOfFreedom, squaredResidual, relativeGap, seconds: Double
        let active: Int
    }

    let criterion, search: String
    let chosen: Int
    let points: [Point]

    init(_ curve: SelectionCurve) {
        (criterion, search, chosen) = (curve.criterion, curve.search, curve.chosenIndex)
        points = curve.points.map {
            Point(
                lambda: $0.lambda, lambdaRatio: $0.ratio, criterion: $0.criterion,
                degreesOfFreedom: $0.degreesOfFreedom, squaredResidual: $0.squaredResidual,
                relativeGap: $0.relativeGap, seconds: $0.seconds, active: $0.activeCount)
        }
    }
}

extension Estimate {
    /// The columns of its table.
    fileprivate var columns: [SourceColumn] { SourceColumn.all.filter { $0.presence != .repeated || has($0) } }
}
