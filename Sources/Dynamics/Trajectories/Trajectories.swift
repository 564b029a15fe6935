import LinearAlgebra

/// What a dynamical system was seen to do: epochs of several variables at one sampling interval.
///
/// Epochs are independent of one another: nothing looks across the border of two.
public struct Trajectories: Sendable, Equatable {
    /// The epochs, each variables × samples; their numbers of samples may differ.
    public let epochs: [Matrix]
    /// Time from one sample to the next, s.
    public let interval: Double

    /// Poses trajectories.
    ///
    /// - Parameters:
    ///   - epochs: each variables × samples, in any unit.
    ///   - interval: s, positive.
    /// - Throws: ``InvalidTrajectories``.
    /// - Complexity: O(values).
    public init(epochs: [Matrix], interval: Double) throws(InvalidTrajectories) {
        guard interval > 0, interval.isFinite else { throw .interval(interval) }
        guard let first = epochs.first, first.rows > 0 else { throw .empty }
        for (k, epoch) in epochs.enumerated() {
            guard epoch.rows == first.rows else { throw .variables(epoch: k, found: epoch.rows, expected: first.rows) }
            guard epoch.columns > 0 else { throw .noSamples(epoch: k) }
            if let (variable, sample) = epoch.firstNonFinite {
                throw .notFinite(epoch: k, variable: variable, sample: sample)
            }
        }
        self.init(unchecked: epochs, interval: interval)
        for variable in 0..<first.rows {
            let (mean, deviation) = moments(of: variable)
            guard abs(mean) < 1e100, deviation < 1e100 else { throw .scale(variable: variable) }
            let largest = epochs.reduce(0) { largest, epoch in
                (0..<epoch.columns).reduce(largest) { max($0, abs(epoch[variable, $1])) }
            }
            // What rounding leaves of a constant is none of its movements.
            guard deviation > 1e-12 * largest else { throw .constant(variable: variable) }
            guard deviation > 1e-100 else { throw .scale(variable: variable) }
        }
    }

    /// Epochs whose samples come with their times.
    ///
    /// - Parameters:
    ///   - epochs: each variables × samples.
    ///   - times: of each epoch's samples, s, ascending; where an epoch starts does not matter.
    /// - Throws: ``InvalidTrajectories``; ``InvalidTrajectories/times(epoch:sample:found:expected:)`` where two neighbours
    ///   lie a hundredth farther from, or nearer to, each other than most do: less is the rounding of a table.
    public init(epochs: [Matrix], times: [[Double]]) throws(InvalidTrajectories) {
        guard !epochs.isEmpty, times.count == epochs.count else { throw .empty }
        var intervals: [Double] = []
        for (k, own) in times.enumerated() {
            guard own.count == epochs[k].columns else { throw .timeCount(epoch: k, found: own.count) }
            for (sample, next) in zip(own, own.dropFirst()) { intervals.append(next - sample) }
        }
        guard !intervals.isEmpty else { throw .tooFewSamples(found: 1, needed: 2) }
        let interval = intervals.reduce(0, +) / Double(intervals.count)
        let middle = intervals.sorted()[intervals.count / 2]
        guard middle > 0, interval > 0, interval.isFinite else { throw .interval(middle) }
        for (k, own) in times.enumerated() {
            for (sample, (a, b)) in zip(own, own.dropFirst()).enumerated() where !(abs(b - a - middle) <= 0.01 * middle)
            {
                throw .times(epoch: k, sample: sample + 1, found: b - a, expected: middle)
            }
        }
        try self.init(epochs: epochs, interval: interval)
    }

    init(unchecked epochs: [Matrix], interval: Double) {
        self.epochs = epochs
        self.interval = interval
    }

    /// Number of variables.
    public var variableCount: Int { epochs[0].rows }

    /// Samples of all epochs.
    public var sampleCount: Int { epochs.reduce(0) { $0 + $1.columns } }

    /// Samples that follow a number of others in their epoch: rows of an autoregression of so many lags.
    public func windowCount(lags: Int) -> Int { epochs.reduce(0) { $0 + max(0, $1.columns - lags) } }

    /// Some of the epochs, in the given order and as often as given; at least one.
    public func epochs(_ indices: [Int]) -> Trajectories {
        precondition(!indices.isEmpty, "trajectories need an epoch")
        return Trajectories(unchecked: indices.map { epochs[$0] }, interval: interval)
    }

    /// The mean and standard deviation (over the number of samples) of a variable over all epochs.
    func moments(of variable: Int) -> (mean: Double, deviation: Double) {
        let count = Double(sampleCount)
        var sum = 0.0
        for epoch in epochs { for sample in 0..<epoch.columns { sum += epoch[variable, sample] } }
        let mean = sum / count
        var squares = 0.0
        for epoch in epochs {
            for sample in 0..<epoch.columns {
                let deviation = epoch[variable, sample] - mean
                squares += deviation * deviation
            }
        }
        return (mean, (squares / count).squareRoot())
    }

    /// The variables with mean 0 and variance 1 over all epochs, and what undoes that.
    func standardized() -> (trajectories: Trajectories, units: Units) {
        let found = (0..<variableCount).map { moments(of: $0) }
        let units = Units(means: found.map(\.mean), deviations: found.map(\.deviation))
        return (Trajectories(unchecked: epochs.map(units.standardized), interval: interval), units)
    }

    /// Means and standard deviations of variables.
    struct Units: Sendable, Equatable {
        let means: [Double]
        let deviations: [Double]

        func standardized(_ values: Matrix) -> Matrix {
            Matrix(rows: values.rows, columns: values.columns) { (values[$0, $1] - means[$0]) / deviations[$0] }
        }

        func restored(_ values: Matrix) -> Matrix {
            Matrix(rows: values.rows, columns: values.columns) { means[$0] + deviations[$0] * values[$0, $1] }
        }
    }
}

/// What makes trajectories, or a model of them, impossible.
public enum InvalidTrajectories: Error, Equatable, Sendable, CustomStringConvertible {
    /// There are no epochs, variables or times.
    case empty
    /// The sampling interval is not a positive number.
    case interval(Double)
    /// An epoch has another number of variables than the first.
    case variables(epoch: Int, found: Int, expected: Int)
    /// An epoch has no samples.
    case noSamples(epoch: Int)
    /// A number is NaN or infinite.
    case notFinite(epoch: Int, variable: Int, sample: Int)
    /// A variable never changes.
    case constant(variable: Int)
    /// Squares overflow, or vanish.
    case scale(variable: Int)
    /// An epoch has more or fewer times than samples.
    case timeCount(epoch: Int, found: Int)
    /// The time before a sample is not the sampling interval.
    case times(epoch: Int, sample: Int, found: Double, expected: Double)
    /// There are too few samples in a row for what is to be estimated.
    case tooFewSamples(found: Int, needed: Int)
    /// Variables depend linearly on each other, or on their past, without noise.
    case dependent
    /// The model explains a variable without error: there is no noise to test against.
    case noNoise(variable: Int)
    /// A setting is out of its range.
    case setting(String)
    /// A model left the finite numbers.
    case diverged

    /// One line in plain English.
    public var description: String { text { "variable \($0 + 1)" } }

    /// The same with the names of variables.
    public func text(_ name: (_ variable: Int) -> String) -> String {
        switch self {
        case .empty: "there are no epochs, or no variables"
        case .interval(let value): "the sampling interval is \(value) s; expected a positive number"
        case .variables(let epoch, let found, let expected):
            "epoch \(epoch + 1) has \(found) variables and the first \(expected); expected as many"
        case .noSamples(let epoch): "epoch \(epoch + 1) has no samples"
        case .notFinite(let epoch, let variable, let sample):
            "epoch \(epoch + 1) is not finite at \(name(variable)), sample \(sample + 1)"
        case .constant(let variable): "\(name(variable)) never changes; leave it out"
        case .scale(let variable):
            "\(name(variable)) is so large or small that squares overflow or vanish; scale it"
        case .timeCount(let epoch, let found):
            "epoch \(epoch + 1) has \(found) times; expected as many as samples"
        case .times(let epoch, let sample, let found, let expected):
            "the times of epoch \(epoch + 1) are unequal: \(String(printf: "%g", found)) s before sample \(sample + 1), "
                + "\(String(printf: "%g", expected)) s before most; resample first"
        case .tooFewSamples(let found, let needed):
            "there are \(found) samples to learn from; expected \(needed) at least: give more or longer epochs, or a lower order"
        case .dependent:
            "the variables depend on each other without noise (as after a common reference, or by a copy); leave some out"
        case .noNoise(let variable):
            "the past explains \(name(variable)) without error, so that nothing can be tested; "
                + "give data that were not smoothed, or fit a linear system"
        case .setting(let text): text
        case .diverged: "the model left the finite numbers"
        }
    }
}
