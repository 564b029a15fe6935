/// The sources that a choice made active: blocks of the gain, or patches of it.
struct ActiveAtoms: Sendable {
    /// Blocks and coefficients in units of the problem.
    let active: ActiveSet
    /// What active blocks stand for; nil for the blocks of the gain themselves.
    let family: AtomFamily?
    /// The combination of its columns that each active block is, none where each column is for itself; nil for none at all.
    private let directions: [[Double]]?
    /// What they are of, where that is not the prepared problem but the same with all its samples.
    let problem: RegressionProblem?

    /// Active blocks of the gain.
    init(_ active: ActiveSet, of problem: RegressionProblem? = nil) {
        self.init(active, family: nil, directions: nil, of: problem)
    }

    private init(
        _ active: ActiveSet, family: AtomFamily?, directions: [[Double]]?, of problem: RegressionProblem?
    ) {
        self.active = active
        self.family = family
        self.directions = directions
        self.problem = problem
    }

    /// Active atoms of one direction each.
    ///
    /// - Parameters:
    ///   - owners: the active blocks, ascending.
    ///   - directions: the combination of its columns that each is; empty where each column is for itself.
    ///   - coefficients: T × one column each, or as many as the block has where there is no direction.
    ///   - family: what they stand for.
    ///   - blocks: of the problem.
    init(
        _ owners: [Int], directions: [[Double]], coefficients: Matrix, family: AtomFamily, of blocks: BlockStructure
    ) {
        let offsets = owners.reduce(into: [0]) { $0.append($0[$0.count - 1] + blocks.columns(of: $1).count) }
        var (elements, next): ([Double], Int) = ([], 0)
        for (j, direction) in zip(owners, directions) {
            let width = direction.isEmpty ? blocks.columns(of: j).count : 1
            let own = coefficients.columns(next..<(next + width))
            elements +=
                direction.isEmpty
                ? own.elements : direction.flatMap { factor in own.elements.map { factor * $0 } }
            next += width
        }
        self.init(
            ActiveSet(
                blocks: owners, offsets: offsets,
                coefficients: Matrix(rows: coefficients.rows, columns: offsets[owners.count], elements: elements)),
            family: family, directions: directions, of: nil)
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
            ActiveSet(blocks: active.blocks, offsets: active.offsets, coefficients: scaled), family: family,
            directions: directions, of: self.problem)
    }

    /// The columns of active block i, n × width.
    private func columns(_ i: Int, in problem: RegressionProblem) -> Matrix {
        family?.columns(of: active.blocks[i], in: problem.design)
            ?? problem.design.columns(problem.blocks.columns(of: active.blocks[i]))
    }

    /// D: the columns of all active blocks, along the directions that they have, n × atoms.
    func design(in problem: RegressionProblem) -> Matrix {
        let all = active.blocks.indices.flatMap { columns($0, in: problem).elements }
        let design = Matrix(rows: problem.rowCount, columns: all.count / max(1, problem.rowCount), elements: all)
        return directionColumns.map { design * $0 } ?? design
    }

    /// (DᵀD)⁻¹, spread over the columns of all active blocks: the covariance of their coefficients under white noise of variance one;
    /// nil where they depend on one another.
    func inverseGram(in problem: RegressionProblem) -> Matrix? {
        let design = design(in: problem)
        guard let inverse = try? Cholesky(Matrix.product(design, transposed: true, design)).inverse() else {
            return nil
        }
        return directionColumns.map { Matrix.product($0 * inverse, transposed: false, $0, transposed: true) } ?? inverse
    }

    /// The directions side by side, columns of the active blocks × atoms; nil where no block has one.
    private var directionColumns: Matrix? {
        guard let directions, directions.contains(where: { !$0.isEmpty }) else { return nil }
        let columns = active.blocks.indices.flatMap { i -> [[Double]] in
            let own = active.offsets[i]..<active.offsets[i + 1]
            func column(_ part: (Int) -> Double) -> [Double] {
                (0..<active.offsets[active.count]).map { own.contains($0) ? part($0 - own.lowerBound) : 0 }
            }
            return directions[i].isEmpty
                ? own.indices.map { k in column { $0 == k - own.lowerBound ? 1 : 0 } }
                : [column { directions[i][$0] }]
        }
        return Matrix(
            rows: active.offsets[active.count], columns: columns.count, elements: columns.flatMap { $0 })
    }

    /// The columns of the problem that make up active block i, one combination a column of the block.
    func combinations(_ i: Int, in problem: RegressionProblem) -> [AtomFamily.Column] {
        let columns = problem.blocks.columns(of: active.blocks[i])
        return columns.map { family?.column($0) ?? [($0, 1)] }
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
