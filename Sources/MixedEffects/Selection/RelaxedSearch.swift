import Glibc

/// The choice of λ and η as Sholokhov et al. (2022) make it: for each η golden section on log₁₀ λ, each λ fitted by ``MSR3Fast``
/// and scored by an information criterion at the shrunk estimate w; the smallest wins.
///
/// The criterion has several local minima in λ, and golden section finds one of them; ``PenaltyPath`` tries all λ of a grid and
/// refits.
public struct RelaxedSearch: Sendable {
    /// η: one search each.
    public let strengths: [Double]
    /// Between which log₁₀ λ is looked for, λ being that of ``MSR3Fast``.
    public let exponents: ClosedRange<Double>
    /// Width of the bracket of log₁₀ λ at which to end.
    public let resolution: Double
    /// What is smallest at the choice.
    public let criterion: InformationCriterion
    /// Effects below it are none.
    public let threshold: Double
    /// Whether a fit begins where the last one ended; else all begin at the start given.
    public let isWarm: Bool

    /// The published settings.
    public init(
        strengths: [Double] = (0..<10).map { pow(10, -2 + Double($0) / 3) }, exponents: ClosedRange<Double> = -2...4,
        resolution: Double = 0.01, criterion: InformationCriterion = .bicJones, threshold: Double = 0.01,
        isWarm: Bool = false
    ) {
        self.strengths = strengths
        self.exponents = exponents
        self.resolution = resolution
        self.criterion = criterion
        self.threshold = threshold
        self.isWarm = isWarm
    }

    /// A λ and η that were tried.
    public struct Trial: Sendable, Equatable {
        /// η.
        public let strength: Double
        /// λ as ``MSR3Fast`` takes it.
        public let lambda: Double
        /// The criterion.
        public let value: Double
        /// ηλ: the λ of the relaxed objective that is minimized.
        public var effectiveLambda: Double { strength * lambda }
    }

    /// What was chosen.
    public struct Choice: Sendable {
        /// λ and η of the smallest criterion.
        public let best: Trial
        /// The fit there, whose `selected` are the effects.
        public let solution: EffectSolution
        /// Which effects are not below the threshold.
        public let support: Support
        /// All that was tried, in order.
        public let trials: [Trial]
    }

    /// Searches.
    ///
    /// - Parameters:
    ///   - objective: its likelihood, weights and hierarchy; its penalty is replaced.
    ///   - penalty: the penalty at a λ.
    ///   - start: where fits begin.
    /// - Returns: nil where no fit has a finite criterion.
    /// - Throws: ``InvalidEffectPenalty`` of η, or of the closure.
    /// - Complexity: a fit for each η and each of some log₁.₆(range/resolution) λ.
    public func run(
        _ objective: PenalizedLikelihood, from start: Effects,
        penalty: (_ lambda: Double) throws(InvalidEffectPenalty) -> any EffectPenalty
    ) throws(InvalidEffectPenalty) -> Choice? {
        var trials: [Trial] = []
        var best: (trial: Trial, solution: EffectSolution)?
        for strength in strengths {
            let solver = try MSR3Fast(strength: strength)
            var from = start
            try GoldenSection.minimize(within: exponents, resolution: resolution) {
                exponent throws(InvalidEffectPenalty) in
                let lambda = pow(10, exponent)
                let found = solver.solve(objective.with(penalty: try penalty(lambda)), from: from)
                if isWarm, found.isConverged { from = found.effects }
                let trial = Trial(
                    strength: strength, lambda: lambda, value: score(found.selected, objective.likelihood))
                trials.append(trial)
                if trial.value < best?.trial.value ?? .infinity { best = (trial, found) }
                return trial.value
            }
        }
        return best.map { best in
            Choice(
                best: best.trial, solution: best.solution,
                support: Support(best.solution.selected, threshold: threshold.nextDown), trials: trials)
        }
    }

    private func score(_ effects: Effects, _ likelihood: Likelihood) -> Double {
        let value = criterion.value(
            likelihood.problem, effects, loss: likelihood.value(at: effects), threshold: threshold.nextDown)
        return value.isNaN ? .infinity : value
    }
}

/// Golden section (Kiefer 1953): one evaluation shrinks the bracket of a minimum by 0.618.
enum GoldenSection {
    /// Asks for values until the bracket is as narrow as the resolution; two at the least.
    static func minimize<Failure: Error>(
        within bounds: ClosedRange<Double>, resolution: Double, _ value: (Double) throws(Failure) -> Double
    ) throws(Failure) {
        let share = (5.0.squareRoot() - 1) / 2
        var (low, high) = (bounds.lowerBound, bounds.upperBound)
        var (left, right) = (high - share * (high - low), low + share * (high - low))
        var (atLeft, atRight) = (try value(left), try value(right))
        while true {
            let isLeft = atLeft <= atRight
            if isLeft { high = right } else { low = left }
            guard high - low > resolution else { return }
            if isLeft {
                (right, atRight) = (left, atLeft)
                left = high - share * (high - low)
                atLeft = try value(left)
            } else {
                (left, atLeft) = (right, atRight)
                right = low + share * (high - low)
                atRight = try value(right)
            }
        }
    }
}
