import SourceImaging

/// Files of Brainstorm as MATLAB 7.3: head models, recordings, noise covariances and channel files.
///
/// Fields stand at the root, in SI units; positions are in Brainstorm's subject coordinates (SCS), those of
/// ``SourceImaging/CoordinateFrame/ctf``. Names and kinds of channels, and projectors, are in the channel file of the
/// same study, which is therefore needed with every other file.
struct BrainstormFile: FormatReader {
    static let formatName = "Brainstorm (MATLAB 7.3)"

    let file: MATLABFile
    let contents: [FileContent]
    let conditions: [Condition]
    /// Whether it is a channel file.
    let hasChannels: Bool

    var path: String { file.path }

    static func open(_ candidate: FileCandidate) throws(InputError) -> BrainstormFile? {
        guard let file = try MATLABFile(candidate) else { return nil }
        let fields = Set(file.variables)
        var contents: [FileContent] = []
        if fields.isSuperset(of: ["Gain", "GridLoc"]) { contents.append(.forward) }
        let hasData = fields.isSuperset(of: ["F", "Time"])
        if hasData { contents.append(.recording) }
        if fields.contains("NoiseCov") { contents.append(.covariance) }
        var hasChannels = false
        if fields.contains("Channel") { hasChannels = try file.isStruct("Channel") }
        guard !contents.isEmpty || hasChannels else { return nil }
        // Comments may be missing, or be anything in files that scripts made.
        let comment = hasData ? try file.textIfAny("Comment") : ""
        return BrainstormFile(
            file: file, contents: contents, conditions: hasData ? [Condition(comment)] : [], hasChannels: hasChannels)
    }

    func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact] {
        var facts: [FileFact] = []
        if hasChannels { facts.append("channel file", "names and projectors, to be given with a recording") }
        for field in ["HeadModelType", "MEGMethod", "EEGMethod", "DataType"] {
            let text = try file.textIfAny(field)
            if !text.isEmpty { facts.append(field, text) }
        }
        return facts
    }

    // MARK: Forward

    func forward(_ options: ReadingOptions) throws(InputError) -> Forward {
        guard contents.contains(.forward) else { throw lacks(.forward) }
        let channels = try channels(options)
        let positions = try file.vectors("GridLoc")
        let orientations = try file.isEmpty("GridOrient") ? [] : file.vectors("GridOrient")
        var gain = try file.matrix("Gain")
        guard gain.rows == channels.count else { throw channels.mismatch(file, "Gain", "\(gain.rows) rows") }
        guard gain.columns == 3 * positions.count else {
            throw file.error(
                "Gain", found: "\(gain.columns) columns", expected: "\(3 * positions.count), three a position")
        }
        // Rows of channels that were not modelled are NaN throughout; one NaN among numbers is a mistake.
        let rows = channels.kept.filter { row in (0..<gain.columns).contains { !gain[row, $0].isNaN } }
        guard !rows.isEmpty else {
            throw file.error("Gain", found: "no modelled channel of EEG or MEG", expected: "at least one")
        }
        gain.keep(rows: rows)
        let isSurface = try file.textIfAny("HeadModelType") == "surface"
        return try within(path) { () throws(InputError) in
            try Forward(
                gain: gain, orientations: 3, sensors: channels.sensors(rows),
                sources: SourceSpace(
                    positions: positions, normals: orientations.count == positions.count ? orientations : nil,
                    vertices: isSurface ? Array(positions.indices) : nil, frame: .ctf))
        }
    }

    // MARK: Recording

    func condition(_ index: Int, _ options: ReadingOptions) throws(InputError) -> Recording {
        guard try !file.isStruct("F") else {
            throw file.error(
                "F", found: "a link to a raw file", expected: "recordings",
                advice: "import the epochs into Brainstorm's database and average them")
        }
        let channels = try channels(options)
        let times = try file.numbers("Time")
        guard let first = times.first, let last = times.last, times.count > 1, last > first, first.isFinite,
            last.isFinite
        else {
            throw file.error("Time", found: "\(times.count) times", expected: "at least two, ascending")
        }
        var data = try file.matrix("F")
        guard data.rows == channels.count else { throw channels.mismatch(file, "F", "\(data.rows) rows") }
        guard data.columns == times.count else {
            throw file.error("F", found: "\(data.columns) samples", expected: "\(times.count), as many as Time")
        }
        let (averages, notes) = try averageCount()
        let flags = try file.isEmpty("ChannelFlag") ? [] : try file.numbers("ChannelFlag")
        guard flags.isEmpty || flags.count == channels.count else {
            throw channels.mismatch(file, "ChannelFlag", "\(flags.count) entries")
        }
        let rows = channels.kept
        data.keep(rows: rows)
        return try within(path) { () throws(InputError) in
            var recording = try Recording(
                epochs: [data], samplingFrequency: Double(times.count - 1) / (last - first), firstTime: first,
                averages: averages, condition: conditions[index].name, isProjected: channels.areProjectorsApplied,
                sensors: channels.sensors(rows, bad: flags.isEmpty ? nil : rows.map { flags[$0] < 0 }),
                projectors: channels.projectors(rows))
            recording.acquisition.notes = notes
            return recording
        }
    }

    /// How many trials count: the effective number, which differences of averages have less of, else all of them; nil
    /// where neither is there or makes sense.
    private func averageCount() throws(InputError) -> (count: Double?, notes: [Message]) {
        var notes: [Message] = []
        for field in ["Leff", "nAvg"] {
            guard let count = try file.number(field) else { continue }
            if count > 0, count <= 1e9 { return (count, notes) }
            notes.append("\(field) is \(count), which is no number of averages, and is left out")
        }
        return (nil, notes)
    }

    // MARK: Covariance

    func covariance(_ options: ReadingOptions) throws(InputError) -> NoiseCovariance {
        guard contents.contains(.covariance) else { throw lacks(.covariance) }
        let channels = try channels(options)
        let matrix = try file.matrix("NoiseCov")
        guard matrix.rows == channels.count, matrix.columns == channels.count else {
            throw channels.mismatch(file, "NoiseCov", "\(matrix.rows) × \(matrix.columns)")
        }
        // Zero throughout a kind where nothing was estimated of it; one electrode of zeros may be the reference.
        let kept = channels.kept
        let estimated = Set(kept.filter { matrix[$0, $0] != 0 }.map { channels.kind($0) })
        let rows = kept.filter { estimated.contains(channels.kind($0)) }
        guard !rows.isEmpty else {
            throw file.error("NoiseCov", found: "no variance of EEG or MEG channels", expected: "at least one")
        }
        // A number, or one for each pair of channels.
        let samples = try file.isEmpty("nSamples") ? 0 : try file.array("nSamples").elements.max() ?? 0
        return try within(path) { () throws(InputError) in
            try NoiseCovariance(
                matrix: Matrix(rows: rows.count, columns: rows.count) { matrix[rows[$0], rows[$1]] },
                samples: Int(exactly: samples.rounded()).map { max($0, 0) } ?? 0, sensors: channels.sensors(rows),
                projectors: channels.projectors(rows))
        }
    }

    private func channels(_ options: ReadingOptions) throws(InputError) -> BrainstormChannels {
        if hasChannels { return try BrainstormChannels(file) }
        guard let channels = options.channelFile else {
            throw InputError(
                path, found: "a Brainstorm file, whose channels have their names elsewhere",
                expected: "the channel file of the study", advice: "give it with \(.channels) FILE")
        }
        guard let file = try MATLABFile(channels.candidate()), file.variables.contains("Channel") else {
            throw InputError(
                channels.path, found: "no Brainstorm channel file saved as MATLAB 7.3",
                expected: "one, with the variable 'Channel'")
        }
        return try BrainstormChannels(file)
    }
}

extension Matrix {
    /// Drops all rows but some, in place: a large matrix is not copied.
    ///
    /// - Parameter rows: ascending.
    mutating func keep(rows kept: [Int]) {
        guard kept.count < rows else { return }
        var elements: [Double] = []
        swap(&elements, &self.elements)
        var end = 0
        for j in 0..<columns {
            for i in kept {
                elements[end] = elements[i + j * rows]
                end += 1
            }
        }
        elements.removeLast(elements.count - end)
        self = Matrix(rows: kept.count, columns: columns, elements: elements)
    }
}
