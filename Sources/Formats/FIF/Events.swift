import SourceImaging

/// When something happened in a raw recording, and what.
struct Events: Sendable {
    /// One of them.
    struct Event: Sendable, Equatable {
        /// Number of the sample, counted as the recording does.
        let sample: Int
        /// What: a code, or a type of trial.
        let name: String
    }

    /// In the order of time.
    let all: [Event]
    /// What had to be decided, one line each.
    let notes: [Message]

    /// No sample lies farther from the start of a measurement.
    static let mostSamples = 1e12

    /// Events in any order.
    init(_ events: [Event], notes: [Message] = []) {
        // A stable sort: of several at one sample the first stays the first.
        let sorted = events.enumerated().sorted { ($0.element.sample, $0.offset) < ($1.element.sample, $1.offset) }
        all = sorted.map(\.element)
        self.notes = notes
    }

    /// The different names: codes in their order, types of trial as they come.
    var names: [String] {
        var seen = Set<String>()
        let names = all.map(\.name).filter { seen.insert($0).inserted }
        guard names.allSatisfy({ Int($0) != nil }) else { return names }
        return names.sorted { (Int($0) ?? 0, $0) < (Int($1) ?? 0, $1) }
    }

    /// The rises of a trigger channel, as `mne.find_events` takes them: where a value is larger than the one before it.
    ///
    /// Of negative values the absolute one counts; a value that the recording begins with is no event.
    ///
    /// - Parameters:
    ///   - raw: the recording.
    ///   - channel: place of the channel among all.
    /// - Throws: ``InputError`` when values are no codes or a rise follows another within one sample.
    init(_ raw: FIFRaw, channel: Int) throws(InputError) {
        let name = raw.measurement.channels.all[channel].name
        var events: [Event] = []
        var before: Int?
        var hasNegative = false
        try raw.visit(channel: channel) { sample, value throws(InputError) in
            guard abs(value) <= Self.mostSamples else {
                throw InputError(
                    "channel '\(name)'", found: "\(value) at sample \(sample)", expected: "codes of triggers")
            }
            let code = abs(Int(value))
            if value < 0 { hasNegative = true }
            if let before, code > before {
                if let last = events.last, sample - last.sample < 2 {
                    throw InputError(
                        "channel '\(name)'",
                        found: "events \(last.name) and \(code) at samples \(last.sample) and \(sample)",
                        expected: "values that last",
                        advice: "make a list of events (mne.find_events), save it and "
                            + "give it with \(.events)")
                }
                events.append(Event(sample: sample, name: "\(code)"))
            }
            before = code
        }
        let note: Message = "channel '\(name)' has negative values, which are taken without their sign"
        self.init(events, notes: hasNegative ? [note] : [])
    }
}
