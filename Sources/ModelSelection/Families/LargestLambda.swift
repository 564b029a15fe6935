extension RegressionProblem {
    /// The smallest λ at which nothing is active under a norm of blocks or of entries, all of weight one.
    ///
    /// - Complexity: O(n·q·T).
    public func largestLambda(of scope: PenaltyScope, parallelism: Parallelism = .serial) -> Double {
        switch scope {
        case .block: largestLambda(parallelism: parallelism)
        case .entry:
            Matrix.product(design.matrix, transposed: true, unreducedResponse, parallelism: parallelism)
                .largestMagnitude
        }
    }
}
