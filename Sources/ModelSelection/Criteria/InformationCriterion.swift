import Glibc

/// Information criteria: a goodness of fit, plus a price for every degree of freedom.
///
/// With a noise variance the fit is ‖Y − XB‖²/σ²; without one it is nT·log(‖Y − XB‖²/nT), which estimates the variance
/// along.
public struct InformationCriterion: FitCriterion {
    /// What a degree of freedom costs.
    public enum Price: Sendable, Equatable {
        /// 2 (Akaike 1974).
        case akaike
        /// log nT (Schwarz 1978).
        case bayesian
        /// log nT, and 2γ·log of the number of supports of that size (Chen & Chen 2008).
        case extended(gamma: Double)
    }

    /// What a degree of freedom costs.
    public let price: Price
    /// σ², or nil to estimate it along.
    public let noiseVariance: Double?

    /// A criterion from its price.
    ///
    /// - Parameters:
    ///   - price: what a degree of freedom costs; γ of the extended price from 0 to 1.
    ///   - noiseVariance: σ² > 0, or nil.
    public init(_ price: Price, noiseVariance: Double? = nil) {
        self.price = price
        self.noiseVariance = noiseVariance
    }

    /// `AIC`, `BIC` or `EBIC`.
    public var name: String {
        switch price {
        case .akaike: "AIC"
        case .bayesian: "BIC"
        case .extended: "EBIC"
        }
    }

    /// The fit plus the price of the degrees of freedom. The count of supports is constant between the points where a
    /// block enters or leaves, so it adds nothing to the slopes.
    public func combine(_ summary: FitSummary) -> FitValue {
        var offset = 0.0
        let cost: Double
        switch price {
        case .akaike: cost = 2
        case .bayesian: cost = log(summary.entryCount)
        case .extended(let gamma):
            cost = log(summary.entryCount)
            let (p, k) = (Double(summary.blockCount), Double(summary.activeCount))
            offset = 2 * gamma * (lgamma(p + 1) - lgamma(k + 1) - lgamma(p - k + 1))
        }
        let entries = summary.entryCount
        let priced = cost * summary.degreesOfFreedom + offset
        if let noiseVariance {
            return FitValue(
                value: summary.squaredResidual / noiseVariance + priced, residualSlope: 1 / noiseVariance,
                freedomSlope: cost)
        }
        guard summary.squaredResidual > 0, summary.degreesOfFreedom < entries else {
            return FitValue(value: .infinity, residualSlope: 0, freedomSlope: 0)
        }
        return FitValue(
            value: entries * log(summary.squaredResidual / entries) + priced,
            residualSlope: entries / summary.squaredResidual, freedomSlope: cost)
    }
}

extension CriterionKind {
    /// ``InformationCriterion`` with Akaike's price.
    public static let aic = CriterionKind("aic", help: "Akaike's information criterion", needsNoiseLevel: true) {
        InformationCriterion(.akaike, noiseVariance: $0.noiseVariance)
    }

    /// ``InformationCriterion`` with Schwarz' price.
    public static let bic = CriterionKind("bic", help: "Schwarz' information criterion", needsNoiseLevel: true) {
        InformationCriterion(.bayesian, noiseVariance: $0.noiseVariance)
    }

    /// ``InformationCriterion`` with the extended price, γ = ½.
    public static let ebic = CriterionKind(
        "ebic", help: "the same, extended by the number of supports", needsNoiseLevel: true
    ) { InformationCriterion(.extended(gamma: 0.5), noiseVariance: $0.noiseVariance) }
}
