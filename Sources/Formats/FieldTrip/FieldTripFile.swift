import SourceImaging

/// Structures of FieldTrip in a MATLAB 7.3 file: averages and trials (`ft_timelockanalysis`), their covariance, and
/// lead fields (`ft_prepare_leadfield`).
///
/// Each variable of the file that is such a structure counts; the variables with data are the conditions. FieldTrip has
/// no units of its own: a channel's is what `chanunit` says, of the structure or of its `grad`, `elec` or `hdr`. Where
/// nothing says it, reading ends with a line that says what to add.
struct FieldTripFile: FormatReader {
    static let formatName = "FieldTrip (MATLAB 7.3)"

    let file: MATLABFile
    /// Variables with an average or trials.
    let timelocks: [String]
    /// Variables with a covariance.
    let covariances: [String]
    /// Variables with lead fields.
    let leadfields: [String]

    var path: String { file.path }
    var conditions: [Condition] { timelocks.map { Condition($0) } }

    var contents: [FileContent] {
        (leadfields.isEmpty ? [] : [.forward]) + (timelocks.isEmpty ? [] : [.recording])
            + (covariances.isEmpty ? [] : [.covariance])
    }

    static func open(_ candidate: FileCandidate) throws(InputError) -> FieldTripFile? {
        guard let file = try MATLABFile(candidate) else { return nil }
        var (timelocks, covariances, leadfields) = ([String](), [String](), [String]())
        for variable in file.variables where try file.isStruct(variable) {
            let fields = Set(try file.fields(of: variable))
            if fields.isSuperset(of: ["leadfield", "pos"]) { leadfields.append(variable) }
            guard fields.contains("label") else { continue }
            let hasData = fields.contains("avg") || fields.contains("trial")
            if hasData, fields.contains("time") { timelocks.append(variable) }
            if fields.contains("cov") { covariances.append(variable) }
        }
        guard !(timelocks.isEmpty && covariances.isEmpty && leadfields.isEmpty) else { return nil }
        return FieldTripFile(file: file, timelocks: timelocks, covariances: covariances, leadfields: leadfields)
    }

    func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact] {
        var facts: [FileFact] = []
        for variable in leadfields {
            if let system = try coordinateSystem(variable) { facts.append("coordinates of \(variable)", system) }
            if let unit = try file.text("\(variable)/unit") { facts.append("positions of \(variable)", "in \(unit)") }
        }
        return facts
    }

    // MARK: Data

    func condition(_ index: Int, _ options: ReadingOptions) throws(InputError) -> Recording {
        let variable = timelocks[index]
        let channels = try FieldTripChannels(file, variable)
        let times = try file.numbers("\(variable)/time")
        let frequency = try samplingFrequency(times, variable)
        try checkDimensions(variable)
        let epochs: [Matrix]
        let averages: Double?
        if try file.contains("\(variable)/trial") {
            epochs = try trials(variable, channels, samples: times.count)
            averages = 1
        } else {
            let average = try file.matrix("\(variable)/avg")
            guard average.rows == channels.total, average.columns == times.count else {
                throw file.error(
                    "\(variable)/avg", found: "\(average.rows) × \(average.columns)",
                    expected: "\(channels.total) × \(times.count), channels × samples")
            }
            epochs = [channels.scaled(average)]
            averages = try averageCount(variable)
        }
        return try within(path) { () throws(InputError) in
            try Recording(
                epochs: epochs, samplingFrequency: frequency, firstTime: times[0], averages: averages,
                condition: variable, sensors: channels.sensors)
        }
    }

    /// Throws unless `dimord`, where it is there, is that of averages or trials.
    private func checkDimensions(_ variable: String) throws(InputError) {
        guard let order = try file.text("\(variable)/dimord"), !order.isEmpty else { return }
        let known = ["chan_time", "rpt_chan_time", "subj_chan_time"]
        guard known.contains(order.trimmed) else {
            throw file.error(
                "\(variable)/dimord", found: "'\(order)'", expected: "'chan_time' or 'rpt_chan_time'",
                advice: "make it with ft_timelockanalysis")
        }
    }

    /// Single trials, stored repetitions × channels × samples.
    private func trials(
        _ variable: String, _ channels: FieldTripChannels, samples: Int
    ) throws(InputError) -> [Matrix] {
        let place = "\(variable)/trial"
        guard try file.className(of: place) != "cell" else {
            throw file.error(
                place, found: "raw data (a cell array of trials)", expected: "trials of one length",
                advice: "call ft_timelockanalysis with cfg.keeptrials = 'yes' and save its result")
        }
        let size = try file.size(of: place) ?? []
        // MATLAB drops dimensions of size 1 at the end.
        let full = size + [Int](repeating: 1, count: max(0, 3 - size.count))
        guard full.count == 3, full[1] == channels.total, full[2] == samples else {
            throw file.error(
                place, found: sizes(size), expected: "trials × \(channels.total) × \(samples)")
        }
        let count = full[0]
        var epochs = [Matrix](repeating: Matrix(rows: channels.rows.count, columns: samples), count: count)
        // In the file the order is samples, channels, repetitions, the last running fastest.
        try file.slabs(place) { start, height, elements in
            for t in 0..<height {
                for (row, channel) in channels.rows.enumerated() {
                    let first = (t * channels.total + channel) * count
                    for e in 0..<count { epochs[e][row, start + t] = elements[first + e] * channels.factors[row] }
                }
            }
        }
        return epochs
    }

    /// Trials in the average: the degrees of freedom, which FieldTrip keeps for every channel and sample.
    private func averageCount(_ variable: String) throws(InputError) -> Double? {
        let place = "\(variable)/dof"
        guard try !file.isEmpty(place), let most = try file.array(place).elements.max() else {
            throw file.error(
                place, found: "nothing that tells how many trials were averaged", expected: "the number of trials",
                advice: "set \(variable).dof to it and save again")
        }
        guard let count = Int(exactly: most.rounded()), count >= 1, count <= 1_000_000_000 else {
            throw file.error(place, found: "\(most)", expected: "the number of trials")
        }
        return Double(count)
    }

    /// Hz, of evenly spaced times.
    private func samplingFrequency(_ times: [Double], _ variable: String) throws(InputError) -> Double {
        guard let first = times.first, let last = times.last, times.count > 1, last > first else {
            throw file.error("\(variable)/time", found: "\(times.count) times", expected: "at least two, ascending")
        }
        let step = (last - first) / Double(times.count - 1)
        for (sample, time) in times.enumerated() {
            // NaN must fail too.
            guard abs(time - first - Double(sample) * step) <= 0.01 * step else {
                throw file.error(
                    "\(variable)/time", found: "uneven steps at sample \(sample)", expected: "evenly spaced times")
            }
        }
        return 1 / step
    }

    // MARK: Covariance

    func covariance(_ options: ReadingOptions) throws(InputError) -> NoiseCovariance {
        guard let only = covariances.first else { throw lacks(.covariance) }
        var variable = only
        if covariances.count > 1 {
            guard options.conditions.count == 1, let wanted = options.conditions.first, covariances.contains(wanted) else {
                throw InputError(
                    path, found: "covariances of \(covariances.map { "'\($0)'" }.joined(separator: ", "))",
                    expected: "one", advice: "save the one of the noise in a file of its own")
            }
            variable = wanted
        }
        let channels = try FieldTripChannels(file, variable)
        let place = "\(variable)/cov"
        let (size, elements) = try file.array(place)
        let count = channels.total
        let matrix: Matrix
        if size == [count, count] {
            matrix = Matrix(rows: count, columns: count, elements: elements)
        } else if size.count == 3, size[1] == count, size[2] == count, size[0] > 0 {
            // One a trial: their mean is that of one epoch.
            let trials = size[0]
            matrix = Matrix(rows: count, columns: count) { i, j in
                let first = (j * count + i) * trials
                return elements[first..<(first + trials)].reduce(0, +) / Double(trials)
            }
        } else {
            throw file.error(place, found: sizes(size), expected: "\(count) × \(count), channels × channels")
        }
        let rows = channels.rows
        let scaled = Matrix(rows: rows.count, columns: rows.count) { i, j in
            matrix[rows[i], rows[j]] * channels.factors[i] * channels.factors[j]
        }
        return try within(path) { () throws(InputError) in
            try NoiseCovariance(matrix: scaled, samples: 0, sensors: channels.sensors)
        }
    }
}
