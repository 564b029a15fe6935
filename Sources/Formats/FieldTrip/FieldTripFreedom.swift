import Foundation
import SourceImaging

/// The degrees of freedom of an average, which FieldTrip keeps for every channel and sample: how many trials it averages.
struct FieldTripFreedom {
    /// The fewest from the event on, where all channels that are used have data.
    let least: Double
    /// What is to be said of them; nil where all are the same.
    let note: Message?

    /// Reads `dof`; nil where there is none.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - variable: path of the structure.
    ///   - channels: those that are kept.
    ///   - average: kept channels × samples; values may be NaN.
    ///   - times: of the samples, s.
    /// - Throws: ``InputError`` when it has another shape, or is no number of trials where there are data.
    init?(
        _ file: MATLABFile, _ variable: String, _ channels: FieldTripChannels, average: Matrix, times: [Double]
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
        let whole = (0..<samples).filter { t in used.allSatisfy { average[$0, t].isFinite } }
        let after = whole.filter { times[$0] >= -1e-9 }
        let (span, isAfter) = after.isEmpty ? (whole.isEmpty ? Array(0..<samples) : whole, false) : (after, true)
        var least = Double.infinity
        for t in span {
            for row in used where average[row, t].isFinite {
                let count = trials(row, t)
                guard count > 0, count <= 1e9 else {
                    throw file.error(
                        place, found: "\(count) for channel '\(channels.sensors.names[row])' at sample \(t)",
                        expected: "the number of trials averaged", advice: "correct it or remove the field; save again")
                }
                least = min(least, count)
            }
        }
        guard least.isFinite else { return nil }
        self.least = least
        let all = used.flatMap { row in
            (0..<samples).filter { average[row, $0].isFinite }.map { trials(row, $0) }
        }
        guard let lowest = all.min(), let highest = all.max(), lowest < highest else {
            note = nil
            return
        }
        func short(_ count: Double) -> String { String(format: "%.6g", count) }
        note = """
            averages of '\(variable)' vary from \(short(lowest)) to \(short(highest)) over samples and channels; the \
            smallest\(isAfter ? " from the event on" : "") counts, \(short(least)); where the window has more, give \
            them with \(.averages)
            """
    }
}
