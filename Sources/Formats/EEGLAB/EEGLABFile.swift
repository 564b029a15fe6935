import HDF5
import SourceImaging

/// A dataset of EEGLAB (`.set`) saved as MATLAB 7.3.
///
/// The structure stands in the variable `EEG`, or its fields at the root. Data are in µV, channels first; they may lie
/// in a file `.fdt` beside, 32-bit floats. Epochs are conditions by the type of the event that each is locked to
/// (``EEGLABEvents``). One epoch that begins before time 0 is an average; of how many trials only `EEG.etc.averages`
/// says, which EEGLAB itself does not keep.
struct EEGLABFile: FormatReader {
    static let formatName = "EEGLAB (MATLAB 7.3)"
    let contents: [FileContent] = [.recording]

    let file: MATLABFile
    /// Path of the structure with a slash at its end; empty for the root.
    let root: String
    let conditions: [Condition]
    /// The epochs of each condition; nil where there is one of all.
    private let members: [[Int]]?
    private let notes: [Message]

    var path: String { file.path }

    static func open(_ candidate: FileCandidate) throws(InputError) -> EEGLABFile? {
        guard let file = try MATLABFile(candidate) else { return nil }
        let required: Set = ["data", "srate", "nbchan", "pnts", "trials"]
        var root = ""
        if !required.isSubset(of: file.variables) {
            guard file.variables.contains("EEG"), try file.isStruct("EEG"),
                try required.isSubset(of: file.fields(of: "EEG"))
            else { return nil }
            root = "EEG/"
        }
        var events: EEGLABEvents?
        // What is no count is told when data are read.
        if let trials = try? file.integer("\(root)trials"), trials > 1 {
            events = try EEGLABEvents(file, root: root, trials: trials)
        }
        let members = events?.members ?? []
        let whole = [Condition(try file.textIfAny("\(root)setname"))]
        return EEGLABFile(
            file: file, root: root,
            conditions: members.isEmpty
                ? whole : members.map { Condition($0.type, amount: "\($0.epochs.count) epochs") },
            members: members.isEmpty ? nil : members.map(\.epochs), notes: events?.notes ?? [])
    }

    func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact] {
        var facts: [FileFact] = [("units as stored", "µV")]
        let reference = try file.textIfAny("\(root)ref")
        if !reference.isEmpty { facts.append("reference", reference) }
        return facts
    }

    func condition(_ index: Int, _ options: ReadingOptions) throws(InputError) -> Recording {
        let channelCount = try count("nbchan")
        let samples = try count("pnts")
        let trials = try count("trials")
        guard let frequency = try file.number("\(root)srate") else {
            throw file.error("\(root)srate", found: "nothing", expected: "the sampling frequency in Hz")
        }
        let firstTime = try file.number("\(root)xmin") ?? 0
        let averages = trials > 1 ? 1 : try averageCount(firstTime: firstTime)
        let (names, rows) = try channels(channelCount)
        let epochs = try data(
            channels: channelCount, samples: samples, trials: trials, rows: rows, chosen: members?[index])
        return try within(path) { () throws(InputError) in
            var recording = try Recording(
                epochs: epochs, samplingFrequency: frequency, firstTime: firstTime, averages: averages,
                condition: conditions[index].name,
                sensors: Sensors(names: rows.map { names[$0] }, kinds: rows.map { _ in .eeg }))
            recording.acquisition.notes = notes
            return recording
        }
    }

    private func count(_ field: String) throws(InputError) -> Int {
        guard let value = try file.integer(root + field), value >= 1, value < 1 << 31 else {
            throw file.error(root + field, found: "no count", expected: "a positive whole number")
        }
        return value
    }

    /// Trials in an average; nil where nothing says it.
    ///
    /// - Throws: ``InputError`` when data are continuous.
    private func averageCount(firstTime: Double) throws(InputError) -> Double? {
        let place = "\(root)etc/averages"
        if try file.contains(place), let count = try file.number(place), count > 0, count <= 1e9 { return count }
        var isEpoch = firstTime < 0
        if !isEpoch, try file.contains("\(root)epoch") { isEpoch = try file.structCount("\(root)epoch") > 0 }
        guard isEpoch else {
            throw file.error(
                "\(root)trials", found: "1 that begins at time 0: continuous data",
                expected: "epochs, or their average",
                advice: "cut epochs around the events with pop_epoch and save them; of an average set EEG.etc.averages "
                    + "to the number of trials")
        }
        return nil
    }

    /// Names of all channels, and which of them are EEG.
    private func channels(_ count: Int) throws(InputError) -> (names: [String], rows: [Int]) {
        let place = "\(root)chanlocs"
        var names: [String] = []
        for label in try file.structField(place, "labels") { names.append(try file.text(label)?.trimmed ?? "") }
        guard names.count == count else {
            throw file.error(place, found: "\(names.count) labels", expected: "\(count), one a channel")
        }
        let types = try file.structField(place, "type")
        guard types.isEmpty || types.count == count else {
            throw file.error(place, found: "\(types.count) types", expected: "\(count), one a channel")
        }
        var rows: [Int] = []
        for i in 0..<count {
            let type = types.isEmpty ? "" : try file.textIfAny(types[i]).trimmed.uppercased()
            if type.hasPrefix("MEG") {
                throw file.error(
                    place, found: "channel '\(names[i])' of type '\(type)', whose unit the file does not say",
                    expected: "EEG", advice: "give MEG as FIF or FieldTrip files")
            }
            // Channels without a type are EEG: so EEGLAB treats them.
            if type.isEmpty || type == "EEG" { rows.append(i) }
        }
        guard !rows.isEmpty else {
            throw file.error(place, found: "\(count) channels, none of type EEG", expected: "EEG channels")
        }
        return (names, rows)
    }

    /// The epochs in V: some of them, or all.
    private func data(
        channels: Int, samples: Int, trials: Int, rows: [Int], chosen: [Int]?
    ) throws(InputError) -> [Matrix] {
        let place = "\(root)data"
        if try file.isText(place) {
            let path = try dataFile(named: try file.text(place) ?? "")
            return try Self.read(
                path, channels: channels, samples: samples, trials: trials, rows: rows, chosen: chosen)
        }
        let size = try file.size(of: place) ?? []
        let fits = trials == 1 ? [[channels, samples], [channels, samples, 1]] : [[channels, samples, trials]]
        guard fits.contains(size) || (samples == 1 && trials == 1 && size == [channels, 1]) else {
            throw file.error(
                place, found: sizes(size), expected: sizes([channels, samples, trials]))
        }
        var epochs = [Matrix](
            repeating: Matrix(rows: rows.count, columns: samples), count: chosen?.count ?? trials)
        var places = [Int?](repeating: nil, count: trials)
        for (place, epoch) in (chosen ?? Array(0..<trials)).enumerated() { places[epoch] = place }
        // In the file the last dimension comes first: trials, or samples where there is one trial.
        let isFlat = size.count == 2
        try file.slabs(place) { start, height, elements in
            for k in 0..<height {
                for t in 0..<(isFlat ? 1 : samples) {
                    let first = (isFlat ? k : k * samples + t) * channels
                    let (epoch, sample) = isFlat ? (0, start + k) : (start + k, t)
                    guard let place = places[epoch] else { continue }
                    for (row, channel) in rows.enumerated() {
                        epochs[place][row, sample] = elements[first + channel] * 1e-6
                    }
                }
            }
        }
        return epochs
    }

    /// Path of the file that the data are in. A name counts only within the folder of the dataset: what a file says never
    /// leads elsewhere.
    private func dataFile(named name: String) throws(InputError) -> String {
        let base = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        guard base.hasSuffix(".fdt"), !base.utf8.contains(0) else {
            throw InputError(
                "\(path): EEG.data", found: "'\(base)'",
                expected: "numbers, or the name of a file that ends in .fdt")
        }
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return folder.isEmpty ? (path.hasPrefix("/") ? "/\(base)" : base) : "\(folder)/\(base)"
    }

    /// The epochs in V of a file of 32-bit floats in µV, the channels of a sample side by side.
    ///
    /// - Parameters:
    ///   - path: of the file.
    ///   - channels: number of channels in it.
    ///   - samples: of a trial.
    ///   - trials: number of trials.
    ///   - rows: the channels to keep.
    ///   - chosen: the trials to keep; nil for all.
    private static func read(
        _ path: String, channels: Int, samples: Int, trials: Int, rows: [Int], chosen: [Int]?
    ) throws(InputError) -> [Matrix] {
        let file: InputFile?
        do { file = try InputFile(path) } catch {
            guard error.kind == .emptyFile else {
                throw InputError(
                    path, found: "no such file, or it may not be read", expected: "the data of the dataset",
                    advice: "keep the .fdt file beside the .set file")
            }
            file = nil
        }
        let (epochValues, overflow) = channels.multipliedReportingOverflow(by: samples)
        let (values, overflowAgain) = epochValues.multipliedReportingOverflow(by: trials)
        guard let file, !overflow, !overflowAgain, values < 1 << 56, file.byteCount == 4 * values else {
            throw InputError(
                path, found: "another size than \(channels) × \(samples) × \(trials) 32-bit floats",
                expected: "the data of the dataset", advice: "keep the .fdt file that was saved with the .set file")
        }
        var epochs: [Matrix] = []
        for epoch in chosen ?? Array(0..<trials) {
            guard let bytes = try? file.bytes(4 * epochValues, at: 4 * epochValues * epoch) else {
                throw InputError(path, found: "the file cannot be read to its end", expected: "an intact file")
            }
            epochs.append(
                bytes.withUnsafeBytes { buffer in
                    Matrix(rows: rows.count, columns: samples) { row, t in
                        let word = buffer.loadUnaligned(
                            fromByteOffset: 4 * (t * channels + rows[row]), as: UInt32.self)
                        return Double(Float(bitPattern: UInt32(littleEndian: word))) * 1e-6
                    }
                })
        }
        return epochs
    }
}
