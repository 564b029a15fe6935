/// Semismooth Newton steps on the dual of an augmented Lagrangian (Li, Sun & Toh 2018), on working sets.
///
/// Where columns are as correlated as those of a gain matrix, coordinate descent slows down; the dual has n × T unknowns
/// only. With Ξ = −Θ, multiplier B and strength s, the function ψ(Ξ) = ½‖Ξ‖² + ⟨Y, Ξ⟩ + Σ_j (Moreau envelope of φ_j at
/// W_j = B_j − s·X_jᵀΞ) is minimized by Newton steps, whose systems have the closed form of ``SupportHessian``; then
/// B ← prox(W), and s grows. Convex penalties only: others are handed to ``AndersonDescent``.
public struct DualNewton: Solver {
    /// s at the start, in units of the median of 1/‖X_j‖₂² over the working set.
    public var initialStrength = 100.0
    /// By how much s grows from one multiplier to the next.
    public var growth = 3.0
    /// Most Newton steps for one multiplier, at least 1.
    public var maximumSteps = 30 { didSet { maximumSteps = max(1, maximumSteps) } }
    /// Whether blocks are discarded by Gap Safe rules (Ndiaye et al. 2017).
    public var screens = true

    /// The engine with its default settings.
    public init() {}

    /// Opens a session: allocates scratch memory; the working set grows as it is needed.
    ///
    /// - Complexity: O(nq) for the norms of all blocks.
    public func session(for problem: RegressionProblem, parallelism: Parallelism) -> WorkingSetSession {
        WorkingSetSession(problem, screens: screens, parallelism: parallelism) { context in
            DualNewtonEngine(context, settings: self)
        }
    }
}

/// The inner part of ``DualNewton``.
final class DualNewtonEngine: WorkingSetEngine {
    private let context: WorkingSetContext
    private let settings: DualNewton
    private let fallback: DescentEngine
    private let factorization: HessianFactorization
    /// Ξ, n × T, and where a step would lead.
    let dual: Buffer
    /// g = Ξ + Y − X·prox(W), n × T.
    private let gradient: Buffer
    /// The Newton direction, n × T.
    private let direction: Buffer
    /// ΞᵀX_W and DᵀX_W, T × |W|o.
    private let correlation: Buffer
    private let change: Buffer
    /// B and W, T × |W|o.
    private let multiplier: Buffer
    private let shifted: Buffer
    /// prox(W) of the active blocks, and a right-hand side; T × |A|o.
    private let active: Buffer
    private let rightHandSide: Buffer
    private let solved: Buffer
    private let shifts: Buffer
    /// X of the active blocks, n × |A|o.
    private let columns: Buffer
    private var positions: [Int] = []
    private(set) var norms: [Double] = []

    init(_ context: WorkingSetContext, settings: DualNewton) {
        self.context = context
        self.settings = settings
        let allocations = context.allocations
        fallback = DescentEngine(context, settings: AndersonDescent())
        factorization = HessianFactorization(isFull: false, parallelism: context.parallelism, allocations: allocations)
        dual = Buffer(allocations)
        gradient = Buffer(allocations)
        direction = Buffer(allocations)
        correlation = Buffer(allocations)
        change = Buffer(allocations)
        multiplier = Buffer(allocations)
        shifted = Buffer(allocations)
        active = Buffer(allocations)
        rightHandSide = Buffer(allocations)
        solved = Buffer(allocations)
        shifts = Buffer(allocations)
        columns = Buffer(allocations)
    }

    private var n: Int { context.problem.rowCount }
    private var t: Int { context.iterate.samples }
    private var total: Int { context.working.width }

    func descend(
        _ penalty: some BlockPenalty, from start: InnerStart, target: Double, limit: InnerLimit
    ) -> InnerEffort {
        guard penalty.isConvex else { return fallback.descend(penalty, from: start, target: target, limit: limit) }
        var effort = InnerEffort()
        prepare()
        let weakest = settings.initialStrength * medianStep()
        var strength = weakest
        var strongest = Double.infinity
        // How much closer than usual to the minimum for one multiplier.
        var sharpness = 1.0
        var smallest = Double.infinity
        var idle = 0
        while effort.epochs < limit.epochs, !limit.isOver() {
            let minimum = minimize(penalty, strength, tolerance: 0.02 * target * sharpness, limit)
            effort.newtonSteps += minimum.steps
            effort.epochs += 1
            // Copied columns: beyond this strength nothing but rounding tells them apart.
            if minimum.isSingular { strongest = max(weakest, strength / (settings.growth * settings.growth)) }
            // B ← prox(W).
            multiplier.pointer.update(repeating: 0, count: t * total)
            for position in context.working.blocks.indices {
                place(position, penalty, strength) { block, value in multiplier.pointer[block] = value }
            }
            context.iterate.load(multiplier.pointer, working: context.working)
            let distance = context.assess(penalty, usesGram: true) { _ in }
            effort.isAtTarget = distance <= target
            if effort.isAtTarget || !distance.isFinite { break }
            // The minimum was close enough already, its residual not: the gap shrinks with the gradient, not its square.
            if minimum.steps == 0, !minimum.isSingular { sharpness *= 0.01 }
            idle = distance < 0.9 * smallest ? 0 : idle + 1
            smallest = min(distance, smallest)
            if idle >= 8 { break }
            strength = min(strongest, strength * settings.growth)
        }
        context.iterate.rebuild(
            adding: context.working.blocks.indices.filter { penalty.frees(context.working.blocks[$0]) },
            working: context.working
        ) { penalty.frees($0) }
        return effort
    }

    /// Memory for the working set as it is, and Ξ and B from the iterate.
    func prepare() {
        reserve()
        begin()
    }

    private func reserve() {
        context.working.formGram()
        let (rows, samples, width) = (n, t, total)
        for buffer in [dual, gradient, direction] { buffer.reserve(rows * samples) }
        for buffer in [correlation, change, multiplier, shifted, active, rightHandSide, solved] {
            buffer.reserve(samples * width)
        }
        columns.reserve(rows * width)
        shifts.reserve(context.working.blocks.count)
        factorization.reserve(width: width, count: context.working.blocks.count, samples: samples)
        norms.removeAll(keepingCapacity: true)
        norms.append(contentsOf: repeatElement(0, count: context.working.blocks.count))
        positions.reserveCapacity(context.working.blocks.count)
    }

    /// Ξ = −R and B from the iterate.
    private func begin() {
        context.computeResidual(into: dual.pointer)
        BLAS.scale(n * t, -1, dual.pointer)
        multiplier.pointer.update(repeating: 0, count: t * total)
        let iterate = context.iterate
        for (j, position) in iterate.support.enumerated() {
            (multiplier.pointer + context.working.starts[position] * t).update(
                from: iterate.b.pointer + iterate.starts[j] * t, count: iterate.range(j).count * t)
        }
        correlate(dual.pointer, into: correlation.pointer)
    }

    private func correlate(_ values: UnsafePointer<Double>, into target: UnsafeMutablePointer<Double>) {
        context.parallelism.gemm(
            true, false, t, total, n, 1, values, n, context.working.columns.pointer, n, 0, target, t)
    }

    private func medianStep() -> Double {
        let steps = context.working.blocks.map { context.step($0) }.filter { $0 > 0 }.sorted()
        return steps.isEmpty ? 1 : steps[steps.count / 2]
    }

    /// W = B − s·XᵀΞ with its norms, and Σ of the envelopes.
    private func shift(_ penalty: some BlockPenalty, _ strength: Double) -> Double {
        let working = context.working
        var sum = 0.0
        for position in working.blocks.indices {
            let range = working.range(position)
            let (first, count) = (range.lowerBound * t, range.count * t)
            let (b, h, w) = (multiplier.pointer + first, correlation.pointer + first, shifted.pointer + first)
            for k in 0..<count { w[k] = b[k] - strength * h[k] }
            let norm = BLAS.norm(count, w)
            norms[position] = norm
            let id = working.blocks[position]
            guard norm > 0, !penalty.excludes(id) else { continue }
            let shrunk = penalty.proximal(norm: norm, step: strength, block: id)
            if shrunk > 0 {
                // (‖W‖² − ‖W − Z‖²)/2s − φ(Z), with Z = prox(W) along W.
                sum +=
                    (norm * norm - (norm - shrunk) * (norm - shrunk)) / (2 * strength)
                    - penalty.value(norm: shrunk, block: id)
            }
        }
        return sum
    }

    /// ψ(Ξ), with W up to date afterwards.
    func objective(_ penalty: some BlockPenalty, _ strength: Double) -> Double {
        let xi = dual.pointer
        return 0.5 * BLAS.dot(n * t, xi, xi) + context.fitted(xi) + shift(penalty, strength)
    }

    /// Hands out prox(W) of a block, element by element.
    @inline(__always)
    private func place(
        _ position: Int, _ penalty: some BlockPenalty, _ strength: Double, _ store: (Int, Double) -> Void
    ) {
        let id = context.working.blocks[position]
        let norm = norms[position]
        guard norm > 0 else { return }
        let shrunk = penalty.proximal(norm: norm, step: strength, block: id)
        guard shrunk > 0 else { return }
        let range = context.working.range(position)
        let factor = shrunk / norm
        for k in (range.lowerBound * t)..<(range.upperBound * t) { store(k, factor * shifted.pointer[k]) }
    }

    /// Newton steps until the gradient is small.
    ///
    /// - Returns: the number of steps, and whether it was the Hessian that ended them.
    func minimize(
        _ penalty: some BlockPenalty, _ strength: Double, tolerance: Double, _ limit: InnerLimit
    ) -> (steps: Int, isSingular: Bool) {
        let size = n * t
        var value = objective(penalty, strength)
        // ψ is 1-strongly convex: ½‖g‖² bounds what is left to gain.
        let small = max(tolerance, 1e-26 * context.problem.squaredResponseNorm)
        for step in 0..<settings.maximumSteps {
            let width = gatherActive(penalty, strength)
            // g = Ξ + Y − X_A prox(W)_A.
            let g = gradient.pointer
            context.problem.response.elements.withUnsafeBufferPointer { y in
                guard let y = y.baseAddress else { return }
                for k in 0..<size { g[k] = dual.pointer[k] + y[k] }
            }
            if width > 0 {
                context.parallelism.gemm(
                    false, true, n, t, width, -1, columns.pointer, n, active.pointer, t, 1, g, n)
            }
            if 0.5 * BLAS.dot(size, g, g) <= small || limit.isOver() { return (step, false) }
            // D = −g − X_A·N, with N = H⁻¹(X_Aᵀ(−g)).
            for k in 0..<size { direction.pointer[k] = -g[k] }
            if width > 0 {
                context.parallelism.gemm(
                    true, false, t, width, n, 1, direction.pointer, n, columns.pointer, n, 0, rightHandSide.pointer, t)
                Gathering.gram(
                    positions, from: context.working.gram.pointer, leading: context.working.capacity,
                    starts: context.working.starts, into: factorization.matrix.pointer, offsets: factorization.offsets)
                guard factorization.factor(repairs: false) else { return (step, true) }
                factorization.solve(rightHandSide.pointer, into: solved.pointer, shifts: shifts.pointer)
                context.parallelism.gemm(
                    false, true, n, t, width, -1, columns.pointer, n, solved.pointer, t, 1, direction.pointer, n)
            }
            correlate(direction.pointer, into: change.pointer)
            let slope = BLAS.dot(size, g, direction.pointer)
            guard slope < 0 else { return (step, false) }
            var length = 1.0
            var isAccepted = false
            BLAS.axpy(size, 1, direction.pointer, dual.pointer)
            BLAS.axpy(t * total, 1, change.pointer, correlation.pointer)
            for _ in 0..<20 {
                let trial = objective(penalty, strength)
                // Near the end of the digits the decrease is below the rounding of ψ.
                if trial <= value + 1e-4 * length * slope + 1e-14 * abs(value) {
                    value = trial
                    isAccepted = true
                    break
                }
                BLAS.axpy(size, -0.5 * length, direction.pointer, dual.pointer)
                BLAS.axpy(t * total, -0.5 * length, change.pointer, correlation.pointer)
                length *= 0.5
            }
            guard isAccepted else {
                _ = objective(penalty, strength)
                return (step, false)
            }
        }
        return (settings.maximumSteps, false)
    }

    /// The active blocks, their columns, prox(W), and the curvature of the envelope at each.
    ///
    /// - Returns: the number of columns.
    private func gatherActive(_ penalty: some BlockPenalty, _ strength: Double) -> Int {
        let working = context.working
        positions.removeAll(keepingCapacity: true)
        factorization.begin(samples: t)
        var width = 0
        for position in working.blocks.indices {
            let id = working.blocks[position]
            let norm = norms[position]
            guard norm > 0, !penalty.excludes(id) else { continue }
            let shrunk = penalty.proximal(norm: norm, step: strength, block: id)
            guard shrunk > 0 else { continue }
            let range = working.range(position)
            let w = shifted.pointer + range.lowerBound * t
            // prox = κ·W across, with slope p′ along W.
            let along = 1 / (1 + strength * penalty.derivatives(norm: shrunk, block: id).second)
            guard
                factorization.append(
                    w, columns: range.count, norm: norm, tangential: norm / (strength * shrunk),
                    radial: 1 / (strength * along))
            else { continue }
            positions.append(position)
            let factor = shrunk / norm
            for k in 0..<(range.count * t) { active.pointer[width * t + k] = factor * w[k] }
            (columns.pointer + width * n).update(
                from: working.columns.pointer + range.lowerBound * n, count: range.count * n)
            width += range.count
        }
        return width
    }
}
