import SourceImaging

/// When and at which frequencies the strongest sources are active.
public enum SpectrogramFigure {
    /// How many sources are drawn.
    static let shownSources = 6
    /// Power below this part of a source's largest is not drawn.
    private static let least = 0.01

    private static let (width, top, panelHeight, gap) = (900.0, 92.0, 130.0, 62.0)

    /// The figure as an SVG document; nil for sources without coefficients in time and frequency.
    ///
    /// Drawn is the power density of a source, its amplitudes over all axes: the power of each coefficient over the time and
    /// the frequencies that it stands for, those of all windows added. Colours are of the square root, so that half the
    /// amplitude has half the colour.
    ///
    /// - Complexity: O(sources drawn · (coefficients + cells)).
    public static func svg(_ estimate: Estimate) -> String? {
        guard let record = estimate.timeFrequency, let window = estimate.windowInMilliseconds else { return nil }
        let sources = Array(estimate.sources.prefix(shownSources))
        let rasters = sources.map { Raster($0, record) }
        let highest = rasters.map { $0.highestFrequency(above: least) }.max() ?? 0
        let rows = max(1, (sources.count + 1) / 2)
        let height = top + Double(rows) * (panelHeight + gap)
        let shown =
            sources.count < estimate.sources.count
            ? "The \(sources.count) sources that explain most field, of \(estimate.sources.count)"
            : estimate.sourceCountText
        var canvas = SVGCanvas(
            width: width, height: height, title: estimate.title("Sources in time and frequency"),
            subtitle: sources.isEmpty ? estimate.windowText : shown + "; each in shades of its own largest amplitude",
            description: "Power density over time and frequency of each source. "
                + zip(sources, rasters).enumerated().map { "\($0 + 1): \(caption($1.0, $1.1))." }
                .joined(separator: " "))
        guard !sources.isEmpty else {
            canvas.message(estimate.noSourcesText, at: Point(width / 2, height / 2))
            return canvas.document
        }
        let frequencies = 0...min(max(20, 1.25 * highest), 0.5 * record.samplingFrequency)
        key(&canvas)
        for (place, (source, raster)) in zip(sources, rasters).enumerated() {
            let left = place % 2 == 0 ? 84.0 : 534.0
            let upper = top + Double(place / 2) * (panelHeight + gap)
            let panel = Panel(
                x: .exact(window, from: left, to: left + 340),
                y: .exact(frequencies, from: upper + panelHeight, to: upper, intervals: 4))
            draw(raster, in: panel, &canvas)
            let isLast = place + 2 >= sources.count
            canvas.axes(
                panel, xTitle: isLast ? [.plain("Time (ms)")] : nil,
                yTitle: place % 2 == 0 ? "Frequency (Hz)" : nil)
            canvas.badge(place, at: Point(left + 8, upper - 13))
            canvas.text(
                TextMetrics.fitted(caption(source, raster), size: 12, within: 316), at: Point(left + 22, upper - 9),
                .legend)
        }
        return canvas.document
    }

    private static func caption(_ source: EstimatedSource, _ raster: Raster) -> String {
        guard let peak = raster.peak else { return "\(source.place), silent" }
        return "\(source.place), most at \(NumberText.fixed(peak.frequency, 0)) Hz and "
            + NumberText.typographic(NumberText.fixed(1000 * peak.time, 0)) + " ms"
    }

    private static let scale = ColourScale.sequential(limit: 1)

    /// What colours mean.
    private static func key(_ canvas: inout SVGCanvas) {
        let (left, upper, step) = (640.0, 58.0, 16.0)
        for (place, colour) in scale.colours.enumerated() {
            let x = left + Double(place) * step
            canvas.rectangle(Box(left: x, top: upper, right: x + step, bottom: upper + 9), fill: colour)
        }
        let end = left + Double(scale.colours.count) * step
        canvas.text("0", at: Point(left - 6, upper + 9), TextStyle(size: 11, anchor: .end))
        canvas.text("largest", at: Point(end + 6, upper + 9), TextStyle(size: 11))
    }

    private static func draw(_ raster: Raster, in panel: Panel, _ canvas: inout SVGCanvas) {
        let largest = raster.largest
        guard largest > 0 else { return }
        for row in 0..<raster.frequencyCount {
            let (low, high) = raster.band(row)
            guard low < panel.y.domain.upperBound else { break }
            let (upper, lower) = (panel.y.position(high), panel.y.position(low))
            var runs: [Int: [(start: Point, length: Double)]] = [:]
            var column = 0
            while column < raster.timeCount {
                let shade = shade(raster[row, column], largest)
                var end = column + 1
                while end < raster.timeCount, Self.shade(raster[row, end], largest) == shade { end += 1 }
                if let shade {
                    let (from, to) = (panel.x.position(raster.edge(column)), panel.x.position(raster.edge(end)))
                    if to > from {
                        runs[shade, default: []].append((Point(from, (upper + lower) / 2), to - from))
                    }
                }
                column = end
            }
            for (shade, own) in runs.sorted(by: { $0.key < $1.key }) {
                canvas.runs(own, height: lower - upper + 0.3, colour: scale.colours[shade])
            }
        }
    }

    private static func shade(_ power: Double, _ largest: Double) -> Int? {
        power > least * largest ? scale.step((power / largest).squareRoot()) : nil
    }

    /// Power density on a grid as fine as the shortest step and the longest window.
    private struct Raster {
        let frequencyCount, timeCount: Int
        private let firstTime, interval, resolution: Double
        private var values: [Double]

        init(_ source: EstimatedSource, _ record: TimeFrequencyRecord) {
            let (windows, frame) = (record.frame.windows, record.frame)
            let step = windows.map(\.step).min() ?? 1
            let longest = windows.map(\.length).max() ?? 1
            frequencyCount = longest / 2 + 1
            timeCount = (frame.samples + step - 1) / step
            interval = Double(step) / record.samplingFrequency
            firstTime = record.firstTime - 0.5 / record.samplingFrequency
            resolution = record.samplingFrequency / Double(longest)
            values = [Double](repeating: 0, count: frequencyCount * timeCount)
            guard let coefficients = source.coefficients else { return }
            // Squares of very large or small numbers are none.
            let scale = coefficients.elements.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
            guard scale > 0 else { return }
            for (k, window) in windows.enumerated() {
                let centres = frame.centres(of: k)
                let (wide, long) = (Double(longest) / Double(window.length), Double(window.step) / Double(step))
                for axis in 0..<coefficients.columns {
                    let parts = frame.spectrum(coefficients.column(axis), of: k)
                    for i in 0..<parts.real.columns {
                        let middle = (centres[i] + 0.5) / Double(step)
                        let columns = Self.cells(middle - long / 2, middle + long / 2, timeCount)
                        for f in 0..<parts.real.rows {
                            let (re, im) = (parts.real[f, i] / scale, parts.imaginary[f, i] / scale)
                            let power = (re * re + im * im) / (wide * long)
                            guard power > 0, power.isFinite else { continue }
                            let rows = Self.cells(
                                (Double(f) - 0.5) * wide + 0.5, (Double(f) + 0.5) * wide + 0.5, frequencyCount)
                            for row in rows { for column in columns { values[row * timeCount + column] += power } }
                        }
                    }
                }
            }
        }

        /// The cells whose middle lies in a range.
        private static func cells(_ from: Double, _ to: Double, _ count: Int) -> Range<Int> {
            let low = min(count, max(0, Int((from - 0.5).rounded(.up))))
            return low..<max(low, min(count, Int((to - 0.5).rounded(.up))))
        }

        subscript(row: Int, column: Int) -> Double { values[row * timeCount + column] }

        var largest: Double { values.max() ?? 0 }

        /// Where the density is largest, Hz and s, the middle of where it is as large; nil for a source without any.
        var peak: (frequency: Double, time: Double)? {
            let largest = largest
            guard largest > 0, let place = values.firstIndex(of: largest) else { return nil }
            let (row, first) = (place / timeCount, place % timeCount)
            let length = (first..<timeCount).prefix { self[row, $0] == largest }.count
            return (Double(row) * resolution, firstTime + (Double(first) + Double(length) / 2) * interval)
        }

        /// The highest frequency with so large a part of the largest density, Hz.
        func highestFrequency(above part: Double) -> Double {
            let limit = part * largest
            let row = (0..<frequencyCount).last { row in (0..<timeCount).contains { self[row, $0] > limit } }
            return Double(row ?? 0) * resolution
        }

        /// The frequencies of a row, Hz.
        func band(_ row: Int) -> (low: Double, high: Double) {
            (max(0, (Double(row) - 0.5) * resolution), (Double(row) + 0.5) * resolution)
        }

        /// Where a column begins, ms.
        func edge(_ column: Int) -> Double { 1000 * (firstTime + Double(column) * interval) }
    }
}
