import SourceImaging

/// A FIF file (MNE-Python, MEGIN), packed by gzip or not: averages, epochs, a raw recording, a noise covariance, a
/// forward model.
struct FIFFile: FormatReader {
    static let formatName = "FIF (MNE, MEGIN)"

    let path: String
    let contents: [FileContent]
    let conditions: [Condition]

    private let lookUp: SensorLookUp?
    private let tree: FIFTree
    private let evoked: FIFEvoked
    private let epochs: FIFEpochs?
    /// Whether the recording is raw.
    private let isRaw: Bool

    /// The file, when it begins as a FIF file does: with an identifier, tag 100 of 20 bytes and type 31.
    static func open(_ candidate: FileCandidate) throws(InputError) -> FIFFile? {
        let source = try within(candidate.path) { () throws(InputError) in try Self.source(of: candidate) }
        guard let source else { return nil }
        return try FIFFile(candidate.path, source, candidate.sensors)
    }

    /// The bytes of a file, unpacked, when it begins as a FIF file does.
    ///
    /// - Throws: ``InputError`` when it is packed and damaged.
    static func source(of candidate: FileCandidate) throws(InputError) -> ByteSource? {
        func begins(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0, 0, 0, 100, 0, 0, 0, 31, 0, 0, 0, 20]) }
        let source = ByteSource(candidate.input)
        if begins(candidate.head) { return source }
        guard Gzip.isGzip(candidate.head), begins((try? Gzip.unpack(source, wanted: 12)) ?? []) else { return nil }
        return ByteSource(try Gzip.unpack(source))
    }

    /// The file in some bytes.
    ///
    /// - Parameters:
    ///   - path: of the file, for messages.
    ///   - source: its bytes, unpacked.
    ///   - lookUp: how to look into another file for what channels measure.
    /// - Throws: ``InputError`` when the tags do not make a FIF file.
    private init(_ path: String, _ source: ByteSource, _ lookUp: SensorLookUp?) throws(InputError) {
        self.path = path
        self.lookUp = lookUp
        (tree, evoked, epochs) = try within(path) { () throws(InputError) in
            let tree = try FIFTree(source)
            return (tree, try FIFEvoked(tree), try FIFEpochs(tree))
        }
        conditions = evoked.blocks.isEmpty ? epochs?.conditions ?? [] : evoked.conditions
        var contents: [FileContent] = []
        isRaw = evoked.blocks.isEmpty && epochs == nil && FIFRaw.block(tree) != nil
        if isRaw || !evoked.blocks.isEmpty || epochs != nil { contents.append(.recording) }
        if !tree.blocks(FIFBlockKind.covariance).isEmpty { contents.append(.covariance) }
        if !tree.blocks(FIFBlockKind.forward).isEmpty { contents.append(.forward) }
        self.contents = contents
    }

    func condition(_ index: Int, _ options: ReadingOptions) throws(InputError) -> Recording {
        guard contents.contains(.recording) else { throw lacks(.recording) }
        if isRaw { return try within(path) { () throws(InputError) in try rawEpochs(options).read([index]) } }
        return try within(path) { () throws(InputError) in
            try refuseSplit()
            if !evoked.blocks.isEmpty { return try evoked.read(index) }
            guard let epochs else { throw lacks(.recording) }
            return try epochs.read(index)
        }
    }

    func recording(_ options: ReadingOptions) throws(InputError) -> Recording {
        guard contents.contains(.recording) else { throw lacks(.recording) }
        if isRaw {
            return try within(path) { () throws(InputError) in
                let epochs = try rawEpochs(options)
                return try epochs.read(try chosen(of: epochs.conditions, options))
            }
        }
        try refuseEvents(options)
        return try union(of: conditions, options) { index throws(InputError) in try condition(index, options) }
    }

    /// The epochs of a raw recording.
    private func rawEpochs(_ options: ReadingOptions) throws(InputError) -> FIFRawEpochs {
        try refuseSplit()
        try refuseShielded()
        let raw = try FIFRaw(tree)
        guard let events = options.epochs.events else {
            throw InputError(
                "", found: "a raw recording", expected: "where the events are that epochs are cut around",
                advice: "give \(.events) FILE or a trigger channel (\(FIFRawEpochs.list(raw.triggerChannels))), and "
                    + "\(.epoch) with the first and last time of an epoch")
        }
        return try FIFRawEpochs(raw, events: events, options.epochs)
    }

    func lookUpSensors() throws(InputError) -> Sensors {
        if contents.contains(.forward) { return try forward(ReadingOptions()).sensors }
        guard isRaw else { return try condition(0, ReadingOptions()).sensors }
        return try within(path) { () throws(InputError) in try FIFRaw(tree).measurement.channels.sensors }
    }

    func covariance(_ options: ReadingOptions) throws(InputError) -> NoiseCovariance {
        let sensors = try self.sensors(options)
        return try within(path) { () throws(InputError) in
            guard let covariance = try FIFCovariance(tree) else {
                throw InputError("", found: "no covariance of noise in it", expected: "a noise covariance")
            }
            guard let sensors else {
                throw InputError(
                    "channels", found: "names, but not what they measure, as in any covariance of MNE",
                    expected: "a recording or forward model that says it", advice: "give one with \(.channels) FILE")
            }
            return try covariance.read(sensors)
        }
    }

    func forward(_ options: ReadingOptions) throws(InputError) -> Forward {
        guard contents.contains(.forward) else { throw lacks(.forward) }
        return try within(path) { () throws(InputError) in
            guard let forward = try FIFForward(tree) else { throw lacks(.forward) }
            return try forward.read()
        }
    }

    func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact] {
        try within(path) { () throws(InputError) in
            var facts: [FileFact] = []
            if let measurement = try FIFMeasurement(tree) {
                let channels = measurement.channels
                let acquisition = measurement.acquisition
                if !acquisition.subject.isEmpty { facts.append("subject", acquisition.subject) }
                if let rank = acquisition.maxwellRank { facts.append("Maxwell filter", "rank \(rank)") }
                let others = Dictionary(grouping: channels.all.indices.filter { !channels.used.contains($0) }) {
                    FIFChannel.plural(channels.all[$0].kind)
                }
                if !others.isEmpty {
                    facts.append(
                        "left out", others.map { "\($0.value.count) \($0.key)" }.sorted().joined(separator: ", "))
                }
                if channels.sensors.countByKind.keys.contains(where: { $0 != .eeg }) {
                    let isKnown = try tree.transforms(in: measurement.info).contains {
                        Set([$0.from, $0.to]) == [1, 4]
                    }
                    facts.append(
                        "MEG channel positions",
                        "device coordinates; the transform to head is \(isKnown ? "" : "not ")in the file")
                    facts.append("compensation", channels.compensation)
                }
            }
            if let forward = try FIFForward(tree) { facts += forward.facts }
            return facts
        }
    }

    func describe(_ content: FileContent, _ options: ReadingOptions) throws(InputError) -> FileFindings? {
        if content == .recording, isRaw, options.epochs.events == nil || options.conditions.isEmpty {
            return try within(path) { () throws(InputError) in try rawFindings(options) }
        }
        guard content == .covariance, try sensors(options) == nil else { return nil }
        return try within(path) { () throws(InputError) -> FileFindings? in
            guard let covariance = try FIFCovariance(tree) else { return nil }
            return FileFindings(facts: [
                (
                    "covariance",
                    "\(covariance.names.count) channels, "
                        + (covariance.isDiagonal ? "variances only" : "full") + ", one epoch"
                ),
                ("samples", covariance.samples > 0 ? "\(covariance.samples)" : "unknown"),
                ("bad channels", covariance.bad.isEmpty ? "none" : covariance.bad.sorted().joined(separator: ", ")),
                ("kinds of channels", "not in the file; a localization takes them from the recording"),
            ])
        }
    }

    /// What is said of a raw recording; its epochs are described where a condition is chosen.
    private func rawFindings(_ options: ReadingOptions) throws(InputError) -> FileFindings {
        let raw = try FIFRaw(tree)
        let measurement = raw.measurement
        var findings = FileFindings()
        findings.facts.append("raw data", "\(measurement.channels.all.count) channels × \(raw.range.count) samples")
        findings.facts.append("sampling frequency", "\(FileFindings.short(measurement.samplingFrequency)) Hz")
        findings.facts.append("duration", "\(FileFindings.short(raw.duration)) s")
        findings.facts.append("trigger channels", FIFRawEpochs.list(raw.triggerChannels))
        if options.epochs.events != nil {
            findings.facts.append("conditions", Self.list(try rawEpochs(options).conditions))
        }
        findings.facts += FileFindings.facts(measurement.channels.sensors)
        findings.facts += FileFindings.facts(measurement.projectors.matrix, applied: measurement.projectors.isApplied)
        return findings
    }

    /// What channels of a covariance measure: from the recording that goes with it, another file, or this one.
    private func sensors(_ options: ReadingOptions) throws(InputError) -> Sensors? {
        if let sensors = options.sensors { return sensors }
        if let channels = options.channelFile, let lookUp { return try lookUp(channels) }
        return try within(path) { () throws(InputError) in try FIFMeasurement(tree)?.channels.sensors }
    }

    /// Throws where raw data are distorted by internal active shielding.
    private func refuseShielded() throws(InputError) {
        guard let block = FIFRaw.block(tree), tree.blocks[block].kind == FIFBlockKind.shieldedRawData else { return }
        throw InputError(
            "", found: "raw data with internal active shielding", expected: "data without",
            advice: "process the file with MaxFilter first")
    }

    /// Throws where the data go on in another file.
    private func refuseSplit() throws(InputError) {
        for block in tree.blocks(FIFBlockKind.reference) {
            guard try tree.integer(FIFKind.referenceRole, in: block) == 2 else { continue }
            throw InputError(
                "", found: "the first part of a recording that goes on in another file", expected: "all in one file",
                advice: isRaw
                    ? "cut epochs in MNE (mne.Epochs) and save them"
                    : "read it in MNE and save it with split_size='2GB' or fewer epochs")
        }
    }
}
