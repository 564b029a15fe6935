import Foundation
import SourceImaging

/// What a file holds, for people.
public struct FileDescription: Sendable {
    /// The path as the caller gave it.
    public let path: String
    /// Name of the format.
    public let format: String
    /// What the file holds.
    public let contents: [FileContent]
    /// Names of the conditions; empty where there is no recording.
    public let conditions: [String]
    /// Facts in order, a name and a value each.
    public let facts: [FileFact]
    /// What a localization needs beside the file, one entry each; empty where it cannot be part of one.
    public let missing: [String]
    /// What looks wrong, in plain English, one line each.
    public let warnings: [String]
}

/// Looks into files of any format that the program knows.
public enum FileInspection {
    /// Reads a file as a whole and says what it holds, what is missing for a localization and what looks wrong with it.
    ///
    /// Of several conditions the one chosen is described, or the first.
    ///
    /// - Throws: ``InputError`` when the file cannot be read.
    public static func describe(
        _ path: String, options: ReadingOptions = ReadingOptions()
    ) throws(InputError) -> FileDescription {
        let reader = try FileFormats.open(path)
        let contents = reader.contents
        var findings = FileFindings()
        if contents.count > 1 {
            findings.facts.append(("contents", contents.map(\.rawValue).joined(separator: ", ")))
        }
        if reader.conditions.count > 1 {
            findings.facts.append(("conditions", type(of: reader).list(reader.conditions)))
        }
        findings.facts += try reader.facts(options)
        for content in contents {
            let part: FileFindings
            switch content {
            case .forward: part = describe(try reader.forward(options))
            case .recording:
                var options = options
                if options.condition == nil, reader.conditions.count > 1 { options.condition = "0" }
                part = describe(try reader.recording(options))
            case .covariance:
                if let own = try reader.describe(content, options) {
                    part = own
                } else {
                    part = describe(try reader.covariance(options))
                }
            case .problem, .estimate, .truth: part = try reader.describe(content, options) ?? FileFindings()
            }
            findings.facts += part.facts
            findings.warnings += part.warnings
        }
        return FileDescription(
            path: path, format: type(of: reader).formatName, contents: contents, conditions: reader.conditions,
            facts: findings.facts, missing: missing(contents), warnings: findings.warnings)
    }

    /// What a localization needs beside a file with these contents.
    static func missing(_ contents: [FileContent]) -> [String] {
        guard !Set(contents).isDisjoint(with: [.forward, .recording, .covariance]) else { return [] }
        var missing: [String] = []
        if !contents.contains(.recording) { missing.append("a recording (--recording)") }
        if !contents.contains(.forward) { missing.append("a forward model (--forward)") }
        if !contents.contains(.covariance) {
            missing.append("a noise covariance (--covariance), or a baseline before time 0 in the recording")
        }
        return missing
    }

    static func describe(_ forward: Forward) -> FileFindings {
        var facts: [FileFact] = []
        if !forward.subject.isEmpty { facts.append(("subject", forward.subject)) }
        facts.append(("gain", "\(forward.gain.rows) channels × \(forward.gain.columns) columns"))
        facts.append(
            (
                "sources",
                "\(forward.sources.count), " + (forward.orientations == 1 ? "fixed orientation" : "free orientation")
            ))
        facts += describe(forward.sensors)
        for kind in SensorKind.allCases {
            let rows = forward.sensors.kinds.indices.filter { forward.sensors.kinds[$0] == kind }
            guard !rows.isEmpty else { continue }
            var largest = 0.0
            for j in 0..<forward.gain.columns {
                for i in rows { largest = max(largest, abs(forward.gain[i, j])) }
            }
            facts.append(("largest gain, \(kind.rawValue)", "\(short(largest)) \(kind.unit)/(A·m)"))
        }
        facts += describe(forward.sources)
        return FileFindings(facts: facts, warnings: forward.plausibilityWarnings())
    }

    static func describe(_ recording: Recording) -> FileFindings {
        var facts: [FileFact] = []
        if !recording.condition.isEmpty { facts.append(("condition", recording.condition)) }
        facts.append(("data", "\(recording.sensors.count) channels × \(recording.sampleCount) samples"))
        if recording.epochs.count > 1 { facts.append(("epochs", "\(recording.epochs.count)")) }
        facts.append(("averages", "\(recording.averages)"))
        facts.append(("sampling frequency", "\(short(recording.samplingFrequency)) Hz"))
        let last = recording.time(recording.sampleCount - 1)
        facts.append(("time", String(format: "%.4f to %.4f s", recording.firstTime, last)))
        facts += describe(recording.sensors)
        facts += describe(recording.projectors, applied: recording.isProjected)
        let average = recording.average
        for kind in SensorKind.allCases {
            var (largest, channel) = (-1.0, 0)
            for i in recording.sensors.kinds.indices
            where recording.sensors.kinds[i] == kind && !recording.sensors.bad[i] {
                for t in 0..<average.columns where abs(average[i, t]) > largest {
                    (largest, channel) = (abs(average[i, t]), i)
                }
            }
            guard largest >= 0 else { continue }
            facts.append(
                (
                    "largest value, \(kind.rawValue)",
                    "\(short(largest * kind.display.factor)) \(kind.display.unit) at \(recording.sensors.names[channel])"
                ))
        }
        return FileFindings(facts: facts, warnings: recording.plausibilityWarnings())
    }

    static func describe(_ covariance: NoiseCovariance) -> FileFindings {
        var facts: [FileFact] = []
        facts.append(("covariance", "\(covariance.matrix.rows) × \(covariance.matrix.columns) channels, one epoch"))
        facts.append(("samples", covariance.samples > 0 ? "\(covariance.samples)" : "unknown"))
        facts += describe(covariance.sensors)
        facts += describe(covariance.projectors, applied: nil)
        for kind in SensorKind.allCases {
            let deviations = covariance.sensors.kinds.indices.filter {
                covariance.sensors.kinds[$0] == kind && !covariance.sensors.bad[$0]
            }.map { covariance.matrix[$0, $0].squareRoot() }.sorted()
            guard !deviations.isEmpty else { continue }
            let median = deviations[deviations.count / 2] * kind.display.factor
            facts.append(("median noise, \(kind.rawValue)", "\(short(median)) \(kind.display.unit)"))
        }
        if let rank = numericalRank(covariance) {
            facts.append(("numerical rank", "\(rank) of \(covariance.sensors.count)"))
        }
        return FileFindings(facts: facts, warnings: covariance.plausibilityWarnings())
    }

    /// Number of eigenvalues of the correlation matrix that stand out of rounding; channels of different units compare
    /// so.
    private static func numericalRank(_ covariance: NoiseCovariance) -> Int? {
        let matrix = covariance.matrix
        let scale = (0..<matrix.rows).map { matrix[$0, $0] > 0 ? 1 / matrix[$0, $0].squareRoot() : 0 }
        let correlation = Matrix(rows: matrix.rows, columns: matrix.columns) { matrix[$0, $1] * scale[$0] * scale[$1] }
        guard let eigen = try? SymmetricEigen(correlation), let largest = eigen.values.last else { return nil }
        return eigen.values.count { $0 > 1e-10 * largest }
    }

    static func describe(_ problem: ProblemContents) -> FileFindings {
        FileFindings(
            facts: [
                ("gain", "\(problem.gain.rows) × \(problem.gain.columns), whitened"),
                (
                    "positions",
                    "\(problem.gain.columns / problem.orientations), \(problem.orientations) orientation(s) each"
                ),
                ("data", "\(problem.data.rows) × \(problem.data.columns), whitened"),
                ("‖data‖", short(problem.data.squaredNorm.squareRoot())),
            ])
    }

    static func describe(_ estimate: Estimate) -> FileFindings {
        var facts: [FileFact] = []
        if !estimate.subject.isEmpty { facts.append(("subject", estimate.subject)) }
        if !estimate.condition.isEmpty { facts.append(("condition", estimate.condition)) }
        facts.append(("active sources", "\(estimate.sources.count) of \(estimate.candidateCount)"))
        if let first = estimate.times.first, let last = estimate.times.last {
            facts.append(("time", String(format: "%.4f to %.4f s, ", first, last) + "\(estimate.times.count) samples"))
        }
        facts.append(("frame", estimate.frame.rawValue))
        facts.append(("goodness of fit", short(estimate.goodnessOfFit)))
        facts.append(("λ / λ_max", "\(short(estimate.selection.chosen.ratio)), by \(estimate.selection.criterion)"))
        facts.append(("relative gap", short(estimate.certificate.relativeGap)))
        facts += estimate.settings.map { ("setting \($0.name)", $0.value) }
        facts += estimate.versions.map { ("version of \($0.name)", $0.value) }
        return FileFindings(facts: facts, warnings: estimate.warnings)
    }

    static func describe(_ truth: Truth) -> FileFindings {
        var facts: [FileFact] = [("sources", "\(truth.sources.count)")]
        if let first = truth.times.first, let last = truth.times.last {
            facts.append(("time", String(format: "%.4f to %.4f s, ", first, last) + "\(truth.times.count) samples"))
        }
        facts.append(("frame", truth.frame.rawValue))
        facts += truth.settings.map { ("setting \($0.name)", $0.value) }
        return FileFindings(facts: facts)
    }

    // MARK: Parts

    private static func describe(_ sensors: Sensors) -> [FileFact] {
        let counts = sensors.countByKind
        var facts: [FileFact] = []
        facts.append(
            (
                "channels",
                SensorKind.allCases.compactMap { kind in counts[kind].map { "\($0) \(kind.plural) (\(kind.unit))" } }
                    .joined(separator: ", ")
            ))
        let bad = sensors.names.indices.filter { sensors.bad[$0] }.map { sensors.names[$0] }
        facts.append(("bad channels", bad.isEmpty ? "none" : bad.joined(separator: ", ")))
        facts.append(("channel positions", sensors.locations == nil ? "not in the file" : "in the file"))
        return facts
    }

    private static func describe(_ projectors: Matrix, applied: Bool?) -> [FileFact] {
        guard projectors.rows > 0 else { return [("projectors", "none")] }
        let state = applied.map { $0 ? ", applied to the data" : ", not yet applied to the data" } ?? ""
        return [("projectors", "\(projectors.rows)" + state)]
    }

    private static func describe(_ sources: SourceSpace) -> [FileFact] {
        var facts: [FileFact] = [("frame", sources.frame.rawValue)]
        let low = sources.positions.reduce(SIMD3(repeating: Double.infinity)) { pointwiseMin($0, $1) }
        let high = sources.positions.reduce(SIMD3(repeating: -Double.infinity)) { pointwiseMax($0, $1) }
        for (axis, name) in ["x", "y", "z"].enumerated() {
            facts.append(("extent \(name)", String(format: "%.1f to %.1f mm", low[axis] * 1000, high[axis] * 1000)))
        }
        if let hemispheres = sources.hemispheres {
            let parts = [Hemisphere.left, .right, .volume].compactMap { part in
                let count = hemispheres.count { $0 == part }
                return count > 0 ? "\(count) \(part.name)" : nil
            }
            facts.append(("hemispheres", parts.joined(separator: ", ")))
        }
        facts.append(("normals", sources.normals == nil ? "not in the file" : "in the file"))
        return facts
    }

    private static func short(_ value: Double) -> String { String(format: "%.4g", value) }
}
