import Foundation

/// How well an estimate found the sources that were simulated.
///
/// Found and true sources are paired one to one, never further apart than a radius: as many pairs as possible, and among
/// all ways to make that many the one with the smallest sum of distances (Kuhn 1955, Munkres 1957).
public struct Comparison: Sendable, Equatable, Codable {
    /// A true source and the found source that stands for it.
    public struct Match: Sendable, Equatable, Codable {
        /// Number of the true source, from 0, in the order of the truth.
        public let trueSource: Int
        /// Number of the found source, from 0, in the order of the estimate.
        public let foundSource: Int
        /// Where the true source is, mm.
        public let truePosition: SIMD3<Double>
        /// Where the found source is, mm.
        public let foundPosition: SIMD3<Double>
        /// Distance between the two, mm.
        public let error: Double
        /// Pearson correlation of the two waveforms at the estimate's times, −1…1, the found dipole projected on the
        /// true direction; nil when one of them is constant or the estimate does not give the directions it needs.
        public let correlation: Double?

        private enum CodingKeys: String, CodingKey {
            case trueSource = "true_source"
            case foundSource = "found_source"
            case truePosition = "true_position_mm"
            case foundPosition = "found_position_mm"
            case error = "error_mm"
            case correlation = "waveform_correlation"
        }
    }

    /// A source without partner.
    public struct Unmatched: Sendable, Equatable, Codable {
        /// Its number, from 0: in the truth for a missed source, in the estimate for a false one.
        public let source: Int
        /// Where it is, mm.
        public let position: SIMD3<Double>
        /// Distance to the nearest source of the other side, paired or not, mm; nil when there is none.
        public let nearest: Double?

        private enum CodingKeys: String, CodingKey {
            case source
            case position = "position_mm"
            case nearest = "nearest_mm"
        }
    }

    /// Largest distance at which a true source counts as found, mm.
    public let radius: Double
    /// Pairs, in the order of the truth.
    public let matches: [Match]
    /// True sources that were not found, in the order of the truth.
    public let missedSources: [Unmatched]
    /// Found sources that are not true, in the order of the estimate.
    public let falseSources: [Unmatched]
    /// Number of true sources that were found.
    public let foundCount: Int
    /// Number of true sources that were not found.
    public let missedCount: Int
    /// Number of found sources that are not true.
    public let falseCount: Int
    /// Mean localization error of the pairs, mm; nil without pairs.
    public let meanError: Double?
    /// Median localization error of the pairs, mm; nil without pairs.
    public let medianError: Double?
    /// Largest localization error of the pairs, mm; nil without pairs.
    public let maximumError: Double?
    /// Part of the found sources that are true; nil when nothing was found.
    public let precision: Double?
    /// Part of the true sources that were found; nil when there are none.
    public let recall: Double?
    /// Harmonic mean of precision and recall, 2·pairs/(found + true); nil when nothing was found and nothing is true.
    public let f1: Double?
    /// Mean correlation of waveforms over the pairs that have one; nil when none has.
    public let meanCorrelation: Double?

    private enum CodingKeys: String, CodingKey {
        case radius = "radius_mm"
        case matches
        case missedSources = "missed_sources"
        case falseSources = "false_sources"
        case foundCount = "found"
        case missedCount = "missed"
        case falseCount = "false"
        case meanError = "mean_error_mm"
        case medianError = "median_error_mm"
        case maximumError = "max_error_mm"
        case precision
        case recall
        case f1
        case meanCorrelation = "mean_waveform_correlation"
    }

    /// Compares an estimate with the truth.
    ///
    /// - Parameter radius: largest distance at which a true source counts as found, m.
    /// - Throws: ``InputError`` as ``init(found:times:frame:truth:radius:)``.
    public init(_ estimate: Estimate, truth: Truth, radius: Double = 0.015) throws(InputError) {
        try self.init(
            found: estimate.sources, times: estimate.times, frame: estimate.frame, truth: truth, radius: radius)
    }

    /// Compares found sources with the truth.
    ///
    /// - Parameters:
    ///   - found: the found sources.
    ///   - times: time of each sample of their amplitudes, s, ascending.
    ///   - frame: frame of their positions and axes.
    ///   - truth: the true sources.
    ///   - radius: largest distance at which a true source counts as found, m.
    /// - Throws: ``InputError`` when the frames differ, the radius is not positive, a position is not in metres, times
    ///   or waveforms do not fit together, or there are sources on both sides but no common times.
    /// - Complexity: O(s²·l) for s sources on the side with fewer and l on the other.
    public init(
        found: [EstimatedSource], times: [Double], frame: CoordinateFrame, truth: Truth, radius: Double = 0.015
    ) throws(InputError) {
        guard radius > 0, radius <= 1 else {
            throw InputError("radius", found: "\(radius) m", expected: "a positive distance within a head")
        }
        guard frame == truth.frame else {
            throw InputError(
                "frame", found: "an estimate in \(frame.rawValue) and a truth in \(truth.frame.rawValue) coordinates",
                expected: "the same frame", advice: "compare with the truth of this recording")
        }
        try Self.check(truth)
        try Self.check(found, times)
        if !found.isEmpty, !truth.sources.isEmpty {
            try Self.checkOverlap(times, truth.times)
        }

        let distances = truth.sources.map { t in
            found.map { f in
                let d = f.position - t.position
                return (d * d).sum().squareRoot()
            }
        }
        let partners = Assignment.mostPairs(distances, within: radius)
        matches = partners.enumerated().compactMap { (t, partner) in
            partner.map { f in
                Match(
                    trueSource: t, foundSource: f, truePosition: truth.sources[t].position * 1000,
                    foundPosition: found[f].position * 1000, error: distances[t][f] * 1000,
                    correlation: Self.correlation(found[f], times, truth.sources[t], truth.times))
            }
        }
        missedSources = partners.indices.filter { partners[$0] == nil }.map { t in
            Unmatched(
                source: t, position: truth.sources[t].position * 1000, nearest: distances[t].min().map { $0 * 1000 })
        }
        let taken = Set(partners.compactMap(\.self))
        falseSources = found.indices.filter { !taken.contains($0) }.map { f in
            Unmatched(
                source: f, position: found[f].position * 1000,
                nearest: distances.map { $0[f] }.min().map { $0 * 1000 })
        }
        self.radius = radius * 1000
        foundCount = matches.count
        missedCount = missedSources.count
        falseCount = falseSources.count

        func mean(_ values: [Double]) -> Double? {
            values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
        let errors = matches.map(\.error).sorted()
        meanError = mean(errors)
        medianError = errors.isEmpty ? nil : (errors[(errors.count - 1) / 2] + errors[errors.count / 2]) / 2
        maximumError = errors.last
        func part(_ count: Int, of whole: Int) -> Double? { whole > 0 ? Double(count) / Double(whole) : nil }
        precision = part(matches.count, of: found.count)
        recall = part(matches.count, of: truth.sources.count)
        f1 = part(2 * matches.count, of: found.count + truth.sources.count)
        meanCorrelation = mean(matches.compactMap(\.correlation))
    }

    // MARK: - Waveforms

    /// Correlation over the estimate's times that the truth covers.
    private static func correlation(
        _ found: EstimatedSource, _ times: [Double], _ truth: Truth.Source, _ trueTimes: [Double]
    ) -> Double? {
        let weights: [Double]
        if let axes = found.axes {
            weights = axes.map { ($0 * truth.direction).sum() }
        } else if found.amplitudes.rows == 1 {
            weights = [1]
        } else {
            return nil
        }
        var (estimated, expected): ([Double], [Double]) = ([], [])
        for (t, time) in times.enumerated() {
            guard let value = interpolate(truth.waveform, trueTimes, at: time) else { continue }
            expected.append(value)
            estimated.append(weights.indices.reduce(0) { $0 + weights[$1] * found.amplitudes[$1, t] })
        }
        return pearson(estimated, expected)
    }

    /// A waveform between its samples, linearly; nil outside of its times.
    static func interpolate(_ waveform: [Double], _ times: [Double], at time: Double) -> Double? {
        guard let first = times.first, let last = times.last else { return nil }
        let slack = slack(times)
        guard time >= first - slack, time <= last + slack else { return nil }
        // The first sample after `time`, by bisection.
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] > time { high = middle } else { low = middle + 1 }
        }
        guard low > 0 else { return waveform[0] }
        guard low < times.count else { return waveform[times.count - 1] }
        let fraction = (time - times[low - 1]) / (times[low] - times[low - 1])
        return waveform[low - 1] + fraction * (waveform[low] - waveform[low - 1])
    }

    /// Pearson's correlation; nil when either is constant or there are fewer than two samples.
    static func pearson(_ a: [Double], _ b: [Double]) -> Double? {
        guard a.count == b.count, a.count >= 2 else { return nil }
        // Scaled by the largest value: moments of 1e-9 A·m squared lose nothing, but their products might.
        func centred(_ x: [Double]) -> [Double]? {
            guard let largest = x.map(abs).max(), largest > 0 else { return nil }
            let mean = x.reduce(0) { $0 + $1 / largest } / Double(x.count)
            let centred = x.map { $0 / largest - mean }
            // What rounding alone leaves of a constant is no variation.
            return centred.contains { abs($0) > 1e-12 } ? centred : nil
        }
        guard let a = centred(a), let b = centred(b) else { return nil }
        func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
        let correlation = dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
        return correlation.isFinite ? max(-1, min(1, correlation)) : nil
    }

    /// What rounding may do to a sample's time, s: a thousandth of the mean interval.
    private static func slack(_ times: [Double]) -> Double {
        guard let first = times.first, let last = times.last, times.count > 1 else { return 1e-9 }
        return 1e-3 * (last - first) / Double(times.count - 1)
    }

    // MARK: - Checks

    private static func checkAscending(_ place: String, _ times: [Double]) throws(InputError) {
        for (i, time) in times.enumerated() {
            guard time.isFinite, i == 0 || time > times[i - 1] else {
                throw InputError(place, found: "\(time) s at sample \(i)", expected: "finite, ascending times")
            }
        }
    }

    private static func checkPosition(_ place: String, _ position: SIMD3<Double>) throws(InputError) {
        let distance = (position * position).sum().squareRoot()
        guard distance.isFinite else {
            throw InputError(place, found: "a position at NaN or infinity", expected: "metres")
        }
        guard distance < 1 else {
            throw InputError(
                place, found: "a position \(distance.rounded()) m from the origin", expected: "metres within a head",
                advice: "divide by 1000 if it is in millimetres")
        }
    }

    private static func check(_ truth: Truth) throws(InputError) {
        try checkAscending("truth: times", truth.times)
        for (i, source) in truth.sources.enumerated() {
            let place = "truth: source \(i)"
            try checkPosition(place, source.position)
            guard source.waveform.count == truth.times.count else {
                throw InputError(
                    place, found: "\(source.waveform.count) samples", expected: "\(truth.times.count), one a time")
            }
            guard source.waveform.allSatisfy(\.isFinite), source.direction.x.isFinite, source.direction.y.isFinite,
                source.direction.z.isFinite
            else {
                throw InputError(place, found: "NaN or infinity", expected: "finite amplitudes and direction")
            }
        }
    }

    private static func check(_ found: [EstimatedSource], _ times: [Double]) throws(InputError) {
        try checkAscending("estimate: times", times)
        for (i, source) in found.enumerated() {
            let place = "estimate: source \(i)"
            try checkPosition(place, source.position)
            guard source.amplitudes.columns == times.count else {
                throw InputError(
                    place, found: "\(source.amplitudes.columns) samples", expected: "\(times.count), one a time")
            }
            if let axes = source.axes, axes.count != source.amplitudes.rows {
                throw InputError(
                    place, found: "\(axes.count) axes", expected: "\(source.amplitudes.rows), one a row of amplitudes")
            }
            guard source.amplitudes.firstNonFinite == nil else {
                throw InputError(place, found: "NaN or infinity", expected: "finite amplitudes")
            }
        }
    }

    private static func checkOverlap(_ times: [Double], _ trueTimes: [Double]) throws(InputError) {
        guard let first = times.first, let last = times.last else {
            throw InputError("estimate: times", found: "no samples", expected: "the time of each sample")
        }
        guard let trueFirst = trueTimes.first, let trueLast = trueTimes.last else {
            throw InputError("truth: times", found: "no samples", expected: "the time of each sample")
        }
        let slack = slack(trueTimes)
        guard times.contains(where: { $0 >= trueFirst - slack && $0 <= trueLast + slack }) else {
            throw InputError(
                "times", found: "an estimate from \(first) to \(last) s and a truth from \(trueFirst) to \(trueLast) s",
                expected: "common times", advice: "compare with the truth of this recording")
        }
    }
}

extension Comparison: CustomStringConvertible {
    /// Counts, errors and a row a source, in plain English; sources are numbered from 1.
    public var description: String {
        func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func count(_ n: Int, _ noun: String) -> String { n == 1 ? "1 \(noun)" : "\(n) \(noun)s" }
        let trueCount = foundCount + missedCount
        var lines = [
            "\(count(trueCount, "true source")): \(foundCount) found within \(number(radius, 1)) mm, "
                + "\(missedCount) missed; \(count(falseCount, "false source"))."
        ]
        if let meanError, let medianError, let maximumError {
            lines.append(
                "Localization error: mean \(number(meanError, 1)) mm, median \(number(medianError, 1)) mm, "
                    + "largest \(number(maximumError, 1)) mm.")
        }
        let scores = [("precision", precision), ("recall", recall), ("F1", f1)].compactMap { (name, value) in
            value.map { "\(name) \(number($0, 2))" }
        }
        if !scores.isEmpty {
            let sentence = scores.joined(separator: ", ")
            lines.append(sentence.prefix(1).uppercased() + sentence.dropFirst() + ".")
        }
        guard trueCount + falseCount > 0 else { return lines.joined(separator: "\n") }

        func row(_ cells: [String]) -> String {
            let widths = [5, 6, 8, 8, 8, 10, 13]
            return zip(cells, widths).map { right($0, $1) }.joined()
        }
        func place(_ position: SIMD3<Double>) -> [String] {
            [position.x, position.y, position.z].map { number($0, 1) }
        }
        func nearest(_ distance: Double?, _ side: String) -> String {
            distance.map { ", nearest \(side) source at \(number($0, 1)) mm" } ?? ""
        }
        lines += ["", row(["true", "found", "x mm", "y mm", "z mm", "error mm", "correlation"])]
        let byTruth =
            matches.map { m in
                (
                    m.trueSource,
                    row(
                        ["\(m.trueSource + 1)", "\(m.foundSource + 1)"] + place(m.truePosition)
                            + [number(m.error, 1), m.correlation.map { number($0, 2) } ?? "-"])
                )
            }
            + missedSources.map { u in
                (
                    u.source,
                    row(["\(u.source + 1)", "-"] + place(u.position)) + "    missed" + nearest(u.nearest, "found")
                )
            }
        lines += byTruth.sorted { $0.0 < $1.0 }.map(\.1)
        lines += falseSources.map { u in
            row(["-", "\(u.source + 1)"] + place(u.position)) + "    false" + nearest(u.nearest, "true")
        }
        return lines.joined(separator: "\n")
    }
}

/// One-to-one assignment of least cost.
enum Assignment {
    /// Pairs rows with columns, never further apart than `radius`: as many pairs as possible, then the least sum.
    ///
    /// - Parameter distances: a row a row; all rows of one length, no negative value.
    /// - Returns: the column of each row, nil for a row without partner.
    static func mostPairs(_ distances: [[Double]], within radius: Double) -> [Int?] {
        guard let columns = distances.first?.count, columns > 0 else {
            return [Int?](repeating: nil, count: distances.count)
        }
        // A pair that is not allowed costs more than all allowed ones together: fewest of them are taken.
        let forbidden = Double(min(distances.count, columns) + 1)
        let costs = distances.map { row in row.map { $0 <= radius ? $0 / radius : forbidden } }
        let assigned: [Int?]
        if distances.count <= columns {
            assigned = leastCost(costs).map { $0 }
        } else {
            let transposed = (0..<columns).map { j in costs.map { $0[j] } }
            var rows = [Int?](repeating: nil, count: distances.count)
            for (column, row) in leastCost(transposed).enumerated() { rows[row] = column }
            assigned = rows
        }
        return assigned.enumerated().map { (row, column) in
            column.flatMap { distances[row][$0] <= radius ? $0 : nil }
        }
    }

    /// Gives each row a column of its own such that the sum of costs is smallest: the Hungarian algorithm (Kuhn 1955) by
    /// shortest augmenting paths (Jonker & Volgenant 1987).
    ///
    /// - Parameter costs: rows of one length, at least as many columns as rows; finite.
    /// - Returns: the column of each row.
    /// - Complexity: O(rows² · columns).
    static func leastCost(_ costs: [[Double]]) -> [Int] {
        let columns = costs.first?.count ?? 0
        precondition(costs.count <= columns || costs.isEmpty)
        // Column `columns` stands for "none yet": the row being placed starts there.
        var rowPotential = [Double](repeating: 0, count: costs.count)
        var columnPotential = [Double](repeating: 0, count: columns + 1)
        var rowOf = [Int](repeating: -1, count: columns + 1)
        for row in costs.indices {
            var slack = [Double](repeating: .infinity, count: columns)
            var previous = [Int](repeating: columns, count: columns)
            var isVisited = [Bool](repeating: false, count: columns + 1)
            rowOf[columns] = row
            var current = columns
            while rowOf[current] >= 0 {
                isVisited[current] = true
                let i = rowOf[current]
                var (nearest, step) = (columns, Double.infinity)
                for j in 0..<columns where !isVisited[j] {
                    let reduced = costs[i][j] - rowPotential[i] - columnPotential[j]
                    if reduced < slack[j] { (slack[j], previous[j]) = (reduced, current) }
                    if slack[j] < step { (nearest, step) = (j, slack[j]) }
                }
                for j in 0...columns {
                    if isVisited[j] {
                        rowPotential[rowOf[j]] += step
                        columnPotential[j] -= step
                    } else if j < columns {
                        slack[j] -= step
                    }
                }
                current = nearest
            }
            // Shift the rows along the path to the free column.
            while current != columns {
                rowOf[current] = rowOf[previous[current]]
                current = previous[current]
            }
        }
        var columnOf = [Int](repeating: 0, count: costs.count)
        for j in 0..<columns where rowOf[j] >= 0 { columnOf[rowOf[j]] = j }
        return columnOf
    }
}
