/// Block coordinate descent on a working set, in the time domain: H = X_WᵀR is kept, a visit of a source analyses its
/// part of it, shrinks, and synthesizes what changed. While the working set is wide the residual is kept instead. What
/// changes in a panel of neighbours reaches the others by one product at its end.
///
/// A round is a look at all of the working set, sweeps over the sources that are not zero or would not stay so, and an
/// Anderson extrapolation of them (Bertrand & Massias 2021). Nothing is allocated in a round after the first of a set.
final class FrameDescent {
    /// Measured on the sample recording: 6 to 8 are alike, 10 need a fifth more sweeps.
    static let sweepsPerRound = 8
    /// Steps are this times 1/L; any below 2 descend, and longer ones need fewer sweeps: 140 instead of 240 at a twentieth
    /// of the largest λ of the sample recording.
    private static let relaxation = 1.8
    /// Blocks of the working set; those that are not zero come first when it is chosen.
    private(set) var blocks: [Int] = []
    /// ½‖R‖² + λ Σ Ω_j(Z_j).
    private(set) var objective = 0.0
    /// Analyses so far.
    private(set) var transforms = 0
    private let problem: RegressionProblem
    private let frame: GaborFrame
    private let scores: SourceScores
    private let response: UnsafePointer<Double>
    /// First column of each block of the working set, and their number.
    private var offsets: [Int] = [0]
    private var norms: [(norm: Double, entries: Double)] = []
    /// Positions visited in a round.
    private var visited: [Int] = []
    private var usesGram = true
    /// Z, D × width, and B, T × width.
    private let coefficients, courses: Buffer
    /// X_W, n × width; XᵀX; YᵀX_W; H, T × width; Rᵀ, T × n.
    private let columns, gram, targets, correlations, residual: Buffer
    /// A block's coefficients, their change, its correlations.
    private let moved, change, own: Buffer
    /// First block of each panel, and the number of blocks.
    private var panels: [Int] = [0]
    /// Most columns of a panel.
    private let panelColumns: Int
    /// Of a panel the change of its time courses and its correlations; XᵀX of every panel where the residual is kept.
    private let shifts, panelCorrelations, panelGrams: Buffer
    /// Of the visited blocks, one after another: time courses; the listed coefficients after each sweep, and extrapolated.
    private let point, past, extrapolated: Buffer
    private let trialCourses, trial: Buffer
    /// The groups of the visited blocks that the first sweep of a round left, and where those of each block and their numbers
    /// begin: few, and all that the other sweeps need.
    private var listed: [Int32] = []
    private var listOffsets: [(groups: Int, numbers: Int)] = [(0, 0)]
    private let anderson: AndersonExtrapolation
    private let transform: FrameTransform
    private let shrinkage: GroupShrinkage
    private let parallelism: Parallelism

    /// - Parameters:
    ///   - response: Yᵀ, T × n, kept by the caller.
    ///   - parallelism: threads of large products; they change no bit.
    init(
        _ problem: RegressionProblem, frame: GaborFrame, scores: SourceScores, response: UnsafePointer<Double>,
        allocations: AllocationCount, parallelism: Parallelism = .serial
    ) {
        self.parallelism = parallelism
        self.problem = problem
        self.frame = frame
        self.scores = scores
        self.response = response
        func buffer(_ capacity: Int = 0) -> Buffer { Buffer(capacity: capacity, allocations) }
        let widest = (0..<problem.blocks.count).reduce(1) { max($0, problem.blocks.columns(of: $1).count) }
        (coefficients, courses) = (buffer(), buffer())
        (columns, gram, targets, correlations, residual) = (buffer(), buffer(), buffer(), buffer(), buffer())
        residual.reserve(frame.samples * problem.rowCount)
        (moved, change) = (buffer(widest * frame.size), buffer(widest * frame.size))
        own = buffer(widest * frame.samples)
        panelColumns = max(32, widest)
        (shifts, panelGrams) = (buffer(panelColumns * frame.samples), buffer())
        panelCorrelations = buffer(panelColumns * frame.samples)
        (point, past, extrapolated, trialCourses, trial) = (buffer(), buffer(), buffer(), buffer(), buffer())
        anderson = AndersonExtrapolation(sweeps: Self.sweepsPerRound, allocations: allocations)
        transform = FrameTransform(frame, allocations)
        shrinkage = GroupShrinkage(frame, allocations)
    }

    // MARK: - The working set

    private var width: Int { offsets[offsets.count - 1] }

    /// The blocks that are not zero.
    var activeBlocks: [Int] { blocks.indices.filter { norms[$0].norm > 0 }.map { blocks[$0] } }

    /// Forgets everything.
    func clear() {
        blocks = []
        offsets = [0]
        norms = []
    }

    /// Chooses the working set: the blocks that are not zero, and some more.
    ///
    /// - Parameter others: that are not active, none twice.
    /// - Complexity: O(n·width² + n·T·width) with width columns.
    func choose(_ others: [Int]) {
        let (t, d, n) = (frame.samples, frame.size, problem.rowCount)
        var (kept, end) = (0, 0)
        for i in blocks.indices where norms[i].norm > 0 {
            let (from, count) = (offsets[i], offsets[i + 1] - offsets[i])
            if from != end {
                (coefficients.pointer + end * d).update(from: coefficients.pointer + from * d, count: count * d)
                (courses.pointer + end * t).update(from: courses.pointer + from * t, count: count * t)
            }
            blocks[kept] = blocks[i]
            norms[kept] = norms[i]
            offsets[kept] = end
            (kept, end) = (kept + 1, end + count)
        }
        blocks.removeSubrange(kept...)
        norms.removeSubrange(kept...)
        offsets.removeSubrange((kept + 1)...)
        offsets[kept] = end
        for block in others {
            blocks.append(block)
            norms.append((0, 0))
            offsets.append(width + problem.blocks.columns(of: block).count)
        }
        coefficients.reserve(d * width, keeping: d * end)
        courses.reserve(t * width, keeping: t * end)
        (coefficients.pointer + end * d).update(repeating: 0, count: (width - end) * d)
        (courses.pointer + end * t).update(repeating: 0, count: (width - end) * t)
        columns.reserve(n * width)
        problem.design.withReader { reader in
            for i in blocks.indices {
                reader.copy(problem.blocks.columns(of: blocks[i]), to: columns.pointer + offsets[i] * n)
            }
        }
        usesGram = width <= 2 * n
        if usesGram {
            gram.reserve(width * width)
            targets.reserve(t * width)
            correlations.reserve(t * width)
            if width > 0 {
                let x = columns.pointer
                BLAS.gemm(true, false, width, width, n, 1, x, n, x, n, 0, gram.pointer, width)
                BLAS.gemm(false, false, t, width, n, 1, response, t, x, n, 0, targets.pointer, t)
            }
        }
        choosePanels()
        point.reserve(t * width)
        past.reserve(Self.sweepsPerRound * d * width)
        extrapolated.reserve(d * width)
        trialCourses.reserve(t * width)
        trial.reserve(t * max(width, n))
        anderson.reserve(t * width)
        visited.reserveCapacity(blocks.count)
        listed.reserveCapacity(frame.groupCount * blocks.count)
        listOffsets.reserveCapacity(blocks.count + 1)
        refresh()
    }

    private func choosePanels() {
        panels.removeAll(keepingCapacity: true)
        panels.append(0)
        for i in blocks.indices where offsets[i + 1] - offsets[panels[panels.count - 1]] > panelColumns {
            panels.append(i)
        }
        panels.append(blocks.count)
        guard !usesGram else { return }
        let n = problem.rowCount
        panelGrams.reserve((panels.count - 1) * panelColumns * panelColumns)
        for p in 0..<(panels.count - 1) {
            let (first, count) = (offsets[panels[p]], offsets[panels[p + 1]] - offsets[panels[p]])
            let x = columns.pointer + first * n
            BLAS.gemm(
                true, false, count, count, n, 1, x, n, x, n, 0, panelGrams.pointer + p * panelColumns * panelColumns,
                count)
        }
    }

    /// Begins with coefficients.
    ///
    /// - Parameters:
    ///   - some: the working set.
    ///   - values: their coefficients, D × columns.
    ///   - shrinks: whether their groups are shrunk first, by λρ/L_j; excluded ones become zero in any case.
    func begin(
        _ some: [Int], _ values: Matrix, _ penalty: TimeFrequencyPenalty, scales: GroupScales, shrinks: Bool
    ) {
        clear()
        choose(some)
        coefficients.pointer.update(from: values.elements, count: values.elements.count)
        for i in blocks.indices {
            let (z, count) = (coefficients.pointer + offsets[i] * frame.size, offsets[i + 1] - offsets[i])
            let curvature = scores.norms[blocks[i]] * scores.norms[blocks[i]]
            let isExcluded = penalty.spaceWeight(blocks[i]) == .infinity || curvature == 0
            norms[i] = shrinkage.proximal(
                z, count, groups: shrinks && curvature > 0 ? penalty.lambda * penalty.rho / curvature : 0,
                scales[blocks[i]], block: isExcluded ? .infinity : 0)
            transform.synthesize(count, z, into: courses.pointer + offsets[i] * frame.samples)
        }
        refresh()
    }

    /// Brings residual and correlations up to date with the coefficients, without what rounding adds up to.
    func refresh() {
        residual(of: courses.pointer, into: residual.pointer)
        guard usesGram, width > 0 else { return }
        let (t, n) = (frame.samples, problem.rowCount)
        BLAS.gemm(false, false, t, width, n, 1, residual.pointer, t, columns.pointer, n, 0, correlations.pointer, t)
    }

    /// Rᵀ = Yᵀ − B_WᵀX_Wᵀ.
    private func residual(of courses: UnsafePointer<Double>, into target: UnsafeMutablePointer<Double>) {
        let (t, n) = (frame.samples, problem.rowCount)
        target.update(from: response, count: t * n)
        guard width > 0 else { return }
        BLAS.gemm(false, true, t, n, width, -1, courses, t, columns.pointer, n, 1, target, t)
    }

    /// Rᵀ, T × n, as ``refresh()`` left it.
    var currentResidual: UnsafePointer<Double> { UnsafePointer(residual.pointer) }

    /// λ Σ Ω_j(Z_j).
    func penaltyValue(_ penalty: TimeFrequencyPenalty) -> Double {
        penalty.lambda * blocks.indices.reduce(0) { $0 + penalty.value(norms[$1], block: blocks[$1]) }
    }

    /// The active blocks with time courses and coefficients.
    func gathered() -> (active: ActiveSet, coefficients: Matrix) {
        let order = blocks.indices.filter { norms[$0].norm > 0 }.sorted { blocks[$0] < blocks[$1] }
        let (t, d) = (frame.samples, frame.size)
        var (b, z, ends) = ([Double](), [Double](), [0])
        for i in order {
            let count = offsets[i + 1] - offsets[i]
            b.append(contentsOf: UnsafeBufferPointer(start: courses.pointer + offsets[i] * t, count: count * t))
            z.append(contentsOf: UnsafeBufferPointer(start: coefficients.pointer + offsets[i] * d, count: count * d))
            ends.append(ends[ends.count - 1] + count)
        }
        let columns = ends[ends.count - 1]
        return (
            ActiveSet(
                blocks: order.map { blocks[$0] }, offsets: ends,
                coefficients: Matrix(rows: t, columns: columns, elements: b)),
            Matrix(rows: d, columns: columns, elements: z)
        )
    }

    // MARK: - Rounds

    /// How far from optimal it is on the working set, and which blocks a round visits.
    ///
    /// - Returns: the duality gap over the working set.
    func look(_ penalty: TimeFrequencyPenalty, scales: GroupScales) -> Double {
        visited.removeAll(keepingCapacity: true)
        var ratio = 1.0
        for i in blocks.indices {
            let (block, count) = (blocks[i], offsets[i + 1] - offsets[i])
            let threshold = penalty.blockThreshold(block)
            let isZero = norms[i].norm == 0
            if !isZero { visited.append(i) }
            guard threshold < .infinity else { continue }
            let h = correlation(i)
            if isZero, scores.bound(block, h) <= threshold { continue }
            transform.analyze(count, h, into: moved.pointer)
            transforms += 1
            shrinkage.square(moved.pointer, count)
            let weights = scales[block]
            let score = shrinkage.shrunkenNorm(penalty.lambda * penalty.rho, weights)
            scores.adopt(block, h, score: score)
            guard score > threshold else { continue }
            if isZero { visited.append(i) }
            // Only a larger dual norm than the largest so far is of interest.
            let level = ratio * penalty.lambda
            guard shrinkage.shrunkenNorm(level * penalty.rho, weights) > ratio * threshold else { continue }
            let dual = shrinkage.dualNorm(
                rho: penalty.rho, block: (1 - penalty.rho) * penalty.spaceWeight(block), weights, above: level)
            ratio = max(ratio, dual / penalty.lambda)
        }
        let (fitted, squared) = residualProducts(courses.pointer, correlations.pointer, residual.pointer)
        let penalized = penaltyValue(penalty)
        objective = 0.5 * squared + penalized
        let factor = 1 / ratio
        return objective - factor * fitted + 0.5 * factor * factor * squared
    }

    /// ⟨Y, R⟩ and ‖R‖² of time courses.
    private func residualProducts(
        _ courses: UnsafePointer<Double>, _ correlations: UnsafePointer<Double>, _ residual: UnsafePointer<Double>
    ) -> (fitted: Double, squared: Double) {
        let size = frame.samples * (usesGram ? width : problem.rowCount)
        guard usesGram else {
            return (BLAS.dot(size, response, residual), BLAS.dot(size, residual, residual))
        }
        let fit = BLAS.dot(size, targets.pointer, courses)
        let fitted = problem.squaredResponseNorm - fit
        return (fitted, fitted - BLAS.dot(size, correlations, courses))
    }

    /// X_jᵀR, T × orientations.
    private func correlation(_ position: Int) -> UnsafePointer<Double> {
        let (t, n) = (frame.samples, problem.rowCount)
        if usesGram { return UnsafePointer(correlations.pointer + offsets[position] * t) }
        BLAS.gemm(
            false, false, t, offsets[position + 1] - offsets[position], n, 1, residual.pointer, t,
            columns.pointer + offsets[position] * n, n, 0, own.pointer, t)
        return UnsafePointer(own.pointer)
    }

    /// Sweeps over the visited blocks and an extrapolation, kept where it lowers the objective. The first sweep is over all
    /// coefficients, the others over those it left.
    ///
    /// - Returns: number of sweeps.
    func round(_ penalty: TimeFrequencyPenalty, scales: GroupScales) -> Int {
        let courseCount = packCourses()
        anderson.record(point.pointer, size: courseCount, number: 0)
        for number in 0..<Self.sweepsPerRound {
            sweep(number, penalty, scales: scales)
            if number == 0 {
                list()
                for k in visited.indices { gather(k) }
            }
            _ = packCourses()
            anderson.record(point.pointer, size: courseCount, number: number + 1)
        }
        for k in visited.indices { scatter(listedValues(k, after: Self.sweepsPerRound - 1), k) }
        // The steps of the time courses decide, coefficients follow.
        guard anderson.extrapolate(courseCount, into: point.pointer) else { return Self.sweepsPerRound }
        let count = listOffsets[visited.count].numbers
        extrapolated.pointer.update(repeating: 0, count: count)
        for k in 0..<Self.sweepsPerRound {
            BLAS.axpy(count, anderson.weights[k], past.pointer + k * count, extrapolated.pointer)
        }
        // Coefficients that came and went on the way would cost more than the extrapolation gains.
        let last = listedValues(0, after: Self.sweepsPerRound - 1)
        for k in 0..<count where last[k] == 0 { extrapolated.pointer[k] = 0 }
        tryPoint(penalty, scales: scales)
        return Self.sweepsPerRound
    }

    /// Lists the groups of the visited blocks that are not zero.
    private func list() {
        listed.removeAll(keepingCapacity: true)
        listOffsets.removeAll(keepingCapacity: true)
        listOffsets.append((0, 0))
        var numbers = 0
        for i in visited {
            let (z, count) = (coefficients.pointer + offsets[i] * frame.size, offsets[i + 1] - offsets[i])
            if norms[i].norm > 0 { shrinkage.square(z, count) }
            for g in 0..<frame.groupCount where norms[i].norm > 0 && shrinkage.isNonzero(g) {
                listed.append(Int32(g))
                numbers += count * (frame.groupOffsets[g + 1] - frame.groupOffsets[g])
            }
            listOffsets.append((listed.count, numbers))
        }
    }

    /// The listed groups of a visited block.
    private func withList(_ k: Int, _ body: (UnsafeBufferPointer<Int32>) -> Void) {
        listed.withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[listOffsets[k].groups..<listOffsets[k + 1].groups]))
        }
    }

    /// The listed coefficients of a visited block after a sweep.
    private func listedValues(_ k: Int, after sweep: Int) -> UnsafeMutablePointer<Double> {
        past.pointer + sweep * listOffsets[visited.count].numbers + listOffsets[k].numbers
    }

    /// Takes the listed coefficients of a visited block as those after the first sweep.
    private func gather(_ k: Int) {
        var next = listedValues(k, after: 0)
        forEachPlace(k) { z in
            next.pointee = z.pointee
            next += 1
        }
    }

    private func scatter(_ values: UnsafePointer<Double>, _ k: Int) {
        var next = 0
        forEachPlace(k) { z in
            z.pointee = values[next]
            next += 1
        }
    }

    private func forEachPlace(_ k: Int, _ body: (UnsafeMutablePointer<Double>) -> Void) {
        let (i, d) = (visited[k], frame.size)
        withList(k) { groups in
            frame.groupOffsets.withUnsafeBufferPointer { starts in
                for g in groups {
                    for column in offsets[i]..<offsets[i + 1] {
                        let z = coefficients.pointer + column * d
                        for row in starts[Int(g)]..<starts[Int(g) + 1] { body(z + row) }
                    }
                }
            }
        }
    }

    /// One visit of every block in turn.
    ///
    /// - Parameter number: of the sweep in its round; after the first, coefficients that are not listed stay zero.
    private func sweep(_ number: Int, _ penalty: TimeFrequencyPenalty, scales: GroupScales) {
        var next = 0
        for p in 0..<(panels.count - 1) {
            if next < visited.count, visited[next] < panels[p + 1] { visit(p, &next, number, penalty, scales) }
        }
    }

    /// Visits the blocks of a panel.
    ///
    /// - Parameter next: of the visited blocks, the first in this panel; then the first after it.
    private func visit(
        _ p: Int, _ next: inout Int, _ number: Int, _ penalty: TimeFrequencyPenalty, _ scales: GroupScales
    ) {
        let (t, n, width) = (frame.samples, problem.rowCount, self.width)
        let (first, end) = (offsets[panels[p]], offsets[panels[p + 1]])
        let count = end - first
        let x = columns.pointer + first * n
        if !usesGram {
            BLAS.gemm(false, false, t, count, n, 1, residual.pointer, t, x, n, 0, panelCorrelations.pointer, t)
        }
        let h = usesGram ? correlations.pointer + first * t : panelCorrelations.pointer
        let (g, stride) =
            usesGram
            ? (gram.pointer + first + first * width, width)
            : (panelGrams.pointer + p * panelColumns * panelColumns, count)
        shifts.pointer.update(repeating: 0, count: t * count)
        var hasMoved = false
        while next < visited.count, visited[next] < panels[p + 1] {
            let (k, i) = (next, visited[next])
            next += 1
            if number > 0, norms[i].norm == 0 {
                let size = listOffsets[k + 1].numbers - listOffsets[k].numbers
                listedValues(k, after: number).update(repeating: 0, count: size)
                continue
            }
            let (begin, columns) = (offsets[i] - first, offsets[i + 1] - offsets[i])
            own.pointer.update(from: h + begin * t, count: columns * t)
            if hasMoved, begin > 0 {
                BLAS.gemm(
                    false, false, t, columns, begin, -1, shifts.pointer, t, g + begin * stride, stride, 1, own.pointer,
                    t)
            }
            let shift = shifts.pointer + begin * t
            if number > 0 {
                listedStep(k, number, penalty, scales[blocks[i]], into: shift)
                hasMoved = true
            } else if step(i, penalty, scales[blocks[i]], into: shift) {
                hasMoved = true
            }
        }
        guard hasMoved else { return }
        if usesGram {
            parallelism.gemm(
                false, false, t, width, count, -1, shifts.pointer, t, gram.pointer + first, width, 1,
                correlations.pointer, t)
        } else {
            parallelism.gemm(false, true, t, n, count, -1, shifts.pointer, t, x, n, 1, residual.pointer, t)
        }
    }

    /// A proximal step of one block: Z ← prox(Z + τ(X_jᵀR)A'), τ the relaxation over L.
    ///
    /// - Parameter shift: where the change of its time courses is written, if there is one.
    /// - Returns: whether there is one.
    private func step(
        _ i: Int, _ penalty: TimeFrequencyPenalty, _ weights: UnsafePointer<Double>,
        into shift: UnsafeMutablePointer<Double>
    ) -> Bool {
        let (t, d) = (frame.samples, frame.size)
        let (first, count) = (offsets[i], offsets[i + 1] - offsets[i])
        let curvature = scores.norms[blocks[i]] * scores.norms[blocks[i]] / Self.relaxation
        guard curvature > 0 else { return false }
        let (z, v, delta) = (coefficients.pointer + first * d, moved.pointer, change.pointer)
        transform.analyze(count, own.pointer, scale: 1 / curvature, into: v)
        transforms += 1
        for k in 0..<(count * d) { v[k] += z[k] }
        let before = norms[i].norm
        norms[i] = shrinkage.proximal(
            v, count, groups: penalty.lambda * penalty.rho / curvature, weights,
            block: penalty.blockThreshold(blocks[i]) / curvature)
        if before == 0, norms[i].norm == 0 { return false }
        for k in 0..<(count * d) {
            delta[k] = v[k] - z[k]
            z[k] = v[k]
        }
        transform.synthesize(count, delta, into: shift)
        BLAS.axpy(count * t, 1, shift, courses.pointer + first * t)
        return true
    }

    /// A proximal step of the listed coefficients of a visited block, from those after the sweep before.
    private func listedStep(
        _ k: Int, _ sweep: Int, _ penalty: TimeFrequencyPenalty, _ weights: UnsafePointer<Double>,
        into shift: UnsafeMutablePointer<Double>
    ) {
        let (i, t) = (visited[k], frame.samples)
        let (first, count) = (offsets[i], offsets[i + 1] - offsets[i])
        let curvature = scores.norms[blocks[i]] * scores.norms[blocks[i]] / Self.relaxation
        let (before, z) = (listedValues(k, after: sweep - 1), listedValues(k, after: sweep))
        let (delta, numbers) = (change.pointer, listOffsets[k + 1].numbers - listOffsets[k].numbers)
        withList(k) { groups in
            transform.analyze(count, own.pointer, scale: 1 / curvature, groups: groups, into: z)
            for m in 0..<numbers { z[m] += before[m] }
            norms[i] = shrinkage.proximal(
                z, count, listed: groups, groups: penalty.lambda * penalty.rho / curvature, weights,
                block: penalty.blockThreshold(blocks[i]) / curvature)
            for m in 0..<numbers { delta[m] = z[m] - before[m] }
            transform.synthesize(count, delta, groups: groups, into: shift)
        }
        BLAS.axpy(count * t, 1, shift, courses.pointer + first * t)
    }

    /// Time courses of the visited blocks, one after another.
    ///
    /// - Returns: how many numbers there are.
    private func packCourses() -> Int {
        let t = frame.samples
        var end = 0
        for i in visited {
            let count = offsets[i + 1] - offsets[i]
            (point.pointer + end * t).update(from: courses.pointer + offsets[i] * t, count: count * t)
            end += count
        }
        return end * t
    }

    /// Moves to the extrapolated coefficients where their objective is lower.
    private func tryPoint(_ penalty: TimeFrequencyPenalty, scales: GroupScales) {
        let (t, n) = (frame.samples, problem.rowCount)
        let now = residualProducts(courses.pointer, correlations.pointer, residual.pointer)
        objective = 0.5 * now.squared + penaltyValue(penalty)
        trialCourses.pointer.update(from: courses.pointer, count: t * width)
        var penalized = 0.0
        for (k, i) in visited.enumerated() {
            let (z, count) = (extrapolated.pointer + listOffsets[k].numbers, offsets[i + 1] - offsets[i])
            withList(k) { groups in
                let parts = shrinkage.norms(z, count, listed: groups, scales[blocks[i]])
                penalized += penalty.lambda * penalty.value(parts, block: blocks[i])
                transform.synthesize(count, z, groups: groups, into: trialCourses.pointer + offsets[i] * t)
            }
        }
        if usesGram {
            trial.pointer.update(from: targets.pointer, count: t * width)
            parallelism.gemm(
                false, false, t, width, width, -1, trialCourses.pointer, t, gram.pointer, width, 1, trial.pointer, t)
        } else {
            residual(of: trialCourses.pointer, into: trial.pointer)
        }
        let squared = residualProducts(trialCourses.pointer, trial.pointer, trial.pointer).squared
        guard 0.5 * squared + penalized < objective else { return }
        objective = 0.5 * squared + penalized
        (usesGram ? correlations : residual).pointer.update(from: trial.pointer, count: t * (usesGram ? width : n))
        courses.pointer.update(from: trialCourses.pointer, count: t * width)
        for (k, i) in visited.enumerated() {
            let (z, count) = (extrapolated.pointer + listOffsets[k].numbers, offsets[i + 1] - offsets[i])
            scatter(z, k)
            withList(k) { norms[i] = shrinkage.norms(z, count, listed: $0, scales[blocks[i]]) }
        }
    }
}
