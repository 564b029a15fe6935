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
    /// Of every group C = XᵀΩ⁻¹Z (p × q), then ZᵀΩ⁻¹r, r of ordinary least squares (q).
    private var mixed: [Double]
    /// Σ A, A = ZᵀΩ⁻¹Z, lower triangle.
    private var traces: Matrix
    private var right: [Double]

    /// Where to begin: each random effect as large as the noise.
    let start: [Double]
    private(set) var value = Double.infinity
    private(set) var gradient: [Double]
    private(set) var noiseVariance = 1.0
    private var shift: [Double] = []
    private var information = Matrix(rows: 0, columns: 0)
    private var cholesky: Cholesky?
    /// The gradient in Γ/σ².
    private var slope = Matrix(rows: 0, columns: 0)
    /// ½ Σ A∘A, lower triangle: Fisher's information of the variances relative to the noise.
    private(set) var fisher: Matrix
    /// The factor σ² on the noise where that is not to be at its best; ignored where the noise is known.
    var givenNoise: Double?
    /// ∂value/∂ log σ², where σ² is given.
    private(set) var noiseGradient = 0.0

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
        projected = [Double](repeating: 0, count: side * side)
        mixed = [Double](repeating: 0, count: problem.groupCount * (p + 1) * q)
        (traces, fisher) = (Matrix(rows: q, columns: q), Matrix(rows: q, columns: q))
        right = [Double](repeating: 0, count: p)
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

    /// Whether σ² is one of the variables where it is given.
    var isNoiseEstimated: Bool { noise == .estimated }
    /// Rows that tell of the variances.
    var freedom: Int { problem.rowCount - (kind == .reml ? p : 0) }
    /// The gradient in γ/σ².
    var varianceGradient: [Double] { (0..<q).map { slope[$0, $0] } }
    /// ½ Σ diag A.
    var halfTraces: [Double] { (0..<q).map { traces[$0, $0] / 2 } }

    /// Value and gradient; false where they are not finite.
    mutating func evaluate(_ point: [Double]) -> Bool {
        value = .infinity
        for (entry, number) in zip(entries, point) { factor[entry.row, entry.column] = number }
        guard let (squares, logs) = project(), let left = solveFixed(squares) else { return false }
        let determinants = (noiseLogDeterminant + logs) / 2
        if noise == .estimated, let givenNoise {
            let ratio = left / givenNoise
            noiseVariance = givenNoise
            value = determinants + (Double(freedom) * log(givenNoise) + ratio) / 2
            noiseGradient = (Double(freedom) - ratio) / 2
        } else {
            (value, noiseVariance) = NoiseModel.objective(noise, left / 2, determinants, freedom)
        }
        if kind == .reml { value += (cholesky?.logDeterminant ?? 0) / 2 }
        guard value.isFinite else { return false }
        differentiate()
        return gradient.allSatisfy(\.isFinite)
    }

    /// Sums what the groups have, with Ω⁻¹ between; rᵀΩ⁻¹r and Σ log det of I + BᵀGB, or nil.
    private mutating func project() -> (squares: Double, logs: Double)? {
        var (squares, logs) = (0.0, 0.0)
        information = Matrix(rows: p, columns: p)
        for k in right.indices { right[k] = 0 }
        for k in traces.elements.indices { (traces.elements[k], fisher.elements[k]) = (0, 0) }
        for group in 0..<problem.groupCount {
            guard project(group) else { return nil }
            for k in 0..<q { logs += 2 * log(inner[k + k * q]) }
            squares += projected[side * side - 1]
            gather(group)
        }
        information.mirrorLowerTriangle()
        return (squares, logs)
    }

    /// The products of one group, lower triangle; false where Ω cannot be factorized.
    private mutating func project(_ group: Int) -> Bool {
        let (base, side, p, q) = (group * side * side, side, p, q)
        return grams.withUnsafeBufferPointer { grams in
            projected.withUnsafeMutableBufferPointer { projected in
                panel.withUnsafeMutableBufferPointer { panel in
                    guard let gram = grams.baseAddress.map({ $0 + base }), let target = projected.baseAddress else {
                        return false
                    }
                    for j in 0..<side { for i in j..<side { target[i + j * side] = gram[i + j * side] } }
                    guard let panel = panel.baseAddress, q > 0 else { return true }
                    for k in 0..<q {
                        let column = panel + k * side
                        for l in 0..<side { column[l] = 0 }
                        for i in 0..<q where factor.elements[i + k * q] != 0 {
                            let (weight, from) = (factor.elements[i + k * q], gram + (p + i) * side)
                            for l in 0..<side { column[l] += weight * from[l] }
                        }
                    }
                    for l in 0..<q {
                        for k in l..<q {
                            var sum = k == l ? 1.0 : 0
                            for i in 0..<q { sum += panel[p + i + k * side] * factor.elements[i + l * q] }
                            inner[k + l * q] = sum
                        }
                    }
                    guard SmallKernels.cholesky(q, &inner) else { return false }
                    SmallKernels.solve(side, q, inner, panel)
                    SmallKernels.addProducts(side, q, -1, panel, target)
                    return true
                }
            }
        }
    }

    private mutating func gather(_ group: Int) {
        let (next, side, p, q) = (group * (p + 1) * q, side, p, q)
        projected.withUnsafeBufferPointer { projected in
            information.elements.withUnsafeMutableBufferPointer { information in
                for k in 0..<p { for i in k..<p { information[i + k * p] += projected[i + k * side] } }
            }
            mixed.withUnsafeMutableBufferPointer { mixed in
                for k in 0..<p { for j in 0..<q { mixed[next + k + j * p] = projected[p + j + k * side] } }
                for j in 0..<q { mixed[next + p * q + j] = projected[side - 1 + (p + j) * side] }
            }
            for k in 0..<p { right[k] += projected[side - 1 + k * side] }
            for j in 0..<q {
                for i in j..<q {
                    let product = projected[p + i + (p + j) * side]
                    traces[i, j] += product
                    fisher[i, j] += product * product / 2
                }
            }
        }
    }

    /// β, as a shift from least squares; Σ rᵀΩ⁻¹r at it, or nil.
    private mutating func solveFixed(_ squares: Double) -> Double? {
        shift = []
        cholesky = nil
        guard p > 0 else { return squares }
        guard let own = try? Cholesky(information) else { return nil }
        cholesky = own
        shift = own.solve(Matrix(rows: p, columns: 1, elements: right)).elements
        return max(0, squares - zip(shift, right).reduce(0) { $0 + $1.0 * $1.1 })
    }

    /// Of a group ZᵀΩ⁻¹(y − Xβ).
    private func score(_ group: Int, _ j: Int) -> Double {
        let first = group * (p + 1) * q
        var sum = mixed[first + p * q + j]
        for k in 0..<p { sum -= mixed[first + j * p + k] * shift[k] }
        return sum
    }

    /// ½ Σ (A − ssᵀ/σ² − Cᵀ(ΣK)⁻¹C), the last in REML alone.
    private mutating func fillSlope() {
        slope = traces
        let (p, q) = (p, q)
        var s = [Double](repeating: 0, count: q)
        var turned = [Double](repeating: 0, count: p)
        let inverse = kind == .reml && p > 0 ? cholesky?.inverse() : nil
        for group in 0..<problem.groupCount {
            for j in 0..<q { s[j] = score(group, j) }
            for j in 0..<q { for i in j..<q { slope[i, j] -= s[i] * s[j] / noiseVariance } }
            guard let inverse else { continue }
            mixed.withUnsafeBufferPointer { mixed in
                guard let c = mixed.baseAddress.map({ $0 + group * (p + 1) * q }) else { return }
                for j in 0..<q {
                    BLAS.gemv(false, p, p, 1, inverse.elements, p, c + j * p, 0, &turned)
                    for i in j..<q { slope[i, j] -= BLAS.dot(p, c + i * p, turned) }
                }
            }
        }
        for k in slope.elements.indices { slope.elements[k] /= 2 }
        slope.mirrorLowerTriangle()
    }

    private mutating func differentiate() {
        fillSlope()
        for (k, entry) in entries.enumerated() {
            gradient[k] = 2 * (0..<q).reduce(0) { $0 + slope[entry.row, $1] * factor[$1, entry.column] }
        }
    }

    /// The variable of a variance that is 0, or nearly so, and should grow: its slope in B is 0 there, that in Γ negative.
    func stuck(_ point: [Double]) -> Int? {
        guard q > 0 else { return nil }
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
            guard let inverse = cholesky?.inverse() else { return nil }
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
