/// A criterion that reads one fit of the problem itself: its squared residual, its exact degrees of freedom and the number
/// of active blocks.
///
/// SURE, generalized cross-validation and the information criteria are all of this kind; each is one formula.
public protocol FitCriterion: Criterion {
    /// The criterion and its slopes.
    func combine(_ summary: FitSummary) -> FitValue
}

/// What a ``FitCriterion`` reads.
public struct FitSummary: Sendable, Equatable {
    /// ‖Y − XB‖².
    public let squaredResidual: Double
    /// Exact degrees of freedom.
    public let degreesOfFreedom: Double
    /// Entries of the data, n·T.
    public let entryCount: Double
    /// Active blocks.
    public let activeCount: Int
    /// Blocks in all.
    public let blockCount: Int
}

/// The value of a ``FitCriterion`` and its partial derivatives.
public struct FitValue: Sendable, Equatable {
    /// The criterion.
    public let value: Double
    /// Its derivative with respect to ‖Y − XB‖².
    public let residualSlope: Double
    /// Its derivative with respect to the degrees of freedom.
    public let freedomSlope: Double

    /// - Parameters: as the properties.
    public init(value: Double, residualSlope: Double, freedomSlope: Double) {
        self.value = value
        self.residualSlope = residualSlope
        self.freedomSlope = freedomSlope
    }
}

extension FitCriterion {
    /// Nothing else is read.
    public var readsProblem: Bool { true }

    /// The problem itself.
    public func problems(for problem: RegressionProblem) -> [RegressionProblem] { [problem] }

    /// The value by ``combine(_:)``, its derivatives by the chain rule: those of the degrees of freedom in closed form
    /// (``SupportHessian/freedomDerivatives(samples:)``).
    ///
    /// - Complexity: O(n(|S|o)² + (|S|o)³).
    public func judge(_ fits: [Fit], of problem: RegressionProblem, wantsGradient: Bool) -> Judgement {
        guard let fit = fits.first else { return .impossible }
        var freedom = 0.0
        var derivatives: [FreedomDerivatives] = []
        for support in fit.supports {
            guard support.active.count > 0 else {
                derivatives.append(.none(samples: support.response.columns))
                continue
            }
            guard let hessian = support.hessian else { return .impossible }
            if wantsGradient {
                derivatives.append(hessian.freedomDerivatives(samples: support.samples.count))
                freedom += derivatives[derivatives.count - 1].value
            } else {
                freedom += hessian.degreesOfFreedom(samples: support.samples.count)
            }
        }
        let combined = combine(
            FitSummary(
                squaredResidual: fit.solution.squaredResidual, degreesOfFreedom: freedom, entryCount: fit.entryCount,
                activeCount: fit.activeCount, blockCount: fit.candidateCount))
        guard wantsGradient else {
            return Judgement(
                value: combined.value, degreesOfFreedom: freedom, residualSlope: combined.residualSlope)
        }
        var derivative = FitDerivative(coefficients: [], slopes: [])
        for (support, change) in zip(fit.supports, derivatives) {
            var coefficients =
                support.residualDerivative * combined.residualSlope + change.coefficients * combined.freedomSlope
            // With ‖B_j‖, φ_j′ grows by φ_j″ and φ_j″ by φ_j‴.
            for j in support.active.blocks.indices {
                let (second, third) = (support.slopes[j].second, support.thirdDerivatives[j])
                guard second != 0 || third != 0 else { continue }
                let factor =
                    combined.freedomSlope * (change.firstSlopes[j] * second + change.secondSlopes[j] * third)
                    / support.norms[j]
                for c in support.active.offsets[j]..<support.active.offsets[j + 1] {
                    for t in 0..<coefficients.rows {
                        coefficients[t, c] += factor * support.active.coefficients[t, c]
                    }
                }
            }
            derivative.coefficients.append(coefficients)
            derivative.slopes.append(
                zip(change.firstSlopes, change.secondSlopes).map {
                    (combined.freedomSlope * $0, combined.freedomSlope * $1)
                })
        }
        return Judgement(
            value: combined.value, degreesOfFreedom: freedom, residualSlope: combined.residualSlope,
            derivatives: [derivative])
    }
}
