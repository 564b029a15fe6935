import Glibc
import LinearAlgebra

/// The order of an autoregression by the Bayesian information criterion (Schwarz 1978; Lütkepohl 2005):
/// N ln det Σ_p + pn² ln N, all orders on the same windows.
public struct OrderChoice: Sendable, Equatable {
    /// The criterion of the orders 1, 2, …
    public let criterion: [Double]
    /// The order of the smallest.
    public let order: Int

    /// Compares orders.
    ///
    /// - Parameters:
    ///   - trajectories: best of variance 1.
    ///   - maximum: the largest order to try; fewer are tried where epochs or samples do not suffice: a quarter of the
    ///     windows is the most coefficients an equation may have.
    /// - Throws: ``InvalidTrajectories`` where not even order 1 can be fitted, or no order leaves noise.
    /// - Complexity: O(N(np)² + (np)³): one factorization serves all orders.
    public init(
        _ trajectories: Trajectories, maximum: Int = 10, parallelism: Parallelism = .serial
    ) throws(InvalidTrajectories) {
        let n = trajectories.variableCount
        guard
            let largest = (1...max(1, maximum)).last(where: {
                4 * n * $0 <= trajectories.windowCount(lags: $0) && n * $0 <= LagMoments.mostCoefficients
            })
        else {
            throw .tooFewSamples(found: trajectories.windowCount(lags: 1), needed: 4 * n)
        }
        let moments = LagMoments(trajectories, lags: largest, parallelism: parallelism)
        let now = (0..<n).map { moments.position(lag: 0, variable: $0, isReversed: false) }
        // Lag after lag, so that the factor of an order is a corner of the next one's.
        let past = (1...largest).flatMap { lag in
            (0..<n).map { moments.position(lag: lag, variable: $0, isReversed: false) }
        }
        let size = past.count
        let scales = past.map { moments.products[$0, $0].squareRoot() }
        guard scales.allSatisfy({ $0 > 0 }) else { throw .dependent }
        var factor = Matrix(rows: size, columns: size) {
            moments.products[past[$0], past[$1]] / (scales[$0] * scales[$1])
        }
        guard
            factor.elements.withUnsafeMutableBufferPointer({ p in
                p.baseAddress.map { LAPACK.cholesky(size, $0, size) } ?? false
            })
        else { throw .dependent }
        var explained = Matrix(rows: size, columns: n) { moments.products[past[$0], now[$1]] / scales[$0] }
        factor.elements.withUnsafeBufferPointer { l in
            explained.elements.withUnsafeMutableBufferPointer { w in
                guard let l = l.baseAddress, let w = w.baseAddress else { return }
                BLAS.forwardSubstitute(size, n, l, size, w, size)
            }
        }
        let total = Double(moments.count)
        var covariance = Matrix(rows: n, columns: n) { moments.products[now[$0], now[$1]] / total }
        var criterion: [Double] = []
        for order in 1...largest {
            let rows = Array(((order - 1) * n)..<(order * n))
            let own = explained.rows(rows)
            covariance = covariance - Matrix.product(own, transposed: true, own) * (1 / total)
            guard let determinant = try? Cholesky(covariance).logDeterminant else { break }
            criterion.append(total * determinant + Double(order * n * n) * log(total))
        }
        guard let best = criterion.indices.min(by: { criterion[$0] < criterion[$1] }) else { throw .dependent }
        self.criterion = criterion
        order = best + 1
    }
}
