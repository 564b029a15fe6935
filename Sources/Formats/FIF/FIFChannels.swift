import SourceImaging

/// One channel as a FIF file describes it.
struct FIFChannel: Sendable {
    /// The name in the channel's record, at most 15 characters.
    let shortName: String
    /// The name; longer than the short one where the file has extended channel information.
    var name: String
    var kind: Int
    var unit: Int
    var unitMultiplier: Int
    var coilType: Int
    /// Factor from stored numbers of averages and epochs to the unit.
    var calibration: Double
    /// What the factor is multiplied by for stored numbers of raw recordings.
    var range = 1.0
    /// Position (m) and three axes; MEG in device coordinates, EEG in head coordinates.
    var location: [Double]

    /// The factor from stored numbers to the unit.
    ///
    /// - Parameter range: ``range`` for raw recordings, else 1.
    /// - Throws: ``InputError`` when it is zero or not finite.
    func factor(times range: Double = 1) throws(InputError) -> Double {
        let factor = range * calibration
        guard factor.isFinite, factor != 0 else {
            throw InputError(
                "channel '\(name)'", found: "a calibration of \(factor)", expected: "a factor other than 0")
        }
        return factor
    }

    /// Grade of the software gradient compensation that the channel's data have; 0 without.
    var grade: Int { (coilType >> 16) & 0xFFFF }

    /// The compensation as ``Sensors/compensations`` has it.
    var compensation: String { kind == 1 && grade > 0 ? "grade \(grade)" : "none" }

    /// What the channel measures; nil for what no localization uses: references, triggers, eyes, heart, muscles.
    ///
    /// - Throws: ``InputError`` when a MEG or EEG channel has a unit that it cannot have.
    func sensorKind() throws(InputError) -> SensorKind? {
        let found: SensorKind
        switch (kind, unit) {
        case (1, 112): found = .mag
        case (1, 201): found = .grad
        case (2, 107): found = .eeg
        case (1, _):
            throw InputError("channel '\(name)'", found: "a MEG channel with unit \(unit)", expected: "T or T/m")
        case (2, _):
            throw InputError("channel '\(name)'", found: "an EEG channel with unit \(unit)", expected: "V (107)")
        default: return nil
        }
        guard unitMultiplier == 0 else {
            throw InputError(
                "channel '\(name)'", found: "a unit multiplier of 10^\(unitMultiplier)", expected: "SI units (0)",
                advice: "write the file again with MNE")
        }
        return found
    }

    /// A kind of channel that is left out, in plain English.
    static func plural(_ kind: Int) -> String {
        switch kind {
        case 3: "trigger channels"
        case 301: "MEG reference channels"
        case 202: "EOG channels"
        case 302: "EMG channels"
        case 402: "ECG channels"
        case 502: "miscellaneous channels"
        case 802: "SEEG channels"
        case 803: "DBS channels"
        case 902: "ECoG channels"
        case 1100: "fNIRS channels"
        default: "channels of kind \(kind)"
        }
    }
}

/// The channels of a block of a FIF file, with what belongs to them.
struct FIFChannels: Sendable {
    /// All channels, in the order of the rows of data.
    let all: [FIFChannel]
    /// Places in `all` of MEG and EEG channels.
    let used: [Int]
    /// MEG and EEG channels.
    let sensors: Sensors
    /// Bad channels and projectors name channels by the short names; this leads to the full ones.
    let fullNames: [String: String]

    /// What positions of channels are relative to: the device for MEG, the head for EEG.
    static let sensorFrame = "FIF"

    /// Reads the channels of a block.
    ///
    /// - Parameters:
    ///   - block: a measurement info, an evoked block or the parent measurement of a forward.
    ///   - bad: the block in which bad channels are listed, where it is another one.
    /// - Throws: ``InputError`` when there is no channel, or a unit that a channel cannot have.
    init(_ tree: FIFTree, block: Int, bad: Int? = nil) throws(InputError) {
        let tags = tree.blocks[block].tags.filter { $0.kind == FIFKind.channelInfo }
        guard !tags.isEmpty else { throw tree.missing(FIFKind.channelInfo, "channels") }
        if let count = try tree.integer(FIFKind.channelCount, in: block), count != tags.count {
            throw InputError("channels", found: "\(tags.count)", expected: "\(count), as the file says (tag 200)")
        }
        var channels: [FIFChannel] = []
        for tag in tags { channels.append(try Self.channel(tree, tag)) }
        let extended = tree.blocks(FIFBlockKind.channelInfo, in: block)
        guard extended.isEmpty || extended.count == channels.count else {
            throw InputError(
                "channels", found: "extended information on \(extended.count) channels",
                expected: "\(channels.count), one a channel")
        }
        for (k, block) in extended.enumerated() { try Self.extend(&channels[k], tree, block) }
        all = channels
        fullNames = Dictionary(channels.map { ($0.shortName, $0.name) }, uniquingKeysWith: { first, _ in first })

        var (used, kinds) = ([Int](), [SensorKind]())
        for (k, channel) in channels.enumerated() {
            guard let kind = try channel.sensorKind() else { continue }
            used.append(k)
            kinds.append(kind)
        }
        self.used = used
        guard !used.isEmpty else {
            throw InputError(
                "channels", found: "no MEG or EEG channel among \(channels.count)", expected: "at least one")
        }
        let badNames = Set(try Self.badNames(tree, in: bad ?? block, fullNames))
        let locations = Matrix(rows: used.count, columns: 12) { channels[used[$0]].location[$1] }
        sensors = try Sensors(
            names: used.map { channels[$0].name }, kinds: kinds, bad: used.map { badNames.contains(channels[$0].name) },
            locations: locations, compensations: used.map { channels[$0].compensation })
    }

    /// Full names of the channels that a block lists as bad.
    static func badNames(
        _ tree: FIFTree, in block: Int, _ fullNames: [String: String] = [:]
    ) throws(InputError) -> [String] {
        var names: [String] = []
        for block in tree.blocks(FIFBlockKind.badChannels, in: block) {
            names += try tree.names(FIFKind.channelNames, in: block)
        }
        return names.map { fullNames[$0] ?? $0 }
    }

    /// The compensation of the MEG channels in words.
    var compensation: String {
        let all = Set(used.filter { self.all[$0].kind == 1 }.map { self.all[$0].compensation })
        return all.count <= 1 ? all.first ?? "none" : "different grades"
    }

    private static func channel(_ tree: FIFTree, _ tag: FIFTag) throws(InputError) -> FIFChannel {
        guard tag.type == 30, tag.size == 96 else {
            throw InputError(
                tree.place(tag), found: "\(tag.size) bytes of type \(tag.type)", expected: "a channel, 96 bytes")
        }
        let bytes = try tree.source.read(96, at: tag.offset)
        let name = bytes[80...].prefix { $0 != 0 }
        let text =
            String(validating: name, as: UTF8.self) ?? String(String.UnicodeScalarView(name.map { Unicode.Scalar($0) }))
        return FIFChannel(
            shortName: text, name: text, kind: Int(FIFNumbers.int32(bytes, at: 8)),
            unit: Int(FIFNumbers.int32(bytes, at: 72)), unitMultiplier: Int(FIFNumbers.int32(bytes, at: 76)),
            coilType: Int(FIFNumbers.int32(bytes, at: 20)), calibration: FIFNumbers.float32(bytes, at: 16),
            range: FIFNumbers.float32(bytes, at: 12),
            location: (0..<12).map { FIFNumbers.float32(bytes, at: 24 + 4 * $0) })
    }

    /// Takes what the extended information on a channel says in place of its record.
    private static func extend(_ channel: inout FIFChannel, _ tree: FIFTree, _ block: Int) throws(InputError) {
        if let name = try tree.string(FIFKind.channelLongName, in: block) { channel.name = name }
        if let kind = try tree.integer(FIFKind.channelKind, in: block) { channel.kind = kind }
        if let unit = try tree.integer(FIFKind.channelUnit, in: block) { channel.unit = unit }
        if let multiplier = try tree.integer(FIFKind.channelUnitMultiplier, in: block) {
            channel.unitMultiplier = multiplier
        }
        if let coil = try tree.integer(FIFKind.channelCoilType, in: block) { channel.coilType = coil }
        if let calibration = try tree.number(FIFKind.channelCalibration, in: block) {
            channel.calibration = calibration
        }
        if let range = try tree.number(FIFKind.channelRange, in: block) { channel.range = range }
        if let tag = tree.tag(FIFKind.channelLocation, in: block) {
            let numbers = try tree.numbers(tag)
            guard numbers.count == 12 else {
                throw InputError(
                    tree.place(tag), found: "\(numbers.count) numbers", expected: "12: a position and axes")
            }
            channel.location = try numbers.read()
        }
    }
}
