/// Second moments of the samples or epochs that are not held out, about their mean or about 0, reduced in time.
struct NoiseMoments {
    let heldOut: Range<Int>
    let mean: [Double]
    /// What is not held out, and what is, less the mean of the former: sensors × reduced samples.
    let samples, test: Matrix
    let covariance: Matrix

    /// Of all samples, and of all but each fifth; and whether each sensor has any noise.
    static func split(
        _ baseline: Matrix, _ basis: TemporalBasis
    ) -> (whole: NoiseMoments, parts: [NoiseMoments], isNoisy: [Bool]) {
        let (count, folds) = (baseline.columns, EstimatedCovariance.foldCount)
        // Each fifth is reduced on its own, so that none knows of another.
        let fifths = (0..<folds).map { ($0 * count / folds)..<(($0 + 1) * count / folds) }
        var reducers: [Int: Matrix] = [:]
        for fifth in fifths where reducers[fifth.count] == nil { reducers[fifth.count] = basis.matrix(fifth.count) }
        let means = baseline.rowMeans
        let moments = (0..<baseline.rows).map { i in
            let squares = baseline.row(i).reduce(0) { $0 + ($1 - means[i]) * ($1 - means[i]) }
            return (mean: means[i], variance: squares / Double(max(1, count)))
        }
        // A recording that was corrected by the mean of its baseline has what that mean had of slow noise in every
        // sample of the window; a part of the baseline less the mean of the rest is like that. One that was not
        // corrected is taken as it is: its offset is noise.
        let isCorrected = moments.allSatisfy { $0.mean * $0.mean <= 1e-6 * $0.variance }
        return (
            NoiseMoments(baseline, nil, fifths, reducers, isCentred: isCorrected),
            fifths.indices.map { NoiseMoments(baseline, $0, fifths, reducers, isCentred: isCorrected) },
            // Subtracting the mean of a constant leaves rounding, which is no noise.
            moments.map { $0.variance > 1e-20 * $0.mean * $0.mean && $0.variance > 0 }
        )
    }

    /// All fifths but one, or all.
    private init(
        _ baseline: Matrix, _ fold: Int?, _ fifths: [Range<Int>], _ reducers: [Int: Matrix], isCentred: Bool
    ) {
        heldOut = fold.map { fifths[$0] } ?? 0..<0
        let used = fifths.indices.filter { $0 != fold }.map { fifths[$0] }
        let mean =
            isCentred
            ? baseline.columns(used.flatMap { Array($0) }).rowMeans : [Double](repeating: 0, count: baseline.rows)
        func reduced(_ ranges: [Range<Int>]) -> Matrix {
            let elements = ranges.flatMap { range in
                reducers[range.count].map { (baseline.columns(range).subtracting(mean) * $0).elements } ?? []
            }
            return Matrix(
                rows: baseline.rows, columns: elements.count / max(1, baseline.rows), elements: elements)
        }
        self.mean = mean
        samples = reduced(used)
        test = reduced([heldOut].filter { !$0.isEmpty })
        covariance =
            Matrix.product(samples, transposed: false, samples, transposed: true)
            * (1 / Double(max(1, samples.columns)))
    }

    /// Second moments of epochs, where nothing but their products counts: as many samples as sensors have the same
    /// ones.
    ///
    /// - Parameters:
    ///   - covariance: of the epochs that are not held out, sensors × sensors.
    ///   - heldOut: of those that are; nil where none is.
    ///   - scales: of the sensors, so that units do not decide.
    init(covariance: Matrix, heldOut test: Matrix?, scales: [Double]) throws(LinearAlgebraError) {
        func root(_ moments: Matrix) throws(LinearAlgebraError) -> Matrix {
            let n = moments.rows
            let eigen = try SymmetricEigen(Matrix(rows: n, columns: n) { scales[$0] * moments[$0, $1] * scales[$1] })
            return Matrix(rows: n, columns: n) {
                eigen.vectors[$0, $1] * (Double(n) * max(0, eigen.values[$1])).squareRoot() / scales[$0]
            }
        }
        heldOut = 0..<0
        mean = [Double](repeating: 0, count: covariance.rows)
        samples = try root(covariance)
        self.test =
            try test.map { test throws(LinearAlgebraError) in try root(test) }
            ?? Matrix(rows: covariance.rows, columns: 0)
        self.covariance = covariance
    }
}

extension Matrix {
    /// The mean of each row.
    var rowMeans: [Double] {
        var means = [Double](repeating: 0, count: rows)
        for j in 0..<columns {
            for i in 0..<rows { means[i] += self[i, j] / Double(columns) }
        }
        return means
    }

    /// Each row less a number of its own.
    func subtracting(_ values: [Double]) -> Matrix {
        var result = self
        for j in 0..<columns {
            for i in 0..<rows { result.elements[i + j * rows] -= values[i] }
        }
        return result
    }
}
