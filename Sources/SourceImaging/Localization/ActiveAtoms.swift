/// The sources that a choice made active: blocks of the gain, or patches of it.
struct ActiveAtoms: Sendable {
    /// Blocks and coefficients in units of the problem.
    let active: ActiveSet
    /// What each active block stands for; nil for the blocks of the gain themselves.
    let families: [AtomFamily]?
    /// What they are of, where that is not the prepared problem but the same with all its samples.
    let problem: RegressionProblem?

    /// Active atoms, one family an active block, or active blocks of the gain.
    init(_ active: ActiveSet, families: [AtomFamily]? = nil, of problem: RegressionProblem? = nil) {
        self.active = active
        self.families = families
        self.problem = problem
    }

    /// The same with amplitudes debiased (``Debiasing``), or as they are.
    ///
    /// - Throws: ``RegressionProblem/Invalid`` where the fields of the sources are impossible numbers.
    func debiased(_ isDebiased: Bool, in problem: RegressionProblem) throws -> ActiveAtoms {
        guard isDebiased, active.count > 0 else { return self }
        let problem = self.problem ?? problem
        // A problem of the active sources alone, patches or not.
        let own = try RegressionProblem(
            design: Matrix(
                rows: problem.rowCount, columns: active.coefficients.columns,
                elements: active.blocks.indices.flatMap { columns($0, in: problem).elements }),
            response: problem.response,
            blocks: BlockStructure(sizes: active.blocks.indices.map { active.offsets[$0 + 1] - active.offsets[$0] }),
            keepsSamples: true)
        let factors = Debiasing.factors(
            ActiveSet(
                blocks: Array(active.blocks.indices), offsets: active.offsets, coefficients: active.coefficients),
            in: own)
        var scaled = active.coefficients
        for (i, factor) in factors.enumerated() {
            for k in (active.offsets[i] * scaled.rows)..<(active.offsets[i + 1] * scaled.rows) {
                scaled.elements[k] *= factor
            }
        }
        return ActiveAtoms(
            ActiveSet(blocks: active.blocks, offsets: active.offsets, coefficients: scaled), families: families,
            of: self.problem)
    }

    /// The columns of active block i, n × width.
    private func columns(_ i: Int, in problem: RegressionProblem) -> Matrix {
        families?[i].columns(of: active.blocks[i], in: problem.design)
            ?? problem.design.columns(problem.blocks.columns(of: active.blocks[i]))
    }

    /// (DᵀD)⁻¹ of the columns of all active blocks: the covariance of their coefficients under white noise of variance one;
    /// nil where they depend on one another.
    func inverseGram(in problem: RegressionProblem) -> Matrix? {
        let all = active.blocks.indices.flatMap { columns($0, in: problem).elements }
        let design = Matrix(rows: problem.rowCount, columns: all.count / max(1, problem.rowCount), elements: all)
        return try? Cholesky(Matrix.product(design, transposed: true, design)).inverse()
    }

    /// The columns of the problem that make up active block i, one combination a column of the block.
    func combinations(_ i: Int, in problem: RegressionProblem) -> [AtomFamily.Column] {
        let columns = problem.blocks.columns(of: active.blocks[i])
        return columns.map { families?[i].column($0) ?? [($0, 1)] }
    }

    /// The whitened field of active block i, n × samples of the problem's response.
    func field(_ i: Int, in problem: RegressionProblem) -> Matrix {
        Matrix.product(
            columns(i, in: problem), transposed: false,
            active.coefficients.columns(active.offsets[i]..<active.offsets[i + 1]),
            transposed: true)
    }

    /// The whitened field of all, n × samples of the problem's response.
    func fit(in problem: RegressionProblem) -> Matrix {
        active.blocks.indices.reduce(Matrix(rows: problem.rowCount, columns: active.coefficients.rows)) {
            $0 + field($1, in: problem)
        }
    }
}
