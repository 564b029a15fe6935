import LinearAlgebra

/// Trajectories as a network learns them: standardized, in a unit of time in which speeds are as large as positions, cut into
/// segments that begin at every sample (multiple shooting).
struct Segments: Sendable {
    let variables: Int
    let order: Int
    /// Samples of a segment after its start.
    let length: Int
    /// Standardized samples, smoothed ones and their derivatives by the unit of time: epoch after epoch, all samples of a
    /// variable in a row.
    private let observed: [Double]
    private let smoothed: [Double]
    private let velocities: [Double]
    private let total: Int
    /// First samples of all segments.
    let starts: [Int]
    /// Epoch of every segment's start.
    let epochs: [Int]
    /// The unit of time, s.
    let timeUnit: Double
    /// The sampling interval in that unit.
    let interval: Double
    let units: Trajectories.Units

    /// - Parameter isCommonScale: whether all variables keep one unit.
    /// - Throws: ``InvalidTrajectories/tooFewSamples(found:needed:)`` where no epoch holds a segment.
    init(_ trajectories: Trajectories, order: Int, length: Int, isCommonScale: Bool = false) throws(InvalidTrajectories)
    {
        let (scaled, units) = isCommonScale ? trajectories.commonlyScaled() : trajectories.standardized()
        let needed = max(SavitzkyGolay.window, length + 1)
        let usable = scaled.epochs.filter { $0.columns >= needed }
        guard !usable.isEmpty else {
            throw .tooFewSamples(found: trajectories.epochs.map(\.columns).max() ?? 0, needed: needed)
        }
        let filter = SavitzkyGolay()
        let states = usable.map(filter.states)
        let n = trajectories.variableCount
        total = usable.reduce(0) { $0 + $1.columns }
        func inRows(_ parts: [Matrix], _ factor: Double = 1) -> [Double] {
            (0..<n).flatMap { variable in
                parts.flatMap { part in (0..<part.columns).map { factor * part[variable, $0] } }
            }
        }
        observed = inRows(usable)
        smoothed = inRows(states.map(\.values))
        let slopes = inRows(states.map(\.derivatives))
        let size = smoothed.reduce(0) { $0 + $1 * $1 }
        let speed = slopes.reduce(0) { $0 + $1 * $1 }
        guard speed > 0 else { throw .dependent }
        // In samples.
        let unit = (size / speed).squareRoot()
        velocities = slopes.map { $0 * unit }
        timeUnit = unit * trajectories.interval
        interval = 1 / unit
        var (starts, epochs): ([Int], [Int]) = ([], [])
        var first = 0
        for (number, epoch) in usable.enumerated() {
            for start in 0..<(epoch.columns - length) {
                starts.append(first + start)
                epochs.append(number)
            }
            first += epoch.columns
        }
        (self.starts, self.epochs) = (starts, epochs)
        (variables, self.order, self.length, self.units) = (n, order, length, units)
    }

    /// Writes the first states (rows × inputs) and the targets (rows × n a sample) of some segments.
    func gather(
        _ segments: UnsafePointer<Int>, _ rows: Int, states: UnsafeMutablePointer<Double>,
        targets: UnsafeMutablePointer<Double>
    ) {
        let n = variables
        observed.withUnsafeBufferPointer { observed in
            for row in 0..<rows {
                let start = starts[segments[row]]
                for variable in 0..<n {
                    for sample in 0..<length {
                        targets[(sample * n + variable) * rows + row] = observed[variable * total + start + 1 + sample]
                    }
                }
            }
        }
        for row in 0..<rows { write(starts[segments[row]], row, rows, to: states) }
    }

    private func write(_ sample: Int, _ row: Int, _ rows: Int, to states: UnsafeMutablePointer<Double>) {
        let n = variables
        for variable in 0..<n {
            states[variable * rows + row] = smoothed[variable * total + sample]
            if order == 2 { states[(n + variable) * rows + row] = velocities[variable * total + sample] }
        }
    }

    /// Number of all samples that states are known of.
    var sampleCount: Int { total }

    /// Writes the states at consecutive samples, rows × inputs.
    func states(_ samples: Range<Int>, to states: UnsafeMutablePointer<Double>) {
        for (row, sample) in samples.enumerated() { write(sample, row, samples.count, to: states) }
    }

    /// Which segments train and which are held out: of every five epochs one; of fewer than five epochs the last fifth of each.
    /// Segments that reach into what is held out belong to neither.
    func split() -> (training: [Int], heldOut: [Int]) {
        let count = (epochs.last ?? 0) + 1
        if count >= 5 {
            return (
                starts.indices.filter { epochs[$0] % 5 != 2 }, starts.indices.filter { epochs[$0] % 5 == 2 }
            )
        }
        var (training, heldOut): ([Int], [Int]) = ([], [])
        for epoch in 0..<count {
            let own = starts.indices.filter { epochs[$0] == epoch }
            let kept = own.count - own.count / 5
            training += own.prefix(max(1, kept - length - SavitzkyGolay.window / 2))
            heldOut += own.suffix(own.count - kept)
        }
        return (training, heldOut)
    }
}

extension Trajectories {
    /// The variables with mean 0, all divided by the root mean square of their deviations.
    fileprivate func commonlyScaled() -> (trajectories: Trajectories, units: Units) {
        let (_, own) = standardized()
        let square = own.deviations.reduce(0) { $0 + $1 * $1 } / Double(variableCount)
        let units = Units(
            means: own.means, deviations: [Double](repeating: square.squareRoot(), count: variableCount))
        return (Trajectories(unchecked: epochs.map(units.standardized), interval: interval), units)
    }
}
