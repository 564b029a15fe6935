/// Which samples are the baseline, those that hold noise alone, and whether its mean is subtracted from all.
public enum BaselineChoice: Sendable, Equatable {
    /// The samples before time 0; their mean is subtracted where it is far larger than noise could make it.
    case automatic
    /// The samples before time 0; nothing is subtracted.
    case none
    /// The samples between two times, s; their mean is subtracted.
    case times(ClosedRange<Double>)

    /// The choice as ``init(name:)`` reads it.
    public var name: String {
        switch self {
        case .automatic: "auto"
        case .none: "none"
        case .times(let times): "\(times.lowerBound) \(times.upperBound)"
        }
    }
}
