/// Where σ comes from: the standard deviation of the whitened noise that a choice counts with.
public enum NoiseLevel: Sendable, Equatable {
    /// What the covariance says: 1 after whitening by a covariance that was given. One estimated from the baseline says
    /// how far data that it has not seen deviate.
    case covariance
    /// The measured deviation of the whitened baseline; where the covariance came from that baseline, of parts of it
    /// that the covariance has not seen.
    case baseline
    /// A number: the noise deviates by so many times what the covariance says after whitening, where 1 is right.
    case deviation(Double)

    /// A level from its name: `covariance`, `baseline` or a number.
    ///
    /// - Throws: ``InputError`` for another name or a number that is not positive.
    public init(name: String) throws(InputError) {
        switch name {
        case "covariance": self = .covariance
        case "baseline": self = .baseline
        default:
            guard let value = Double(name), value > 0, value.isFinite else {
                throw InputError(
                    .sigma, found: "'\(name)'",
                    expected: "covariance, baseline, or a positive number relative to the covariance")
            }
            self = .deviation(value)
        }
    }

    /// σ².
    ///
    /// - Parameters:
    ///   - usual: what the covariance says.
    ///   - deviation: of the whitened baseline; nil where there is none.
    /// - Throws: ``InputError`` where σ is that deviation and there is none.
    func variance(_ usual: Double, baseline deviation: Double?) throws(InputError) -> Double {
        switch self {
        case .covariance: return usual
        case .baseline:
            guard let deviation, deviation > 0 else {
                throw InputError(
                    .sigma, found: "baseline, but the recording has no noise before time 0",
                    expected: "samples before time 0", advice: "use \(.sigma) covariance or a number")
            }
            return deviation * deviation
        case .deviation(let sigma): return sigma * sigma
        }
    }

    /// Whether it is a number.
    var isGiven: Bool {
        if case .deviation = self { true } else { false }
    }

    /// The name that ``init(name:)`` reads.
    public var name: String {
        switch self {
        case .covariance: "covariance"
        case .baseline: "baseline"
        case .deviation(let value): "\(value)"
        }
    }
}
