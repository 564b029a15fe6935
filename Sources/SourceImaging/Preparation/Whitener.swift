/// The linear map that makes noise white: W·C·Wᵀ = I on the subspace that projectors and numerical rank leave.
///
/// C is taken as the covariance of magnetometers and gradiometers together and of electrodes apart. Their covariance
/// with one another is small, is estimated from a few thousand samples at best, and inverting it turns its errors into
/// signal: on a real recording of 306 MEG and 60 EEG channels it moves the sources found from the auditory cortices to
/// all over the brain.
struct Whitener {
    /// W: rank × sensors, in inverse SI units; projection included.
    let matrix: Matrix
    /// The block of C that each row of the whitened data is of: 0 for magnetometers and gradiometers, 1 for electrodes.
    /// A row mixes all channels of its block; where a projector ties the blocks together, it counts as the one that
    /// gives it most.
    let rowBlocks: [Int]

    /// Variance of each row where all sensors err as much as they are noisy, those of a kind alike, and independently;
    /// up to a common factor.
    let sensorVariances: [Double]

    /// ``matrix`` is this times ``factor``: noise that differs in its level alone has the same.
    let unit: Matrix
    /// See ``unit``.
    let factor: Double

    /// The rank of the whitened data.
    var rank: Int { matrix.rows }

    /// Variances below this part of the median of their kind count as none; as far above it they are refused, since one
    /// such channel would push all others below the tolerance of the rank.
    static let silence = 1e-9

    /// Eigenvalues below this part of the largest are zeros of double precision: the projection is to leave none, see
    /// ``DataRank``.
    private static let floor = 1e-12

    /// The covariance of sensors, SI units, whose whitened one is given: P·C·Pᵀ with the pseudoinverse P of this whitener.
    ///
    /// - Parameter whitened: C, rank × rank.
    /// - Returns: nil where rows of the whitener depend on one another.
    /// - Complexity: O(sensors³).
    func covariance(of whitened: Matrix) -> Matrix? {
        // Units of sensors would cost digits.
        let scales = (0..<matrix.columns).map { j in
            let length = matrix.column(j).reduce(0) { $0 + $1 * $1 }.squareRoot()
            return length > 0 ? 1 / length : 0
        }
        let scaled = Matrix(rows: matrix.rows, columns: matrix.columns) { matrix[$0, $1] * scales[$1] }
        guard let inverse = try? Cholesky(Matrix.product(scaled, transposed: false, scaled, transposed: true)).inverse()
        else { return nil }
        let plain = Matrix.product(scaled, transposed: true, inverse)
        let back = Matrix(rows: plain.rows, columns: plain.columns) { plain[$0, $1] * scales[$0] }
        return Matrix.product(back * whitened, transposed: false, back, transposed: true)
    }

    /// Eigenvalues up to here count as zero: 1e-10 of the largest in double precision, since real sensor noise spans less
    /// than eight orders of magnitude; in single precision what rounding of every entry can make of a zero. As far below
    /// zero as the lowest is, rounding reaches above it, too.
    ///
    /// - Parameter values: eigenvalues, sensors scaled so that units do not decide.
    static func tolerance(_ values: [Double], isSinglePrecision: Bool) -> Double {
        let largest = values.max() ?? 0
        let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let rounding = isSinglePrecision ? 4 * 0x1p-23 * norm : 0
        return max(1e-10 * largest, rounding, 4 * max(0, -(values.min() ?? 0)))
    }

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
        let usable = n - projection.rank
        guard usable > 0 else {
            throw InputError(
                at: .input(.covariance), found: "rank 0 after projection",
                expected: "at least one direction with noise",
                advice: "use more channels or fewer projectors")
        }
        let (eigen, scales) = try Self.spectrum(covariance, sensors, projection)
        let floor = Self.floor * (eigen.values.last ?? 0)
        let kept = eigen.values.indices.suffix(usable).filter { eigen.values[$0] > floor }
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
        unit = projection.apply(matrix.transposed).transposed
        self.matrix = unit
        factor = 1
        let energies = (0..<matrix.rows).map { row in
            var energy = [0.0, 0.0]
            for i in 0..<n where scales[i] > 0 {
                let value = matrix[row, i] / scales[i]
                energy[sensors.kinds[i] == .eeg ? 1 : 0] += value * value
            }
            return energy
        }
        rowBlocks = energies.map { $0[1] > $0[0] ? 1 : 0 }
        sensorVariances = energies.map { $0[0] + $0[1] }
    }

    /// Eigenvalues, ascending, and eigenvectors of the covariance, electrodes apart, projected and scaled by kind.
    private static func spectrum(
        _ covariance: Matrix, _ sensors: Sensors, _ projection: Projection
    ) throws(InputError) -> (eigen: SymmetricEigen, scales: [Double]) {
        let n = sensors.count
        let apart = Matrix(rows: n, columns: n) { (row: Int, column: Int) -> Double in
            (sensors.kinds[row] == .eeg) == (sensors.kinds[column] == .eeg) ? covariance[row, column] : 0
        }
        // A reference electrode has no variance before the reference is applied, and one like any other after it.
        let projected = projection.applyBothSides(apart)
        let scales = scales(projected, sensors)
        try checkLoudness(projected, sensors, scales)
        let scaled = Matrix(rows: n, columns: n) {
            0.5 * scales[$0] * (projected[$0, $1] + projected[$1, $0]) * scales[$1]
        }
        let eigen: SymmetricEigen
        do {
            eigen = try SymmetricEigen(scaled)
        } catch {
            throw InputError(at: .input(.covariance), found: "\(error)", expected: "a finite symmetric matrix")
        }
        try checkSigns(eigen.values)
        return (eigen, scales)
    }

    /// Throws unless eigenvalues, ascending, are those of a covariance; zeros of one that was computed in single precision,
    /// whatever it is stored in, may lie below zero by what its rounding makes.
    static func checkSigns(_ values: [Double]) throws(InputError) {
        let (smallest, largest) = (values.first ?? 0, values.last ?? 0)
        guard largest > 0 else {
            throw InputError(at: .input(.covariance), found: "all variances are zero", expected: "positive variances")
        }
        let rounding = max(1e-8, Double(values.count) * 0x1p-23)
        guard smallest > -rounding * largest else {
            throw InputError(
                at: .input(.covariance),
                found: "a negative eigenvalue (\(smallest) against a largest of \(largest), scaled by kind)",
                expected: "a positive semidefinite matrix",
                advice: "compute the covariance again, from more samples or with shrinkage")
        }
    }

    /// Throws where a channel is so much louder than the others of its kind that nothing else would count.
    private static func checkLoudness(
        _ covariance: Matrix, _ sensors: Sensors, _ scales: [Double]
    ) throws(InputError) {
        let variances = scales.indices.map { covariance[$0, $0] * scales[$0] * scales[$0] }
        guard let loud = variances.firstIndex(where: { $0 > 1 / silence }) else { return }
        throw InputError(
            at: .input(.covariance),
            // The name stays out of the format: it is a user's text and may hold percent signs.
            found: "channel '\(sensors.names[loud])' has " + String(printf: "%.0e", variances[loud])
                + " times the noise variance of its kind's median",
            expected: "channels of like noise", advice: "mark it bad")
    }

    private init(unit: Matrix, factor: Double, rowBlocks: [Int], sensorVariances: [Double]) {
        matrix = unit * factor
        self.unit = unit
        self.factor = factor
        self.rowBlocks = rowBlocks
        self.sensorVariances = sensorVariances
    }

    /// What whitens noise that is weaker by a factor.
    func scaled(by factor: Double) -> Whitener {
        Whitener(
            unit: unit, factor: self.factor * factor, rowBlocks: rowBlocks, sensorVariances: sensorVariances)
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
