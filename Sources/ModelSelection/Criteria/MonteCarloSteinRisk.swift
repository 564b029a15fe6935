import Glibc

/// Stein's risk estimate with the degrees of freedom by finite differences along random directions (Ramani et al. 2008;
/// Deledalle et al. 2014): dof ≈ ⟨X(B(Y + εΔ) − B(Y)), Δ⟩/ε with Δ standard normal.
///
/// The literature's way, kept as the baseline and for the Lasso: over a width of ε the jumps of the degrees of freedom
/// become slopes. One more solve a draw.
public struct MonteCarloSteinRisk: Criterion {
    /// σ².
    public let noiseVariance: Double
    /// Number of directions, at least one.
    public let draws: Int
    /// Seed of the directions.
    public let seed: UInt64
    /// ε, or nil for 2σ/(nT)^0.3.
    public let step: Double?

    /// - Parameters:
    ///   - noiseVariance: σ² > 0.
    ///   - draws: number of directions; below one counts as one.
    ///   - seed: of the directions.
    ///   - step: ε > 0, or nil for 2σ/(nT)^0.3.
    public init(noiseVariance: Double = 1, draws: Int = 1, seed: UInt64 = 0, step: Double? = nil) {
        self.noiseVariance = noiseVariance
        self.draws = max(1, draws)
        self.seed = seed
        self.step = step
    }

    /// `SURE (Monte-Carlo)`.
    public var name: String { "SURE (Monte-Carlo)" }

    /// It is an estimate of the risk.
    public var estimatesRisk: Bool { true }

    /// The problem itself comes first.
    public var readsProblem: Bool { true }

    private func step(rows: Int, samples: Int) -> Double {
        step ?? 2 * noiseVariance.squareRoot() / pow(Double(rows) * Double(samples), 0.3)
    }

    /// The direction of a draw, n × T.
    private func direction(_ draw: Int, rows: Int, samples: Int) -> Matrix {
        var random = SeededGenerator(seed: seed &+ UInt64(truncatingIfNeeded: draw) &* 0x9E37_79B9_7F4A_7C15)
        return random.normal(rows: rows, columns: samples)
    }

    /// The problem, and the problem with noise added, once a draw.
    public func problems(for problem: RegressionProblem) throws -> [RegressionProblem] {
        let response = problem.unreducedResponse
        let step = step(rows: response.rows, samples: response.columns)
        return try [problem]
            + (0..<draws).map {
                try problem.with(
                    response: response + direction($0, rows: response.rows, samples: response.columns) * step)
            }
    }

    /// ‖Y − XB‖² − nTσ² + 2σ²·dof.
    public func judge(_ fits: [Fit], of problem: RegressionProblem, wantsGradient: Bool) -> Judgement {
        guard let base = fits.first, fits.count == draws + 1 else { return .impossible }
        let (rows, samples) = (base.problem.rowCount, base.problem.sampleCount)
        let step = step(rows: rows, samples: samples)
        let scale = 1 / (step * Double(draws))
        var freedom = 0.0
        var derivatives = fits.map { fit in
            FitDerivative(
                coefficients: fit.supports.map {
                    Matrix(rows: $0.active.coefficients.rows, columns: $0.columns.columns)
                })
        }
        if wantsGradient {
            derivatives[0].coefficients = base.supports.map(\.residualDerivative)
        }
        for draw in 0..<draws {
            let direction = direction(draw, rows: rows, samples: samples)
            for (number, sign) in [(0, -1.0), (draw + 1, 1.0)] {
                for (i, support) in fits[number].supports.enumerated() where support.active.count > 0 {
                    // ⟨XB, Δ⟩ = ⟨Bᵀ, ΔᵀX⟩, over the samples of the support.
                    let image = Matrix.product(
                        direction.columns(support.samples), transposed: true, support.columns,
                        parallelism: support.parallelism)
                    let product = zip(support.originalCoefficients.elements, image.elements)
                        .reduce(0) { $0 + $1.0 * $1.1 }
                    freedom += sign * scale * product
                    guard wantsGradient else { continue }
                    derivatives[number].coefficients[i] =
                        derivatives[number].coefficients[i]
                        + support.pullBack(image) * (sign * 2 * noiseVariance * scale)
                }
            }
        }
        return Judgement(
            value: base.solution.squaredResidual - base.entryCount * noiseVariance + 2 * noiseVariance * freedom,
            degreesOfFreedom: freedom, derivatives: wantsGradient ? derivatives : nil)
    }
}

extension CriterionKind {
    /// ``MonteCarloSteinRisk``.
    public static let monteCarlo = CriterionKind(
        "sure-mc", help: "the same, with degrees of freedom by random directions", needsNoiseLevel: true, usualDraws: 1
    ) { MonteCarloSteinRisk(noiseVariance: $0.noiseVariance, draws: $0.draws, seed: $0.seed) }
}
