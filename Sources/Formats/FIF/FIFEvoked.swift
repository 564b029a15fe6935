import SourceImaging

/// The averages of a FIF file.
struct FIFEvoked: Sendable {
    /// Blocks of averages, in the order of the file.
    let blocks: [Int]
    /// Name of each, and how many trials; what is not an average says so behind its name.
    let conditions: [Condition]

    private let tree: FIFTree

    /// Finds the averages of a file.
    ///
    /// - Throws: ``InputError`` when a comment or the kind of an average is damaged.
    init(_ tree: FIFTree) throws(InputError) {
        self.tree = tree
        blocks = tree.blocks(FIFBlockKind.evoked)
        var conditions: [Condition] = []
        for block in blocks {
            let aspect = Self.aspect(tree, block)
            var name = try tree.string(FIFKind.comment, in: block)
            if let aspect, let own = try tree.string(FIFKind.comment, in: aspect) { name = own }
            let kind = try aspect.flatMap { block throws(InputError) in try tree.integer(FIFKind.aspectKind, in: block)
            }
            let trials = try aspect.flatMap { block throws(InputError) in try tree.integer(FIFKind.averages, in: block)
            }
            conditions.append(
                Condition(
                    (name ?? "") + (Self.isAverage(kind) ? "" : " (\(Self.name(ofAspect: kind)))"),
                    amount: trials.map { "\($0) averages" } ?? ""))
        }
        self.conditions = conditions
    }

    /// Reads one average.
    ///
    /// - Throws: ``InputError`` when it is not an average, or its parts disagree.
    func read(_ index: Int) throws(InputError) -> Recording {
        let block = blocks[index]
        guard let measurement = try FIFMeasurement(tree, local: block) else {
            throw InputError("measurement info", found: "not in the file", expected: "a file as MNE or MEGIN write it")
        }
        guard let aspect = Self.aspect(tree, block) else {
            let isShielded = !tree.blocks(FIFBlockKind.shieldedAspect, in: block).isEmpty
            throw InputError(
                "average \(index)", found: isShielded ? "data with internal active shielding" : "no data",
                expected: "averaged data", advice: isShielded ? "process the file with MaxFilter first" : "")
        }
        let kind = try tree.integer(FIFKind.aspectKind, in: aspect)
        guard Self.isAverage(kind) else {
            throw InputError(
                "condition \(index) '\(conditions[index].name)'", found: Self.name(ofAspect: kind),
                expected: "an average",
                advice: "choose another with \(.condition)")
        }
        // MNE writes whole numbers: what is below 1, of a difference of few epochs, becomes 0.
        let averages = try tree.integer(FIFKind.averages, in: aspect).flatMap { $0 > 0 ? Double($0) : nil }
        let data = try data(in: aspect, measurement)
        let firstTime = try self.firstTime(block, data.columns, measurement.samplingFrequency)
        var recording = try Recording(
            epochs: [data], samplingFrequency: measurement.samplingFrequency, firstTime: firstTime,
            averages: averages, condition: conditions[index].name, isProjected: measurement.projectors.isApplied,
            sensors: measurement.channels.sensors, projectors: measurement.projectors.matrix)
        recording.acquisition = measurement.acquisition
        return recording
    }

    /// The time of the first sample; its number of samples is compared with the data.
    private func firstTime(_ block: Int, _ samples: Int, _ frequency: Double) throws(InputError) -> Double {
        let first = try tree.integer(FIFKind.firstSample, in: block)
        let time = try tree.number(FIFKind.firstTime, in: block)
        var expected = try tree.integer(FIFKind.sampleCount, in: block)
        let firstTime: Double
        if let time, expected != nil {
            firstTime = time
        } else if let first, let last = try tree.integer(FIFKind.lastSample, in: block) {
            expected = last - first + 1
            firstTime = Double(first) / frequency
        } else {
            throw tree.missing(FIFKind.firstTime, "time of the first sample")
        }
        guard samples == expected else {
            throw InputError(
                "averaged data", found: "\(samples) samples", expected: "\(expected ?? 0), as the file says")
        }
        return firstTime
    }

    /// One matrix of all channels, or, in files of old programs, a list of samples a channel.
    private func data(in aspect: Int, _ measurement: FIFMeasurement) throws(InputError) -> Matrix {
        let tags = tree.blocks[aspect].tags.filter { $0.kind == FIFKind.epoch }
        let count = measurement.channels.all.count
        if tags.count == 1 {
            let numbers = try tree.numbers(tags[0])
            let shape = numbers.shape
            let isRow = count == 1 && shape.count == 2 && shape[1] == 1
            guard shape.count == 2, shape[0] == count || isRow else {
                throw InputError(
                    tree.place(tags[0]), found: "data of \(sizes(shape)) numbers",
                    expected: "\(count) rows, one a channel")
            }
            return try measurement.rows(of: numbers, from: 0, samples: isRow ? shape[0] : shape[1])
        }
        guard tags.count == count else {
            throw InputError(
                "averaged data", found: "\(tags.count) pieces", expected: "one, or \(count), one a channel")
        }
        let samples = try tree.numbers(tags[measurement.channels.used[0]]).count
        var matrix = Matrix(rows: measurement.channels.used.count, columns: samples)
        for (row, channel) in measurement.channels.used.enumerated() {
            let numbers = try tree.numbers(tags[channel])
            guard numbers.count == samples else {
                throw InputError(
                    tree.place(tags[channel]), found: "\(numbers.count) samples",
                    expected: "\(samples) as in the other channels")
            }
            try measurement.fill(&matrix, row: row, with: try numbers.read())
        }
        return matrix
    }

    /// The block that holds the data of an average; the first where there are several.
    private static func aspect(_ tree: FIFTree, _ block: Int) -> Int? {
        tree.blocks(FIFBlockKind.aspect, in: block).first
    }

    /// Averages, single epochs and averages of a part of the epochs are recordings of an event.
    private static func isAverage(_ kind: Int?) -> Bool { kind == 100 || kind == 102 || kind == 103 }

    private static func name(ofAspect kind: Int?) -> String {
        switch kind {
        case 101: "standard error"
        case 104: "alternating average"
        case 105: "sample"
        case 106: "power spectrum"
        case 200: "dipole waveform"
        case let kind?: "kind \(kind)"
        case nil: "of no kind"
        }
    }
}
