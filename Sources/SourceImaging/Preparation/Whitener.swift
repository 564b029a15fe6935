/// The linear map that makes noise white: W·C·Wᵀ = I on the subspace that projectors and numerical rank leave.
///
/// C is taken as the covariance of magnetometers and gradiometers together and of electrodes apart. Their covariance
/// with one another is small, is estimated from a few thousand samples at best, and inverting it turns its errors into
/// signal: on a real recording of 306 MEG and 60 EEG channels it moves the sources found from the auditory cortices to
/// all over the brain.
struct Whitener {
    /// W: rank × sensors, in inverse SI units; projection included.
    let matrix: Matrix
    /// What the user should know, one line each.
    let warnings: [String]
    /// The block of C that each row of the whitened data is of: 0 for magnetometers and gradiometers, 1 for electrodes.
    /// A row mixes all channels of its block; where a projector ties the blocks together, it counts as the one that
    /// gives it most.
    let rowBlocks: [Int]

    /// The rank of the whitened data.
    var rank: Int { matrix.rows }

    /// Eigenvalues below this part of the largest count as null space. Sensors are scaled by kind first, so that units
    /// do not decide; real sensor noise spans less than eight orders of magnitude.
    static let rankTolerance = 1e-10

    /// Variances below this part of the median of their kind count as none; as far above it they are refused, since one
    /// such channel would push all others below the tolerance of the rank.
    static let silence = 1e-9

    /// Builds a whitener.
    ///
    /// - Parameters:
    ///   - covariance: noise covariance of the data to be whitened (of the average, where they are one), sensors × sensors.
    ///   - sensors: its channels.
    ///   - projection: directions removed from the data.
    /// - Throws: ``InputError`` when the covariance is zero or not positive semidefinite.
    /// - Complexity: O(sensors³).
    init(covariance: Matrix, sensors: Sensors, projection: Projection) throws(InputError) {
        let n = sensors.count
        let scales = Self.scales(covariance, sensors)
        let silent = try Self.silentChannels(covariance, sensors, scales)
        let usable = n - projection.rank - silent.count
        guard usable > 0 else {
            throw InputError(
                at: .input(.covariance), found: "rank 0 after projection",
                expected: "at least one direction with noise",
                advice: "use more channels or fewer projectors")
        }
        var warnings: [String] = []
        if let first = silent.first {
            warnings.append(
                "\(silent.count) channels have no noise variance (first '\(sensors.names[first])') and carry no weight; "
                    + "mark flat channels bad")
        }
        let eigen = try Self.spectrum(covariance, sensors, projection, scales, silent)
        let largest = eigen.values.last ?? 0
        let kept = eigen.values.indices.suffix(usable).filter { eigen.values[$0] > Self.rankTolerance * largest }
        if let first = kept.first, first > 0, eigen.values[first] < 1e-7 * largest {
            warnings.append(
                "the covariance is nearly singular: its rank could be read as less than \(kept.count); "
                    + "check the whitened baseline")
        }
        var matrix = Matrix(rows: kept.count, columns: n)
        for (row, k) in kept.enumerated() {
            let factor = 1 / eigen.values[k].squareRoot()
            // A fixed sign, since that of an eigenvector is the eigensolver's choice. No optimum depends on it.
            let column = eigen.vectors.column(k)
            let lead = column.max { abs($0) < abs($1) } ?? 1
            let sign = lead < 0 ? -1.0 : 1.0
            for i in 0..<n { matrix[row, i] = sign * factor * column[i] * scales[i] }
        }
        // W·(I − UUᵀ): whatever is whitened is projected, too.
        matrix = projection.apply(matrix.transposed).transposed
        for i in silent {
            for row in 0..<matrix.rows { matrix[row, i] = 0 }
        }
        self.matrix = matrix
        self.warnings = warnings
        rowBlocks = (0..<matrix.rows).map { row in
            var energy = [0.0, 0.0]
            for i in 0..<n where scales[i] > 0 {
                let value = matrix[row, i] / scales[i]
                energy[sensors.kinds[i] == .eeg ? 1 : 0] += value * value
            }
            return energy[1] > energy[0] ? 1 : 0
        }
    }

    /// Channels whose variance counts as none.
    private static func silentChannels(
        _ covariance: Matrix, _ sensors: Sensors, _ scales: [Double]
    ) throws(InputError) -> [Int] {
        let variances = scales.indices.map { covariance[$0, $0] * scales[$0] * scales[$0] }
        let silent = variances.indices.filter { !(variances[$0] > silence) }
        guard silent.count < variances.count else {
            throw InputError(at: .input(.covariance), found: "all variances are zero", expected: "positive variances")
        }
        if let loud = variances.firstIndex(where: { $0 > 1 / silence }) {
            throw InputError(
                at: .input(.covariance),
                // The name stays out of the format: it is a user's text and may hold percent signs.
                found: "channel '\(sensors.names[loud])' has " + String(format: "%.0e", variances[loud])
                    + " times the noise variance of its kind's median",
                expected: "channels of like noise", advice: "mark it bad")
        }
        return silent
    }

    /// Eigenvalues, ascending, and eigenvectors of the covariance, electrodes apart, projected and scaled by kind.
    private static func spectrum(
        _ covariance: Matrix, _ sensors: Sensors, _ projection: Projection, _ scales: [Double], _ silent: [Int]
    ) throws(InputError) -> SymmetricEigen {
        let n = sensors.count
        let apart = Matrix(rows: n, columns: n) { (row: Int, column: Int) -> Double in
            (sensors.kinds[row] == .eeg) == (sensors.kinds[column] == .eeg) ? covariance[row, column] : 0
        }
        let projected = projection.apply(projection.apply(apart).transposed)
        var scaled = Matrix(rows: n, columns: n) {
            0.5 * scales[$0] * (projected[$0, $1] + projected[$1, $0]) * scales[$1]
        }
        // A channel without variance must not lend its row to others.
        for i in silent {
            for j in 0..<n {
                scaled[i, j] = 0
                scaled[j, i] = 0
            }
        }
        let eigen: SymmetricEigen
        do {
            eigen = try SymmetricEigen(scaled)
        } catch {
            throw InputError(at: .input(.covariance), found: "\(error)", expected: "a finite symmetric matrix")
        }
        let largest = eigen.values.last ?? 0
        guard largest > 0, let smallest = eigen.values.first, smallest > -1e-8 * largest else {
            throw InputError(
                at: .input(.covariance),
                found:
                    "a negative eigenvalue (\(eigen.values.first ?? 0) against a largest of \(largest), scaled by kind)",
                expected: "a positive semidefinite matrix",
                advice: "compute the covariance again, from more samples or with shrinkage")
        }
        return eigen
    }

    /// One factor a sensor: the inverse root of the median variance of its kind.
    static func scales(_ covariance: Matrix, _ sensors: Sensors) -> [Double] {
        var variances: [SensorKind: [Double]] = [:]
        for (i, kind) in sensors.kinds.enumerated() where covariance[i, i] > 0 {
            variances[kind, default: []].append(covariance[i, i])
        }
        let scales = variances.mapValues { 1 / Plausibility.median($0).squareRoot() }
        return sensors.kinds.map { scales[$0] ?? 1 }
    }
}
