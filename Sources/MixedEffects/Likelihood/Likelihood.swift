import Glibc
import LinearAlgebra

/// The negative log-likelihood of a model with diagonal Γ, L(β, γ) = Σ_i ½ r_iᵀΩ_i⁻¹r_i + ½ log det Ω_i without its (N/2) log 2π,
/// with Ω_i = Z_iΓZ_iᵀ + Λ_i and r_i = y_i − X_iβ, and its derivatives.
///
/// A group is factorized by its rows or by its random effects, whichever is smaller; γ = 0 is an ordinary value. Columns of Z
/// that are columns of X, too, are worked with once. Holds its scratch memory: nothing is allocated when it is evaluated. Not for
/// several threads at once.
public final class Likelihood {
    /// The problem.
    public let problem: MixedEffectsProblem

    /// Number of fixed effects, and of random effects.
    private let p: Int
    private let q: Int
    /// Number of columns of W: those of X, then those of Z that X does not have.
    private let width: Int
    /// Of each column of Z the column of W that it is.
    private let places: [Int]
    /// Of each column of [X Z r] the column of [W r] that it is.
    private let origins: [Int]
    /// The rows of W, weighted by Λ^−½, one after the other.
    private let rows: [Double]
    private let response: [Double]
    /// Of each group with enough rows WᵀΛ⁻¹W.
    private let grams: [Double]
    /// Where a group's Gram matrix begins; −1 without one.
    private let gramOffsets: [Int]
    private let noiseLogDeterminant: Double
    private let scratch: UnsafeMutablePointer<Double>
    private let roots: UnsafeMutablePointer<Double>
    private let omega: UnsafeMutablePointer<Double>
    private let panel: UnsafeMutablePointer<Double>
    /// [W r]ᵀΩ⁻¹[W r] of a group, the diagonal of its ZᵀΩ⁻¹Z, and [X Z r]ᵀΩ⁻¹[X Z r].
    private let projected: UnsafeMutablePointer<Double>
    private let traces: UnsafeMutablePointer<Double>
    private let whole: UnsafeMutablePointer<Double>
    /// The columns of W whose variances are positive.
    private let positive: UnsafeMutablePointer<Int>

    /// - Complexity: O(N(p + q)²) where groups have more rows than random effects, else O(N(p + q)); as much memory as the
    ///   problem, and (p + q)² a group of the former.
    public convenience init(_ problem: MixedEffectsProblem) { self.init(problem, variances: problem.randomCount) }

    /// - Parameter variances: number of variances that are not 0 where it is evaluated, at the most of them: groups of as many
    ///   rows keep their products, so that they need not be factorized by rows.
    convenience init(_ problem: MixedEffectsProblem, variances: Int) {
        let (p, q) = (problem.fixedCount, problem.randomCount)
        let places = Self.places(problem)
        let own = (0..<q).filter { places[$0] >= p }
        let width = p + own.count
        var rows = [Double](repeating: 0, count: problem.rowCount * width)
        var response = problem.response
        for row in 0..<problem.rowCount {
            let weight = 1 / problem.noiseVariance[row].squareRoot()
            response[row] *= weight
            for j in 0..<p { rows[row * width + j] = problem.fixed[row, j] * weight }
            for j in own { rows[row * width + places[j]] = problem.random[row, j] * weight }
        }
        let logs = problem.noiseVariance.reduce(0) { $0 + log($1) }
        self.init(problem, variances, logs, response, rows, places, width) { group, target in
            let (first, n) = (problem.offsets[group], problem.offsets[group + 1] - problem.offsets[group])
            Self.fillGram(rows, first, n, width, target)
        }
    }

    /// Of each column of Z its like among those of X, else a place behind these.
    private static func places(_ problem: MixedEffectsProblem) -> [Int] {
        var width = problem.fixedCount
        return (0..<problem.randomCount).map { j in
            let like = (0..<problem.fixedCount).first { i in
                (0..<problem.rowCount).allSatisfy { problem.fixed[$0, i] == problem.random[$0, j] }
            }
            if let like { return like }
            width += 1
            return width - 1
        }
    }

    /// That of a model with some of the effects of another, from what that has computed.
    ///
    /// - Complexity: O(N·k + m·k²) with k effects.
    convenience init(_ all: Likelihood, fixed: [Int], random: [Int]) {
        let problem = all.problem.restricted(fixed: fixed, random: random)
        var (columns, places) = (fixed, [Int]())
        var found = [Int?](repeating: nil, count: all.width)
        for (place, column) in fixed.enumerated() { found[column] = place }
        for effect in random {
            let column = all.places[effect]
            let place = found[column] ?? columns.count
            if place == columns.count { columns.append(column) }
            found[column] = place
            places.append(place)
        }
        let (c, from) = (columns.count, all.width)
        var rows = [Double](repeating: 0, count: problem.rowCount * c)
        columns.withUnsafeBufferPointer { columns in
            for row in 0..<problem.rowCount {
                for k in 0..<c { rows[row * c + k] = all.rows[row * from + columns[k]] }
            }
        }
        self.init(problem, random.count, all.noiseLogDeterminant, all.response, rows, places, c) { group, target in
            let offset = all.gramOffsets[group]
            if offset >= 0 {
                columns.withUnsafeBufferPointer { columns in
                    for j in 0..<c {
                        let column = offset + columns[j] * from
                        for i in 0..<c { target[i + j * c] = all.grams[column + columns[i]] }
                    }
                }
            } else {
                let (first, n) = (problem.offsets[group], problem.offsets[group + 1] - problem.offsets[group])
                Self.fillGram(rows, first, n, c, target)
            }
        }
    }

    /// The products of n rows of c columns from a first on, added to zeros.
    private static func fillGram(
        _ rows: [Double], _ first: Int, _ n: Int, _ c: Int, _ target: UnsafeMutablePointer<Double>
    ) {
        rows.withUnsafeBufferPointer { rows in
            guard let a = rows.baseAddress else { return }
            SmallKernels.addProducts(c, n, 1, a + first * c, target)
        }
        for j in 0..<c { for i in (j + 1)..<max(c, j + 1) { target[j + i * c] = target[i + j * c] } }
    }

    /// - Parameter gram: fills in zeros with the products of a group.
    private init(
        _ problem: MixedEffectsProblem, _ variances: Int, _ noiseLogDeterminant: Double, _ response: [Double],
        _ rows: [Double], _ places: [Int], _ width: Int,
        gram: (_ group: Int, _ target: UnsafeMutablePointer<Double>) -> Void
    ) {
        self.problem = problem
        let (p, q) = (problem.fixedCount, problem.randomCount)
        (self.p, self.q, self.width, self.places) = (p, q, width, places)
        origins = Array(0..<p) + places + [width]
        (self.rows, self.response, self.noiseLogDeterminant) = (rows, response, noiseLogDeterminant)
        var gramOffsets: [Int] = []
        var (gramCount, longest) = (0, 0)
        for group in 0..<problem.groupCount {
            let n = problem.offsets[group + 1] - problem.offsets[group]
            longest = max(longest, n)
            gramOffsets.append(n >= variances ? gramCount : -1)
            if n >= variances { gramCount += width * width }
        }
        var grams = [Double](repeating: 0, count: gramCount)
        grams.withUnsafeMutableBufferPointer { grams in
            guard let base = grams.baseAddress else { return }
            for (group, offset) in gramOffsets.enumerated() where offset >= 0 { gram(group, base + offset) }
        }
        (self.grams, self.gramOffsets) = (grams, gramOffsets)
        // What is factorized by rows has fewer of them than there are random effects.
        scratch = .allocate(capacity: longest + 1)
        roots = .allocate(capacity: q + 1)
        omega = .allocate(capacity: q * q + 1)
        panel = .allocate(capacity: q * max(q, width + 1) + 1)
        projected = .allocate(capacity: (width + 1) * (width + 1))
        traces = .allocate(capacity: q + 1)
        whole = .allocate(capacity: (p + q + 1) * (p + q + 1))
        positive = .allocate(capacity: q + 1)
    }

    deinit {
        scratch.deallocate()
        roots.deallocate()
        omega.deallocate()
        panel.deallocate()
        projected.deallocate()
        traces.deallocate()
        whole.deallocate()
        positive.deallocate()
    }

    /// L alone; infinity where Ω is not positive definite to working precision.
    ///
    /// - Parameter effects: variances not negative.
    /// - Complexity: O(Σ_i n_i(p + q) + min(n_i, q)³).
    public func value(at effects: Effects) -> Double {
        let (squares, logDeterminant) = parts(at: effects)
        return squares + logDeterminant
    }

    /// ½ Σ rᵀΩ⁻¹r and ½ Σ log det Ω.
    func parts(at effects: Effects) -> (squares: Double, logDeterminant: Double) {
        var (squares, logs) = (0.0, noiseLogDeterminant)
        let isFactored = forEachGroup(at: effects, .value) { group in
            squares += group.residualSquares
            logs += group.logDeterminant
        } beyond: {
        }
        return isFactored ? (squares / 2, logs / 2) : (.infinity, .infinity)
    }

    /// L and its derivatives.
    ///
    /// - Parameter effects: variances not negative.
    /// - Complexity: O(Σ_i k_i(n_i + p + q)² + k_i³) with k_i the smaller of n_i and the variances that are not 0.
    public func evaluate(at effects: Effects) -> Derivatives {
        var derivatives = Derivatives(fixedCount: p, randomCount: q)
        evaluate(at: effects, into: &derivatives)
        return derivatives
    }

    /// The same into room that is there; the Hessians are whole matrices.
    public func evaluate(at effects: Effects, into derivatives: inout Derivatives) {
        derivatives.clearHessians()
        evaluate(at: effects, into: &derivatives, .all) { derivatives in addHessians(to: &derivatives) }
        derivatives.mirrorHessians()
    }

    /// The same; of every group [X Z r]ᵀΩ⁻¹[X Z r], lower triangle with p + q + 1 rows, is given to the closure.
    func evaluate(
        at effects: Effects, into derivatives: inout Derivatives, _ use: (_ products: UnsafePointer<Double>) -> Void
    ) {
        derivatives.clearHessians()
        evaluate(at: effects, into: &derivatives, .all) { derivatives in
            addHessians(to: &derivatives)
            expand()
            use(whole)
        }
        derivatives.mirrorHessians()
    }

    /// L and its gradients alone, the Hessians being left as they are.
    ///
    /// - Complexity: O(Σ_i k_i(n_i(p + q) + k_i q)) with k_i as for ``evaluate(at:)``.
    func evaluateSlopes(at effects: Effects, into derivatives: inout Derivatives) {
        evaluate(at: effects, into: &derivatives, .slopes) { _ in }
    }

    @inline(__always)
    private func evaluate(
        at effects: Effects, into derivatives: inout Derivatives, _ extent: Extent,
        _ use: (inout Derivatives) -> Void
    ) {
        derivatives.clearSlopes()
        var (squares, logs) = (0.0, noiseLogDeterminant)
        let isFactored = forEachGroup(at: effects, extent) { group in
            squares += group.residualSquares
            logs += group.logDeterminant
        } beyond: {
            places.withUnsafeBufferPointer {
                derivatives.addSlopes(scores: projected + width * (width + 1), traces: traces, places: $0)
            }
            use(&derivatives)
        }
        derivatives.squares = isFactored ? squares / 2 : .infinity
        derivatives.logDeterminant = isFactored ? logs / 2 : .infinity
    }

    private func addHessians(to derivatives: inout Derivatives) {
        places.withUnsafeBufferPointer { derivatives.addHessians(projected, side: width + 1, places: $0) }
    }

    /// Of every group ZᵀΩ⁻¹r, q × m: Γ times it predicts the random effects.
    public func scores(at effects: Effects) -> Matrix {
        var scores = Matrix(rows: q, columns: problem.groupCount)
        var group = 0
        _ = forEachGroup(at: effects, .slopes) { _ in
        } beyond: {
            for j in 0..<q { scores[j, group] = projected[places[j] + width * (width + 1)] }
            group += 1
        }
        return scores
    }

    /// Of every group [X Z r]ᵀΩ⁻¹[X Z r], lower triangle, by the closure; whether all could be factorized.
    func forEachProducts(at effects: Effects, _ use: (_ products: UnsafePointer<Double>, _ side: Int) -> Void) -> Bool {
        forEachGroup(at: effects, .all) { _ in
        } beyond: {
            expand()
            use(whole, origins.count)
        }
    }

    /// The lower triangle of [X Z r]ᵀΩ⁻¹[X Z r] from [W r]ᵀΩ⁻¹[W r].
    private func expand() {
        let (side, all) = (width + 1, origins.count)
        origins.withUnsafeBufferPointer { origins in
            for j in 0..<all {
                let (target, column) = (whole + j * all, projected + origins[j] * side)
                for i in j..<all { target[i] = column[origins[i]] }
            }
        }
    }

    // MARK: - One group

    /// What is asked of a group: its value; WᵀΩ⁻¹r and the diagonal of ZᵀΩ⁻¹Z as well; all products.
    private enum Extent { case value, slopes, all }

    private struct GroupValue {
        let residualSquares: Double
        let logDeterminant: Double
    }

    /// Factorizes every group, in order. `beyond`, which is not called where the value is all that is asked for, finds WᵀΩ⁻¹r
    /// in the last column of `projected`, or the whole of that, and `traces`.
    @inline(__always)
    private func forEachGroup(
        at effects: Effects, _ extent: Extent, value: (GroupValue) -> Void,
        beyond: () -> Void
    ) -> Bool {
        precondition(effects.fixed.count == p && effects.variances.count == q)
        var count = 0
        for j in 0..<q where effects.variances[j] > 0 {
            positive[count] = places[j]
            roots[count] = effects.variances[j].squareRoot()
            count += 1
        }
        return rows.withUnsafeBufferPointer { rows in
            effects.fixed.withUnsafeBufferPointer { beta in
                for group in 0..<problem.groupCount {
                    let first = problem.offsets[group]
                    let n = problem.offsets[group + 1] - first
                    guard let all = rows.baseAddress else { return false }
                    residual(first, n, all + first * width, beta)
                    let found =
                        gramOffsets[group] >= 0 && n >= count
                        ? byEffects(n, all + first * width, gramOffsets[group], count, extent)
                        : byRows(n, all + first * width, count, extent)
                    guard let found, found.residualSquares.isFinite, found.logDeterminant.isFinite else {
                        return false
                    }
                    value(found)
                    if extent == .value { continue }
                    if extent == .all { mirror() }
                    beyond()
                }
                return true
            }
        }
    }

    /// Makes `projected` whole, and takes the traces from it.
    private func mirror() {
        let side = width + 1
        for j in 0..<side {
            for i in (j + 1)..<max(side, j + 1) { projected[j + i * side] = projected[i + j * side] }
        }
        for j in 0..<q { traces[j] = projected[places[j] * (side + 1)] }
    }

    /// r, weighted, at the beginning of the scratch memory.
    private func residual(_ first: Int, _ n: Int, _ rows: UnsafePointer<Double>, _ beta: UnsafeBufferPointer<Double>) {
        for i in 0..<n {
            var error = response[first + i]
            let row = rows + i * width
            for j in 0..<p { error -= beta[j] * row[j] }
            scratch[i] = error
        }
    }

    /// Through the n × n matrix Ω.
    private func byRows(_ n: Int, _ rows: UnsafePointer<Double>, _ count: Int, _ extent: Extent) -> GroupValue? {
        let side = width + 1
        for j in 0..<n {
            let row = rows + j * width
            for k in 0..<count { panel[j + k * n] = roots[k] * row[positive[k]] }
            omega[j + j * n] = 1
            for i in (j + 1)..<max(n, j + 1) { omega[i + j * n] = 0 }
        }
        SmallKernels.addProducts(n, count, 1, panel, omega)
        guard SmallKernels.cholesky(n, omega) else { return nil }
        let logDeterminant = Self.logDeterminant(n, omega)
        if extent == .all {
            for i in 0..<n {
                let (target, row) = (panel + i * side, rows + i * width)
                for k in 0..<width { target[k] = row[k] }
                target[width] = scratch[i]
            }
            SmallKernels.solve(side, n, omega, panel)
            for k in 0..<(side * side) { projected[k] = 0 }
            SmallKernels.addProducts(side, n, 1, panel, projected)
            return GroupValue(residualSquares: projected[width * (side + 1)], logDeterminant: logDeterminant)
        }
        SmallKernels.solve(1, n, omega, scratch)
        var squares = 0.0
        for i in 0..<n { squares += scratch[i] * scratch[i] }
        if extent == .slopes {
            SmallKernels.solveBack(n, omega, scratch)
            let last = projected + width * side
            for j in 0..<width { last[j] = 0 }
            for i in 0..<n {
                let (row, error) = (rows + i * width, scratch[i])
                for j in 0..<width { last[j] += error * row[j] }
                for j in 0..<q { panel[i * q + j] = row[places[j]] }
            }
            SmallKernels.solve(q, n, omega, panel)
            for j in 0..<q { traces[j] = 0 }
            addSquares(n, 1)
        }
        return GroupValue(residualSquares: squares, logDeterminant: logDeterminant)
    }

    /// Adds the squares of the panel's rows, q × count, to the traces.
    @inline(__always)
    private func addSquares(_ count: Int, _ sign: Double) {
        for k in 0..<count {
            let column = panel + k * q
            for j in 0..<q { traces[j] += sign * column[j] * column[j] }
        }
    }

    /// Through I + Γ^½ZᵀΛ⁻¹ZΓ^½ of the variances that are not 0.
    private func byEffects(
        _ n: Int, _ rows: UnsafePointer<Double>, _ offset: Int, _ count: Int, _ extent: Extent
    ) -> GroupValue? {
        let side = width + 1
        return grams.withUnsafeBufferPointer { grams -> GroupValue? in
            guard let all = grams.baseAddress else { return nil }
            let gram = all + offset
            for l in 0..<count {
                let (root, column) = (roots[l], gram + positive[l] * width)
                for k in l..<count { omega[k + l * count] = roots[k] * column[positive[k]] * root }
                omega[l + l * count] += 1
            }
            guard SmallKernels.cholesky(count, omega) else { return nil }
            let logDeterminant = Self.logDeterminant(count, omega)
            var squares = 0.0
            if extent == .value {
                for k in 0..<count { panel[k] = 0 }
                for i in 0..<n {
                    let (row, error) = (rows + i * width, scratch[i])
                    squares += error * error
                    for k in 0..<count { panel[k] += error * row[positive[k]] }
                }
                for k in 0..<count { panel[k] *= roots[k] }
                SmallKernels.solve(1, count, omega, panel)
                for k in 0..<count { squares -= panel[k] * panel[k] }
                return GroupValue(residualSquares: squares, logDeterminant: logDeterminant)
            }
            let last = projected + width * side
            for j in 0..<width { last[j] = 0 }
            for i in 0..<n {
                let (row, error) = (rows + i * width, scratch[i])
                squares += error * error
                for j in 0..<width { last[j] += error * row[j] }
            }
            if extent == .slopes {
                // The room for residuals is as long as the longest group, which has as many rows as variances.
                for k in 0..<count { scratch[k] = roots[k] * last[positive[k]] }
                SmallKernels.solve(1, count, omega, scratch)
                for k in 0..<count { squares -= scratch[k] * scratch[k] }
                SmallKernels.solveBack(count, omega, scratch)
                for j in 0..<q { traces[j] = gram[places[j] * (width + 1)] }
                for k in 0..<count {
                    let (column, error) = (gram + positive[k] * width, roots[k] * scratch[k])
                    for j in 0..<width { last[j] -= error * column[j] }
                    for j in 0..<q { panel[k * q + j] = roots[k] * column[places[j]] }
                }
                SmallKernels.solve(q, count, omega, panel)
                addSquares(count, -1)
                return GroupValue(residualSquares: squares, logDeterminant: logDeterminant)
            }
            last[width] = squares
            for j in 0..<width {
                for i in j..<width { projected[i + j * side] = gram[i + j * width] }
                projected[width + j * side] = last[j]
            }
            for k in 0..<count {
                let (root, target, column) = (roots[k], panel + k * side, gram + positive[k] * width)
                for l in 0..<width { target[l] = root * column[l] }
                target[width] = root * last[positive[k]]
            }
            SmallKernels.solve(side, count, omega, panel)
            SmallKernels.addProducts(side, count, -1, panel, projected)
            return GroupValue(residualSquares: projected[width * (side + 1)], logDeterminant: logDeterminant)
        }
    }

    private static func logDeterminant(_ n: Int, _ factor: UnsafePointer<Double>) -> Double {
        // The product of a few pivots is far from overflow; one logarithm for all of them saves most of the time.
        var (product, sum) = (1.0, 0.0)
        for k in 0..<n {
            product *= factor[k + k * n]
            if !(product > 1e-100 && product < 1e100) {
                sum += log(product)
                product = 1
            }
        }
        return 2 * (sum + log(product))
    }
}
