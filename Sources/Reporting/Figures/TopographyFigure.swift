import Glibc
import SourceImaging

/// What the sensors measured and what the sources explain of it, as maps over the head at the peaks of the response: a row
/// a kind of sensor, a pair of maps a time.
public enum TopographyFigure {
    /// How many times are shown at most.
    private static let shownTimes = 3
    /// Peaks closer than this are one time, s.
    private static let shortestGap = 0.005
    /// Cells of a row of a map, for one, two and three times, and the size of a cell, px.
    private static let (cellCounts, cell) = ([85, 75, 57], 2.0)

    private static let (width, top, left) = (900.0, 108.0, 114.0)
    /// Between the maps of a pair, between pairs, and below a row.
    private static let (gap, pairGap, rowGap) = (12.0, 24.0, 40.0)

    /// A figure, or why there is none.
    public enum Outcome: Sendable {
        /// The figure as an SVG document.
        case figure(String)
        /// What is missing, a sentence.
        case absence(String)
    }

    /// The maps of an estimate.
    ///
    /// Times are the peaks of the strongest sources, where there are none the one at which most is measured. Planar
    /// gradiometers at one place become one value, the root of their sum of squares.
    /// - Complexity: O(sensors³ + sensors · cells²).
    public static func figure(_ estimate: Estimate) -> Outcome {
        guard let data = estimate.sensorData else {
            return .absence("No maps over the head: this result does not hold what the sensors measured.")
        }
        guard let locations = data.sensors.locations else {
            return .absence("No maps over the head: the recording does not say where its sensors are.")
        }
        let samples = samples(estimate, data)
        let positions = (0..<locations.rows).map { row in
            estimate.frame.rightAnteriorSuperior(SIMD3(locations[row, 0], locations[row, 1], locations[row, 2]))
        }
        let rows = SensorKind.allCases.compactMap { Row($0, data, positions, samples: samples.map(\.sample)) }
        guard !rows.isEmpty, !samples.isEmpty else {
            return .absence(
                "No maps over the head: too few sensors have both a position and values that are finite.")
        }
        return .figure(draw(rows, samples, estimate))
    }

    /// Samples that are shown, ascending, and whose peak each is.
    private static func samples(_ estimate: Estimate, _ data: SensorData) -> [(sample: Int, name: String)] {
        let count = min(estimate.times.count, data.measured.columns, data.explained.columns)
        var found: [(sample: Int, ranks: [Int])] = []
        for (place, source) in estimate.sources.prefix(shownTimes).enumerated() {
            let sample = source.peakSample
            guard sample < count, source.amplitudes.columns > 0 else { continue }
            let near = found.firstIndex {
                abs(estimate.times[$0.sample] - estimate.times[sample]) < shortestGap
            }
            if let near { found[near].ranks.append(place + 1) } else { found.append((sample, [place + 1])) }
        }
        if found.isEmpty, let sample = strongestSample(data, count) { found = [(sample, [])] }
        return found.sorted { $0.sample < $1.sample }.map { sample, ranks in
            let time = NumberText.typographic(NumberText.fixed(estimate.times[sample] * 1000, 0)) + " ms"
            let peak = ranks.map { String($0) }.joined(separator: " and ")
            return (
                sample,
                ranks.isEmpty
                    ? time + ", largest field" : "\(time), peak of source\(ranks.count > 1 ? "s" : "") \(peak)"
            )
        }
    }

    /// The sample of the largest field: power over the largest of each kind of sensor, so that units do not matter.
    private static func strongestSample(_ data: SensorData, _ count: Int) -> Int? {
        var power = [Double](repeating: 0, count: count)
        for kind in SensorKind.allCases {
            let rows = data.sensors.kinds.indices.filter { data.sensors.kinds[$0] == kind }
            let largest = rows.flatMap { data.measured.row($0) }.finiteRange.map {
                max(abs($0.lowerBound), abs($0.upperBound))
            }
            guard let largest, largest > 0 else { continue }
            for t in 0..<count {
                power[t] += rows.reduce(0) {
                    let value = data.measured[$1, t] / largest
                    return $0 + (value.isFinite ? value * value : 0)
                }
            }
        }
        return power.indices.max { power[$0] < power[$1] }
    }

    // MARK: Drawing

    private static func draw(
        _ rows: [Row], _ samples: [(sample: Int, name: String)], _ estimate: Estimate
    ) -> String {
        let cells = cellCounts[min(samples.count, cellCounts.count) - 1]
        let size = cell * Double(cells)
        let kinds = rows.map(\.caption)
        var canvas = SVGCanvas(
            width: width, height: top + Double(rows.count) * (size + rowGap) - 8,
            title: estimate.title("Maps over the head"),
            subtitle: "Seen from above, nose up; dots: sensors; measured and explained share one scale a row",
            description: "Maps of the measured field and of what the sources explain, " + kinds.joined(separator: ", ")
                + "; at " + samples.map(\.name).joined(separator: "; ") + ".")
        for (place, sample) in samples.enumerated() {
            let start = left + Double(place) * (2 * size + gap + pairGap)
            canvas.text(
                TextMetrics.fitted(sample.name, size: 12, bold: true, within: 2 * size + gap + pairGap / 2),
                at: Point(start, top - 38), TextStyle(size: 12, bold: true))
            for (column, name) in ["measured", "explained"].enumerated() {
                canvas.text(
                    name, at: Point(start + (Double(column) + 0.5) * size + Double(column) * gap, top - 18),
                    TextStyle(size: 11, anchor: .middle, colour: Palette.quiet))
            }
        }
        for (place, row) in rows.enumerated() {
            let y = top + Double(place) * (size + rowGap)
            legend(row, top: y, height: size, &canvas)
            let grid = row.map.grid(row.values, cells: cells)
            for column in 0..<row.values.columns {
                let pair = Double(column / 2)
                let x = left + pair * (2 * size + gap + pairGap) + Double(column % 2) * (size + gap)
                let box = Box(left: x, top: y, right: x + size, bottom: y + size)
                fill(grid.places, grid.values.column(column), row.scale, in: box, &canvas)
                head(row.map.places, in: box, &canvas)
            }
        }
        return canvas.document
    }

    /// The cells of a map, neighbours of one colour as one line.
    private static func fill(
        _ places: [(row: Int, column: Int)], _ values: [Double], _ scale: ColourScale, in box: Box,
        _ canvas: inout SVGCanvas
    ) {
        var runs = [[(start: Point, length: Double)]](repeating: [], count: scale.colours.count)
        var open: (step: Int, row: Int, first: Int, end: Int)?
        func close() {
            guard let run = open else { return }
            let start = Point(box.left + Double(run.first) * cell, box.top + (Double(run.row) + 0.5) * cell)
            runs[run.step].append((start, Double(run.end - run.first) * cell))
        }
        for (place, value) in zip(places, values) {
            let step = scale.step(value)
            if let run = open, run.step == step, run.row == place.row, run.end == place.column {
                open = (step, run.row, run.first, place.column + 1)
            } else {
                close()
                open = (step, place.row, place.column, place.column + 1)
            }
        }
        close()
        // A little higher than a cell: no light between rows.
        for (step, runs) in runs.enumerated() {
            canvas.runs(runs, height: cell + 0.3, colour: scale.colours[step])
        }
    }

    /// The outline with nose and ears, and the sensors.
    private static func head(_ sensors: [SIMD2<Double>], in box: Box, _ canvas: inout SVGCanvas) {
        let centre = Point((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        let radius = (box.right - box.left) / 2
        // The stairs of the cells at the rim.
        canvas.circle(centre, radius: radius + 3.5, fill: "none", Stroke(colour: "#ffffff", width: 7))
        let line = Stroke(colour: "#444444", width: 1.3)
        canvas.circle(centre, radius: radius, fill: "none", line)
        let half = 0.13
        let nose = [-half, 0, half].map { angle in
            let reach = angle == 0 ? 1.11 : 1
            return centre + Point(sin(angle), -cos(angle)) * (radius * reach)
        }
        canvas.polylines([nose], line)
        for side in [-1.0, 1] {
            let ear = stride(from: -0.17, through: 0.171, by: 0.034).map { angle in
                let bulge = 1 + 0.055 * (1 - (angle / 0.17) * (angle / 0.17)).magnitude.squareRoot()
                return centre + Point(side * cos(angle), sin(angle)) * (radius * bulge)
            }
            canvas.polylines([ear], line)
        }
        canvas.dots(
            sensors.map { centre + Point($0.x, -$0.y) * radius }, diameter: 1.5, colour: "#333333")
    }

    /// Name of the row, and its colours with the values at their ends.
    private static func legend(_ row: Row, top: Double, height: Double, _ canvas: inout SVGCanvas) {
        let x = SVGCanvas.margin
        for (line, text) in row.lines.enumerated() {
            canvas.text(
                text, at: Point(x, top + 10 + 15 * Double(line)), TextStyle(size: 11, bold: line == 0))
        }
        let (start, end) = (top + 62, top + height - 2)
        let count = row.scale.colours.count
        for (step, colour) in row.scale.colours.enumerated() {
            let bottom = end - (end - start) * Double(step) / Double(count)
            canvas.rectangle(
                Box(left: x, top: bottom - (end - start) / Double(count) - 0.2, right: x + 12, bottom: bottom),
                fill: colour)
        }
        let domain = row.scale.domain
        let marks = domain.lowerBound < 0 ? [domain.lowerBound, 0, domain.upperBound] : [0, domain.upperBound]
        for value in marks {
            let part = (value - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
            let isBeyond = row.isExceeded && value != 0
            canvas.text(
                (isBeyond ? (value > 0 ? "≥ " : "≤ ") : "") + NumberText.typographic(NumberText.readable(value, 2))
                    + (value == domain.upperBound ? " \(row.unit)" : ""),
                at: Point(x + 17, end - part * (end - start) + 3.8 - (part - 0.5) * 6), TextStyle(size: 11))
        }
    }

    // MARK: Data

    /// The maps of one kind of sensor.
    private struct Row {
        let map: SensorMap
        /// Values in the unit that people read, places × (measured and explained of each time).
        let values: Matrix
        let scale: ColourScale
        /// Whether there are values beyond the scale.
        let isExceeded: Bool
        let unit: String
        /// Its name in lines as wide as the margin.
        let lines: [String]

        var caption: String { lines.joined(separator: " ") }

        /// Nil when the estimate has too few channels of that kind with a position and finite values.
        init?(_ kind: SensorKind, _ data: SensorData, _ positions: [SIMD3<Double>], samples: [Int]) {
            let count = min(data.sensors.count, data.measured.rows, data.explained.rows, positions.count)
            let channels = (0..<count).filter { row in
                data.sensors.kinds[row] == kind && Self.isPlace(positions[row])
                    && samples.allSatisfy { data.measured[row, $0].isFinite && data.explained[row, $0].isFinite }
            }
            let groups = kind == .grad ? TopographyFigure.pairs(channels, positions) : channels.map { [$0] }
            let isPlanar = groups.contains { $0.count > 1 }
            guard let map = SensorMap(groups.map { positions[$0[0]] }) else { return nil }
            let (unit, factor) = kind.display
            let values = Matrix(rows: groups.count, columns: 2 * samples.count) { group, column in
                let matrix = column % 2 == 0 ? data.measured : data.explained
                let values = groups[group].map { matrix[$0, samples[column / 2]] * factor }
                return isPlanar ? values.reduce(0) { $0 + $1 * $1 }.squareRoot() : values[0]
            }
            guard values.firstNonFinite == nil else { return nil }
            let (limit, isExceeded) = Self.limit(values.elements)
            self.isExceeded = isExceeded
            self.map = map
            self.values = values
            scale = isPlanar ? .sequential(limit: limit) : .diverging(limit: limit)
            self.unit = unit
            lines =
                switch kind {
                case .mag: ["\(channels.count) mag-", "netometers"]
                case .grad:
                    ["\(channels.count) gradio-"] + (isPlanar ? ["meters, length", "of each pair"] : ["meters"])
                case .eeg: ["\(channels.count) EEG", "electrodes"]
                }
        }

        /// The end of a scale: the largest value, but no more than twice what a thirtieth of them exceeds, so that one loud
        /// sensor does not leave all others pale.
        private static func limit(_ values: [Double]) -> (value: Double, isExceeded: Bool) {
            let sizes = values.map(abs).sorted()
            guard let largest = sizes.last, largest > 0 else { return (1, false) }
            let usual = 2 * sizes[(sizes.count - 1) * 29 / 30]
            return usual > 0 && usual < largest ? (usual, true) : (largest, false)
        }

        /// Whether a file gives a position: finite, and not the zero of a sensor that has none.
        private static func isPlace(_ position: SIMD3<Double>) -> Bool {
            let square = (position * position).sum()
            return square.isFinite && square > 1e-8 && square < 1
        }
    }

    /// Channels by their place, to a millimetre, in the order of the first of each.
    private static func pairs(_ channels: [Int], _ positions: [SIMD3<Double>]) -> [[Int]] {
        var groups: [[Int]] = []
        var known: [SIMD3<Int>: Int] = [:]
        for channel in channels {
            let p = (positions[channel] * 1000).rounded(.toNearestOrAwayFromZero)
            let key = SIMD3(Int(p.x), Int(p.y), Int(p.z))
            if let group = known[key] {
                groups[group].append(channel)
            } else {
                known[key] = groups.count
                groups.append([channel])
            }
        }
        return groups
    }
}
