/// Block coordinate descent on the support, in panels: the gradient of some thirty columns comes from one matrix product,
/// and within a panel each block's change is passed on through the panel's own Gram matrix. The iterates are those of a
/// plain cyclic sweep; the work runs at the speed of a matrix product instead of one product a block.
///
/// Two forms: with the Gram matrix of the support a sweep costs O(w²T) and touches no row of the design; in residual
/// form it costs O(nwT). A sweep, an extrapolation and a Newton step allocate nothing.
final class SupportDescent {
    typealias Form = PackedSupport.Form

    private let problem: () -> RegressionProblem
    private let settings: AndersonDescent
    private let iterate: SupportIterate
    private let packed: PackedSupport
    private let extrapolation: AndersonExtrapolation
    private let newton: SupportNewton
    private var t: Int { iterate.samples }
    /// R = Y − XB, n × T (residual form).
    private let residual: Buffer
    private let trialResidual: Buffer
    /// The point that is tried: the extrapolation of a round until it is accepted or a Newton step is tried.
    private let trial: Buffer
    private let gradient: Buffer
    private let panelGradient: Buffer
    private let panelChange: Buffer
    private let block: Buffer
    /// Blocks that entered or left the support in the last sweep.
    private var switches = 0
    /// Whether the last round ended with a full Newton step.
    private var isNewtonPhase = false
    /// Rounds until Newton is tried again, and how many to wait after the next failure.
    private var pause = 0
    private var patience = 1

    init(
        problem: @escaping () -> RegressionProblem, iterate: SupportIterate, settings: AndersonDescent,
        parallelism: Parallelism, allocations: AllocationCount
    ) {
        self.problem = problem
        self.iterate = iterate
        self.settings = settings
        packed = PackedSupport(parallelism: parallelism, allocations: allocations)
        extrapolation = AndersonExtrapolation(sweeps: settings.sweepsPerRound, allocations: allocations)
        newton = SupportNewton(parallelism: parallelism, allocations: allocations)
        residual = Buffer(allocations)
        trialResidual = Buffer(allocations)
        trial = Buffer(allocations)
        gradient = Buffer(allocations)
        panelGradient = Buffer(allocations)
        panelChange = Buffer(allocations)
        block = Buffer(allocations)
    }

    /// Makes ready for the blocks that the iterate holds now; packs only where they changed.
    ///
    /// - Parameter norms: ‖X_j‖₂ of every block of the problem.
    func prepare(_ form: Form, working: WorkingSet, norms: [Double]) {
        let problem = problem()
        if packed.update(form, problem, iterate: iterate, working: working, norms: norms) { reserve() }
        if form == .residual { packed.computeResidual(of: iterate.b.pointer, problem, into: residual.pointer) }
    }

    private func reserve() {
        let size = iterate.width * t
        let rows = packed.form == .residual ? packed.rows : 0
        residual.reserve(rows * t)
        trialResidual.reserve(rows * t)
        extrapolation.reserve(size)
        trial.reserve(size)
        gradient.reserve(size)
        panelGradient.reserve(packed.widest.panel * t)
        panelChange.reserve(packed.widest.panel * t)
        block.reserve(packed.widest.block * t)
        if settings.usesNewton {
            newton.reserve(width: iterate.width, count: iterate.support.count, samples: t, rows: rows)
        }
    }

    /// What one round of descent did.
    struct Progress {
        var epochs = 0
        var newton = false
        /// Nothing moved by more than rounding.
        var isStuck = false
    }

    /// Some sweeps, an extrapolation of them, and a Newton step; the objective never rises.
    ///
    /// - Parameter observe: shown an extrapolated point before it is judged, whose residual may bound the dual better.
    func round(_ penalty: some BlockPenalty, newton: Bool = true, observe: (UnsafePointer<Double>) -> Void) -> Progress
    {
        var progress = Progress()
        let size = iterate.width * t
        var moved = 0.0
        // After a full Newton step one sweep is enough to let blocks enter and leave.
        let sweeps = isNewtonPhase ? 1 : settings.sweepsPerRound
        let extrapolates = settings.extrapolates && sweeps > 1
        if extrapolates { extrapolation.record(iterate.b.pointer, size: size, number: 0) }
        for k in 1...sweeps {
            moved = sweep(penalty)
            if extrapolates { extrapolation.record(iterate.b.pointer, size: size, number: k) }
            progress.epochs += 1
        }
        // A sweep leaves each block's new norm, so the objective needs the smooth part only.
        var objective = currentSmoothPart() + iterate.penaltyValue(penalty)
        if extrapolates, extrapolation.extrapolate(size, into: trial.pointer) {
            if settings.extrapolatesDual { observe(trial.pointer) }
            objective = acceptTrial(penalty, below: objective) ?? objective
        }
        isNewtonPhase = false
        if settings.usesNewton, newton, switches == 0 {
            if pause > 0 {
                pause -= 1
            } else if let lower = newtonStep(penalty, objective) {
                objective = lower
                progress.newton = true
                patience = 1
            } else {
                // The support is still far from settled; the next try waits longer each time.
                pause = patience
                patience = min(8, 2 * patience)
            }
        }
        progress.isStuck = moved == 0 && !progress.newton
        return progress
    }

    /// One sweep of exact proximal block updates.
    ///
    /// - Returns: the largest change of a block, ‖ΔB_j‖.
    func sweep(_ penalty: some BlockPenalty) -> Double {
        let (t, n) = (t, packed.rows)
        var largest = 0.0
        switches = 0
        let h = panelGradient.pointer
        for (number, panel) in packed.panels.enumerated() {
            let columns = iterate.starts[panel.lowerBound]..<iterate.starts[panel.upperBound]
            let (g, ld) = packed.gram(ofPanel: number, first: columns.lowerBound, columns: columns.count)
            packed.gradient(of: columns, at: iterate.b.pointer, residual: residual.pointer, into: h, piece: 16)
            if packed.form == .residual { panelChange.pointer.update(repeating: 0, count: columns.count * t) }
            switch settings.order {
            case .cyclic:
                for j in panel {
                    largest = max(largest, update(j, in: panel, gradient: h, gram: g, ld, later: true, penalty))
                }
            case .greedy:
                for _ in panel {
                    let j = mostUrgent(in: panel, gradient: h, penalty)
                    let change = update(j, in: panel, gradient: h, gram: g, ld, later: false, penalty)
                    largest = max(largest, change)
                    if change == 0 { break }
                }
            }
            if packed.form == .residual {
                let x = packed.columns.pointer + columns.lowerBound * n
                BLAS.gemm(
                    false, true, n, t, columns.count, -1, x, n, panelChange.pointer, t, 1, residual.pointer, n)
            }
        }
        return largest
    }

    /// The proximal update of one block, passed on to the gradient of the panel.
    ///
    /// - Parameters:
    ///   - j: the block's place in the support.
    ///   - panel: the panel that holds it.
    ///   - h: X_jᵀR of the panel, T × its columns.
    ///   - g: the Gram matrix of the panel, with its leading dimension.
    ///   - later: pass it on to later blocks alone.
    /// - Returns: ‖ΔB_j‖.
    private func update(
        _ j: Int, in panel: Range<Int>, gradient h: UnsafeMutablePointer<Double>, gram g: UnsafePointer<Double>,
        _ ld: Int, later: Bool, _ penalty: some BlockPenalty
    ) -> Double {
        guard packed.steps[j] > 0 else { return 0 }
        let t = t
        let first = iterate.starts[panel.lowerBound]
        let range = iterate.range(j)
        let count = range.count * t
        let z = block.pointer
        let target = iterate.b.pointer + range.lowerBound * t
        let (shrunk, factor) = penalty.proximalStep(
            iterate.blocks[j], step: packed.steps[j], count: count, from: target,
            along: h + (range.lowerBound - first) * t, into: z)
        guard shrunk > 0 || iterate.norms[j] > 0 else { return 0 }
        var squared = 0.0
        for k in 0..<count {
            let value = factor * z[k]
            let difference = value - target[k]
            squared += difference * difference
            target[k] = value
            z[k] = difference
        }
        if (iterate.norms[j] > 0) != (shrunk > 0) { switches += 1 }
        iterate.norms[j] = shrunk
        guard squared > 0 else { return 0 }
        if packed.form == .residual {
            BLAS.axpy(count, 1, z, panelChange.pointer + (range.lowerBound - first) * t)
        }
        let start = later ? range.upperBound : first
        let rest = iterate.starts[panel.upperBound] - start
        if rest > 0 {
            // g holds the rows and columns of the panel; by symmetry a column of it serves as the row.
            let rows = g + (range.lowerBound - first) * ld + (start - first)
            let own = h + (start - first) * t
            if range.count > 1 {
                BLAS.gemm(false, true, t, rest, range.count, -1, z, t, rows, ld, 1, own, t)
            } else if t == 1 {
                for k in 0..<rest { own[k] -= z[0] * rows[k] }
            } else {
                BLAS.rankOne(t, rest, -1, z, rows, 1, own, t)
            }
        }
        return squared.squareRoot()
    }

    /// The block of a panel that would move most, in the metric of its own curvature.
    private func mostUrgent(
        in panel: Range<Int>, gradient h: UnsafePointer<Double>, _ penalty: some BlockPenalty
    ) -> Int {
        let first = iterate.starts[panel.lowerBound]
        var (best, choice) = (-1.0, panel.lowerBound)
        for j in panel where packed.steps[j] > 0 {
            let urgency =
                penalty.squaredProximalChange(
                    iterate.blocks[j], step: packed.steps[j], count: iterate.range(j).count * t,
                    from: iterate.b.pointer + iterate.starts[j] * t, along: h + (iterate.starts[j] - first) * t,
                    scratch: block.pointer) / packed.steps[j]
            if urgency > best { (best, choice) = (urgency, j) }
        }
        return choice
    }

    /// ½‖Y − XB‖² at the iterate.
    private func currentSmoothPart() -> Double {
        switch packed.form {
        case .gram: packed.smoothPart(of: iterate.b.pointer)
        case .residual: 0.5 * BLAS.dot(packed.rows * t, residual.pointer, residual.pointer)
        }
    }

    /// Takes `trial` if it lowers the objective.
    private func acceptTrial(_ penalty: some BlockPenalty, below objective: Double) -> Double? {
        let size = packed.rows * t
        var value: Double
        switch packed.form {
        case .gram: value = packed.smoothPart(of: trial.pointer)
        case .residual:
            packed.computeResidual(of: trial.pointer, problem(), into: trialResidual.pointer)
            value = 0.5 * BLAS.dot(size, trialResidual.pointer, trialResidual.pointer)
        }
        for j in iterate.support.indices {
            let norm = BLAS.norm(iterate.range(j).count * t, trial.pointer + iterate.starts[j] * t)
            value += penalty.value(norm: norm, block: iterate.blocks[j])
        }
        guard value < objective else { return nil }
        iterate.take(trial.pointer)
        if packed.form == .residual { residual.pointer.update(from: trialResidual.pointer, count: size) }
        return value
    }

    /// A damped Newton step on the nonzero blocks; a block that would cross zero is set to zero.
    ///
    /// - Returns: the new objective, or nil when no step lowered it.
    private func newtonStep(_ penalty: some BlockPenalty, _ objective: Double) -> Double? {
        guard newton.choose(iterate, penalty) else { return nil }
        packed.gradient(
            of: 0..<iterate.width, at: iterate.b.pointer, residual: residual.pointer, into: gradient.pointer)
        switch packed.form {
        case .gram: newton.fillGram(packed.gram.pointer, ld: iterate.width)
        case .residual: newton.fillGram(columns: packed.columns.pointer, rows: packed.rows)
        }
        guard newton.findDirection(iterate, gradient: gradient.pointer, penalty) else { return nil }
        var step = 1.0
        for _ in 0..<4 {
            newton.move(iterate, by: step, into: trial.pointer)
            if let lower = acceptTrial(penalty, below: objective) {
                isNewtonPhase = step == 1
                return lower
            }
            step *= 0.4
        }
        return nil
    }
}
