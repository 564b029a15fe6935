import Foundation
import SourceImaging

/// The degrees of freedom of an average, which FieldTrip keeps for every channel and sample: how many trials it averages.
struct FieldTripFreedom {
    /// The fewest where there are data.
    let least: Double
    /// That channels differ by far; nil where they do not.
    let note: Message?
    /// The fewest over channels at each sample, NaN where none has data; nil where all are the same.
    let bySample: [Double]?

    /// Reads `dof`; nil where there is none.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - variable: path of the structure.
    ///   - channels: those that are kept.
    ///   - average: kept channels × samples; values may be NaN.
    /// - Throws: ``InputError`` when it has another shape.
    init?(
        _ file: MATLABFile, _ variable: String, _ channels: FieldTripChannels, average: Matrix
    ) throws(InputError) {
        let place = "\(variable)/dof"
        guard try !file.isEmpty(place) else { return nil }
        let (size, elements) = try file.array(place)
        let (total, samples) = (channels.total, average.columns)
        guard size.count == 2, [1, total].contains(size[0]), [1, samples].contains(size[1]) else {
            throw file.error(
                place, found: sizes(size), expected: "\(total) × \(samples), channels × samples, or one number")
        }
        func trials(_ row: Int, _ sample: Int) -> Double {
            elements[(size[0] == 1 ? 0 : channels.rows[row]) + (size[1] == 1 ? 0 : sample * size[0])]
        }
        // A channel without any data is none that will be used.
        let used = (0..<average.rows).filter { row in (0..<samples).contains { average[row, $0].isFinite } }
        var (bySample, widest) = ([Double](repeating: .nan, count: samples), 1.0)
        for t in 0..<samples {
            let counts = used.filter { average[$0, t].isFinite }.map { trials($0, t) }
            // Where it is nothing for data that there are, it tells nothing.
            guard counts.allSatisfy({ $0 > 0 && $0 <= 1e9 }) else { return nil }
            guard let fewest = counts.min(), let most = counts.max() else { continue }
            bySample[t] = fewest
            widest = max(widest, most / fewest)
        }
        let known = bySample.filter { !$0.isNaN }
        guard let least = known.min(), let most = known.max() else { return nil }
        self.least = least
        self.bySample = least < most ? bySample : nil
        note =
            widest > 1.5
            ? "dof of '\(variable)' differs between channels, up to \(String(format: "%.3g", widest)) times: the fewest trials count"
            : nil
    }
}
