/// The support as a sweep reads it: packed, cut into panels of some thirty columns, with its Gram matrix or its columns.
final class PackedSupport {
    /// How the gradient is obtained.
    enum Form {
        /// From the Gram matrix of the support.
        case gram
        /// From the residual.
        case residual
    }

    private(set) var form = Form.gram
    private(set) var rows = 0
    private(set) var samples = 0
    private(set) var width = 0
    /// Columns of the widest block and of the widest panel.
    private(set) var widest = (block: 1, panel: 1)
    /// Blocks of each panel.
    private(set) var panels: [Range<Int>] = []
    /// 1/L_j; zero where the columns are zero.
    private(set) var steps: [Double] = []
    /// G of the support, width × width (Gram form).
    let gram: Buffer
    /// YᵀX of the support, T × width (Gram form).
    let correlation: Buffer
    /// X of the support, n × width (residual form).
    let columns: Buffer
    /// The Gram matrix of each panel, one after another (residual form), and where each starts.
    private let panelGram: Buffer
    private var panelGramStarts: [Int] = []
    private let product: Buffer
    private var squaredResponseNorm = 0.0
    private var generation = -1
    private let parallelism: Parallelism

    init(parallelism: Parallelism, allocations: AllocationCount) {
        self.parallelism = parallelism
        gram = Buffer(allocations)
        correlation = Buffer(allocations)
        columns = Buffer(allocations)
        panelGram = Buffer(allocations)
        product = Buffer(allocations)
    }

    /// Takes over the blocks that the iterate holds now; packs only where they or the form changed.
    ///
    /// - Parameter norms: ‖X_j‖₂ of every block of the problem.
    /// - Returns: whether anything was packed.
    func update(
        _ form: Form, _ problem: RegressionProblem, iterate: SupportIterate, working: WorkingSet, norms: [Double]
    ) -> Bool {
        squaredResponseNorm = problem.squaredResponseNorm
        rows = problem.rowCount
        guard generation != iterate.generation || self.form != form else { return false }
        self.form = form
        generation = iterate.generation
        (samples, width) = (iterate.samples, iterate.width)
        steps.removeAll(keepingCapacity: true)
        for block in iterate.blocks {
            let squared = norms[block] * norms[block]
            steps.append(squared.isNormal ? 1 / squared : 0)
        }
        cutPanels(iterate)
        pack(iterate, working)
        return true
    }

    private func cutPanels(_ iterate: SupportIterate) {
        panels.removeAll(keepingCapacity: true)
        widest = (1, 1)
        var first = 0
        while first < iterate.support.count {
            var last = first + 1
            while last < iterate.support.count, iterate.starts[last + 1] - iterate.starts[first] <= 32 { last += 1 }
            panels.append(first..<last)
            widest.panel = max(widest.panel, iterate.starts[last] - iterate.starts[first])
            first = last
        }
        for j in iterate.support.indices { widest.block = max(widest.block, iterate.range(j).count) }
    }

    private func pack(_ iterate: SupportIterate, _ working: WorkingSet) {
        correlation.reserve(width * samples)
        product.reserve(width * samples)
        Gathering.columns(
            iterate.support, from: working.correlation.pointer, height: samples, starts: working.starts,
            into: correlation.pointer, offsets: iterate.starts)
        switch form {
        case .gram:
            working.formGram()
            gram.reserve(width * width)
            Gathering.gram(
                iterate.support, from: working.gram.pointer, leading: working.capacity, starts: working.starts,
                into: gram.pointer, offsets: iterate.starts)
        case .residual:
            columns.reserve(rows * width)
            Gathering.columns(
                iterate.support, from: working.columns.pointer, height: rows, starts: working.starts,
                into: columns.pointer, offsets: iterate.starts)
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
                let x = columns.pointer + first * rows
                BLAS.gemm(true, false, w, w, rows, 1, x, rows, x, rows, 0, panelGram.pointer + start, w)
            }
        }
    }

    /// The Gram matrix of a panel and its leading dimension.
    ///
    /// - Parameter first: the first column of the panel.
    func gram(ofPanel number: Int, first: Int, columns w: Int) -> (elements: UnsafePointer<Double>, leading: Int) {
        switch form {
        case .gram: (UnsafePointer(gram.pointer + first * width + first), width)
        case .residual: (UnsafePointer(panelGram.pointer + panelGramStarts[number]), w)
        }
    }

    /// H = X_jᵀR of some columns of the support, T × their number.
    ///
    /// - Parameters:
    ///   - coefficients: B, T × width, which the Gram form reads.
    ///   - residual: R = Y − XB, n × T, which the residual form reads.
    ///   - piece: columns to a thread; see ``Parallelism/gemm(_:_:_:_:_:_:_:_:_:_:_:_:_:piece:)``.
    func gradient(
        of range: Range<Int>, at coefficients: UnsafePointer<Double>, residual: UnsafePointer<Double>,
        into h: UnsafeMutablePointer<Double>, piece: Int = 96
    ) {
        let (t, n, first, w) = (samples, rows, range.lowerBound, range.count)
        switch form {
        case .gram:
            h.update(from: correlation.pointer + first * t, count: w * t)
            parallelism.gemm(
                false, false, t, w, width, -1, coefficients, t, gram.pointer + first * width, width, 1, h, t,
                piece: piece)
        case .residual:
            parallelism.gemm(
                true, false, t, w, n, 1, residual, n, columns.pointer + first * n, n, 0, h, t, piece: piece)
        }
    }

    /// R = Y − XB for any coefficients on the support (residual form).
    func computeResidual(
        of coefficients: UnsafePointer<Double>, _ problem: RegressionProblem,
        into target: UnsafeMutablePointer<Double>
    ) {
        let (t, n) = (samples, rows)
        problem.response.elements.withUnsafeBufferPointer { y in
            guard let y = y.baseAddress else { return }
            target.update(from: y, count: n * t)
        }
        guard width > 0 else { return }
        parallelism.gemm(false, true, n, t, width, -1, columns.pointer, n, coefficients, t, 1, target, n)
    }

    /// ½‖Y − XB‖² for any coefficients on the support, by ½‖Y‖² + ½⟨B, GB⟩ − ⟨YᵀX, B⟩ (Gram form).
    func smoothPart(of coefficients: UnsafePointer<Double>) -> Double {
        let size = width * samples
        parallelism.gemm(
            false, false, samples, width, width, 1, coefficients, samples, gram.pointer, width, 0, product.pointer,
            samples)
        return 0.5 * squaredResponseNorm + 0.5 * BLAS.dot(size, product.pointer, coefficients)
            - BLAS.dot(size, correlation.pointer, coefficients)
    }
}
