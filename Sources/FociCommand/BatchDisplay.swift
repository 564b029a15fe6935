import Batches
import Foci
import Foundation

/// What a batch shows: on a terminal a line a running subject and one for all with the time left, else a line a recording
/// that ended; or events as lines of JSON.
final class BatchDisplay {
    private let json: Bool
    private let jsonLines: Bool
    private let quiet: Bool
    private let total: Int
    private let clock = Stopwatch()
    private var running: [(unit: String, text: String)] = []
    private var ended = 0
    private var failures = 0
    private var drawn = 0
    private var lastDrawn = -1.0

    init(_ command: BatchRunCommand, _ plan: BatchPlan) {
        json = command.options.computing.json
        jsonLines = command.jsonLines
        quiet = command.options.computing.quiet
        total = plan.items.reduce(0) { $0 + $1.toRun.count }
    }

    private var isLive: Bool { Terminal.isInteractive && !quiet && !jsonLines }

    /// A line for people.
    func tell(_ text: String) {
        guard !quiet, !jsonLines else { return }
        clear()
        Terminal.write("foci: \(text)\n")
        draw(force: true)
    }

    /// Shows an event.
    func show(_ event: BatchEvent) {
        if jsonLines { try? Terminal.result(event.line) }
        let name = [event.unit, event.entry].compactMap(\.self).joined(separator: " ")
        switch event.event {
        case .batchStarted: if total > 0 { tell(event.text ?? "") }
        case .unitStarted: running.append((event.unit ?? "", ""))
        case .entryStarted: set(event.unit, name)
        case .progress: set(event.unit, "\(name): \(event.text ?? "")")
        case .entryFinished:
            if event.status != "interrupted" { ended += 1 }
            if event.status == "failed" { failures += 1 }
            tell(line(event, name))
        case .held: tell("\(name): left to \(event.text ?? "another run")")
        case .unitFinished: running.removeAll { $0.unit == event.unit }
        case .warning, .wrote, .batchFinished: break
        }
        draw(force: false)
    }

    private func set(_ unit: String?, _ text: String) {
        guard let place = running.firstIndex(where: { $0.unit == unit }) else { return }
        running[place].text = text
    }

    private func line(_ event: BatchEvent, _ name: String) -> String {
        if event.status == "unchanged" { return "\(name): done by another run" }
        guard event.status == "done" else {
            return "\(name): \(event.status ?? ""): \(event.text ?? "nothing was written")"
        }
        let sources = event.sources ?? 0
        let warnings = event.warnings ?? 0
        return "\(name): \(sources) \(sources == 1 ? "source" : "sources")"
            + (warnings > 0 ? ", \(warnings) \(warnings == 1 ? "warning" : "warnings")" : "")
            + String(format: ", %.1f s", event.seconds ?? 0)
    }

    /// Wipes the live lines off.
    private func clear() {
        guard drawn > 0 else { return }
        Terminal.write("\u{1B}[\(drawn)A\u{1B}[J")
        drawn = 0
    }

    /// Draws the live lines, at most ten times a second.
    private func draw(force: Bool) {
        guard isLive, force || clock.seconds - lastDrawn > 0.1 else { return }
        clear()
        lastDrawn = clock.seconds
        let lines = running.map { $0.text.isEmpty ? $0.unit : $0.text } + [overview]
        // A line that wraps would be two to wipe off.
        let width = max(20, Terminal.width - 1)
        Terminal.write(lines.map { String($0.prefix(width)) + "\n" }.joined())
        drawn = lines.count
    }

    private var overview: String {
        var text = "\(ended) of \(total) recordings"
        if failures > 0 { text += ", \(failures) failed" }
        text += ", \(Self.duration(clock.seconds))"
        guard ended > 0, ended < total else { return text }
        return text + ", about \(Self.duration(clock.seconds / Double(ended) * Double(total - ended))) left"
    }

    private static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    /// Says how it ended.
    func end(_ outcome: BatchRun.Outcome, problems: Int, folder: BatchFolder) throws {
        clear()
        drawn = 0
        if json, !jsonLines {
            let counts = [
                "done": outcome.done, "unchanged": outcome.unchanged, "failed": outcome.failed, "held": outcome.held,
                "interrupted": outcome.interrupted, "not_paired": problems,
            ]
            let parts = counts.sorted { $0.key < $1.key }.map { "  \"\($0.key)\" : \($0.value)" }
            try Terminal.result("{\n\(parts.joined(separator: ",\n"))\n}")
            return
        }
        guard !quiet, !jsonLines else { return }
        var parts = ["\(outcome.done) done"]
        for (count, text) in [
            (outcome.unchanged, "done before"), (outcome.failed, "failed"), (problems, "not paired"),
            (outcome.held, "left to another run"), (outcome.interrupted, "not done"),
        ] where count > 0 { parts.append("\(count) \(text)") }
        var text = parts.joined(separator: ", ") + " in \(Self.duration(clock.seconds))."
        if outcome.failed > 0 { text += " Why: foci batch status \(folder.path)" }
        if outcome.done + outcome.unchanged > 0 {
            text += "\nResults are in \(folder.path): open its pages (.html) in a browser."
        }
        try Terminal.result(text)
    }
}
