import Glibc
import LinearAlgebra

/// The (restricted) likelihood as a function of B alone, Γ = σ²BBᵀ, with β and σ² at their best.
struct FactoredObjective {
    private let problem: MixedEffectsProblem
    private let noise: NoiseModel
    private let kind: LikelihoodKind
    /// Row and column in B of each variable.
    private let entries: [(row: Int, column: Int)]
    private let p: Int
    private let q: Int
    private let side: Int
    /// β of ordinary least squares, and of each group the products of [X Z r], weighted, r being what that leaves: no digits
    /// are lost to a response far from 0.
    private let offset: [Double]
    private let grams: [Double]
    private let noiseLogDeterminant: Double
    private var projected: [Double]
    private var factor: Matrix
    private var panel: [Double]
    private var inner: [Double]

    /// Where to begin: each random effect as large as the noise.
    let start: [Double]
    private(set) var value = Double.infinity
    private(set) var gradient: [Double]
    private var noiseVariance = 1.0
    private var shift: [Double] = []
    private var information = Matrix(rows: 0, columns: 0)

    init(_ problem: MixedEffectsProblem, _ noise: NoiseModel, _ kind: LikelihoodKind, _ blocks: [[Int]]) {
        self.problem = problem
        self.noise = noise
        self.kind = kind
        let (p, q) = (problem.fixedCount, problem.randomCount)
        let side = p + q + 1
        (self.p, self.q, self.side) = (p, q, side)
        entries = blocks.flatMap { block in
            block.enumerated().flatMap { k, column in block[k...].map { (row: $0, column: column) } }
        }
        let zero = Effects(
            fixed: [Double](repeating: 0, count: p), variances: [Double](repeating: 0, count: q))
        let first = BoundedNewton.start(problem, noise: noise)
        start = entries.map { $0.row == $0.column ? first.variances[$0.row].squareRoot() : 0 }
        let likelihood = Likelihood(problem)
        let offset = BoundedNewton.profile(likelihood.evaluate(at: zero), zero.fixed) ?? zero.fixed
        self.offset = offset
        var grams = [Double](repeating: 0, count: problem.groupCount * side * side)
        var group = 0
        _ = likelihood.forEachProducts(at: Effects(fixed: offset, variances: zero.variances)) { products, _ in
            for j in 0..<side {
                for i in j..<side {
                    grams[group * side * side + i + j * side] = products[i + j * side]
                    grams[group * side * side + j + i * side] = products[i + j * side]
                }
            }
            group += 1
        }
        self.grams = grams
        projected = grams
        noiseLogDeterminant = problem.noiseVariance.reduce(0) { $0 + log($1) }
        factor = Matrix(rows: q, columns: q)
        panel = [Double](repeating: 0, count: q * side)
        inner = [Double](repeating: 0, count: q * q)
        gradient = [Double](repeating: 0, count: entries.count)
    }

    /// Where a model without correlations is, its zeros moved a little: B has no slope there.
    func point(of fit: BoundedNewton.Fit) -> [Double] {
        zip(entries, start).map { entry, usual in
            guard entry.row == entry.column else { return 0 }
            return max((fit.effects.variances[entry.row] / fit.noiseFactor).squareRoot(), 0.01 * usual)
        }
    }

    /// What ordinary least squares leave, a row on average.
    var residualVariance: Double {
        (0..<problem.groupCount).reduce(0) { $0 + grams[($1 + 1) * side * side - 1] } / Double(problem.rowCount)
    }

    private var freedom: Int { problem.rowCount - (kind == .reml ? p : 0) }

    /// Value and gradient; false where they are not finite.
    mutating func evaluate(_ point: [Double]) -> Bool {
        value = .infinity
        for (entry, number) in zip(entries, point) { factor[entry.row, entry.column] = number }
        guard let logs = project() else { return false }
        guard let squares = solveFixed() else { return false }
        let (found, variance) = NoiseModel.objective(noise, squares / 2, (noiseLogDeterminant + logs) / 2, freedom)
        noiseVariance = variance
        value = found
        if kind == .reml {
            guard let determinant = p == 0 ? 0 : (try? Cholesky(information))?.logDeterminant else { return false }
            value += determinant / 2
        }
        guard value.isFinite else { return false }
        differentiate()
        return gradient.allSatisfy(\.isFinite)
    }

    /// Of every group the products with Ω⁻¹ between; Σ log det of I + BᵀGB, or nil.
    private mutating func project() -> Double? {
        var logs = 0.0
        for group in 0..<problem.groupCount {
            let base = group * side * side
            for k in 0..<(side * side) { projected[base + k] = grams[base + k] }
            guard q > 0 else { continue }
            for k in 0..<q {
                for l in 0..<side { panel[l + k * side] = 0 }
                for i in 0..<q where factor[i, k] != 0 {
                    for l in 0..<side { panel[l + k * side] += factor[i, k] * grams[base + l + (p + i) * side] }
                }
            }
            for l in 0..<q {
                for k in l..<q {
                    var sum = k == l ? 1.0 : 0
                    for i in 0..<q where factor[i, l] != 0 { sum += panel[p + i + k * side] * factor[i, l] }
                    inner[k + l * q] = sum
                }
            }
            guard SmallKernels.cholesky(q, &inner) else { return nil }
            for k in 0..<q { logs += 2 * log(inner[k + k * q]) }
            SmallKernels.solve(side, q, inner, &panel)
            projected.withUnsafeMutableBufferPointer { projected in
                guard let start = projected.baseAddress else { return }
                SmallKernels.addProducts(side, q, -1, panel, start + base)
                for j in 0..<side {
                    for i in (j + 1)..<max(side, j + 1) { start[base + j + i * side] = start[base + i + j * side] }
                }
            }
        }
        return logs
    }

    /// β, as a shift from least squares; Σ rᵀΩ⁻¹r at it, or nil.
    private mutating func solveFixed() -> Double? {
        var matrix = Matrix(rows: p, columns: p)
        var right = Matrix(rows: p, columns: 1)
        var squares = 0.0
        for group in 0..<problem.groupCount {
            let base = group * side * side
            for j in 0..<p {
                for i in 0..<p { matrix[i, j] += projected[base + i + j * side] }
                right[j, 0] += projected[base + j + (side - 1) * side]
            }
            squares += projected[base + side * side - 1]
        }
        information = matrix
        guard p > 0 else {
            shift = []
            return squares
        }
        guard let cholesky = try? Cholesky(matrix) else { return nil }
        let solved = cholesky.solve(right)
        shift = solved.elements
        squares -= zip(shift, right.elements).reduce(0) { $0 + $1.0 * $1.1 }
        return squares > 0 ? squares : 0
    }

    /// Of a group ZᵀΩ⁻¹(y − Xβ).
    private func score(_ group: Int, _ j: Int) -> Double {
        let column = group * side * side + (p + j) * side
        var sum = projected[column + side - 1]
        for k in 0..<p { sum -= projected[column + k] * shift[k] }
        return sum
    }

    /// ½ Σ (A − ssᵀ/σ² − Cᵀ(ΣK)⁻¹C), the last in REML alone: the gradient in Γ/σ².
    private func slope() -> Matrix {
        var slope = Matrix(rows: q, columns: q)
        var s = [Double](repeating: 0, count: q)
        let cholesky = kind == .reml && p > 0 ? try? Cholesky(information) : nil
        for group in 0..<problem.groupCount {
            let base = group * side * side
            for j in 0..<q { s[j] = score(group, j) }
            for j in 0..<q {
                for i in 0..<q {
                    slope[i, j] += (projected[base + p + i + (p + j) * side] - s[i] * s[j] / noiseVariance) / 2
                }
            }
            if let cholesky {
                let mixed = Matrix(rows: p, columns: q) { projected[base + $0 + (p + $1) * side] }
                let taken = mixed.transposed * cholesky.solve(mixed)
                for k in slope.elements.indices { slope.elements[k] -= taken.elements[k] / 2 }
            }
        }
        return slope
    }

    private mutating func differentiate() {
        let slope = slope()
        for (k, entry) in entries.enumerated() {
            gradient[k] = 2 * (0..<q).reduce(0) { $0 + slope[entry.row, $1] * factor[$1, entry.column] }
        }
    }

    /// The variable of a variance that is 0, or nearly so, and should grow: its slope in B is 0 there, that in Γ negative.
    func stuck(_ point: [Double]) -> Int? {
        guard q > 0 else { return nil }
        let slope = slope()
        for (k, entry) in entries.enumerated() where entry.row == entry.column {
            let row = (0..<q).map { factor[entry.row, $0] }
            let size = start[k]
            if row.allSatisfy({ abs($0) < 1e-4 * size }), slope[entry.row, entry.row] * size * size < -1e-7 { return k }
        }
        return nil
    }

    /// The model at a point that was just evaluated.
    func model(_ point: [Double], _ iterations: Int, _ isConverged: Bool) -> FittedModel? {
        let scale = (0..<problem.groupCount).reduce(0) { $0 + grams[($1 + 1) * side * side - 1] }
        if noise == .estimated, !(noiseVariance > 1e-22 * scale) || !(noiseVariance > 0) { return nil }
        var covariance = factor * factor.transposed
        for k in covariance.elements.indices { covariance.elements[k] *= noiseVariance }
        var fixedCovariance = Matrix(rows: p, columns: p)
        if p > 0 {
            guard let inverse = (try? Cholesky(information))?.inverse() else { return nil }
            fixedCovariance = inverse
            for k in fixedCovariance.elements.indices { fixedCovariance.elements[k] *= noiseVariance }
        }
        var scores = Matrix(rows: q, columns: problem.groupCount)
        for group in 0..<problem.groupCount { for j in 0..<q { scores[j, group] = score(group, j) / noiseVariance } }
        return FittedModel(
            problem: problem, noise: noise, kind: kind, fixed: zip(offset, shift).map { $0 + $1 },
            fixedCovariance: fixedCovariance, covariance: covariance, noiseFactor: noiseVariance, loss: value,
            randomEffects: covariance * scores, iterations: iterations, isConverged: isConverged)
    }
}
