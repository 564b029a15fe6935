import SourceImaging

extension FieldTripFile {
    func condition(_ index: Int, _ options: ReadingOptions) throws(InputError) -> Recording {
        let variable = parts[index].variable
        let times = try file.numbers("\(variable)/time")
        let frequency = try samplingFrequency(times, variable)
        try checkDimensions(variable)
        let channels = try dataChannels(variable)
        let epochs: [Matrix]
        var averages: Double? = 1
        var freedom: FieldTripFreedom?
        if try file.contains("\(variable)/trial") {
            epochs = try trials(variable, channels, samples: times.count, chosen: parts[index].trials)
        } else {
            let average = try file.matrix("\(variable)/avg")
            guard average.rows == channels.total, average.columns == times.count else {
                throw file.error(
                    "\(variable)/avg", found: "\(average.rows) × \(average.columns)",
                    expected: "\(channels.total) × \(times.count), channels × samples")
            }
            epochs = [channels.scaled(average)]
            freedom = try FieldTripFreedom(file, variable, channels, average: epochs[0])
            averages = freedom?.least
        }
        return try within(path) { () throws(InputError) in
            var recording = try Recording(
                epochs: epochs, samplingFrequency: frequency, firstTime: times[0], averages: averages,
                condition: parts[index].condition.name, sensors: channels.sensors)
            recording.acquisition.notes = channels.notes + [parts[index].note, freedom?.note].compactMap(\.self)
            recording.acquisition.sensorFrame = try sensorFrame(variable)
            recording.acquisition.averagesBySample = freedom?.bySample
            return recording
        }
    }

    /// The channels of data, with units as stated, or as sizes of data and covariance tell them.
    func dataChannels(_ variable: String) throws(InputError) -> FieldTripChannels {
        try FieldTripChannels(
            file, variable,
            .sizes { count throws(InputError) in
                [try covarianceSizes(variable, channels: count), try dataSizes(variable, channels: count)]
                    .compactMap(\.self)
            })
    }

    private func covarianceSizes(_ variable: String, channels: Int) throws(InputError) -> FieldTripSizes? {
        let place = "\(variable)/cov"
        guard try !file.isEmpty(place) else { return nil }
        let (matrix, _) = try epochCovariance(variable, channels: channels)
        return FieldTripSizes(place: place, deviations: (0..<matrix.rows).map { matrix[$0, $0].squareRoot() })
    }

    /// Standard deviations over samples and trials; nil where there are no data.
    private func dataSizes(_ variable: String, channels total: Int) throws(InputError) -> FieldTripSizes? {
        let isTrials = try file.contains("\(variable)/trial")
        let place = variable + (isTrials ? "/trial" : "/avg")
        guard try !file.isEmpty(place), let size = try file.size(of: place) else { return nil }
        let trials = isTrials ? size[0] : 1
        guard size.count == (isTrials ? 3 : 2), size[isTrials ? 1 : 0] == total else {
            throw file.error(
                place, found: sizes(size), expected: (isTrials ? "trials × " : "") + "\(total) channels × samples")
        }
        var (counts, sums, squares) = (
            [Double](repeating: 0, count: total), [Double](repeating: 0, count: total),
            [Double](repeating: 0, count: total)
        )
        try file.slabs(place) { _, height, elements in
            for t in 0..<height {
                for channel in 0..<total {
                    let first = (t * total + channel) * trials
                    for value in elements[first..<(first + trials)] where value.isFinite {
                        counts[channel] += 1
                        sums[channel] += value
                        squares[channel] += value * value
                    }
                }
            }
        }
        let deviations = (0..<total).map { channel in
            let mean = sums[channel] / counts[channel]
            return max(0, squares[channel] / counts[channel] - mean * mean).squareRoot()
        }
        return FieldTripSizes(place: place, deviations: deviations)
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

    /// Single trials, stored repetitions × channels × samples: some of them, or all.
    private func trials(
        _ variable: String, _ channels: FieldTripChannels, samples: Int, chosen: [Int]?
    ) throws(InputError) -> [Matrix] {
        let place = "\(variable)/trial"
        let size = try file.size(of: place) ?? []
        // MATLAB drops dimensions of size 1 at the end.
        let full = size + [Int](repeating: 1, count: max(0, 3 - size.count))
        guard full.count == 3, full[1] == channels.total, full[2] == samples else {
            throw file.error(
                place, found: sizes(size), expected: "trials × \(channels.total) × \(samples)")
        }
        let count = full[0]
        let chosen = chosen ?? Array(0..<count)
        var epochs = [Matrix](repeating: Matrix(rows: channels.rows.count, columns: samples), count: chosen.count)
        // In the file the order is samples, channels, repetitions, the last running fastest.
        try file.slabs(place) { start, height, elements in
            for t in 0..<height {
                for (row, channel) in channels.rows.enumerated() {
                    let first = (t * channels.total + channel) * count
                    for (e, trial) in chosen.enumerated() {
                        epochs[e][row, start + t] = elements[first + trial] * channels.factors[row]
                    }
                }
            }
        }
        return epochs
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
}
