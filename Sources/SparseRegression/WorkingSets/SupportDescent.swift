/// Block coordinate descent on the support, in panels: the gradient of some thirty columns comes from one matrix product,
/// and within a panel each block's change is passed on through the panel's own Gram matrix. The iterates are those of a
/// plain cyclic sweep; the work runs at the speed of a matrix product instead of one product a block.
///
/// Two forms: with the Gram matrix of the support a sweep costs O(w²T) and touches no row of the design; in residual
/// form it costs O(nwT). A sweep, an extrapolation and a Newton step allocate nothing.
final class SupportDescent {
    /// How the gradient is obtained.
    enum Form {
        /// From the Gram matrix of the support.
        case gram
        /// From the residual.
        case residual
    }

    private let problem: () -> RegressionProblem
    private let settings: AndersonDescent
    private let parallelism: Parallelism
    private let iterate: SupportIterate
    private let newton: SupportNewton
    private(set) var form = Form.gram
    private var generation = -1
    private var t: Int { iterate.samples }
    private var rows = 0
    /// Blocks of each panel.
    private var panels: [Range<Int>] = []
    /// 1/L_j.
    private var steps: [Double] = []
    /// G of the support, width × width (Gram form).
    private let gram: Buffer
    /// YᵀX of the support, T × width (Gram form).
    private let correlation: Buffer
    /// X of the support, n × width (residual form).
    private let columns: Buffer
    /// The Gram matrix of each panel, one after another (residual form).
    private let panelGram: Buffer
    private var panelGramStarts: [Int] = []
    /// R = Y − XB, n × T (residual form).
    private let residual: Buffer
    private let trialResidual: Buffer
    private let history: Buffer
    private let differences: Buffer
    /// The point that is tried: the extrapolation of a round until it is accepted or a Newton step is tried.
    let trial: Buffer
    private let work: Buffer
    private let panelGradient: Buffer
    private let panelChange: Buffer
    private let block: Buffer
    private let system: Buffer
    private var squaredResponseNorm = 0.0
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
        self.parallelism = parallelism
        newton = SupportNewton(parallelism: parallelism, allocations: allocations)
        gram = Buffer(allocations)
        correlation = Buffer(allocations)
        columns = Buffer(allocations)
        panelGram = Buffer(allocations)
        residual = Buffer(allocations)
        trialResidual = Buffer(allocations)
        history = Buffer(allocations)
        differences = Buffer(allocations)
        trial = Buffer(allocations)
        work = Buffer(allocations)
        panelGradient = Buffer(allocations)
        panelChange = Buffer(allocations)
        block = Buffer(allocations)
        system = Buffer(capacity: (settings.sweepsPerRound + 1) * (settings.sweepsPerRound + 1), allocations)
    }

    /// Makes ready for the blocks that the iterate holds now; packs only where they changed.
    ///
    /// - Parameter norms: ‖X_j‖₂ of every block of the problem.
    func prepare(_ form: Form, working: WorkingSet, norms: [Double]) {
        let problem = problem()
        squaredResponseNorm = problem.squaredResponseNorm
        rows = problem.rowCount
        let isNew = generation != iterate.generation || self.form != form
        self.form = form
        if isNew {
            generation = iterate.generation
            steps.removeAll(keepingCapacity: true)
            for block in iterate.blocks {
                let squared = norms[block] * norms[block]
                steps.append(squared.isNormal ? 1 / squared : 0)
            }
            cutPanels()
            pack(working)
            reserve()
        }
        if form == .residual { computeResidual(iterate.b.pointer, into: residual.pointer, problem) }
    }

    private func cutPanels() {
        panels.removeAll(keepingCapacity: true)
        var first = 0
        while first < iterate.support.count {
            var last = first + 1
            while last < iterate.support.count, iterate.starts[last + 1] - iterate.starts[first] <= 32 { last += 1 }
            panels.append(first..<last)
            first = last
        }
    }

    private func pack(_ working: WorkingSet) {
        let (width, t, n) = (iterate.width, t, rows)
        correlation.reserve(width * t)
        for (j, position) in iterate.support.enumerated() {
            let own = working.range(position)
            (correlation.pointer + iterate.starts[j] * t).update(
                from: working.correlation.pointer + own.lowerBound * t, count: own.count * t)
        }
        switch form {
        case .gram:
            working.formGram()
            gram.reserve(width * width)
            let ld = working.capacity
            for (j, column) in iterate.support.enumerated() {
                for c in 0..<working.range(column).count {
                    let source = working.gram.pointer + (working.starts[column] + c) * ld
                    let target = gram.pointer + (iterate.starts[j] + c) * width
                    for (i, row) in iterate.support.enumerated() {
                        let from = source + working.starts[row]
                        let to = target + iterate.starts[i]
                        for r in 0..<(iterate.starts[i + 1] - iterate.starts[i]) { to[r] = from[r] }
                    }
                }
            }
        case .residual:
            columns.reserve(n * width)
            for (j, position) in iterate.support.enumerated() {
                let own = working.range(position)
                (columns.pointer + iterate.starts[j] * n).update(
                    from: working.columns.pointer + own.lowerBound * n, count: own.count * n)
            }
            panelGramStarts.removeAll(keepingCapacity: true)
            var size = 0
            for panel in panels {
                panelGramStarts.append(size)
                let w = iterate.starts[panel.upperBound] - iterate.starts[panel.lowerBound]
                size += w * w
            }
            panelGram.reserve(size)
            for (panel, start) in zip(panels, panelGramStarts) {
                let first = iterate.starts[panel.lowerBound]
                let w = iterate.starts[panel.upperBound] - first
                let x = columns.pointer + first * n
                BLAS.gemm(true, false, w, w, n, 1, x, n, x, n, 0, panelGram.pointer + start, w)
            }
            residual.reserve(n * t)
            trialResidual.reserve(n * t)
        }
    }

    private func reserve() {
        let size = iterate.width * t
        var (widest, widestPanel) = (1, 1)
        for j in iterate.support.indices { widest = max(widest, iterate.range(j).count) }
        for panel in panels {
            widestPanel = max(widestPanel, iterate.starts[panel.upperBound] - iterate.starts[panel.lowerBound])
        }
        history.reserve(size * (settings.sweepsPerRound + 1))
        differences.reserve(size * settings.sweepsPerRound)
        trial.reserve(size)
        work.reserve(size)
        panelGradient.reserve(widestPanel * t)
        panelChange.reserve(widestPanel * t)
        block.reserve(widest * t)
        if settings.usesNewton {
            newton.reserve(
                width: iterate.width, count: iterate.support.count, samples: t, rows: form == .residual ? rows : 0)
        }
    }

    /// What one round of descent did.
    struct Progress {
        var epochs = 0
        var newton = false
        /// Whether ``trial`` holds an extrapolation that was not accepted.
        var hasExtrapolation = false
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
        if settings.extrapolates, sweeps > 1 { history.pointer.update(from: iterate.b.pointer, count: size) }
        for k in 0..<sweeps {
            moved = sweep(penalty)
            if settings.extrapolates, sweeps > 1 {
                (history.pointer + (k + 1) * size).update(from: iterate.b.pointer, count: size)
            }
            progress.epochs += 1
        }
        // A sweep leaves each block's new norm, so the objective needs the smooth part only.
        var objective = currentSmoothPart() + iterate.penaltyValue(penalty)
        if settings.extrapolates, sweeps > 1, extrapolate(size) {
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
        let (width, t, n) = (iterate.width, t, rows)
        var largest = 0.0
        switches = 0
        let h = panelGradient.pointer
        for (number, panel) in panels.enumerated() {
            let first = iterate.starts[panel.lowerBound]
            let w = iterate.starts[panel.upperBound] - first
            let g: UnsafePointer<Double>
            let ld: Int
            switch form {
            case .gram:
                (g, ld) = (UnsafePointer(gram.pointer + first * width + first), width)
                h.update(from: correlation.pointer + first * t, count: w * t)
                let x = UnsafePointer(gram.pointer + first * width)
                if t == 1 {
                    BLAS.gemv(true, width, w, -1, x, width, iterate.b.pointer, 1, h)
                } else {
                    parallelism.gemm(
                        false, false, t, w, width, -1, iterate.b.pointer, t, x, width, 1, h, t, piece: 16)
                }
            case .residual:
                (g, ld) = (UnsafePointer(panelGram.pointer + panelGramStarts[number]), w)
                if t == 1 {
                    BLAS.gemv(true, n, w, 1, columns.pointer + first * n, n, residual.pointer, 0, h)
                } else {
                    parallelism.gemm(
                        true, false, t, w, n, 1, residual.pointer, n, columns.pointer + first * n, n, 0, h, t, piece: 16
                    )
                }
                panelChange.pointer.update(repeating: 0, count: w * t)
            }
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
            if form == .residual {
                let x = columns.pointer + first * n
                BLAS.gemm(false, true, n, t, w, -1, x, n, panelChange.pointer, t, 1, residual.pointer, n)
            }
        }
        return largest
    }

    /// Z = B_j + X_jᵀR/L_j in ``block``, and ‖Z‖.
    @inline(__always)
    private func step(_ j: Int, from first: Int, gradient h: UnsafePointer<Double>) -> Double {
        let range = iterate.range(j)
        let count = range.count * t
        let z = block.pointer
        let target = iterate.b.pointer + range.lowerBound * t
        let own = h + (range.lowerBound - first) * t
        let step = steps[j]
        for k in 0..<count { z[k] = target[k] + step * own[k] }
        return BLAS.norm(count, z)
    }

    /// The proximal update of one block, passed on to the gradient of the panel.
    ///
    /// - Parameter later: pass it on to later blocks alone.
    private func update(
        _ j: Int, in panel: Range<Int>, gradient h: UnsafeMutablePointer<Double>, gram g: UnsafePointer<Double>,
        _ ld: Int, later: Bool, _ penalty: some BlockPenalty
    ) -> Double {
        guard steps[j] > 0 else { return 0 }
        let t = t
        let first = iterate.starts[panel.lowerBound]
        let range = iterate.range(j)
        let count = range.count * t
        let norm = step(j, from: first, gradient: h)
        let shrunk = norm > 0 ? penalty.proximal(norm: norm, step: steps[j], block: iterate.blocks[j]) : 0
        guard shrunk > 0 || iterate.norms[j] > 0 else { return 0 }
        let factor = norm > 0 ? shrunk / norm : 0
        let z = block.pointer
        let target = iterate.b.pointer + range.lowerBound * t
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
        if form == .residual {
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
        for j in panel where steps[j] > 0 {
            let norm = step(j, from: first, gradient: h)
            let shrunk = norm > 0 ? penalty.proximal(norm: norm, step: steps[j], block: iterate.blocks[j]) : 0
            let factor = norm > 0 ? shrunk / norm : 0
            let target = iterate.b.pointer + iterate.starts[j] * t
            var squared = 0.0
            for k in 0..<(iterate.range(j).count * t) {
                let difference = factor * block.pointer[k] - target[k]
                squared += difference * difference
            }
            let urgency = squared / steps[j]
            if urgency > best { (best, choice) = (urgency, j) }
        }
        return choice
    }

    // MARK: - The objective

    /// R = Y − XB for any coefficients on the support.
    private func computeResidual(
        _ coefficients: UnsafePointer<Double>, into target: UnsafeMutablePointer<Double>, _ problem: RegressionProblem
    ) {
        let (width, t, n) = (iterate.width, t, rows)
        problem.response.elements.withUnsafeBufferPointer { y in
            guard let y = y.baseAddress else { return }
            target.update(from: y, count: n * t)
        }
        guard width > 0 else { return }
        parallelism.gemm(false, true, n, t, width, -1, columns.pointer, n, coefficients, t, 1, target, n)
    }

    /// ½‖Y − XB‖² at the iterate.
    private func currentSmoothPart() -> Double {
        switch form {
        case .gram: gramSmoothPart(iterate.b.pointer)
        case .residual: 0.5 * BLAS.dot(rows * t, residual.pointer, residual.pointer)
        }
    }

    /// ½‖Y‖² + ½⟨B, GB⟩ − ⟨YᵀX, B⟩.
    private func gramSmoothPart(_ coefficients: UnsafePointer<Double>) -> Double {
        let (width, t) = (iterate.width, t)
        let size = width * t
        parallelism.gemm(
            false, false, t, width, width, 1, coefficients, t, gram.pointer, width, 0, work.pointer, t)
        return 0.5 * squaredResponseNorm + 0.5 * BLAS.dot(size, work.pointer, coefficients)
            - BLAS.dot(size, correlation.pointer, coefficients)
    }

    /// Takes `trial` if it lowers the objective.
    private func acceptTrial(_ penalty: some BlockPenalty, below objective: Double) -> Double? {
        var value: Double
        switch form {
        case .gram: value = gramSmoothPart(trial.pointer)
        case .residual:
            computeResidual(trial.pointer, into: trialResidual.pointer, problem())
            value = 0.5 * BLAS.dot(rows * t, trialResidual.pointer, trialResidual.pointer)
        }
        for j in iterate.support.indices {
            let norm = BLAS.norm(iterate.range(j).count * t, trial.pointer + iterate.starts[j] * t)
            value += penalty.value(norm: norm, block: iterate.blocks[j])
        }
        guard value < objective else { return nil }
        iterate.take(trial.pointer)
        if form == .residual { residual.pointer.update(from: trialResidual.pointer, count: rows * t) }
        return value
    }

    /// Writes the Anderson extrapolation of the last sweeps to `trial`.
    private func extrapolate(_ size: Int) -> Bool {
        let k = settings.sweepsPerRound
        for i in 0..<k {
            let (low, high) = (history.pointer + i * size, history.pointer + (i + 1) * size)
            let target = differences.pointer + i * size
            for m in 0..<size { target[m] = high[m] - low[m] }
        }
        let a = system.pointer
        let z = system.pointer + k * k
        BLAS.gemm(true, false, k, k, size, 1, differences.pointer, size, differences.pointer, size, 0, a, k)
        var trace = 0.0
        for i in 0..<k { trace += a[i + i * k] }
        guard trace > 0, trace.isFinite else { return false }
        for i in 0..<k {
            a[i + i * k] += 1e-14 * trace
            z[i] = 1
        }
        guard LAPACK.cholesky(k, a, k) else { return false }
        LAPACK.choleskySolve(k, 1, a, k, z, k)
        var sum = 0.0
        for i in 0..<k { sum += z[i] }
        guard sum.isFinite, abs(sum) > 0 else { return false }
        trial.pointer.update(repeating: 0, count: size)
        for i in 0..<k { BLAS.axpy(size, z[i] / sum, history.pointer + (i + 1) * size, trial.pointer) }
        return true
    }

    // MARK: - Newton

    /// A damped Newton step on the nonzero blocks; a block that would cross zero is set to zero.
    ///
    /// - Returns: the new objective, or nil when no step lowered it.
    private func newtonStep(_ penalty: some BlockPenalty, _ objective: Double) -> Double? {
        guard newton.choose(iterate, penalty) else { return nil }
        let (width, t, n) = (iterate.width, t, rows)
        // H = YᵀX − B·G of the current point, on the whole support, in `work`.
        switch form {
        case .gram:
            work.pointer.update(from: correlation.pointer, count: width * t)
            parallelism.gemm(
                false, false, t, width, width, -1, iterate.b.pointer, t, gram.pointer, width, 1, work.pointer, t)
            newton.fillGram(gram.pointer, ld: width)
        case .residual:
            parallelism.gemm(
                true, false, t, width, n, 1, residual.pointer, n, columns.pointer, n, 0, work.pointer, t)
            newton.fillGram(columns: columns.pointer, rows: n)
        }
        guard newton.findDirection(iterate, gradient: work.pointer, penalty) else { return nil }
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
