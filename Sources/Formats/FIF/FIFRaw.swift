import SourceImaging

/// The continuous data of a FIF file: buffers of samples of all channels, with gaps where the recording paused.
///
/// Samples are numbered as events number them: from the start of the measurement, which the file may not begin with.
struct FIFRaw: Sendable {
    /// A piece of data without a gap.
    private struct Buffer {
        let range: Range<Int>
        let tag: FIFTag
    }

    let measurement: FIFMeasurement
    /// Samples from the first to the last, gaps among them.
    let range: Range<Int>
    /// Stretches that somebody marked bad, s from sample 0.
    let badSpans: [(start: Double, end: Double)]

    private let tree: FIFTree
    private let buffers: [Buffer]

    /// No recording goes on for more samples than this.
    private static let mostSamples = 1 << 40

    /// The block of continuous data; nil where the file has none.
    static func block(_ tree: FIFTree) -> Int? {
        for kind in [FIFBlockKind.rawData, FIFBlockKind.continuousData, FIFBlockKind.shieldedRawData] {
            if let block = tree.blocks(kind).first { return block }
        }
        return nil
    }

    /// Finds the buffers of a file, without reading them.
    ///
    /// - Throws: ``InputError`` when there is none, or one does not hold whole samples of all channels.
    init(_ tree: FIFTree) throws(InputError) {
        guard let measurement = try FIFMeasurement(tree), let block = Self.block(tree) else {
            throw InputError("measurement info", found: "not in the file", expected: "a file as MNE or MEGIN write it")
        }
        let channels = measurement.channels.all.count
        var (position, pause) = (try tree.integer(FIFKind.firstSample, in: block) ?? 0, 0)
        var buffers: [Buffer] = []
        for tag in tree.blocks[block].tags where [FIFKind.dataBuffer, FIFKind.dataSkip].contains(tag.kind) {
            let numbers = try tree.numbers(tag)
            guard tag.kind == FIFKind.dataBuffer else {
                guard numbers.count == 1, let skipped = Int(exactly: try numbers.read()[0]), skipped >= 0 else {
                    throw InputError(tree.place(tag), found: "a gap of no length", expected: "a number of buffers")
                }
                pause = skipped
                continue
            }
            let (count, rest) = numbers.count.quotientAndRemainder(dividingBy: channels)
            // A gap is as many buffers long, each like the one behind it.
            let (gap, overflow) = pause.multipliedReportingOverflow(by: count)
            guard rest == 0, !overflow, abs(position) < Self.mostSamples, gap < Self.mostSamples else {
                throw InputError(
                    tree.place(tag), found: "\(numbers.count) numbers behind sample \(position) and a gap of \(pause)",
                    expected: "whole samples of \(channels) channels", advice: "copy or make the file again")
            }
            pause = 0
            position += gap + count
            if count > 0 { buffers.append(Buffer(range: position - count..<position, tag: tag)) }
        }
        guard let first = buffers.first else { throw tree.missing(FIFKind.dataBuffer, "raw data") }
        self.tree = tree
        self.measurement = measurement
        self.buffers = buffers
        range = first.range.lowerBound..<position
        badSpans = try Self.badSpans(tree)
    }

    /// The stretches that MNE-Python's annotations mark: those whose description begins with `bad`.
    private static func badSpans(_ tree: FIFTree) throws(InputError) -> [(start: Double, end: Double)] {
        guard let block = tree.blocks(FIFBlockKind.annotations).first,
            let starts = try tree.tag(FIFKind.annotationStarts, in: block).map({ tag throws(InputError) in
                try tree.numbers(tag).read()
            }),
            let ends = try tree.tag(FIFKind.annotationEnds, in: block).map({ tag throws(InputError) in
                try tree.numbers(tag).read()
            })
        else { return [] }
        let names = try tree.names(FIFKind.comment, in: block)
        guard starts.count == names.count, ends.count == names.count else {
            throw InputError(
                "annotations", found: "\(starts.count) starts, \(ends.count) ends, \(names.count) descriptions",
                expected: "one of each an annotation")
        }
        return names.indices.filter { names[$0].lowercased().hasPrefix("bad") }.map { (starts[$0], ends[$0]) }
    }

    /// Names of the channels that triggers are recorded on.
    var triggerChannels: [String] { measurement.channels.all.filter { $0.kind == 3 }.map(\.name) }

    /// Duration of the recording, gaps among it, s.
    var duration: Double { Double(range.count) / measurement.samplingFrequency }

    /// Samples that were recorded, without gaps.
    var recordedCount: Int { buffers.reduce(0) { $0 + $1.range.count } }

    // MARK: Reading

    /// The buffers that hold some samples; nil where not all of these were recorded.
    private func holders(of samples: Range<Int>) -> ArraySlice<Buffer>? {
        var (low, high) = (0, buffers.count)
        while low < high {
            let middle = (low + high) / 2
            if buffers[middle].range.upperBound <= samples.lowerBound { low = middle + 1 } else { high = middle }
        }
        var (end, reached) = (low, samples.lowerBound)
        while reached < samples.upperBound {
            guard end < buffers.count, buffers[end].range.contains(reached) else { return nil }
            reached = buffers[end].range.upperBound
            end += 1
        }
        return buffers[low..<end]
    }

    /// Whether all of some samples were recorded.
    func holds(_ samples: Range<Int>) -> Bool { holders(of: samples) != nil }

    /// MEG and EEG channels × samples in the unit of each.
    ///
    /// - Parameter samples: ``holds(_:)`` of them.
    /// - Throws: ``InputError`` when the file cannot be read or a calibration is no factor.
    func read(_ samples: Range<Int>) throws(InputError) -> Matrix {
        let channels = measurement.channels
        var factors: [Double] = []
        for channel in channels.used {
            factors.append(try channels.all[channel].factor(times: channels.all[channel].range))
        }
        var matrix = Matrix(rows: factors.count, columns: samples.count)
        for buffer in holders(of: samples) ?? [] {
            let part = samples.clamped(to: buffer.range)
            let values = try numbers(buffer, part)
            let column = part.lowerBound - samples.lowerBound
            for t in 0..<part.count {
                for (row, channel) in channels.used.enumerated() {
                    matrix[row, column + t] = values[t * channels.all.count + channel] * factors[row]
                }
            }
        }
        return matrix
    }

    /// Visits the samples of one channel in order; a gap is one visit with 0, which MNE-Python has in all of it.
    ///
    /// - Parameters:
    ///   - channel: its place among all channels.
    ///   - visit: takes the number of a sample and its value in the unit of the channel.
    /// - Throws: ``InputError`` when the file cannot be read, and what `visit` throws.
    func visit(
        channel: Int, _ visit: (_ sample: Int, _ value: Double) throws(InputError) -> Void
    ) throws(InputError) {
        let all = measurement.channels.all
        let factor = try all[channel].factor(times: all[channel].range)
        let piece = max(1, (1 << 17) / all.count)
        var reached = range.lowerBound
        for buffer in buffers {
            if reached < buffer.range.lowerBound { try visit(reached, 0) }
            reached = buffer.range.upperBound
            for start in stride(from: buffer.range.lowerBound, to: reached, by: piece) {
                let values = try numbers(buffer, start..<min(start + piece, reached))
                for (t, place) in stride(from: channel, to: values.count, by: all.count).enumerated() {
                    try visit(start + t, values[place] * factor)
                }
            }
        }
    }

    /// Stored numbers of some samples of a buffer, those of a sample one after the other.
    private func numbers(_ buffer: Buffer, _ samples: Range<Int>) throws(InputError) -> [Double] {
        let (channels, first) = (measurement.channels.all.count, buffer.range.lowerBound)
        return try tree.numbers(buffer.tag).read(
            (samples.lowerBound - first) * channels..<(samples.upperBound - first) * channels)
    }
}
