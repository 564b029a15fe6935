/// The covariance of sensor noise in one epoch (not in an average).
public struct NoiseCovariance: Sendable {
    /// Sensors × sensors, product of the sensors' units; symmetric.
    public let matrix: Matrix
    /// Number of samples that it was estimated from; 0 when unknown.
    public let samples: Int
    /// Rows and columns of the matrix.
    public let sensors: Sensors
    /// Directions that were removed from the data it was estimated from, k × sensors; k may be 0.
    public let projectors: Matrix

    /// A covariance from its parts.
    ///
    /// NaN and infinity in rows and columns of channels marked bad are set to zero: nothing reads them. Only the diagonal
    /// is checked for being positive semidefinite; whitening checks the rest.
    ///
    /// - Parameters:
    ///   - matrix: sensors × sensors, of one epoch, product of the sensors' units; symmetric to 1e-6.
    ///   - samples: how many it was estimated from; 0 when unknown.
    ///   - sensors: one a row and column.
    ///   - projectors: k × sensors; nil for none.
    /// - Throws: ``InputError`` when shapes disagree, it holds NaN or infinity, is not symmetric, or has a variance
    ///   that is negative.
    public init(matrix: Matrix, samples: Int, sensors: Sensors, projectors: Matrix? = nil) throws(InputError) {
        guard matrix.rows == sensors.count, matrix.columns == sensors.count else {
            throw InputError(
                "covariance", found: "\(matrix.rows) × \(matrix.columns)",
                expected: "\(sensors.count) × \(sensors.count), a row and a column a channel")
        }
        let matrix = matrix.silencing(sensors.bad).transposed.silencing(sensors.bad)
        if let (row, column) = matrix.firstNonFinite {
            throw InputError(
                "covariance",
                found: "\(matrix[row, column]) between channels '\(sensors.names[row])' and '\(sensors.names[column])'",
                expected: "finite values")
        }
        for i in 0..<matrix.rows {
            guard matrix[i, i] >= 0 else {
                throw InputError(
                    "covariance", found: "variance \(matrix[i, i]) of channel '\(sensors.names[i])'",
                    expected: "a positive semidefinite matrix", advice: "compute the covariance again")
            }
            for j in 0..<i {
                let scale = (matrix[i, i] * matrix[j, j]).squareRoot()
                guard abs(matrix[i, j] - matrix[j, i]) <= 1e-6 * scale + 1e-9 * abs(matrix[i, j]) else {
                    throw InputError(
                        "covariance",
                        found:
                            "different values above and below the diagonal for '\(sensors.names[i])' and '\(sensors.names[j])'",
                        expected: "a symmetric matrix")
                }
            }
        }
        let projectors = projectors ?? Matrix(rows: 0, columns: sensors.count)
        try checkProjectors(projectors, sensors)
        self.matrix = matrix
        self.samples = samples
        self.sensors = sensors
        self.projectors = projectors
    }
}
