import SourceImaging

/// The epochs of an EEGLAB dataset by the type of the event that each is locked to.
struct EEGLABEvents {
    /// Types in the order in which they first occur, and the epochs of each, from 0; empty where there are no types.
    let members: [(type: String, epochs: [Int])]
    /// What could not be read of the events, one line each.
    let notes: [Message]

    /// No dataset has more events or epochs.
    private static let mostEvents = 1 << 20

    /// An event of an epoch.
    private struct Event {
        /// nil where it is neither text nor a number.
        let type: String?
        /// From the time that the epoch is locked to, in any unit.
        let latency: Double
    }

    /// Values that many entries may lead to, read once.
    private struct Values {
        let file: MATLABFile
        private var seen: [String: [String?]] = [:]

        init(file: MATLABFile) { self.file = file }

        mutating func words(_ place: String) throws(InputError) -> [String?] {
            if let known = seen[place] { return known }
            let words = try file.words(place)
            seen[place] = words
            return words
        }

        mutating func numbers(_ place: String) throws(InputError) -> [Double] {
            try words(place).map { $0.flatMap(Double.init) ?? .nan }
        }
    }

    /// Finds the events of a dataset: in `epoch`, or in `event` where there is no such field.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - root: path of the dataset with a slash at its end; empty for the root.
    ///   - trials: number of epochs.
    /// - Throws: ``InputError`` when the file is damaged.
    init(_ file: MATLABFile, root: String, trials: Int) throws(InputError) {
        var notes: [Message] = []
        var found: [[Event]]?
        for field in ["epoch", "event"] where found == nil && trials <= Self.mostEvents {
            guard try file.contains(root + field), try file.isStruct(root + field) else { continue }
            let count = try file.structCount(root + field)
            guard count <= Self.mostEvents, field == "event" || count == trials else {
                notes.append("\(field) of the dataset has \(count) entries for \(trials) epochs and is left out")
                continue
            }
            found = field == "epoch" ? try Self.epochs(file, root, trials) : try Self.events(file, root, trials)
        }
        let types = (found ?? []).map(Self.locking)
        self.notes = notes
        // Epochs without an event stand beside others only.
        guard types.contains(where: { $0 != nil }) else {
            members = []
            return
        }
        var (order, epochs) = ([String](), [String: [Int]]())
        for (epoch, type) in types.enumerated() {
            let type = type ?? "no event"
            if epochs[type] == nil { order.append(type) }
            epochs[type, default: []].append(epoch)
        }
        members = order.map { ($0, epochs[$0] ?? []) }
    }

    /// Type of the event that is nearest to the time that an epoch is locked to.
    private static func locking(_ events: [Event]) -> String? {
        let known = events.filter { $0.type?.isEmpty == false && $0.type != "boundary" && $0.latency.isFinite }
        return known.min { abs($0.latency) < abs($1.latency) }?.type
    }

    /// Events as `epoch` lists them, an entry an epoch; nil where it does not.
    private static func epochs(_ file: MATLABFile, _ root: String, _ trials: Int) throws(InputError) -> [[Event]]? {
        let types = try file.structField("\(root)epoch", "eventtype")
        let latencies = try file.structField("\(root)epoch", "eventlatency")
        guard types.count == trials, latencies.isEmpty || latencies.count == trials else { return nil }
        var values = Values(file: file)
        var events: [[Event]] = []
        for epoch in 0..<trials {
            let names = try values.words(types[epoch])
            // One event is the one; of several without times it cannot be told.
            guard names.count > 1, !latencies.isEmpty else {
                events.append(names.count == 1 ? [Event(type: names[0], latency: 0)] : [])
                continue
            }
            let times = try values.numbers(latencies[epoch])
            events.append(zip(names, times).map { Event(type: $0, latency: $1) })
        }
        return events
    }

    /// Events as `event` lists them, an entry an event with the number of its epoch; nil where it does not.
    private static func events(_ file: MATLABFile, _ root: String, _ trials: Int) throws(InputError) -> [[Event]]? {
        var fields: [[String]] = []
        for field in ["type", "epoch", "latency"] { fields.append(try file.structField("\(root)event", field)) }
        let count = fields[0].count
        guard count > 0, fields.allSatisfy({ $0.count == count }), let samples = try file.number("\(root)pnts"),
            let rate = try file.number("\(root)srate")
        else { return nil }
        // Latencies count samples of all epochs, one after the other, from 1.
        let zero = -(try file.number("\(root)xmin") ?? 0) * rate
        var values = Values(file: file)
        var members = [[Int]](repeating: [], count: trials)
        for k in 0..<count {
            let number = try values.numbers(fields[1][k]).first ?? .nan
            guard let epoch = Int(exactly: number), (1...trials).contains(epoch) else { continue }
            members[epoch - 1].append(k)
        }
        var events: [[Event]] = []
        for (epoch, members) in members.enumerated() {
            var found: [Event] = []
            for k in members {
                var latency = 0.0
                if members.count > 1 {
                    let sample = try values.numbers(fields[2][k]).first ?? .nan
                    latency = sample - 1 - Double(epoch) * samples - zero
                }
                found.append(Event(type: try values.words(fields[0][k]).first ?? nil, latency: latency))
            }
            events.append(found)
        }
        return events
    }
}
