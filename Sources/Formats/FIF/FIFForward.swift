import SourceImaging

/// The forward model of a FIF file: a block for MEG and one for EEG over the same sources.
struct FIFForward: Sendable {
    /// One of the blocks.
    private struct Part {
        let names: [String]
        let gain: FIFNumbers
    }

    private let tree: FIFTree
    /// Blocks of MEG, then EEG, as far as there are.
    private let blocks: [Int]
    /// 4 head, 5 MRI.
    private let frame: Int32
    private let isFixed: Bool
    private let sourceCount: Int
    private let spaces: FIFSourceSpaces
    private let channels: FIFChannels
    /// Transforms of the measurement, device to head where there is one.
    private let measurementTransforms: [FIFTransform]

    /// Reads all but the gain; nil where the file has no forward model.
    ///
    /// - Throws: ``InputError`` when the blocks disagree, or frames are not known.
    init?(_ tree: FIFTree) throws(InputError) {
        let all = tree.blocks(FIFBlockKind.forward)
        guard !all.isEmpty else { return nil }
        self.tree = tree
        var (meg, eeg): (Int?, Int?)
        for block in all {
            switch try tree.integer(FIFKind.includedMethods, in: block) {
            case 1: meg = block
            case 2: eeg = block
            case let method:
                throw InputError(
                    "forward", found: "method \(method.map(String.init) ?? "of no kind")",
                    expected: "a block for MEG (1), a block for EEG (2)")
            }
        }
        let blocks = [meg, eeg].compactMap { $0 }
        self.blocks = blocks
        func common(_ kind: Int32, _ what: String) throws(InputError) -> Int {
            var found: Int?
            for block in blocks {
                guard let value = try tree.integer(kind, in: block) else { throw tree.missing(kind, what) }
                guard found == nil || found == value else {
                    throw InputError(what, found: "\(found ?? 0) for MEG, \(value) for EEG", expected: "the same")
                }
                found = value
            }
            return found ?? 0
        }
        let frame = Int32(clamping: try common(FIFKind.coordinateFrame, "coordinate frame"))
        self.frame = frame
        guard frame == 4 || frame == 5 else {
            throw InputError("coordinate frame", found: Self.name(ofFrame: frame), expected: "head or MRI coordinates")
        }
        let orientation = try common(FIFKind.sourceOrientation, "orientation of sources")
        guard orientation == 1 || orientation == 2 else {
            throw InputError("orientation of sources", found: "\(orientation)", expected: "1 (fixed) or 2 (free)")
        }
        isFixed = orientation == 1
        sourceCount = try common(FIFKind.sourcePointCount, "number of sources")

        var transform: FIFTransform?
        for block in tree.blocks(FIFBlockKind.parentMRI) where transform == nil {
            transform = try tree.transforms(in: block).first { Set([$0.from, $0.to]) == [4, 5] }
        }
        if let transform, !transform.isFinite {
            throw InputError("coordinate transform", found: "NaN or infinity", expected: "finite numbers")
        }
        spaces = try FIFSourceSpaces(tree, frame: frame, transform: transform, isFixed: isFixed)
        guard let parent = tree.blocks(FIFBlockKind.parentMeasurement).first else {
            throw InputError(
                "forward", found: "no description of its channels", expected: "a file as MNE writes it")
        }
        channels = try FIFChannels(tree, block: parent)
        measurementTransforms = try tree.transforms(in: parent)
    }

    /// Reads the forward model.
    ///
    /// - Throws: ``InputError`` when gain, channels and sources disagree.
    /// - Complexity: memory of the gain in double precision.
    func read() throws(InputError) -> Forward {
        let orientations = isFixed ? 1 : 3
        let sources = try spaces.sources()
        guard sources.count == sourceCount else {
            throw InputError(
                "source spaces", found: "\(sources.count) sources", expected: "\(sourceCount), as the gain has")
        }
        let columns = sourceCount * orientations
        var parts: [Part] = []
        for block in blocks { parts.append(try part(block, columns)) }
        let rows = parts.reduce(0) { $0 + $1.names.count }
        var gain = Matrix(rows: rows, columns: columns)
        var first = 0
        for part in parts {
            try Self.copy(part, to: &gain, from: first)
            first += part.names.count
        }
        var forward = try Forward(
            subject: spaces.subject, gain: gain, orientations: orientations,
            sensors: try sensors(parts.flatMap(\.names)), sources: sources)
        forward.acquisition.subject = spaces.subject
        forward.acquisition.sensorFrame = FIFChannels.sensorFrame
        forward.acquisition.take(deviceToHead: measurementTransforms)
        return forward
    }

    /// Facts that the model does not carry.
    var facts: [FileFact] {
        var facts: [FileFact] = []
        facts.append("source spaces", spaces.parts.map { "\($0.kind) (\($0.count))" }.joined(separator: ", "))
        let stored = spaces.storedFrames.subtracting([frame]).map(Self.name(ofFrame:)).sorted()
        if !stored.isEmpty {
            facts.append(
                "coordinates",
                "stored in \(stored.joined(separator: ", ")) coordinates, converted to "
                    + "\(Self.name(ofFrame: frame)) coordinates by the transform in the file")
        }
        if spaces.strayCount > 0 {
            facts.append(
                "patches of cortex",
                "missing for \(spaces.strayCount) sources, whose normals are those of other patches, as in MNE; "
                    + "make source spaces anew (mne.setup_source_space)")
        }
        if channels.used.contains(where: { channels.all[$0].kind == 1 }),
            measurementTransforms.contains(where: { $0.from == 1 && $0.to == 4 })
        {
            facts.append("MEG channel positions", "device coordinates; the transform to head is in the file")
        }
        if channels.compensation != "none" { facts.append("compensation", channels.compensation) }
        return facts
    }

    /// A coordinate frame in plain English.
    static func name(ofFrame frame: Int32) -> String {
        switch frame {
        case 0: "unknown"
        case 1: "device"
        case 4: "head"
        case 5: "MRI"
        case 1004: "CTF head"
        case 2001: "MRI voxel"
        default: "frame \(frame)"
        }
    }

    private func part(_ block: Int, _ columns: Int) throws(InputError) -> Part {
        let named = tree.blocks(FIFBlockKind.namedMatrix, in: block).first {
            tree.tag(FIFKind.forwardSolution, in: $0) != nil
        }
        guard let named, let tag = tree.tag(FIFKind.forwardSolution, in: named) else {
            throw tree.missing(FIFKind.forwardSolution, "gain")
        }
        let names = try self.names(named, isMEG: try tree.integer(FIFKind.includedMethods, in: block) == 1)
        let gain = try tree.numbers(tag)
        guard gain.shape == [columns, names.count] else {
            throw InputError(
                tree.place(tag), found: "a gain of " + sizes(gain.shape),
                expected: "\(columns) × \(names.count) (\(isFixed ? "sources" : "3 · sources") × channels)")
        }
        if let count = try tree.integer(FIFKind.channelCount, in: block), count != names.count {
            throw InputError("gain", found: "\(names.count) channels", expected: "\(count), as the file says")
        }
        return Part(names: names, gain: gain)
    }

    /// The channels of a gain. Names with colons in them stand with colons between them: then the channels' own names,
    /// put together the same way, tell them apart.
    private func names(_ named: Int, isMEG: Bool) throws(InputError) -> [String] {
        let described = channels.all.filter { $0.kind == (isMEG ? 1 : 2) }.map(\.name)
        if let text = try tree.string(FIFKind.columnNames, in: named), described.joined(separator: ":") == text {
            return described
        }
        return try tree.names(FIFKind.columnNames, in: named)
    }

    /// Copies a part, some columns at a time; the file has the channels of a column one after the other, as a matrix does.
    private static func copy(_ part: Part, to gain: inout Matrix, from first: Int) throws(InputError) {
        let channels = part.names.count
        guard channels > 0 else { return }
        let piece = max(1, (1 << 17) / channels)
        for start in stride(from: 0, to: gain.columns, by: piece) {
            let end = min(start + piece, gain.columns)
            let values = try part.gain.read(start * channels..<end * channels)
            let rows = gain.rows
            gain.elements.withUnsafeMutableBufferPointer { gain in
                for j in start..<end {
                    let target = j * rows + first
                    for i in 0..<channels { gain[target + i] = values[(j - start) * channels + i] }
                }
            }
        }
    }

    /// The sensors in the order of the rows of the gain.
    private func sensors(_ names: [String]) throws(InputError) -> Sensors {
        let known = channels.sensors
        let place = Dictionary(known.names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var rows: [Int] = []
        for name in names {
            guard let row = place[name] ?? channels.fullNames[name].flatMap({ place[$0] }) else {
                throw InputError(
                    "channel '\(name)'", found: "a row of the gain without a description",
                    expected: "a MEG or EEG channel")
            }
            rows.append(row)
        }
        return try Sensors(
            names: rows.map { known.names[$0] }, kinds: rows.map { known.kinds[$0] }, bad: rows.map { known.bad[$0] },
            locations: known.locations.map { $0.rows(rows) },
            compensations: known.compensations.map { all in rows.map { all[$0] } })
    }
}
