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
    /// What was left out, one line each.
    let warnings: [String]

    /// Matches channels by name; bad ones, in any of the three, stay out.
    ///
    /// - Parameters:
    ///   - recording: all channels of the recording.
    ///   - forward: all rows of the gain.
    ///   - covariance: all rows of the covariance; nil without one.
    ///   - selection: kinds that are wanted.
    /// - Throws: ``InputError`` when none is left, or a channel is of different kinds in two of them.
    init(
        recording: Sensors, forward: Sensors, covariance: Sensors?, selection: SensorSelection
    ) throws(InputError) {
        func index(_ sensors: Sensors) -> [String: Int] {
            Dictionary(uniqueKeysWithValues: sensors.names.enumerated().map { ($1, $0) })
        }
        let forwardIndex = index(forward)
        let covarianceIndex = covariance.map(index)
        var (rows, forwardRows, covarianceRows) = ([Int](), [Int](), [Int]())
        var (selected, bad, noGain, noNoise) = (0, 0, 0, 0)
        for (i, name) in recording.names.enumerated() where selection.includes(recording.kinds[i]) {
            selected += 1
            let f = forwardIndex[name]
            let c = covarianceIndex?[name]
            if recording.bad[i] || f.map({ forward.bad[$0] }) == true || c.map({ covariance?.bad[$0] == true }) == true
            {
                bad += 1
                continue
            }
            guard let f else {
                noGain += 1
                continue
            }
            guard forward.kinds[f] == recording.kinds[i] else {
                throw InputError(
                    "channel '\(name)'",
                    found:
                        "\(recording.kinds[i].rawValue) in the recording, \(forward.kinds[f].rawValue) in the forward",
                    expected: "one kind")
            }
            if covarianceIndex != nil {
                guard let c else {
                    noNoise += 1
                    continue
                }
                guard covariance?.kinds[c] == recording.kinds[i] else {
                    throw InputError(
                        "channel '\(name)'", found: "another kind in the covariance than in the recording",
                        expected: "one kind")
                }
                covarianceRows.append(c)
            }
            rows.append(i)
            forwardRows.append(f)
        }
        guard !rows.isEmpty else {
            throw Self.nothingLeft(of: selected, bad, recording, forward, covariance, selection)
        }
        func warning(_ count: Int, _ why: String) -> [String] {
            count > 0 ? ["\(count) of \(selected) selected channels left out: \(why)"] : []
        }
        warnings =
            warning(noGain, "the forward does not have them") + warning(noNoise, "the covariance does not have them")
        inRecording = rows
        inForward = forwardRows
        inCovariance = covarianceIndex == nil ? nil : covarianceRows
        sensors = try Sensors(
            names: rows.map { recording.names[$0] }, kinds: rows.map { recording.kinds[$0] },
            locations: recording.locations.map { $0.rows(rows) })
    }

    /// Why no channel is left of those selected.
    private static func nothingLeft(
        of selected: Int, _ bad: Int, _ recording: Sensors, _ forward: Sensors, _ covariance: Sensors?,
        _ selection: SensorSelection
    ) -> InputError {
        if selected == 0 {
            let kinds = SensorKind.allCases.filter { recording.countByKind[$0] != nil }.map(\.rawValue)
            return InputError(
                .sensors, found: "no channel of kind '\(selection.rawValue)' in the recording",
                expected: "one of the kinds it has: \(kinds.joined(separator: ", "))")
        }
        if bad == selected {
            return InputError(
                .sensors, found: "all \(selected) selected channels are marked bad", expected: "at least one good one")
        }
        let names = { (sensors: Sensors) in "'\(sensors.names[0])'…" }
        var found = "no channels in common: the recording has \(names(recording)), the forward \(names(forward))"
        if let covariance { found += ", the covariance \(names(covariance))" }
        if bad > 0 { found += "; \(bad) of \(selected) selected channels are bad" }
        return InputError(
            .sensors, found: found, expected: "the same names, letter by letter",
            advice: "rename the channels or use files of one acquisition")
    }
}
