import SourceImaging

/// What the averages, epochs and raw data of a FIF file have in common.
struct FIFMeasurement: Sendable {
    let tree: FIFTree
    /// The block of the measurement info.
    let info: Int
    let channels: FIFChannels
    /// Hz.
    let samplingFrequency: Double
    let projectors: FIFProjectors
    let acquisition: Acquisition

    /// Reads the measurement info; nil where the file has none.
    ///
    /// - Parameter local: a block that may describe channels of its own.
    /// - Throws: ``InputError`` when there is more than one, or it lacks channels or a sampling frequency.
    init?(_ tree: FIFTree, local: Int? = nil) throws(InputError) {
        let infos = tree.blocks(FIFBlockKind.measurementInfo)
        guard let info = infos.first else { return nil }
        guard infos.count == 1 else {
            throw InputError("", found: "\(infos.count) measurements in one file", expected: "one")
        }
        self.tree = tree
        self.info = info
        let ownChannels = local.flatMap { tree.tag(FIFKind.channelInfo, in: $0) == nil ? nil : $0 }
        channels = try FIFChannels(tree, block: ownChannels ?? info, bad: info)
        var frequency = try tree.number(FIFKind.samplingFrequency, in: info)
        if let ownChannels, let own = try tree.number(FIFKind.samplingFrequency, in: ownChannels) { frequency = own }
        guard let frequency else { throw tree.missing(FIFKind.samplingFrequency, "sampling frequency") }
        samplingFrequency = frequency
        projectors = try FIFProjectors(
            tree, in: info, names: channels.sensors.names, fullNames: channels.fullNames)
        acquisition = try tree.acquisition(of: info)
    }

    /// The rows of MEG and EEG channels in the unit of each, of data that are stored channel by channel.
    ///
    /// - Parameters:
    ///   - numbers: data with all channels, the samples of a channel one after the other.
    ///   - start: place of the first sample of the first channel.
    ///   - samples: samples a channel.
    /// - Throws: ``InputError`` when the file cannot be read.
    func rows(of numbers: FIFNumbers, from start: Int, samples: Int) throws(InputError) -> Matrix {
        var matrix = Matrix(rows: channels.used.count, columns: samples)
        for (row, channel) in channels.used.enumerated() {
            let first = start + channel * samples
            try fill(&matrix, row: row, with: try numbers.read(first..<first + samples))
        }
        return matrix
    }

    /// Sets a row to stored numbers of its channel, calibrated.
    func fill(_ matrix: inout Matrix, row: Int, with values: [Double]) throws(InputError) {
        let factor = try channels.all[channels.used[row]].factor()
        for (t, value) in values.enumerated() { matrix[row, t] = value * factor }
    }
}
