import Glibc
import LinearAlgebra

/// Restricted maximum likelihood of a model with diagonal Γ and known noise by Fisher's scoring under γ ≥ 0: what
/// ``CovarianceFit`` finds, in the time of a few evaluations where there are many groups and fixed effects and few random ones.
///
/// β is eliminated; a step solves Fisher's information H_k of γ on the variances that are not held at 0 against the gradient of the
/// restricted likelihood, ½ Σ diag A − ½ Σ s∘s − ½ Σ diag(Cᵀ(ΣK)⁻¹C), and is halved until the objective falls.
struct RestrictedScoring {
    /// Steps at most.
    var maximumIterations = 200
    /// Stops when a step promises less than this part of the objective (of 1 where that is less).
    var tolerance = 1e-11

    /// A fitted model, in the terms of ``FittedModel``.
    struct Fit {
        let fixed: [Double]
        /// (Σ K)⁻¹.
        let fixedCovariance: Matrix
        let variances: [Double]
        /// −log restricted likelihood without its (N − p)/2 log 2π.
        let loss: Double
        let isConverged: Bool

        /// Wald's statistic of a fixed effect: about what twice the log-likelihood has of it.
        func worth(of k: Int) -> Double { fixed[k] * fixed[k] / fixedCovariance[k, k] }
    }

    /// The objective at some variances, with β at its best there.
    private struct Point {
        let variances: [Double]
        let value: Double
        let fixed: [Double]
        let factor: Cholesky?
        let gradient: [Double]
        let fisher: Matrix
    }

    /// Fits.
    ///
    /// - Throws: ``MixedEffectsProblem/Invalid`` where β is not determined.
    /// - Complexity: O(iterations · (evaluation + m·p²·q)); memory of p·q numbers a group.
    func fit(_ problem: MixedEffectsProblem) throws(MixedEffectsProblem.Invalid) -> Fit {
        try problem.requireIndependentColumns()
        let likelihood = Likelihood(problem)
        var scratch = Scratch(problem)
        let start = BoundedNewton.start(problem, noise: .known)
        guard var point = evaluate(likelihood, start.variances, start.fixed, &scratch) else { throw .noNoise }
        var isConverged = false
        for _ in 0..<maximumIterations {
            let (step, promise) = step(point)
            isConverged = promise <= tolerance * max(1, abs(point.value))
            guard !isConverged, let next = advance(likelihood, point, step, &scratch) else { break }
            point = next
        }
        return Fit(
            fixed: point.fixed,
            fixedCovariance: point.factor?.inverse() ?? Matrix(rows: 0, columns: 0), variances: point.variances,
            loss: point.value, isConverged: isConverged)
    }

    /// A step that stays at 0 where it should, and what it promises, −gᵀd.
    private func step(_ point: Point) -> (step: [Double], promise: Double) {
        var step = [Double](repeating: 0, count: point.variances.count)
        var free = point.variances.indices.filter { point.variances[$0] > 0 || point.gradient[$0] < 0 }
        while !free.isEmpty {
            let largest = free.map { point.fisher[$0, $0] }.max() ?? 1
            let own = Matrix(rows: free.count, columns: free.count) { i, j in
                point.fisher[free[i], free[j]] + (i == j ? 1e-12 * largest : 0)
            }
            let right = Matrix(rows: free.count, columns: 1) { i, _ in -point.gradient[free[i]] }
            guard let solved = try? Cholesky(own).solve(right) else { break }
            for (k, j) in free.enumerated() { step[j] = solved[k, 0] }
            // What would become negative goes to 0 and the others are solved for again.
            let beyond = free.filter { point.variances[$0] + step[$0] < 0 }
            if beyond.isEmpty { break }
            for j in beyond { step[j] = -point.variances[j] }
            free.removeAll { beyond.contains($0) }
        }
        return (step, -zip(point.gradient, step).reduce(0) { $0 + $1.0 * $1.1 })
    }

    private func advance(
        _ likelihood: Likelihood, _ point: Point, _ step: [Double], _ scratch: inout Scratch
    ) -> Point? {
        var length = 1.0
        for _ in 0..<30 {
            let trial = zip(point.variances, step).map { max(0, $0 + length * $1) }
            let promise = -zip(point.gradient, zip(trial, point.variances)).reduce(0) { $0 + $1.0 * ($1.1.0 - $1.1.1) }
            if let next = evaluate(likelihood, trial, point.fixed, &scratch),
                next.value <= point.value - 1e-4 * max(0, promise)
            {
                return next
            }
            length /= 2
        }
        return nil
    }

    /// Σ K, ½ Σ A∘A and of every group C and s.
    private struct Scratch {
        var information: Matrix
        var right: [Double]
        var fisher: Matrix
        var traces: [Double]
        /// Of each group C (p × q), then s (q).
        var mixed: [Double]

        init(_ problem: MixedEffectsProblem) {
            let (p, q) = (problem.fixedCount, problem.randomCount)
            information = Matrix(rows: p, columns: p)
            right = [Double](repeating: 0, count: p)
            fisher = Matrix(rows: q, columns: q)
            traces = [Double](repeating: 0, count: q)
            mixed = [Double](repeating: 0, count: problem.groupCount * (p + 1) * q)
        }

        /// Sums up what the groups have.
        mutating func gather(_ likelihood: Likelihood, _ effects: Effects) -> Bool {
            let (p, q) = (effects.fixed.count, effects.variances.count)
            for k in information.elements.indices { information.elements[k] = 0 }
            for k in fisher.elements.indices { fisher.elements[k] = 0 }
            for k in right.indices { right[k] = 0 }
            for k in traces.indices { traces[k] = 0 }
            var next = 0
            return mixed.withUnsafeMutableBufferPointer { mixed in
                information.elements.withUnsafeMutableBufferPointer { information in
                    fisher.elements.withUnsafeMutableBufferPointer { fisher in
                        likelihood.forEachProducts(at: effects) { products, side in
                            for k in 0..<p {
                                let column = products + k * side
                                for i in k..<p { information[i + k * p] += column[i] }
                                for j in 0..<q { mixed[next + k + j * p] = column[p + j] }
                                right[k] += column[side - 1]
                            }
                            for j in 0..<q {
                                let column = products + (p + j) * side
                                traces[j] += column[p + j]
                                mixed[next + p * q + j] = column[side - 1]
                                for i in j..<q { fisher[i + j * q] += 0.5 * column[p + i] * column[p + i] }
                            }
                            next += (p + 1) * q
                        }
                    }
                }
            }
        }
    }

    private func evaluate(
        _ likelihood: Likelihood, _ variances: [Double], _ fixed: [Double], _ scratch: inout Scratch
    ) -> Point? {
        let (p, q) = (fixed.count, variances.count)
        let effects = Effects(fixed: fixed, variances: variances)
        let (squares, logs) = likelihood.parts(at: effects)
        guard squares.isFinite, logs.isFinite, scratch.gather(likelihood, effects) else { return nil }
        var value = squares + logs
        var best = fixed
        var shift = [Double](repeating: 0, count: p)
        var factor: Cholesky?
        if p > 0 {
            guard let own = try? Cholesky(scratch.information) else { return nil }
            shift = own.solve(Matrix(rows: p, columns: 1, elements: scratch.right)).elements
            value += 0.5 * own.logDeterminant - 0.5 * zip(shift, scratch.right).reduce(0) { $0 + $1.0 * $1.1 }
            best = zip(fixed, shift).map { $0 + $1 }
            factor = own
        }
        guard value.isFinite else { return nil }
        let inverse = factor?.inverse() ?? Matrix(rows: 0, columns: 0)
        var gradient = scratch.traces.map { 0.5 * $0 }
        var turned = [Double](repeating: 0, count: p)
        for j in 0..<q {
            var sum = 0.0
            for group in 0..<likelihood.problem.groupCount {
                let first = group * (p + 1) * q
                scratch.mixed.withUnsafeBufferPointer { mixed in
                    guard let c = mixed.baseAddress else { return }
                    let own = c + first + j * p
                    var score = c[first + p * q + j]
                    if p > 0 {
                        score -= BLAS.dot(p, own, shift)
                        BLAS.gemv(false, p, p, 1, inverse.elements, p, own, 0, &turned)
                        sum += BLAS.dot(p, own, turned)
                    }
                    sum += score * score
                }
            }
            gradient[j] -= 0.5 * sum
        }
        var fisher = scratch.fisher
        fisher.mirrorLowerTriangle()
        return Point(
            variances: variances, value: value, fixed: best, factor: factor, gradient: gradient, fisher: fisher)
    }
}
