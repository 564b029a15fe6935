import Glibc
import LinearAlgebra

/// Variances of a model whose random effects are uncorrelated, by Fisher's scoring under γ ≥ 0 on the (restricted) likelihood of
/// which β is eliminated: what ``CovarianceFit`` finds, in the time of a few evaluations where there are few random effects. One
/// variance may be held where it is, with the others at their best.
///
/// A step solves Fisher's information of γ/σ² and log σ² on those that are not held at 0 against the gradient, and is halved until
/// the objective falls.
struct VarianceScoring {
    /// Steps at most.
    var maximumIterations = 200
    /// Stops when a step promises less than this part of the objective (of 1 where that is less).
    var tolerance = 1e-11

    /// Where the variances are, as the objective has them.
    struct State {
        /// γ/σ²; γ where the noise is known.
        var ratios: [Double]
        /// log σ²; 0 where the noise is known.
        var logNoise = 0.0
    }

    /// A variance that stays.
    struct Held {
        let index: Int
        /// γ itself.
        let variance: Double
    }

    /// Fits with known noise.
    ///
    /// - Throws: ``MixedEffectsProblem/Invalid`` where β is not determined.
    /// - Complexity: O(iterations · m(p + q)²q); memory of a matrix of p + q + 1 a group.
    func fit(_ problem: MixedEffectsProblem, kind: LikelihoodKind) throws(MixedEffectsProblem.Invalid) -> FittedModel {
        try problem.requireIndependentColumns()
        var objective = FactoredObjective(problem, .known, kind, (0..<problem.randomCount).map { [$0] })
        var state = State(ratios: objective.start.map { $0 * $0 })
        guard let found = minimize(&objective, from: &state),
            let model = objective.model(state.ratios.map { $0.squareRoot() }, found.iterations, found.isConverged)
        else { throw .noNoise }
        return model
    }

    /// Minimizes over all variances but the one that is held, and over that of the noise where it is estimated.
    ///
    /// - Parameter state: where to begin, and where it ended; the objective was evaluated there last.
    /// - Returns: nil where the objective is not finite at the start.
    func minimize(
        _ objective: inout FactoredObjective, from state: inout State, held: Held? = nil
    ) -> (iterations: Int, isConverged: Bool)? {
        let q = state.ratios.count
        state.hold(held)
        guard Self.evaluate(&objective, state) else { return nil }
        for iteration in 0..<maximumIterations {
            let before = objective.value
            let (step, gradient) = step(objective, state, held)
            let promise = -zip(gradient, step).reduce(0) { $0 + $1.0 * $1.1 }
            guard promise > tolerance * max(1, abs(before)) else { return (iteration, true) }
            let start = state
            var length = 1.0
            var isBetter = false
            for _ in 0..<30 where !isBetter {
                for j in 0..<q { state.ratios[j] = max(0, start.ratios[j] + length * step[j]) }
                // A factor of 20 at once is enough.
                state.logNoise = start.logNoise + length * min(3, max(-3, step[q]))
                state.hold(held)
                isBetter = Self.evaluate(&objective, state) && objective.value <= before - 1e-4 * length * promise
                length /= 2
            }
            guard isBetter else {
                state = start
                return Self.evaluate(&objective, state) ? (iteration, promise < 1e-7 * max(1, abs(before))) : nil
            }
        }
        return (maximumIterations, false)
    }

    private static func evaluate(_ objective: inout FactoredObjective, _ state: State) -> Bool {
        objective.givenNoise = exp(state.logNoise)
        return objective.evaluate(state.ratios.map { $0.squareRoot() })
    }

    /// A step of the ratios, then log σ², that stays at 0 where it should, and the gradient.
    private func step(
        _ objective: FactoredObjective, _ state: State, _ held: Held?
    ) -> (step: [Double], gradient: [Double]) {
        let q = state.ratios.count
        let isNoiseFree = objective.isNoiseEstimated
        var gradient = objective.varianceGradient + [isNoiseFree ? objective.noiseGradient : 0]
        var information = Matrix(rows: q + 1, columns: q + 1)
        let traces = objective.halfTraces
        for j in 0..<q {
            for i in j..<q { information[i, j] = objective.fisher[i, j] }
            information[q, j] = traces[j]
        }
        information[q, q] = Double(objective.freedom) / 2
        information.mirrorLowerTriangle()
        if let held {
            // Its ratio falls as log σ² grows.
            let (j, ratio) = (held.index, state.ratios[held.index])
            information[q, q] += ratio * (ratio * information[j, j] - 2 * traces[j])
            for k in 0..<q where k != j {
                information[q, k] -= ratio * information[j, k]
                information[k, q] = information[q, k]
            }
            if isNoiseFree { gradient[q] -= ratio * gradient[j] }
            gradient[j] = 0
        }
        var free = (0..<q).filter { $0 != held?.index && (state.ratios[$0] > 0 || gradient[$0] < 0) }
        if isNoiseFree { free.append(q) }
        return (Self.solved(information, gradient, &free, state), gradient)
    }

    /// Of those that are free; what would become negative goes to 0 and the others are solved for again.
    private static func solved(
        _ information: Matrix, _ gradient: [Double], _ free: inout [Int], _ state: State
    ) -> [Double] {
        var step = [Double](repeating: 0, count: gradient.count)
        while !free.isEmpty {
            let own = Matrix(rows: free.count, columns: free.count) { i, j in
                information[free[i], free[j]] * (i == j ? 1 + 1e-12 : 1)
            }
            let right = Matrix(rows: free.count, columns: 1) { i, _ in -gradient[free[i]] }
            if let solved = try? Cholesky(own).solve(right) {
                for (k, j) in free.enumerated() { step[j] = solved[k, 0] }
            } else {
                for (k, j) in free.enumerated() where own[k, k] > 0 { step[j] = right[k, 0] / own[k, k] }
            }
            let beyond = free.filter { $0 < state.ratios.count && state.ratios[$0] + step[$0] < 0 }
            if beyond.isEmpty { break }
            for j in beyond { step[j] = -state.ratios[j] }
            free.removeAll { beyond.contains($0) }
        }
        return step
    }
}

extension VarianceScoring.State {
    /// Puts the ratio of what is held where σ² wants it.
    fileprivate mutating func hold(_ held: VarianceScoring.Held?) {
        if let held { ratios[held.index] = held.variance * exp(-logNoise) }
    }
}
