import Foundation

/// The files of one localization.
public struct LocalizationFiles: Sendable {
    /// Path of the forward model.
    public let forward: String
    /// Path of the recording.
    public let recording: String
    /// Path of the noise covariance of one epoch; nil estimates the noise from the recording.
    public let covariance: String?
    /// What to read of them.
    public let options: ReadingOptions

    /// Files by their paths, of any format that the program knows.
    public init(
        forward: String, recording: String, covariance: String? = nil, options: ReadingOptions = ReadingOptions()
    ) {
        self.options = options
        self.forward = forward
        self.recording = recording
        self.covariance = covariance
    }

    /// Files in any order, told by what they hold.
    ///
    /// - Throws: ``InputError`` naming what none of them holds (a recording, a forward model), or two do.
    public init(_ paths: [String], options: ReadingOptions = ReadingOptions()) throws(InputError) {
        var holders: [FileContent: [(path: String, isAlone: Bool)]] = [:]
        for path in paths {
            let contents = try FileFormats.open(path).contents
            for content in contents { holders[content, default: []].append((path, contents.count == 1)) }
        }
        // A file of one thing is given for it; one of several gives what no other does.
        var found: [FileContent: String] = [:]
        for content in FileContent.allCases {
            guard let all = holders[content] else { continue }
            let alone = all.filter(\.isAlone)
            let meant = alone.isEmpty ? all : alone
            guard meant.count == 1 || ![.recording, .forward, .covariance].contains(content) else {
                throw InputError(
                    meant.map(\.path).joined(separator: ", "), found: "\(meant.count) files with a \(content.rawValue)",
                    expected: "one")
            }
            found[content] = meant[0].path
        }
        guard let recording = found[.recording], let forward = found[.forward] else {
            throw InputError(
                paths.joined(separator: ", "),
                found: "no \(found[.recording] == nil ? "recording" : "forward model") in any of them",
                expected: "a recording and a forward model, and a noise covariance where there is one")
        }
        self.init(forward: forward, recording: recording, covariance: found[.covariance], options: options)
    }

    /// What the files hold.
    public struct Contents: Sendable {
        /// The forward model.
        public let forward: Forward
        /// The recording.
        public let recording: Recording
        /// The noise covariance, where there is one.
        public let covariance: NoiseCovariance?
    }

    /// Reads the files; a recording that holds the covariance, too, is opened once.
    ///
    /// - Parameter known: the forward model, where it is at hand: its file is then not read.
    /// - Throws: ``InputError`` naming the file and what is wrong with it.
    /// - Complexity: memory of the gain in double precision.
    public func read(forward known: Forward? = nil) throws(InputError) -> Contents {
        // The small files first: a mistake in them is told before the large one is read.
        let reader = try FileFormats.open(recording)
        let recording = try reader.recording(options)
        var noise: NoiseCovariance?
        if let covariance {
            var options = options
            options.sensors = recording.sensors
            noise = try (covariance == self.recording ? reader : FileFormats.open(covariance)).covariance(options)
        }
        let forward = if let known { known } else { try FileFormats.open(forward).forward(options) }
        return Contents(forward: forward, recording: recording, covariance: noise)
    }
}

extension OutputFolder {
    /// Adds all that a localization writes: `estimate.h5`, two tables and four figures; where sources have regions, a table
    /// of these; where the choice was repeated, a table and a figure more.
    ///
    /// - Parameters:
    ///   - estimate: the result.
    ///   - candidates: all candidate sources, for the outline of the brain and the table of regions.
    ///   - file: the bytes of `estimate.h5`, where they are at hand.
    ///   - timing: whether tables and the file tell seconds; without them the same estimate gives the same bytes.
    /// - Throws: ``InputError`` when the estimate cannot be encoded.
    public mutating func add(
        _ estimate: Estimate, candidates: SourceSpace, file: [UInt8]? = nil, timing: Bool = true
    ) throws(InputError) {
        let bytes =
            if let file { file } else {
                try EstimateFile.encode(estimate, programVersion: fociVersion, timing: timing)
            }
        try add("estimate.h5", bytes: bytes)
        try add("sources.tsv", text: SourceTable.tsv(estimate))
        if estimate.sources.contains(where: { $0.region != nil }) {
            try add("regions.tsv", text: RegionTable.tsv(estimate, candidates: candidates))
        }
        try add("selection.tsv", text: SelectionTable.tsv(estimate.selection, timing: timing))
        try add("sensors.svg", text: ButterflyFigure.svg(estimate))
        try add("timecourses.svg", text: TimeCourseFigure.svg(estimate))
        try add("selection.svg", text: SelectionFigure.svg(estimate))
        try add("sources.svg", text: GlassBrainFigure.svg(estimate, candidates: candidates.positions))
        if let spectrograms = SpectrogramFigure.svg(estimate) { try add("spectrograms.svg", text: spectrograms) }
        if let stability = estimate.stability {
            try add("stability.tsv", text: StabilityTable.tsv(estimate, stability))
            try add("stability.svg", text: StabilityFigure.svg(estimate, stability))
        }
    }

    /// Adds the noise covariance of one epoch that a localization reckoned with, as `noise.h5`; with it in place of
    /// what it was estimated from, the same sources are found at the same λ.
    ///
    /// - Throws: ``InputError`` where nothing says of how many epochs the noise was.
    public mutating func addNoise(of estimate: Estimate) throws(InputError) {
        guard let data = estimate.sensorData, let noise = data.noise else {
            throw InputError(
                "noise.h5", found: "noise of an average of nobody knows how many trials",
                expected: "their number, to tell the noise of one", advice: "give it with \(.averages)")
        }
        let covariance = try NoiseCovariance(matrix: noise, samples: 0, sensors: data.sensors)
        try add("noise.h5", bytes: CovarianceFile.encode(covariance))
    }
}
