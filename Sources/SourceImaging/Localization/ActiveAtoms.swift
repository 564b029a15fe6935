/// The sources that a choice made active: blocks of the gain, or patches of it.
struct ActiveAtoms: Sendable {
    /// Blocks and coefficients in units of the problem.
    let active: ActiveSet
    /// What each active block stands for; nil for the blocks of the gain themselves.
    let families: [AtomFamily]?
    /// Whether amplitudes are those of least squares already.
    let isFitted: Bool

    /// Active blocks of the gain.
    init(_ active: ActiveSet) {
        self.active = active
        families = nil
        isFitted = false
    }

    /// Atoms fitted by least squares, one family an active block.
    init(_ active: ActiveSet, families: [AtomFamily]) {
        self.active = active
        self.families = families
        isFitted = true
    }

    private init(_ active: ActiveSet, _ families: [AtomFamily]?, isFitted: Bool) {
        self.active = active
        self.families = families
        self.isFitted = isFitted
    }

    /// The same with amplitudes debiased (``Debiasing``), or as they are.
    func debiased(_ isDebiased: Bool, in problem: RegressionProblem) -> ActiveAtoms {
        guard isDebiased, !isFitted else { return self }
        let factors = Debiasing.factors(active, in: problem)
        var scaled = active.coefficients
        for (i, factor) in factors.enumerated() {
            for k in (active.offsets[i] * scaled.rows)..<(active.offsets[i + 1] * scaled.rows) {
                scaled.elements[k] *= factor
            }
        }
        return ActiveAtoms(
            ActiveSet(blocks: active.blocks, offsets: active.offsets, coefficients: scaled), families, isFitted: true)
    }

    /// The columns of the problem that make up active block i, one combination a column of the block.
    func combinations(_ i: Int, in problem: RegressionProblem) -> [AtomFamily.Column] {
        let columns = problem.blocks.columns(of: active.blocks[i])
        return columns.map { families?[i].column($0) ?? [($0, 1)] }
    }

    /// The whitened field of active block i, n × samples of the problem's response.
    func field(_ i: Int, in problem: RegressionProblem) -> Matrix {
        let columns =
            families?[i].columns(of: active.blocks[i], in: problem.design)
            ?? problem.design.columns(problem.blocks.columns(of: active.blocks[i]))
        return Matrix.product(
            columns, transposed: false, active.coefficients.columns(active.offsets[i]..<active.offsets[i + 1]),
            transposed: true)
    }

    /// The whitened field of all, n × samples of the problem's response.
    func fit(in problem: RegressionProblem) -> Matrix {
        active.blocks.indices.reduce(Matrix(rows: problem.rowCount, columns: active.coefficients.rows)) {
            $0 + field($1, in: problem)
        }
    }
}
