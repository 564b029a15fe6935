/// What a concomitant estimate needs of repeated epochs: their mean and their second moment, by one pass that keeps none.
public struct EpochStatistics: Sendable, Equatable {
    /// Ȳ: n × T.
    public let mean: Matrix
    /// C_y = 1/(rT) Σ_l Y⁽ˡ⁾Y⁽ˡ⁾ᵀ: n × n.
    public let secondMoment: Matrix
    /// r, the number of epochs.
    public let count: Int

    /// What makes epochs impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// There are no epochs, or they have no rows or samples.
        case empty
        /// An epoch has another shape than the first.
        case shape(epoch: Int, rows: Int, samples: Int, expectedRows: Int, expectedSamples: Int)
        /// A number is NaN or infinite.
        case notFinite(epoch: Int, row: Int, sample: Int)
        /// The numbers are so large that their squares overflow.
        case overflow

        /// One line in plain English.
        public var description: String {
            switch self {
            case .empty: "no epochs, or empty ones"
            case .shape(let epoch, let rows, let samples, let expectedRows, let expectedSamples):
                "epoch \(epoch) is \(rows) × \(samples), expected \(expectedRows) × \(expectedSamples) as the first"
            case .notFinite(let epoch, let row, let sample):
                "epoch \(epoch) is not finite at row \(row), sample \(sample)"
            case .overflow: "the epochs are so large that their squares overflow; scale them"
            }
        }
    }

    /// Adds up epochs, one after another.
    ///
    /// - Parameter epochs: n × T each, at least one; only one is held at a time where the sequence makes them.
    /// - Throws: ``Invalid``.
    /// - Complexity: O(n²T) an epoch; memory of one epoch and n × n.
    public init(_ epochs: some Sequence<Matrix>) throws(Invalid) {
        var sum = Matrix(rows: 0, columns: 0)
        var moment = sum
        var count = 0
        for epoch in epochs {
            let (n, t) = (epoch.rows, epoch.columns)
            if count == 0 {
                guard n > 0, t > 0 else { throw .empty }
                sum = Matrix(rows: n, columns: t)
                moment = Matrix(rows: n, columns: n)
            }
            guard n == sum.rows, t == sum.columns else {
                throw .shape(
                    epoch: count, rows: n, samples: t, expectedRows: sum.rows, expectedSamples: sum.columns)
            }
            if let (row, sample) = epoch.firstNonFinite { throw .notFinite(epoch: count, row: row, sample: sample) }
            BLAS.axpy(n * t, 1, epoch.elements, &sum.elements)
            BLAS.outerGram(n, t, 1, epoch.elements, n, 1, &moment.elements, n)
            count += 1
        }
        guard count > 0 else { throw .empty }
        moment.mirrorLowerTriangle()
        mean = sum * (1 / Double(count))
        secondMoment = moment * (1 / (Double(count) * Double(sum.columns)))
        self.count = count
        guard mean.firstNonFinite == nil, secondMoment.squaredNorm < 1e200 else { throw .overflow }
    }
}
