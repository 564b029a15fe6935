import Foundation
import SourceImaging

/// A fact about a file, for people.
public typealias FileFact = (name: String, value: String)

/// What was found in a file: facts in order, and what looks wrong.
public struct FileFindings: Sendable {
    /// Facts in order, a name and a value each.
    public var facts: [FileFact] = []
    /// What looks wrong, or had to be decided, in plain English, one line each.
    public var warnings: [Message] = []
}

extension [FileFact] {
    mutating func append(_ name: String, _ value: String) { append((name, value)) }
}

/// What is said of the values of every format.
extension FileFindings {
    init(_ forward: Forward) {
        var facts: [FileFact] = []
        if !forward.subject.isEmpty { facts.append("subject", forward.subject) }
        facts.append("gain", "\(forward.gain.rows) channels × \(forward.gain.columns) columns")
        facts.append(
            "sources",
            "\(forward.sources.count), " + (forward.orientations == 1 ? "fixed orientation" : "free orientation"))
        facts += Self.facts(forward.sensors)
        for kind in SensorKind.allCases {
            let rows = forward.sensors.kinds.indices.filter { forward.sensors.kinds[$0] == kind }
            guard !rows.isEmpty else { continue }
            var largest = 0.0
            for j in 0..<forward.gain.columns {
                for i in rows { largest = max(largest, abs(forward.gain[i, j])) }
            }
            facts.append("largest gain, \(kind.rawValue)", "\(Self.short(largest)) \(kind.unit)/(A·m)")
        }
        facts += Self.facts(forward.sources)
        self.init(
            facts: facts,
            warnings: forward.acquisition.notes + forward.plausibilityWarnings().map { Message($0) })
    }

    init(_ recording: Recording) {
        var facts: [FileFact] = []
        if !recording.condition.isEmpty { facts.append("condition", recording.condition) }
        facts.append("data", "\(recording.sensors.count) channels × \(recording.sampleCount) samples")
        if recording.epochs.count > 1 { facts.append("epochs", "\(recording.epochs.count)") }
        facts.append("averages", recording.averages.map { Self.short($0) } ?? "unknown")
        facts.append("sampling frequency", "\(Self.short(recording.samplingFrequency)) Hz")
        let last = recording.time(recording.sampleCount - 1)
        facts.append("time", String(format: "%.4f to %.4f s", recording.firstTime, last))
        facts += Self.facts(recording.sensors)
        facts += Self.facts(recording.projectors, applied: recording.isProjected)
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
                "largest value, \(kind.rawValue)",
                "\(Self.short(largest * kind.display.factor)) \(kind.display.unit) at \(recording.sensors.names[channel])"
            )
        }
        self.init(
            facts: facts,
            warnings: recording.acquisition.notes + recording.plausibilityWarnings().map { Message($0) })
    }

    init(_ covariance: NoiseCovariance) {
        var facts: [FileFact] = []
        facts.append("covariance", "\(covariance.matrix.rows) × \(covariance.matrix.columns) channels, one epoch")
        facts.append("samples", covariance.samples > 0 ? "\(covariance.samples)" : "unknown")
        facts += Self.facts(covariance.sensors)
        facts += Self.facts(covariance.projectors, applied: nil)
        for kind in SensorKind.allCases {
            let deviations = covariance.sensors.kinds.indices.filter {
                covariance.sensors.kinds[$0] == kind && !covariance.sensors.bad[$0]
            }.map { covariance.matrix[$0, $0].squareRoot() }.sorted()
            guard !deviations.isEmpty else { continue }
            let median = deviations[deviations.count / 2] * kind.display.factor
            facts.append("median noise, \(kind.rawValue)", "\(Self.short(median)) \(kind.display.unit)")
        }
        if let rank = Self.numericalRank(covariance) {
            facts.append("numerical rank", "\(rank) of \(covariance.sensors.count)")
        }
        self.init(
            facts: facts,
            warnings: covariance.acquisition.notes + covariance.plausibilityWarnings().map { Message($0) })
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

    // MARK: Parts

    static func facts(_ sensors: Sensors) -> [FileFact] {
        let counts = sensors.countByKind
        var facts: [FileFact] = []
        facts.append(
            "channels",
            SensorKind.allCases.compactMap { kind in counts[kind].map { "\($0) \(kind.plural) (\(kind.unit))" } }
                .joined(separator: ", "))
        let bad = sensors.names.indices.filter { sensors.bad[$0] }.map { sensors.names[$0] }
        facts.append("bad channels", bad.isEmpty ? "none" : bad.joined(separator: ", "))
        facts.append("channel positions", sensors.locations == nil ? "not in the file" : "in the file")
        return facts
    }

    static func facts(_ projectors: Matrix, applied: Bool?) -> [FileFact] {
        guard projectors.rows > 0 else { return [("projectors", "none")] }
        let state = applied.map { $0 ? ", applied to the data" : ", not yet applied to the data" } ?? ""
        return [("projectors", "\(projectors.rows)" + state)]
    }

    private static func facts(_ sources: SourceSpace) -> [FileFact] {
        var facts: [FileFact] = [("frame", sources.frame.rawValue)]
        let low = sources.positions.reduce(SIMD3(repeating: Double.infinity)) { pointwiseMin($0, $1) }
        let high = sources.positions.reduce(SIMD3(repeating: -Double.infinity)) { pointwiseMax($0, $1) }
        for (axis, name) in ["x", "y", "z"].enumerated() {
            facts.append("extent \(name)", String(format: "%.1f to %.1f mm", low[axis] * 1000, high[axis] * 1000))
        }
        if let hemispheres = sources.hemispheres {
            let parts = [Hemisphere.left, .right, .volume].compactMap { part in
                let count = hemispheres.count { $0 == part }
                return count > 0 ? "\(count) \(part.name)" : nil
            }
            facts.append("hemispheres", parts.joined(separator: ", "))
        }
        facts.append("normals", sources.normals == nil ? "not in the file" : "in the file")
        return facts
    }

    static func short(_ value: Double) -> String { String(format: "%.4g", value) }
}
