/// How far the choice of SURE would move if the noise level that it counted with were wrong.
///
/// SURE at another σ is known without another solve: residual and degrees of freedom of every λ tried do not depend on it.
public struct NoiseSensitivity: Sendable, Equatable, Codable {
    /// Relative error of σ that is looked at.
    public let error: Double
    /// λ over λ_max that would be chosen among the λ tried if σ were smaller by ``error``.
    public let ratioIfSmaller: Double
    /// Whether that is the smallest λ tried, so that the choice may lie below.
    public let isSmallerOpen: Bool
    /// λ over λ_max that would be chosen among the λ tried if σ were larger by ``error``.
    public let ratioIfLarger: Double

    private enum CodingKeys: String, CodingKey {
        case error
        case ratioIfSmaller = "lambda_ratio_if_smaller"
        case isSmallerOpen = "if_smaller_at_edge"
        case ratioIfLarger = "lambda_ratio_if_larger"
    }
}

extension SelectionCurve {
    /// How far the choice would move if σ were wrong; nil where it is not by SURE over one λ.
    ///
    /// - Parameters:
    ///   - noiseVariance: σ² that the criterion counted with.
    ///   - error: relative error of σ, above 0 and below 1.
    public func noiseSensitivity(noiseVariance: Double, error: Double = 0.2) -> NoiseSensitivity? {
        guard axis == .lambda, estimatesRisk else { return nil }
        let known = points.filter {
            $0.squaredResidual.isFinite && $0.degreesOfFreedom.isFinite && $0.ratio.isFinite && $0.ratio > 0
        }
        guard known.count >= 3 else { return nil }
        func choice(_ factor: Double) -> Int {
            let variance = noiseVariance * factor * factor
            // What does not depend on λ is left out.
            func risk(_ point: SelectionPoint) -> Double {
                point.squaredResidual + 2 * variance * point.degreesOfFreedom
            }
            return known.indices.min { risk(known[$0]) < risk(known[$1]) } ?? 0
        }
        let (smaller, larger) = (choice(1 - error), choice(1 + error))
        return NoiseSensitivity(
            error: error, ratioIfSmaller: known[smaller].ratio, isSmallerOpen: smaller == known.count - 1,
            ratioIfLarger: known[larger].ratio)
    }
}
