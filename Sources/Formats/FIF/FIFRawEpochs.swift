import Foundation
import SourceImaging

/// Epochs around the events of a raw recording.
struct FIFRawEpochs: Sendable {
    /// Names of events, and how many epochs each has.
    let conditions: [Condition]

    /// What there is of one name.
    private struct Group {
        /// Samples of the events whose epochs are wholly in the data.
        var samples: [Int] = []
        /// Epochs that are not, or that have a stretch marked bad.
        var (outside, marked) = (0, 0)
    }

    private let raw: FIFRaw
    private let options: EpochOptions
    private let groups: [Group]
    private let notes: [Message]
    /// First sample of an epoch, from its event, and the one behind the last.
    private let window: Range<Int>

    /// Samples of epochs that overlap may be as many times those of the recording, where that is more than 32 MB.
    private static let mostOverlap = 8
    private static let leastLimit = 1 << 22

    /// Finds the events, without reading epochs.
    ///
    /// - Parameters:
    ///   - raw: the recording.
    ///   - events: a file, or the name of a channel.
    ///   - options: how epochs are cut.
    /// - Throws: ``InputError`` when there are no events, or the window of an epoch makes no sense.
    init(_ raw: FIFRaw, events source: String, _ options: EpochOptions) throws(InputError) {
        self.raw = raw
        self.options = options
        window = try Self.window(options, raw)
        let events = try Self.events(source, raw)
        notes = events.notes
        let names = events.names
        guard !names.isEmpty else {
            throw InputError("events", found: "none in '\(source)'", expected: "at least one", advice: "see \(.events)")
        }
        var groups = Dictionary(uniqueKeysWithValues: names.map { ($0, Group()) })
        for event in events.all {
            let samples = event.sample + window.lowerBound..<event.sample + window.upperBound
            if !raw.holds(samples) {
                groups[event.name]?.outside += 1
            } else if Self.isMarked(samples, raw) {
                groups[event.name]?.marked += 1
            } else {
                groups[event.name]?.samples.append(event.sample)
            }
        }
        self.groups = names.map { groups[$0] ?? Group() }
        conditions = zip(names, self.groups).map { Condition($0, amount: "\($1.samples.count) epochs") }
    }

    /// The samples of an epoch, from its event: both ends rounded, as in MNE-Python.
    private static func window(_ options: EpochOptions, _ raw: FIFRaw) throws(InputError) -> Range<Int> {
        let frequency = raw.measurement.samplingFrequency
        let ends = [options.window.lowerBound, options.window.upperBound].map {
            ($0 * frequency).rounded(.toNearestOrEven)
        }
        guard frequency > 0, ends.allSatisfy({ abs($0) <= Events.mostSamples }) else {
            throw InputError(
                "epochs", found: "\(options.window.lowerBound) to \(options.window.upperBound) s at \(frequency) Hz",
                expected: "seconds from the event", advice: "see \(.epoch)")
        }
        return Int(ends[0])..<Int(ends[1]) + 1
    }

    /// The events of a file of this name, or of a channel.
    private static func events(_ source: String, _ raw: FIFRaw) throws(InputError) -> Events {
        if FileManager.default.fileExists(atPath: source) { return try EventFile.read(source, of: raw) }
        let names = raw.measurement.channels.all.map(\.name)
        if let channel = NameMatching.loose.places(of: [source], among: names)[0] {
            return try Events(raw, channel: channel)
        }
        throw InputError(
            "events", found: "'\(source)', which is neither a file nor a channel of the recording",
            expected: "a file of events, or one of the trigger channels: \(list(raw.triggerChannels))",
            advice: "see \(.events)")
    }

    /// Names as messages list them.
    static func list(_ names: [String]) -> String {
        let listed = names.prefix(12).map { "'\($0)'" }.joined(separator: ", ")
        return names.isEmpty ? "none" : listed + (names.count > 12 ? ", …" : "")
    }

    private static func isMarked(_ samples: Range<Int>, _ raw: FIFRaw) -> Bool {
        let frequency = raw.measurement.samplingFrequency
        let (start, end) = (Double(samples.lowerBound) / frequency, Double(samples.upperBound) / frequency)
        return raw.badSpans.contains { $0.start < end && $0.end > start }
    }

    /// Reads the epochs of some conditions, in the order of time, and leaves out those that vary too much.
    ///
    /// - Throws: ``InputError`` when none is left, or they overlap so much that memory would not hold them.
    func read(_ chosen: [Int]) throws(InputError) -> Recording {
        let channels = raw.measurement.channels
        let events = Set(chosen.flatMap { groups[$0].samples }).sorted()
        let (outside, marked) = chosen.reduce((0, 0)) { ($0.0 + groups[$1].outside, $0.1 + groups[$1].marked) }
        let name = chosen.map { conditions[$0].name }.joined(separator: " + ")
        guard !events.isEmpty else {
            throw InputError(
                "condition '\(name)'", found: "no epoch: \(outside) reach out of the data, \(marked) are marked bad",
                expected: "at least one", advice: "see \(.events) and \(.epoch)")
        }
        let size = window.count * channels.used.count
        let limit = max(Self.leastLimit, Self.mostOverlap * raw.recordedCount * channels.used.count)
        guard events.count <= limit / size else {
            throw InputError(
                "condition '\(name)'",
                found: "\(events.count) epochs of \(window.count) samples in a recording of "
                    + "\(raw.range.count)", expected: "epochs that overlap less",
                advice: "choose fewer events with \(.condition) or shorter epochs with \(.epoch)")
        }
        var rejection = try FIFRejection(options.rejection, raw.measurement)
        var epochs: [Matrix] = []
        for event in events {
            let epoch = try raw.read(event + window.lowerBound..<event + window.upperBound)
            if !rejection.rejects(epoch) { epochs.append(epoch) }
        }
        guard !epochs.isEmpty else {
            throw InputError(
                "epochs", found: rejection.note, expected: "at least one left",
                advice: "mark that channel bad in the file, or raise the limit (\(.reject))")
        }
        var recording = try Recording(
            epochs: epochs, samplingFrequency: raw.measurement.samplingFrequency,
            firstTime: Double(window.lowerBound) / raw.measurement.samplingFrequency, averages: 1, condition: name,
            isProjected: raw.measurement.projectors.isApplied, sensors: channels.sensors,
            projectors: raw.measurement.projectors.matrix)
        recording.acquisition = raw.measurement.acquisition
        recording.acquisition.notes += notes
        if outside > 0 {
            recording.acquisition.notes.append(
                Message("\(outside) events left out, whose epochs reach out of the data"))
        }
        if marked > 0 {
            recording.acquisition.notes.append(Message("\(marked) epochs left out, which the file marks bad"))
        }
        if rejection.rejectedCount > 0 { recording.acquisition.notes.append(Message(rejection.note)) }
        return recording
    }
}
