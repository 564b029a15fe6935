/// What recording and forward both state of themselves, compared: no number shows that they do not belong together.
struct InputAgreement {
    /// A head that moved further, or turned by more, than this between recording and forward is told of: m, rad.
    static let headTolerance = (distance: 3e-3, angle: 2 * Double.pi / 180)
    /// Sensors that lie further apart in the two, m, are told of.
    static let sensorTolerance = 3e-3

    let recording: Recording
    let forward: Forward
    let matching: ChannelMatching

    /// Compares all that both state.
    func compare(_ checks: inout Checklist) {
        compensation(&checks)
        headPosition(&checks)
        sensorPositions(&checks)
        subject(&checks)
    }

    /// A gain is of sensors with one compensation; data with another are those of other sensors.
    private func compensation(_ checks: inout Checklist) {
        guard let own = recording.sensors.compensations, let other = forward.sensors.compensations else { return }
        let pairs = zip(matching.inRecording, matching.inForward).filter { recording.sensors.kinds[$0.0] != .eeg }
        guard !pairs.isEmpty else { return }
        guard let (i, j) = pairs.first(where: { own[$0.0] != other[$0.1] }) else {
            let all = Set(pairs.map { own[$0.0] }).sorted()
            checks.ok("compensation", Message("\(all.joined(separator: ", ")) in recording and forward"))
            return
        }
        let count = pairs.count { own[$0.0] != other[$0.1] }
        checks.wrong(
            "compensation",
            InputError(
                "gradient compensation",
                found: "'\(own[i])' in the recording, '\(other[j])' in the forward (channel "
                    + "'\(recording.sensors.names[i])'" + (count > 1 ? " and \(count - 1) more)" : ")"),
                expected: "the same in both",
                advice: "apply the forward's compensation to the data, or compute the forward for data as they are"))
    }

    private func headPosition(_ checks: inout Checklist) {
        let hasMEG = matching.sensors.kinds.contains { $0 != .eeg }
        guard hasMEG, let own = recording.acquisition.deviceToHead, let other = forward.acquisition.deviceToHead else {
            return
        }
        let (distance, angle) = own.difference(to: other)
        let text = String(printf: "%.1f mm and %.1f°", distance * 1000, angle * 180 / .pi)
        if distance > Self.headTolerance.distance || angle > Self.headTolerance.angle {
            checks.look(
                "head position",
                "the head lies elsewhere in the recording than in the forward: their device-to-head transforms differ by \(text)",
                "compute the forward from this recording, or move the data to the forward's head position")
        } else {
            checks.ok("head position", "the same in recording and forward to \(text)")
        }
    }

    private func sensorPositions(_ checks: inout Checklist) {
        guard let own = recording.sensors.locations, let other = forward.sensors.locations,
            !recording.acquisition.sensorFrame.isEmpty,
            recording.acquisition.sensorFrame == forward.acquisition.sensorFrame
        else { return }
        for isElectrode in [false, true] {
            let distances = zip(matching.inRecording, matching.inForward).compactMap { i, j -> Double? in
                guard (recording.sensors.kinds[i] == .eeg) == isElectrode,
                    let a = Self.position(own, i), let b = Self.position(other, j)
                else { return nil }
                return ((a - b) * (a - b)).sum().squareRoot()
            }
            let apart = distances.filter { $0 > Self.sensorTolerance }
            guard !apart.isEmpty else { continue }
            checks.look(
                "sensor positions",
                Message(
                    "positions of \(apart.count) of \(distances.count) \(isElectrode ? "electrodes" : "MEG channels") differ "
                        + "between recording and forward, by "
                        + String(printf: "%.0f mm in the median", Plausibility.median(apart) * 1000)),
                "check that the forward was computed for these sensors")
        }
    }

    /// Where a sensor is; nil where the file does not say (zeros, NaN).
    private static func position(_ locations: Matrix, _ row: Int) -> SIMD3<Double>? {
        let place = SIMD3(locations[row, 0], locations[row, 1], locations[row, 2])
        return place != .zero && (place * place).sum().isFinite ? place : nil
    }

    private func subject(_ checks: inout Checklist) {
        func plain(_ name: String) -> String {
            let name = name.lowercased()
            return name.hasPrefix("sub-") ? String(name.dropFirst(4)) : name
        }
        let (own, other) = (recording.acquisition.subject, forward.subject)
        guard !own.isEmpty, !other.isEmpty else { return }
        let text = Message("'\(own)' in the recording, '\(other)' in the forward")
        let isNobody = ["0", "anonymous", "mne_anonymize"].contains(plain(own))
        if plain(own) == plain(other) || isNobody || plain(other) == "fsaverage" {
            checks.ok("subject", text)
        } else {
            checks.look("subject", text, "check that the forward is of this head")
        }
    }
}
