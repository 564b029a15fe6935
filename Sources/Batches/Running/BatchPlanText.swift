import Foci

/// A plan as people read it.
public enum BatchPlanText {
    /// What would be done with what, and what could not be paired and why.
    public static func text(_ plan: BatchPlan, _ findings: DatasetFindings, folder: BatchFolder) -> String {
        var lines: [String] = []
        var count = 0
        for item in plan.items {
            lines.append("\(item.unit.key)")
            lines.append("  forward     \(item.unit.forward)")
            lines.append("  covariance  \(item.unit.covariance ?? "none: the noise is estimated before time 0")")
            for note in item.unit.notes where item.unit.covariance != nil { lines.append("  note        \(note)") }
            for entry in item.unit.entries {
                let place = ResultFolder(batch: folder, unit: item.unit, entry: entry)
                let condition = entry.condition.isEmpty ? "" : " '\(entry.condition)'"
                lines.append("  \(mark(item.decisions[entry.label], &count))\(condition) of \(entry.recording)")
                lines.append("              to \(place.relative)")
                if let arguments = item.arguments[entry.label], !arguments.isEmpty {
                    lines.append("              with \(arguments.joined(separator: " "))")
                }
            }
        }
        for problem in findings.problems { lines.append("not paired: \(problem.name): \(problem.reason)") }
        let total = plan.items.reduce(0) { $0 + $1.unit.entries.count }
        lines.append(
            "\(count) of \(total) recordings would be localized"
                + (findings.problems.isEmpty ? "" : "; \(findings.problems.count) could not be paired"))
        return lines.joined(separator: "\n")
    }

    private static func mark(_ decision: BatchPlan.Decision?, _ count: inout Int) -> String {
        switch decision {
        case .run(let reason):
            count += 1
            return reason == "new" ? "new        " : "again (\(reason))"
        case .unchanged: return "done before"
        case .failedBefore(let reason): return "failed before (\(reason); --retry-failed tries again)"
        case nil: return ""
        }
    }
}
