import SourceImaging

/// The epochs of a FIF file, by the names of their events.
struct FIFEpochs: Sendable {
    /// Events by name, in the order of the file.
    let conditions: [Condition]

    private let tree: FIFTree
    private let block: Int
    /// Epochs of each name.
    private let members: [[Int]]
    /// Number of epochs in the file.
    private let count: Int

    /// Finds the epochs of a file; nil where there are none.
    ///
    /// - Throws: ``InputError`` when the list of events is damaged.
    init?(_ tree: FIFTree) throws(InputError) {
        guard let block = tree.blocks(FIFBlockKind.epochs).first else { return nil }
        self.tree = tree
        self.block = block
        let list = try FIFEventList(tree)
        let codes = list?.codes.map { Int(exactly: $0) ?? 0 } ?? []
        var named = list?.names ?? []
        count = codes.count
        if named.isEmpty { named = Set(codes).sorted().map { ("\($0)", $0) } }
        let present = Dictionary(grouping: codes.indices, by: { codes[$0] })
        let used = named.filter { present[$0.code] != nil }
        members = used.map { present[$0.code] ?? [] }
        conditions = zip(used, members).map { Condition($0.name, amount: "\($1.count) epochs") }
    }

    /// Reads the epochs of one name.
    ///
    /// - Throws: ``InputError`` when the parts of the file disagree.
    func read(_ index: Int) throws(InputError) -> Recording {
        guard let measurement = try FIFMeasurement(tree) else {
            throw InputError("measurement info", found: "not in the file", expected: "a file as MNE writes it")
        }
        guard let first = try tree.integer(FIFKind.firstSample, in: block),
            let last = try tree.integer(FIFKind.lastSample, in: block)
        else { throw tree.missing(FIFKind.firstSample, "first and last sample of the epochs") }
        guard let tag = tree.tag(FIFKind.epoch, in: block) else { throw tree.missing(FIFKind.epoch, "epochs") }
        let numbers = try tree.numbers(tag)
        let expected = [count, measurement.channels.all.count, last - first + 1]
        guard numbers.shape == expected else {
            throw InputError(
                tree.place(tag), found: sizes(numbers.shape) + " numbers",
                expected: sizes(expected) + " (epochs × channels × samples)")
        }
        var epochs: [Matrix] = []
        for epoch in members[index] {
            epochs.append(
                try measurement.rows(of: numbers, from: epoch * expected[1] * expected[2], samples: expected[2]))
        }
        var recording = try Recording(
            epochs: epochs, samplingFrequency: measurement.samplingFrequency,
            firstTime: Double(first) / measurement.samplingFrequency, condition: conditions[index].name,
            isProjected: measurement.projectors.isApplied, sensors: measurement.channels.sensors,
            projectors: measurement.projectors.matrix)
        recording.acquisition = measurement.acquisition
        return recording
    }
}
