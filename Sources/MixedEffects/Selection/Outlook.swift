import Glibc
import LinearAlgebra

/// What flipping or swapping effects of a fitted model would do to its loss, by the quadratic model of the likelihood there: the
/// score test for what comes in, Wald's for what goes.
///
/// One evaluation of all derivatives tells of all flips. Near the truth for what matters little; of what matters much it tells
/// that it does. Nothing is decided by it alone but which models are worth fitting.
struct Outlook {
    /// Expected change of the loss when each effect is flipped: p + q values.
    let flips: [Double]
    /// Effects in, and out, of the model.
    private let inside: [Int]
    private let outside: [Int]
    /// For each pair (inside, outside) the expected change when they are swapped.
    private let swaps: Matrix

    /// - Parameters:
    ///   - likelihood: of the problem with all effects.
    ///   - scored: a model at its best.
    ///   - derivatives: room.
    ///   - withSwaps: whether swaps are asked for, too.
    init(
        _ likelihood: Likelihood, _ noise: NoiseModel, _ scored: SupportFits.Scored,
        _ derivatives: inout Likelihood.Derivatives, withSwaps: Bool
    ) {
        let problem = likelihood.problem
        let (p, count) = (problem.fixedCount, problem.fixedCount + problem.randomCount)
        var effects = scored.effects
        for j in effects.variances.indices { effects.variances[j] /= scored.noiseFactor }
        likelihood.evaluate(at: effects, into: &derivatives)
        var gradient = [Double](repeating: 0, count: count)
        var hessian = Matrix(rows: count, columns: count)
        derivatives.fillGradient(scored.noiseFactor, &gradient)
        derivatives.fillHessian(noise, scored.noiseFactor, rows: problem.rowCount, concave: 1, &hessian)
        hessian.mirrorLowerTriangle()
        let values = effects.fixed + effects.variances
        inside = (0..<count).filter { scored.support[$0] }
        outside = (0..<count).filter { !scored.support[$0] }
        // Variances that came to 0 do not move with the others.
        let moving = inside.filter { $0 < p || values[$0] > 0 }
        var flips = [Double](repeating: 0, count: count)
        let model = Quadratic(hessian, moving)
        func information(_ k: Int) -> Double? { k < p ? nil : derivatives.fisher[k - p, k - p] }
        for k in outside { flips[k] = model?.gain(of: k, gradient[k], information(k)) ?? -.infinity }
        var removal = Removal(problem, noise, scored)
        var swaps = Matrix(rows: withSwaps ? inside.count : 0, columns: outside.count)
        for (row, k) in inside.enumerated() {
            let rest = moving.filter { $0 != k }
            let reduced = values[k] == 0 ? model : Quadratic(hessian, rest)
            // The others move as they must when effect k goes to 0.
            let shift = reduced?.response(to: k, by: -values[k]) ?? []
            flips[k] =
                reduced == nil
                ? 0
                : 0.5 * values[k]
                    * (hessian[k, k] * values[k] - zip(rest, shift).reduce(0) { $0 + hessian[k, $1.0] * $1.1 })
            // The likelihood is far from quadratic between an effect and 0, which matters unless it is surely in.
            if values[k] != 0, k >= p || flips[k] < 25 { flips[k] = removal.change(without: k) ?? flips[k] }
            if !flips[k].isFinite || flips[k] < 0 { flips[k] = 0 }
            guard withSwaps, let reduced else { continue }
            for (column, other) in outside.enumerated() {
                let moved = zip(values[k] == 0 ? [] : rest, shift).reduce(
                    gradient[other] - hessian[other, k] * values[k]
                ) { $0 + hessian[other, $1.0] * $1.1 }
                swaps[row, column] = flips[k] + reduced.gain(of: other, moved, information(other))
            }
        }
        self.flips = flips
        self.swaps = swaps
    }

    /// The expected change of the loss when two effects are swapped, in the order of those inside, then outside.
    func forEachSwap(_ body: (_ out: Int, _ into: Int, _ change: Double) -> Void) {
        for (row, out) in inside.enumerated() where row < swaps.rows {
            for (column, into) in outside.enumerated() { body(out, into, swaps[row, column]) }
        }
    }

    /// What a model loses without one of its effects: the likelihood where that is 0, and one Newton step of the others from there.
    private struct Removal {
        let likelihood: Likelihood
        let noise: NoiseModel
        let scored: SupportFits.Scored
        let indices: [Int]
        let p: Int
        let effects: Effects
        var derivatives: Likelihood.Derivatives

        init(_ problem: MixedEffectsProblem, _ noise: NoiseModel, _ scored: SupportFits.Scored) {
            let (fixed, random) = (scored.support.fixedIndices, scored.support.randomIndices)
            likelihood = Likelihood(problem.restricted(fixed: fixed, random: random))
            self.noise = noise
            self.scored = scored
            indices = fixed + random.map { $0 + problem.fixedCount }
            p = fixed.count
            effects = Effects(
                fixed: fixed.map { scored.effects.fixed[$0] },
                variances: random.map { scored.effects.variances[$0] / scored.noiseFactor })
            derivatives = Likelihood.Derivatives(fixedCount: fixed.count, randomCount: random.count)
        }

        mutating func change(without k: Int) -> Double? {
            guard let place = indices.firstIndex(of: k) else { return nil }
            var at = effects
            if place < p { at.fixed[place] = 0 } else { at.variances[place - p] = 0 }
            let rows = likelihood.problem.rowCount
            // What is surely in needs no more than that.
            let (squares, logs) = likelihood.parts(at: at)
            let alone = NoiseModel.objective(noise, squares, logs, rows).value - scored.loss
            guard alone < 60 else { return alone }
            likelihood.evaluate(at: at, into: &derivatives)
            let (value, variance) = derivatives.objective(noise, freedom: rows)
            var gradient = [Double](repeating: 0, count: indices.count)
            var hessian = Matrix(rows: indices.count, columns: indices.count)
            derivatives.fillGradient(variance, &gradient)
            derivatives.fillHessian(noise, variance, rows: rows, concave: 1, &hessian)
            hessian.mirrorLowerTriangle()
            let others = indices.indices.filter { $0 != place && ($0 < p || at.variances[$0 - p] > 0) }
            let right = Matrix(rows: others.count, columns: 1) { row, _ in gradient[others[row]] }
            guard let model = Quadratic(hessian, others), !others.isEmpty else { return value - scored.loss }
            let gain = zip(right.elements, model.factor.solve(right).elements).reduce(0) { $0 + $1.0 * $1.1 } / 2
            return value - scored.loss - gain
        }
    }

    /// A quadratic model restricted to some of its variables.
    private struct Quadratic {
        let hessian: Matrix
        let indices: [Int]
        let factor: Cholesky

        init?(_ hessian: Matrix, _ indices: [Int]) {
            let block = Matrix(rows: indices.count, columns: indices.count) { hessian[indices[$0], indices[$1]] }
            guard let factor = try? Cholesky(block) else { return nil }
            self.hessian = hessian
            self.indices = indices
            self.factor = factor
        }

        /// How the variables move when variable k moves by some amount.
        func response(to k: Int, by amount: Double) -> [Double] {
            guard !indices.isEmpty else { return [] }
            let column = Matrix(rows: indices.count, columns: 1) { row, _ in -amount * hessian[indices[row], k] }
            return factor.solve(column).elements
        }

        /// What variable k adds, not above 0, with its gradient where it is 0.
        ///
        /// - Parameter information: Fisher's of a variance, which stands in where the likelihood bends down; nil for a fixed effect.
        func gain(of k: Int, _ gradient: Double, _ information: Double?) -> Double {
            if information != nil, gradient >= 0 { return 0 }
            let follow = response(to: k, by: 1)
            let observed = zip(indices, follow).reduce(hessian[k, k]) { $0 + hessian[k, $1.0] * $1.1 }
            let curvature = max(observed, 0.3 * (information ?? 0))
            return curvature > 0 ? -0.5 * gradient * gradient / curvature : 0
        }
    }
}
