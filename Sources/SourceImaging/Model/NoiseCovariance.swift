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
    /// Whether its numbers have the seven digits of single precision: eigenvalues that are zero then come out as 1e-7 of
    /// the largest, of either sign.
    public let isSinglePrecision: Bool
    /// How it came about, as far as the file says it.
    public var acquisition = Acquisition()
    /// Rows that held NaN or infinity, zero now with their columns, and what was found in each.
    let defects: [Int: String]

    /// The matrix with NaN in rows and columns that held it, or infinity: for files, in which a zero would pass for a value.
    package var matrixWithDefects: Matrix {
        guard !defects.isEmpty else { return matrix }
        return Matrix(rows: matrix.rows, columns: matrix.columns) {
            defects[$0] == nil && defects[$1] == nil ? matrix[$0, $1] : .nan
        }
    }

    /// A covariance from its parts.
    ///
    /// Rows and columns of channels with NaN or infinity are set to zero and remembered: a localization refuses to use them.
    /// Only the diagonal is checked for being positive semidefinite; whitening checks the rest.
    ///
    /// - Parameters:
    ///   - matrix: sensors × sensors, of one epoch, product of the sensors' units; symmetric to 1e-6.
    ///   - samples: how many it was estimated from; 0 when unknown.
    ///   - sensors: one a row and column.
    ///   - projectors: k × sensors; nil for none.
    ///   - isSinglePrecision: whether the numbers were stored in single precision before they were scaled; nil looks whether
    ///     all of them are such numbers.
    /// - Throws: ``InputError`` when shapes disagree, no channel is without NaN or infinity, it is not symmetric, or has a
    ///   variance that is negative.
    public init(
        matrix: Matrix, samples: Int, sensors: Sensors, projectors: Matrix? = nil, isSinglePrecision: Bool? = nil
    ) throws(InputError) {
        guard matrix.rows == sensors.count, matrix.columns == sensors.count else {
            throw InputError(
                "covariance", found: "\(matrix.rows) × \(matrix.columns)",
                expected: "\(sensors.count) × \(sensors.count), a row and a column a channel")
        }
        let (matrix, defects) = Self.silencing(matrix, sensors)
        if let first = defects[0], defects.count == sensors.count {
            throw InputError("covariance", found: "\(first), and the like for all channels", expected: "finite values")
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
        self.defects = defects
        self.isSinglePrecision = isSinglePrecision ?? matrix.elements.isSinglePrecision
        self.samples = samples
        self.sensors = sensors
        self.projectors = projectors
    }

    /// The matrix with zeros for channels that have NaN or infinity: as few channels as account for all of it.
    private static func silencing(_ matrix: Matrix, _ sensors: Sensors) -> (Matrix, defects: [Int: String]) {
        guard matrix.firstNonFinite != nil else { return (matrix, [:]) }
        let n = matrix.rows
        var partners = (0..<n).map { i in (0..<n).filter { !matrix[i, $0].isFinite || !matrix[$0, i].isFinite } }
        var defects: [Int: String] = [:]
        // A channel's own variance first; then whoever has most of what is left.
        while let worst = partners.indices.max(by: { rank($0) < rank($1) }), !partners[worst].isEmpty {
            let other = partners[worst].contains(worst) ? worst : partners[worst][0]
            let value = matrix[worst, other].isFinite ? matrix[other, worst] : matrix[worst, other]
            defects[worst] = "\(value) between channels '\(sensors.names[worst])' and '\(sensors.names[other])'"
            for j in partners[worst] where j != worst { partners[j].removeAll { $0 == worst } }
            partners[worst] = []
        }
        func rank(_ i: Int) -> Int { partners[i].count + (partners[i].contains(i) ? n : 0) }
        var finite = matrix
        for i in defects.keys {
            for j in 0..<n {
                finite[i, j] = 0
                finite[j, i] = 0
            }
        }
        return (finite, defects)
    }
}

extension Sequence<Double> {
    /// Whether every number is one of single precision: what was stored so, or made of such numbers alone.
    public var isSinglePrecision: Bool { allSatisfy { Double(Float($0)) == $0 } }
}
