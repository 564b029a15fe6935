import Foundation
import SourceImaging

/// Files of events, told by their content: a list in FIF, the text of MNE (`.eve`), a table of BIDS (`events.tsv`).
enum EventFile {
    /// Bytes beyond which text is refused.
    private static let mostText = 1 << 26

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: of the file.
    ///   - raw: the recording that the events are of; in BIDS they count from its first sample, else as it counts.
    /// - Throws: ``InputError`` when it cannot be read or is none of these.
    static func read(_ path: String, of raw: FIFRaw) throws(InputError) -> Events {
        let candidate = try FileCandidate(path)
        return try within(path) { () throws(InputError) in
            if let source = try FIFFile.source(of: candidate) { return try list(FIFTree(source)) }
            let source = ByteSource(candidate.input)
            guard candidate.hdf5 == nil, source.count <= mostText,
                let all = String(validating: try source.read(source.count, at: 0), as: UTF8.self),
                !all.utf8.contains(0)
            else { throw unknown("no text and no FIF file") }
            let lines = all.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
                .map { (number: $0 + 1, text: $1.trimmingPrefix("\u{FEFF}")) }
                .filter { !$0.text.allSatisfy(\.isWhitespace) }
            guard let header = lines.first else { throw unknown("no line of text") }
            let columns = header.text.split(separator: "\t", omittingEmptySubsequences: false).map(trimmed)
            if columns.contains("onset") { return try table(TextTable(Array(all.utf8), separator: .tab), raw) }
            return try text(lines)
        }
    }

    private static func unknown(_ found: String) -> InputError {
        InputError(
            "", found: found,
            expected: "events: a FIF list (-eve.fif), lines of sample, value before and code, or a BIDS events.tsv")
    }

    private static func trimmed(_ text: Substring) -> String { text.trimmingCharacters(in: .whitespaces) }

    // MARK: Formats

    /// The list of a FIF file, with the names that it has for codes.
    private static func list(_ tree: FIFTree) throws(InputError) -> Events {
        guard let list = try FIFEventList(tree) else { throw unknown("a FIF file without events") }
        let names = Dictionary(list.names.map { ($0.code, $0.name) }, uniquingKeysWith: { first, _ in first })
        var events: [Events.Event] = []
        for (sample, code) in zip(list.samples, list.codes) {
            let event = try event(sample, code, "events")
            events.append(Events.Event(sample: event.sample, name: names[Int(code)] ?? event.name))
        }
        return Events(events)
    }

    /// Lines of three or four numbers: sample, the time of it in old files, the value before, the code.
    private static func text(_ lines: [(number: Int, text: Substring)]) throws(InputError) -> Events {
        var events: [Events.Event] = []
        for line in lines {
            let content = line.text.prefix { $0 != "#" && $0 != "%" }
            let fields = content.split(whereSeparator: \.isWhitespace)
            if fields.isEmpty { continue }
            let numbers = fields.compactMap { Double($0) }
            guard numbers.count == fields.count, (3...4).contains(numbers.count) else {
                let shown = content.count > 40 ? content.prefix(40) + "…" : content
                throw unknown("'\(trimmed(shown))' in line \(line.number)")
            }
            let (before, code) = (numbers[numbers.count - 2], numbers[numbers.count - 1])
            // Old files begin with the first sample of the recording, which is no event.
            if events.isEmpty, before == 0, code == 0 { continue }
            events.append(try event(numbers[0], code, "line \(line.number)"))
        }
        return Events(events)
    }

    /// A table of BIDS: onsets in s from the first sample, and what in `trial_type` or, where there is none, in `value`.
    private static func table(_ text: TextTable, _ raw: FIFRaw) throws(InputError) -> Events {
        func isKnown(_ cell: String) -> Bool { !TextTable.isMissing(cell) }
        func column(_ name: String) -> [String]? { text.header.firstIndex(of: name).map { text.columns[$0] } }
        guard let onsets = column("onset"),
            let types = ["trial_type", "value"].compactMap(column).first(where: { $0.contains(where: isKnown) })
        else {
            throw InputError(
                "columns", found: text.header.joined(separator: ", "),
                expected: "'onset', and values in 'trial_type' or 'value'")
        }
        var events: [Events.Event] = []
        for (line, (onset, type)) in zip(text.lines, zip(onsets, types)) where isKnown(onset) && isKnown(type) {
            let sample = Double(onset).map { ($0 * raw.measurement.samplingFrequency).rounded(.toNearestOrEven) }
            guard let sample, abs(sample) <= Events.mostSamples else {
                throw InputError("line \(line)", found: "onset '\(onset)'", expected: "a time in s")
            }
            events.append(Events.Event(sample: raw.range.lowerBound + Int(sample), name: type))
        }
        let unknown = text.rowCount - events.count
        return Events(
            events, notes: unknown > 0 ? [Message("\(unknown) events of no type (n/a) were left out")] : [])
    }

    /// An event from its numbers, whose fractions are cut off.
    private static func event(_ sample: Double, _ code: Double, _ place: String) throws(InputError) -> Events.Event {
        guard abs(sample) <= Events.mostSamples, abs(code) <= Events.mostSamples else {
            throw InputError(place, found: "sample \(sample), code \(code)", expected: "whole numbers")
        }
        return Events.Event(sample: Int(sample), name: "\(Int(code))")
    }
}
