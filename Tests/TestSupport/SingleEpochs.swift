import SourceImaging

extension Recording {
    /// Single epochs whose mean is this average to rounding, and whose noise has the covariance of one epoch.
    ///
    /// - Parameters:
    ///   - noise: covariance of one epoch over the recording's channels, in their order.
    ///   - seed: seed of the noise.
    /// - Throws: `LinearAlgebraError` for a matrix that is no covariance, ``InputError``.
    public func singleEpochs(noise: Matrix, seed: UInt64) throws -> Recording {
        let eigen = try SymmetricEigen(noise)
        let root = Matrix(rows: noise.rows, columns: noise.columns) {
            eigen.vectors[$0, $1] * max(0, eigen.values[$1]).squareRoot()
        }
        var random = SeededGenerator(seed: seed)
        let trials = Int(trialCount ?? 1)
        let deviations = (0..<trials).map { _ in root * random.normal(rows: root.columns, columns: sampleCount) }
        let mean = deviations.dropFirst().reduce(deviations[0], +) * (1 / Double(trials))
        return try Recording(
            epochs: deviations.map { average + ($0 - mean) }, samplingFrequency: samplingFrequency,
            firstTime: firstTime, averages: 1, condition: condition, isProjected: isProjected, sensors: sensors,
            projectors: projectors)
    }
}
