import Foundation
import SourceImaging

/// What is said of values that the program's own layout alone holds.
extension FileFindings {
    init(_ problem: ProblemContents) {
        self.init(
            facts: [
                ("gain", "\(problem.gain.rows) × \(problem.gain.columns), whitened"),
                (
                    "positions",
                    "\(problem.gain.columns / problem.orientations), \(problem.orientations) orientation(s) each"
                ),
                ("data", "\(problem.data.rows) × \(problem.data.columns), whitened"),
                ("‖data‖", Self.short(problem.data.squaredNorm.squareRoot())),
            ])
    }

    init(_ estimate: Estimate) {
        var facts: [FileFact] = []
        if !estimate.subject.isEmpty { facts.append("subject", estimate.subject) }
        if !estimate.condition.isEmpty { facts.append("condition", estimate.condition) }
        facts.append("active sources", "\(estimate.sources.count) of \(estimate.candidateCount)")
        facts += Self.time(estimate.times)
        facts.append("frame", estimate.frame.rawValue)
        facts.append("goodness of fit", Self.short(estimate.goodnessOfFit))
        let ratio = Self.short(estimate.selection.chosen.ratio)
        facts.append("λ / λ_max", "\(ratio), by \(estimate.selection.criterion)")
        facts.append("relative gap", Self.short(estimate.certificate.relativeGap))
        facts += estimate.settings.map { ("setting \($0.name)", $0.value) }
        facts += estimate.versions.map { ("version of \($0.name)", $0.value) }
        self.init(facts: facts, warnings: estimate.warnings.map { Message($0) })
    }

    init(_ truth: Truth) {
        var facts: [FileFact] = [("sources", "\(truth.sources.count)")]
        facts += Self.time(truth.times)
        facts.append("frame", truth.frame.rawValue)
        facts += truth.settings.map { ("setting \($0.name)", $0.value) }
        self.init(facts: facts)
    }

    private static func time(_ times: [Double]) -> [FileFact] {
        guard let first = times.first, let last = times.last else { return [] }
        return [("time", String(format: "%.4f to %.4f s, ", first, last) + "\(times.count) samples")]
    }
}
