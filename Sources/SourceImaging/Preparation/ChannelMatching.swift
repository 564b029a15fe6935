/// The channels that recording, forward and covariance have in common, in the order of the recording.
struct ChannelMatching {
    /// Rows of the recording.
    let inRecording: [Int]
    /// Rows of the gain, in the same order.
    let inForward: [Int]
    /// Rows of the covariance, in the same order; nil without covariance.
    let inCovariance: [Int]?
    /// The channels themselves.
    let sensors: Sensors

    /// Names that a message lists at most.
    private static let mostNames = 10

    /// Matches channels by name; bad ones, in any of the three, stay out.
    ///
    /// - Parameters:
    ///   - recording: all channels of the recording.
    ///   - forward: all rows of the gain.
    ///   - covariance: all rows of the covariance; nil without one.
    ///   - selection: kinds that are wanted.
    ///   - names: when two names mean the same channel.
    ///   - checks: is told what was left out.
    /// - Throws: ``InputError`` when none is left, or a channel is of different kinds in two of them.
    init(
        recording: Sensors, forward: Sensors, covariance: Sensors?, selection: SensorSelection, names: NameMatching,
        checks: inout Checklist
    ) throws(InputError) {
        let inForward = names.places(of: recording.names, among: forward.names)
        let inCovariance = covariance.map { names.places(of: recording.names, among: $0.names) }
        var (rows, forwardRows, covarianceRows) = ([Int](), [Int](), [Int]())
        var (bad, noGain, noNoise) = ([Int](), [Int](), [Int]())
        let selected = recording.names.indices.filter { selection.includes(recording.kinds[$0]) }
        for i in selected {
            let (f, c) = (inForward[i], inCovariance?[i])
            let isBadElsewhere = f.map { forward.bad[$0] } == true || c.map { covariance?.bad[$0] == true } == true
            if recording.bad[i] || isBadElsewhere {
                bad.append(i)
            } else if let f {
                try Self.check(recording, i, forward, f, "forward")
                if let covariance, let c { try Self.check(recording, i, covariance, c, "covariance") }
                if covariance != nil, c == nil {
                    noNoise.append(i)
                    continue
                }
                rows.append(i)
                forwardRows.append(f)
                if let c { covarianceRows.append(c) }
            } else {
                noGain.append(i)
            }
        }
        func lost(_ rows: [Int], _ other: Sensors?, _ what: String) -> Message? {
            guard !rows.isEmpty, let other else { return nil }
            return "\(rows.count) of \(selected.count) channels left out, which the \(what) does not have: "
                + Message(Self.list(rows.map { recording.names[$0] }))
                + Self.likeness(rows.map { recording.names[$0] }, other.names, what, names)
        }
        let losses = [lost(noGain, forward, "forward"), lost(noNoise, covariance, "covariance")].compactMap(\.self)
        guard !rows.isEmpty else {
            throw Self.nothingLeft(selected.count, bad.count, recording, forward, covariance, selection, losses.first)
        }
        self.inForward = forwardRows
        self.inCovariance = covariance == nil ? nil : covarianceRows
        self.inRecording = rows
        sensors = try recording.rows(rows)
        let renamed = rows.indices.count { recording.names[rows[$0]] != forward.names[forwardRows[$0]] }
        let kinds = SensorKind.allCases.compactMap { kind in
            sensors.countByKind[kind].map { "\($0) \(kind.plural)" }
        }
        checks.ok(
            "channels",
            Message(
                kinds.joined(separator: ", ") + " of \(selected.count) channels"
                    + (bad.isEmpty ? "" : ", \(bad.count) bad: \(Self.list(bad.map { recording.names[$0] }))")
                    + (renamed > 0 ? ", \(renamed) by names that are alike" : "")))
        for loss in losses { checks.look("channels", loss) }
    }

    private init(_ all: ChannelMatching, keeping kept: [Int]) throws(InputError) {
        inRecording = kept.map { all.inRecording[$0] }
        inForward = kept.map { all.inForward[$0] }
        inCovariance = all.inCovariance.map { rows in kept.map { rows[$0] } }
        sensors = try all.sensors.rows(kept)
    }

    /// The channels without some of them.
    ///
    /// - Parameter places: of the channels to leave out, among those matched.
    /// - Throws: ``InputError`` when none is left.
    func without(_ places: [Int]) throws(InputError) -> ChannelMatching {
        let left = Set(places)
        guard !left.isEmpty else { return self }
        let kept = inRecording.indices.filter { !left.contains($0) }
        guard !kept.isEmpty else {
            throw InputError(
                at: .input(.recording), found: "no signal in any channel", expected: "at least one that varies")
        }
        return try ChannelMatching(self, keeping: kept)
    }

    private static func check(
        _ recording: Sensors, _ i: Int, _ other: Sensors, _ j: Int, _ what: String
    ) throws(InputError) {
        guard other.kinds[j] == recording.kinds[i] else {
            throw InputError(
                "channel '\(recording.names[i])'",
                found: "\(recording.kinds[i].rawValue) in the recording, \(other.kinds[j].rawValue) in the \(what)",
                expected: "one kind")
        }
    }

    /// The first names of a list, and how many more.
    static func list(_ names: [String]) -> String {
        names.prefix(mostNames).map { "'\($0)'" }.joined(separator: ", ")
            + (names.count > mostNames ? " and \(names.count - mostNames) more" : "")
    }

    /// How names that were not found differ from those that there are, where they differ little.
    private static func likeness(
        _ names: [String], _ others: [String], _ what: String, _ matching: NameMatching
    ) -> Message {
        guard matching == .exact else { return "; none, or more than one, of its names is like them" }
        let places = NameMatching.loose.places(of: names, among: others)
        let pairs = zip(names, places).compactMap { name, place in place.map { (name, others[$0]) } }
        let ways = Set(pairs.compactMap { NameMatching.Difference($0.0, $0.1)?.rawValue }).sorted()
        guard !pairs.isEmpty, !ways.isEmpty else { return "" }
        let whole = pairs.count == names.count ? "it has" : "for \(pairs.count) of them it has"
        return Message("; \(whole) \(list(pairs.map(\.1))): the names differ by \(ways.joined(separator: ", and by "))")
            + "; match them with \(.matchNames) loose"
    }

    /// Why no channel is left of those selected.
    private static func nothingLeft(
        _ selected: Int, _ bad: Int, _ recording: Sensors, _ forward: Sensors, _ covariance: Sensors?,
        _ selection: SensorSelection, _ loss: Message?
    ) -> InputError {
        if selected == 0 {
            let kinds = SensorKind.allCases.filter { recording.countByKind[$0] != nil }.map(\.rawValue)
            return InputError(
                .sensors, found: "no channel of kind '\(selection.rawValue)' in the recording",
                expected: "one of the kinds it has: \(kinds.joined(separator: ", "))")
        }
        if bad == selected {
            return InputError(
                at: .input(.recording), found: "all \(selected) channels are marked bad",
                expected: "at least one good one")
        }
        let names = { (sensors: Sensors) in "'\(sensors.names[0])'…" }
        var found = "no channels in common: the recording has \(names(recording)), the forward \(names(forward))"
        if let covariance { found += ", the covariance \(names(covariance))" }
        if bad > 0 { found += "; \(bad) of \(selected) channels are bad" }
        return InputError(
            at: .input(.recording), found: found, expected: "the same names",
            advice: (loss.map { $0 + "; or " } ?? "") + "rename the channels or use files of one acquisition")
    }
}
