import SparseRegression

/// A random problem with a few true blocks, correlated columns and noise.
func randomProblem(
    n: Int, blocks: Int, width: Int, samples: Int, seed: UInt64, correlation: Double = 0.5, active: Int = 4
) throws -> RegressionProblem {
    var random = SeededGenerator(seed: seed)
    var design = random.normal(rows: n, columns: blocks * width)
    // Neighbouring columns share what gain matrices share.
    for j in 1..<max(2, design.columns) where j < design.columns {
        for i in 0..<n {
            design[i, j] = correlation * design[i, j - 1] + (1 - correlation * correlation).squareRoot() * design[i, j]
        }
    }
    var truth = Matrix(rows: blocks * width, columns: samples)
    for k in 0..<min(active, blocks) {
        let block = (k * 7919) % blocks
        for r in 0..<width {
            for t in 0..<samples { truth[block * width + r, t] = random.normal() * 2 }
        }
    }
    let response = design * truth + random.normal(rows: n, columns: samples)
    return try RegressionProblem(design: design, response: response, blocks: BlockStructure(count: blocks, size: width))
}

extension RegressionProblem {
    /// B as a dense matrix, columns of the design × samples of the response.
    func dense(_ active: ActiveSet) -> Matrix {
        var result = Matrix(rows: design.columns, columns: response.columns)
        for (i, block) in active.blocks.enumerated() {
            for (k, column) in blocks.columns(of: block).enumerated() {
                for t in 0..<response.columns { result[column, t] = active.coefficients[t, active.offsets[i] + k] }
            }
        }
        return result
    }

    /// The objective written out, independent of every solver.
    func objective(_ dense: Matrix, lambda: Double, weights: [Double]? = nil) -> Double {
        var value = 0.5 * (response - design.matrix * dense).squaredNorm
        for j in 0..<blocks.count {
            let norm = dense.rows(blocks.columns(of: j)).squaredNorm.squareRoot()
            if norm > 0 { value += lambda * (weights?[j] ?? 1) * norm }
        }
        return value
    }

    /// The largest violation of the optimality conditions, relative to λ_j.
    func violation(_ dense: Matrix, lambda: Double, weights: [Double]? = nil) -> Double {
        let gradient = Matrix.product(design.matrix, transposed: true, response - design.matrix * dense)
        var worst = 0.0
        for j in 0..<blocks.count {
            let threshold = lambda * (weights?[j] ?? 1)
            guard threshold.isFinite else { continue }
            let own = dense.rows(blocks.columns(of: j))
            let slope = gradient.rows(blocks.columns(of: j))
            let norm = own.squaredNorm.squareRoot()
            if norm > 0 {
                worst = max(worst, (slope - own * (threshold / norm)).squaredNorm.squareRoot() / threshold)
            } else {
                worst = max(worst, slope.squaredNorm.squareRoot() / threshold - 1)
            }
        }
        return worst
    }
}
