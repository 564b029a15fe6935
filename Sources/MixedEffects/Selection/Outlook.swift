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
        var removal = Removal(problem, noise, scored)
        likelihood.evaluate(at: effects, into: &derivatives) { removal.keep($0) }
        var gradient = [Double](repeating: 0, count: count)
        var hessian = Matrix(rows: count, columns: count)
        derivatives.fillGradient(scored.noiseFactor, &gradient)
        derivatives.fillHessian(noise, scored.noiseFactor, rows: problem.rowCount, concave: 1, &hessian)
        hessian.mirrorLowerTriangle()
        let values = effects.fixed + effects.variances
        inside = (0..<count).filter { scored.support[$0] }
        outside = (0..<count).filter { !scored.support[$0] }
        // Variances that came to 0 do not move with the others.
        let model = Quadratic(hessian, moving: inside.filter { $0 < p || values[$0] > 0 }, outside: outside)
        func information(_ k: Int) -> Double? { k < p ? nil : derivatives.fisher[k - p, k - p] }
        var flips = [Double](repeating: 0, count: count)
        for (column, k) in outside.enumerated() {
            flips[k] = model?.gain(column, gradient[k], information(k), without: nil, 0) ?? -.infinity
        }
        var swaps = Matrix(rows: withSwaps ? inside.count : 0, columns: outside.count)
        for (row, k) in inside.enumerated() {
            let place = values[k] == 0 ? nil : model?.moving.firstIndex(of: k)
            flips[k] = place.flatMap { model?.loss(of: $0, values[k]) } ?? 0
            // The likelihood is far from quadratic between an effect and 0, which matters unless it is surely in.
            if values[k] != 0, k >= p || flips[k] < 25 {
                flips[k] = removal.change(without: k, values[k], derivatives, likelihood, effects)
            }
            if !flips[k].isFinite || flips[k] < 0 { flips[k] = 0 }
            guard withSwaps, let model else { continue }
            for (column, other) in outside.enumerated() {
                swaps[row, column] =
                    flips[k] + model.gain(column, gradient[other], information(other), without: place, values[k])
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
    ///
    /// All that needs is the products [X Z r]ᵀΩ⁻¹[X Z r] of every group at the model: without βx the residual is r + βx, and
    /// without γzzᵀ Ω⁻¹ is larger by Ω⁻¹zzᵀΩ⁻¹γ/(1 − γA), A = zᵀΩ⁻¹z, and det Ω smaller by 1 − γA.
    private struct Removal {
        private let noise: NoiseModel
        private let scored: SupportFits.Scored
        private let rows: Int
        /// Effects in the model, of all, and how many of them are fixed; then r.
        private let indices: [Int]
        private let p: Int
        private let side: Int
        /// Of every group, whole matrices of the effects in the model and r.
        private var products: [Double]
        private var kept = 0
        private var own: [Double]
        private var traces: [Double]
        /// Where the columns of Z are in the products.
        private let places: [Int]
        private var derivatives: Likelihood.Derivatives
        private var gradient: [Double]
        private var hessian: Matrix

        init(_ problem: MixedEffectsProblem, _ noise: NoiseModel, _ scored: SupportFits.Scored) {
            let count = problem.fixedCount + problem.randomCount
            self.noise = noise
            self.scored = scored
            rows = problem.rowCount
            indices = (0...count).filter { $0 == count || scored.support[$0] }
            p = scored.support.fixedIndices.count
            side = indices.count
            products = [Double](repeating: 0, count: problem.groupCount * side * side)
            own = [Double](repeating: 0, count: side * side)
            traces = [Double](repeating: 0, count: side - 1 - p)
            places = Array(p..<(side - 1))
            derivatives = Likelihood.Derivatives(fixedCount: p, randomCount: side - 1 - p)
            gradient = [Double](repeating: 0, count: side - 1)
            hessian = Matrix(rows: side - 1, columns: side - 1)
        }

        /// Takes over what the next group has.
        mutating func keep(_ whole: UnsafePointer<Double>) {
            let (all, base) = (indices[side - 1] + 1, kept * side * side)
            kept += 1
            products.withUnsafeMutableBufferPointer { products in
                indices.withUnsafeBufferPointer { indices in
                    for j in 0..<side {
                        let column = whole + indices[j] * all
                        for i in j..<side {
                            let value = column[indices[i]]
                            products[base + i + j * side] = value
                            products[base + j + i * side] = value
                        }
                    }
                }
            }
        }

        /// - Parameters:
        ///   - k: an effect of the model, of all.
        ///   - value: what it is: β, or γ relative to the noise where that is estimated.
        ///   - at, likelihood, effects: the derivatives of all effects at the model, the likelihood, and where they were taken.
        mutating func change(
            without k: Int, _ value: Double, _ at: Likelihood.Derivatives, _ likelihood: Likelihood,
            _ effects: Effects
        ) -> Double {
            guard let place = indices.firstIndex(of: k) else { return 0 }
            var (squares, logs) = (2 * at.squares, 2 * at.logDeterminant)
            let (r, area) = (side - 1, side * side)
            for base in stride(from: 0, to: products.count, by: area) {
                let (score, own) = (products[base + r + place * side], products[base + place + place * side])
                if place < p {
                    squares += value * (2 * score + value * own)
                } else {
                    let left = 1 - value * own
                    // Too few digits are left of Ω without an effect that is nearly all of it.
                    guard left > 1e-10 else { return direct(k, likelihood, effects) }
                    squares += value * score * score / left
                    logs += log(left)
                }
            }
            let alone = NoiseModel.objective(noise, squares / 2, logs / 2, rows).value - scored.loss
            // What is surely in needs no more than that.
            guard alone < 60 else { return alone }
            differentiate(without: place, value)
            (derivatives.squares, derivatives.logDeterminant) = (squares / 2, logs / 2)
            let variance = derivatives.objective(noise, freedom: rows).noiseVariance
            derivatives.fillGradient(variance, &gradient)
            derivatives.fillHessian(noise, variance, rows: rows, concave: 1, &hessian)
            let variances = scored.effects.variances
            let count = scored.effects.fixed.count
            let others = (0..<r).filter { $0 != place && ($0 < p || variances[indices[$0] - count] > 0) }
            return alone - gain(others)
        }

        /// The likelihood alone where effect k is 0, evaluated.
        private func direct(_ k: Int, _ likelihood: Likelihood, _ effects: Effects) -> Double {
            var without = effects
            without.variances[k - effects.fixed.count] = 0
            let (squares, logs) = likelihood.parts(at: without)
            return NoiseModel.objective(noise, squares, logs, rows).value - scored.loss
        }

        /// Derivatives where an effect is 0.
        private mutating func differentiate(without place: Int, _ value: Double) {
            derivatives.clearSlopes()
            derivatives.clearHessians()
            let (side, r, p) = (side, side - 1, p)
            products.withUnsafeBufferPointer { products in
                own.withUnsafeMutableBufferPointer { own in
                    guard let all = products.baseAddress, let own = own.baseAddress else { return }
                    for base in stride(from: 0, to: products.count, by: side * side) {
                        let (group, column) = (all + base, all + base + place * side)
                        let factor = place < p ? 0 : value / (1 - value * column[place])
                        for j in 0..<side {
                            let (weight, target, source) = (factor * column[j], own + j * side, group + j * side)
                            for i in j..<side { target[i] = source[i] + weight * column[i] }
                        }
                        for j in 0..<r { own[j + r * side] = own[r + j * side] + (place < p ? value * column[j] : 0) }
                        for j in 0..<r {
                            for i in (j + 1)..<max(r, j + 1) { own[j + i * side] = own[i + j * side] }
                            if j >= p { traces[j - p] = own[j * (side + 1)] }
                        }
                        places.withUnsafeBufferPointer {
                            derivatives.addSlopes(scores: own + r * side, traces: traces, places: $0)
                            derivatives.addHessians(own, side: side, places: $0)
                        }
                    }
                }
            }
        }

        /// By how much a Newton step of some effects lowers the loss; 0 where the Hessian is not positive definite.
        private mutating func gain(_ others: [Int]) -> Double {
            let (n, rows) = (others.count, side - 1)
            var right = others.map { gradient[$0] }
            own.withUnsafeMutableBufferPointer { own in
                hessian.elements.withUnsafeBufferPointer { hessian in
                    for k in 0..<n { for l in k..<n { own[l + k * n] = hessian[others[l] + others[k] * rows] } }
                }
            }
            guard SmallKernels.cholesky(n, &own) else { return 0 }
            SmallKernels.solve(1, n, own, &right)
            return right.reduce(0) { $0 + $1 * $1 } / 2
        }
    }

    /// The quadratic model at a point where the effects that move have no slope.
    private struct Quadratic {
        let moving: [Int]
        /// The inverse V of the Hessian of those.
        private let inverse: Matrix
        /// V times the columns h of the Hessian of those outside: minus how the moving follow when one of them moves by 1.
        private let follow: Matrix
        /// The curvature of each one outside where the others follow, H_kk − hᵀVh.
        private let curvatures: [Double]

        /// Nil where the Hessian is not positive definite.
        init?(_ hessian: Matrix, moving: [Int], outside: [Int]) {
            let block = Matrix(rows: moving.count, columns: moving.count) { hessian[moving[$0], moving[$1]] }
            let columns = Matrix(rows: moving.count, columns: outside.count) { hessian[moving[$0], outside[$1]] }
            guard let inverse = moving.isEmpty ? block : (try? Cholesky(block))?.inverse() else { return nil }
            let follow = moving.isEmpty ? columns : inverse * columns
            self.moving = moving
            self.inverse = inverse
            self.follow = follow
            curvatures = outside.indices.map { column in
                let k = outside[column]
                return moving.indices.reduce(hessian[k, k]) { $0 - columns[$1, column] * follow[$1, column] }
            }
        }

        /// What the loss gains when the effect at a place among the moving goes from a value to 0 and the others follow.
        func loss(of place: Int, _ value: Double) -> Double { 0.5 * value * value / inverse[place, place] }

        /// What one outside adds to the loss, not above 0.
        ///
        /// - Parameters:
        ///   - column: which.
        ///   - gradient: its own, where it is 0.
        ///   - information: Fisher's of a variance, which stands in where the likelihood bends down; nil for a fixed effect.
        ///   - place, value: of one among the moving that goes to 0 before, with its value; nil: none does.
        func gain(
            _ column: Int, _ gradient: Double, _ information: Double?, without place: Int?, _ value: Double
        ) -> Double {
            var (gradient, observed) = (gradient, curvatures[column])
            if let place {
                let share = follow[place, column] / inverse[place, place]
                gradient -= value * share
                observed += share * follow[place, column]
            }
            if information != nil, gradient >= 0 { return 0 }
            let curvature = max(observed, 0.3 * (information ?? 0))
            return curvature > 0 ? -0.5 * gradient * gradient / curvature : 0
        }
    }
}
