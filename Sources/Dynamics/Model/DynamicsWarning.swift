import LinearAlgebra

/// What stands against trusting a model of who drives whom.
public enum DynamicsWarning: Sendable, Equatable, CustomStringConvertible {
    /// Always.
    case predictiveOnly
    /// There are too few samples to claim any connection.
    case cannotTell(samples: Int, needed: Int)
    /// The trajectory is one average: the responses of all variables to one event look like influences.
    case average
    /// The data were filtered or resampled.
    case filtered
    /// The data are sampled faster than was tested, Hz.
    case fastSampling(rate: Double)
    /// Noise as strong as the signal needs more samples; dB.
    case noisy(signalToNoise: Double, samples: Int)
    /// Two sources are so near to each other that one leaks into the other, m.
    case nearSources(distance: Double)
    /// Two variables are nearly the same.
    case nearlyCollinear(first: Int, second: Int, correlation: Double)
    /// What is not predicted of two variables is correlated: leakage, or influence faster than a sample.
    case instantaneous(first: Int, second: Int, correlation: Double)
    /// A variable is predicted nearly without error, as filtered or interpolated data are; share left.
    case nearlyPredictable(variable: Int, rest: Double)
    /// The criterion would have chosen a larger order still.
    case orderAtMaximum(order: Int)
    /// The model grows without bound; largest factor a sample.
    case unstable(growth: Double)
    /// A variable's variance changes over the epochs; second half over first.
    case nonstationary(variable: Int, ratio: Double)
    /// A selected connection is not found again in many resamples of the epochs.
    case unsteady(source: Int, target: Int, frequency: Double)
    /// There are too few epochs to resample.
    case noResamples(epochs: Int)
    /// The linear system's own path explains little of the trajectories; share of variance explained. It is driven by
    /// noise, or not linear.
    case poorPath(explained: Double)
    /// The weak form's paths overflow, so that none could be fitted.
    case pathNotFitted

    /// One line in plain English.
    public var description: String {
        switch self {
        case .predictiveOnly:
            "an arrow is predictive influence among the variables given; one that is not among them can fake it"
        case .cannotTell(let samples, let needed):
            "who drives whom cannot be told from \(samples) samples; expected \(needed) at least: no connection is claimed"
        case .average:
            "one averaged response: one event moves all variables, which cannot be told from influence"
        case .filtered:
            "filtered or resampled data: orders and p values change (Barnett & Seth 2011); fit data of at most 250 Hz "
                + "without a band-pass"
        case .fastSampling(let rate):
            "sampled at \(String(printf: "%g", rate)) Hz: neighbouring samples say nearly the same; 250 Hz or less is expected"
        case .noisy(let ratio, let samples):
            "a signal-to-noise ratio of \(String(printf: "%.1f", ratio)) dB needs 5000 samples at least; there are \(samples)"
        case .nearSources(let distance):
            "the nearest sources are \(String(printf: "%.0f", 1e3 * distance)) mm apart: below 20 mm one leaks into the other"
        case .nearlyCollinear(let first, let second, let correlation):
            "variables \(first + 1) and \(second + 1) are nearly the same (correlation "
                + "\(String(printf: "%.3f", correlation))): their connections cannot be told apart"
        case .instantaneous(let first, let second, let correlation):
            "what is not predicted of variables \(first + 1) and \(second + 1) is correlated "
                + "(\(String(printf: "%.2f", correlation))): leakage, or influence faster than a sample"
        case .nearlyPredictable(let variable, let rest):
            "variable \(variable + 1) is predicted but for \(String(printf: "%.1g", rest)) of its variance, as filtered or "
                + "interpolated data are: p values are not to be trusted"
        case .orderAtMaximum(let order): "the criterion chose the largest order allowed, \(order): try a larger one"
        case .unstable(let growth):
            "the model grows by \(String(printf: "%.3f", growth)) a sample: the data drift, or do not follow it"
        case .nonstationary(let variable, let ratio):
            "the variance of variable \(variable + 1) changes by a factor of \(String(printf: "%.2f", ratio)) over the epochs"
        case .unsteady(let source, let target, let frequency):
            "the connection from \(source + 1) to \(target + 1) is found in \(String(printf: "%.0f", 100 * frequency)) % "
                + "of the resamples only"
        case .noResamples(let epochs):
            "\(epochs) epochs are too few to resample: how steady connections are is not known"
        case .poorPath(let explained):
            "the linear system's path explains \(String(printf: "%.0f", 100 * explained)) % of the variance: no "
                + "connection is claimed; trajectories that noise drives are for autoregression"
        case .pathNotFitted:
            "the weak form's system grows beyond all numbers within an epoch: no path was fitted, no connection is claimed"
        }
    }
}
