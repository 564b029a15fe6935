/// The weights of the adaptive Lasso (Zou 2006): small effects are penalized more.
public struct AdaptiveWeights: Sendable, Equatable {
    /// 1/(|β_j| + 0.01): p values.
    public let fixed: [Double]
    /// 1/(γ_j + 0.01): q values.
    public let variances: [Double]

    /// - Parameters:
    ///   - estimate: the effects without a penalty.
    ///   - offset: above 0; bounds the weights.
    public init(_ estimate: Effects, offset: Double = 0.01) {
        fixed = estimate.fixed.map { 1 / (abs($0) + offset) }
        variances = estimate.variances.map { 1 / ($0 + offset) }
    }
}
