// What follows from looks at all columns of a design.

extension RegressionProblem {
    /// ‖X_jᵀA‖ for every block j.
    ///
    /// - Parameter matrix: A, n × k.
    /// - Complexity: O(n·q·k), one full pass over the design.
    public func correlationNorms(_ matrix: Matrix, parallelism: Parallelism) -> [Double] {
        let pass = Correlations(
            design: design, blocks: blocks, samples: matrix.columns, parallelism: parallelism,
            norms: [Double](repeating: 0, count: blocks.count), allocations: AllocationCount())
        matrix.elements.withUnsafeBufferPointer { elements in
            if let pointer = elements.baseAddress { pass.move(to: pointer) }
        }
        pass.refine { _ in -1 }
        return pass.bounds
    }

    /// The smallest λ at which no penalized block is active: max_j ‖X_jᵀY‖/w_j, over the blocks of positive weight.
    ///
    /// Blocks of weight zero are unpenalized; Y is then what is left of it after their least-squares fit.
    ///
    /// - Parameter weights: one weight a block, from 0 to infinity (which excludes a block); nil means all one.
    /// - Complexity: O(n·q·T).
    public func largestLambda(weights: [Double]? = nil, parallelism: Parallelism = .serial) -> Double {
        let free = (weights ?? []).indices.filter { weights?[$0] == 0 }
        let rest =
            free.isEmpty
            ? response : UnpenalizedSpan(free, of: self).remainder(of: response, scale: squaredResponseNorm)
        let norms = correlationNorms(rest, parallelism: parallelism)
        return norms.enumerated().reduce(0) { largest, entry in
            let weight = weights?[entry.offset] ?? 1
            return weight > 0 ? max(largest, entry.element / weight) : largest
        }
    }

    /// The largest singular value ‖X_j‖₂ of every block, rounded up.
    ///
    /// - Complexity: O(nq).
    public func blockNorms(parallelism: Parallelism = .serial) -> [Double] {
        Correlations.largestSingularValues(design, blocks, parallelism)
    }

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
