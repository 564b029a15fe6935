import SourceImaging

/// A FIF file (MNE-Python, MEGIN), packed by gzip or not: averages, epochs, a noise covariance, a forward model.
struct FIFFile: FormatReader {
    static let formatName = "FIF (MNE, MEGIN)"

    let path: String
    let contents: [FileContent]
    let conditions: [Condition]

    private let lookUp: SensorLookUp?
    private let tree: FIFTree
    private let evoked: FIFEvoked
    private let epochs: FIFEpochs?

    /// The file, when it begins as a FIF file does: with an identifier, tag 100 of 20 bytes and type 31.
    static func open(_ candidate: FileCandidate) throws(InputError) -> FIFFile? {
        let path = candidate.path
        func begins(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0, 0, 0, 100, 0, 0, 0, 31, 0, 0, 0, 20]) }
        let source = ByteSource(candidate.input)
        if begins(candidate.head) { return try FIFFile(path, source, candidate.sensors) }
        guard Gzip.isGzip(candidate.head) else { return nil }
        return try within(path) { () throws(InputError) -> FIFFile? in
            guard begins((try? Gzip.unpack(source, wanted: 12)) ?? []) else { return nil }
            return try FIFFile(path, ByteSource(try Gzip.unpack(source)), candidate.sensors)
        }
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
        if !evoked.blocks.isEmpty || epochs != nil { contents.append(.recording) }
        if !tree.blocks(FIFBlockKind.covariance).isEmpty { contents.append(.covariance) }
        if !tree.blocks(FIFBlockKind.forward).isEmpty { contents.append(.forward) }
        self.contents = contents
    }

    func condition(_ index: Int, _ options: ReadingOptions) throws(InputError) -> Recording {
        guard contents.contains(.recording) else {
            if hasRawData {
                throw InputError(
                    path, found: "a raw recording (FIF)", expected: "an average or epochs",
                    advice: "cut epochs around the events in MNE (mne.Epochs) and save them or their average")
            }
            throw lacks(.recording)
        }
        return try within(path) { () throws(InputError) in
            try refuseSplit()
            if !evoked.blocks.isEmpty { return try evoked.read(index) }
            guard let epochs else { throw lacks(.recording) }
            return try epochs.read(index)
        }
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
            if hasRawData { facts.append("raw data", "in the file; cut epochs in MNE to localize them") }
            if let measurement = try FIFMeasurement(tree) {
                let channels = measurement.channels
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

    /// What channels of a covariance measure: from the recording that goes with it, another file, or this one.
    private func sensors(_ options: ReadingOptions) throws(InputError) -> Sensors? {
        if let sensors = options.sensors { return sensors }
        if let channels = options.channelFile, let lookUp { return try lookUp(channels) }
        return try within(path) { () throws(InputError) in try FIFMeasurement(tree)?.channels.sensors }
    }

    private var hasRawData: Bool {
        tree.blocks.contains {
            [FIFBlockKind.rawData, FIFBlockKind.continuousData, FIFBlockKind.shieldedRawData].contains($0.kind)
        }
    }

    /// Throws where the data go on in another file.
    private func refuseSplit() throws(InputError) {
        for block in tree.blocks(FIFBlockKind.reference) {
            guard try tree.integer(FIFKind.referenceRole, in: block) == 2 else { continue }
            throw InputError(
                "", found: "the first part of a recording that goes on in another file", expected: "all in one file",
                advice: "read it in MNE and save it with split_size='2GB' or fewer epochs")
        }
    }
}
