// A penalty of entries ties nothing together but one column and one sample: the problem falls apart into one a sample,
// each with a block a column. These are the steps there and back.

extension RegressionProblem {
    /// Whether every block is one column and there is one sample, so that blocks are entries.
    var isOfSingleEntries: Bool { response.columns == 1 && sampleCount == 1 && blocks.count == design.columns }

    /// The problem of one sample, n × 1, with a block a column.
    ///
    /// - Throws: ``Invalid``.
    func singleEntries(response: Matrix) throws(Invalid) -> RegressionProblem {
        try with(response: response, blocks: BlockStructure(count: design.columns, size: 1))
    }
}

extension RegressionProblem {
    /// The smallest λ at which no entry is active under a penalty of entries: max over columns and samples of
    /// |x_jᵀy_t|/w_j. The blocks' counterpart is ``largestLambda(weights:parallelism:)``.
    ///
    /// - Parameter weights: one weight a column of the design; nil means all one.
    /// - Complexity: O(n·q·T).
    public func largestEntryLambda(weights: [Double]? = nil, parallelism: Parallelism = .serial) -> Double {
        let response = unreducedResponse
        return (0..<response.columns).reduce(0) { largest, sample in
            let own = Matrix(rows: response.rows, columns: 1, elements: response.column(sample))
            guard let single = try? singleEntries(response: own) else { return largest }
            return max(largest, single.largestLambda(weights: weights, parallelism: parallelism))
        }
    }
}

extension ActiveSet {
    /// One sample of the coefficients, as blocks of one column, numbered as the columns of the design.
    public func singleSample(_ sample: Int, of problem: RegressionProblem) -> ActiveSet {
        var columns: [Int] = []
        var values: [Double] = []
        for (i, block) in blocks.enumerated() {
            for (k, column) in problem.blocks.columns(of: block).enumerated() {
                let value = coefficients[sample, offsets[i] + k]
                guard value != 0 else { continue }
                columns.append(column)
                values.append(value)
            }
        }
        return ActiveSet(
            blocks: columns, offsets: Array(0...columns.count),
            coefficients: Matrix(rows: 1, columns: columns.count, elements: values))
    }
}

extension Solution {
    /// One solution from those of all samples.
    ///
    /// - Parameters:
    ///   - columns: the dense coefficients of each sample solved; samples that are missing are zero.
    ///   - unsolved: ‖Y‖² of the samples that are missing; at zero, their gap is at most half of it.
    ///   - relativeViolation: the largest violation of any entry over the largest |X_jᵀY| of any.
    ///   - reason: why all of them stopped; nil means the first reason that is not convergence.
    static func joined(
        _ parts: [Solution], columns: [[Double]], unsolved: Double, relativeViolation: Double, reason: StopReason?,
        problem: RegressionProblem
    ) -> Solution {
        let samples = problem.sampleCount
        var blocks: [Int] = []
        var offsets = [0]
        var elements: [Double] = []
        for block in 0..<problem.blocks.count {
            let own = problem.blocks.columns(of: block)
            guard own.contains(where: { column in columns.contains { $0[column] != 0 } }) else { continue }
            blocks.append(block)
            for column in own {
                elements.append(contentsOf: columns.map { $0[column] })
                elements.append(contentsOf: repeatElement(0, count: samples - columns.count))
            }
            offsets.append(elements.count / samples)
        }
        let active = ActiveSet(
            blocks: blocks, offsets: offsets,
            coefficients: Matrix(rows: samples, columns: elements.count / samples, elements: elements))
        let half = 0.5 * problem.squaredResponseNorm
        func sum(_ value: (Solution) -> Double) -> Double { parts.reduce(0) { $0 + value($1) } }
        func total(_ value: (Certificate) -> Int) -> Int { parts.reduce(0) { $0 + value($1.certificate) } }
        return Solution(
            active: active, squaredResidual: sum(\.squaredResidual) + unsolved,
            certificate: Certificate(
                objective: sum(\.certificate.objective) + 0.5 * unsolved,
                relativeGap: half > 0 ? (sum { $0.certificate.relativeGap * $0.scale } + 0.5 * unsolved) / half : 0,
                relativeViolation: relativeViolation,
                epochs: total(\.epochs), newtonSteps: total(\.newtonSteps), fullPasses: total(\.fullPasses),
                passesOverGain: sum(\.certificate.passesOverGain), screenedBlocks: total(\.screenedBlocks),
                allocations: total(\.allocations)),
            reason: reason ?? parts.first { $0.reason != .converged }?.reason ?? .converged, scale: half > 0 ? half : 1)
    }
}
