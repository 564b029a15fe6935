import Foundation

/// A noise covariance estimated from the recording before time 0, for want of a better one.
///
/// C = (1 − α)S + αμ((1 − β)I + βT): the sample covariance S shrunk toward white sensor noise and toward T, the field of
/// a brain in which every source is active on its own and equally strong at the sensors. Electrodes and other sensors
/// are treated apart, as ``Whitener`` does. α and β have the largest likelihood of fifths of the baseline that the other
/// four fifths did not see: neighbouring samples of slow noise say much the same, so that formulas which take them to be
/// independent (Ledoit & Wolf 2004) shrink too little, and what is whitened then varies nearly twice as much as it
/// should.
struct BaselineCovariance {
    /// Covariance of the average, sensors × sensors, SI units.
    let matrix: Matrix
    /// α, the weight of what S is shrunk toward; where electrodes and other sensors differ, the mean over sensors.
    let shrinkage: Double
    /// β, the part of the brain in it; the mean over sensors.
    let brainPart: Double
    /// Samples it was estimated from.
    let samples: Int
    /// Variance, after whitening with four fifths of the baseline, of the other fifth: what σ² to expect of data that
    /// the covariance has not seen. Mean over the five choices.
    let heldOutVariance: Double
    /// A fifth of the baseline each, and what the other four say of the noise with the same α and β.
    let folds: [Fold]

    /// A fifth of the baseline, and what the rest of it says of the noise.
    struct Fold {
        /// Samples of the baseline that the covariance did not see.
        let heldOut: Range<Int>
        /// Covariance from the others.
        let matrix: Matrix
        /// What whitens by it: rank × sensors, projection included.
        let whitener: Matrix
        /// Subtracted from each sample before it is whitened: the mean of the others, or 0, one value a sensor.
        let mean: [Double]
    }

    /// Samples below which no covariance is estimated.
    static let fewestSamples = 10

    private static let foldCount = 5
    private static let alphas = [0.001, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1]
    private static let betas = [0, 0.25, 0.5, 0.75, 0.9]

    /// Estimates a covariance.
    ///
    /// - Parameters:
    ///   - baseline: sensors × samples before time 0, SI units, projected.
    ///   - sensors: its channels.
    ///   - projection: directions removed from it.
    ///   - gain: the fields of the sources, sensors × columns, projected or not; nil leaves the brain out (β = 0).
    ///   - parallelism: threads; no result depends on them.
    /// - Throws: ``InputError`` when there are fewer than ``fewestSamples`` samples or they are constant.
    /// - Complexity: O(sensors²·(sensors + samples + columns)).
    init(
        _ baseline: Matrix, sensors: Sensors, projection: Projection, gain: Matrix? = nil,
        parallelism: Parallelism = .serial
    ) throws(InputError) {
        guard baseline.columns >= Self.fewestSamples else {
            throw InputError(
                at: .input(.recording), found: "\(baseline.columns) samples before time 0 that the window leaves",
                expected: "at least \(Self.fewestSamples) to estimate the noise from",
                advice: "give a noise covariance with \(.covariance)")
        }
        samples = baseline.columns
        let n = baseline.rows
        let (whole, parts, isNoisy) = Moments.split(baseline)
        guard isNoisy.contains(true) else {
            throw InputError(
                at: .input(.recording), found: "a constant signal before time 0",
                expected: "noise to estimate the covariance from",
                advice: "give a noise covariance with \(.covariance)")
        }
        guard parts.allSatisfy({ part in (0..<n).contains { part.covariance[$0, $0] > 0 } }) else {
            throw InputError(
                at: .input(.recording), found: "a baseline that is constant for most of its time",
                expected: "noise to estimate the covariance from",
                advice: "choose other times with \(.baseline), or give a noise covariance with \(.covariance)")
        }
        let scales = Whitener.scales(whole.covariance, sensors)
        var result = Matrix(rows: n, columns: n)
        var folded = [Matrix](repeating: Matrix(rows: n, columns: n), count: Self.foldCount)
        var (alpha, beta) = (0.0, 0.0)
        for isElectrode in [false, true] {
            // A channel without variance keeps none: it says nothing of the noise.
            let rows = sensors.kinds.indices.filter {
                (sensors.kinds[$0] == .eeg) == isElectrode && isNoisy[$0]
            }
            guard !rows.isEmpty else { continue }
            let group = Group(rows, scales, projection, gain)
            let (a, b) = group.fit(parts, baseline, parallelism)
            group.write(whole, a, b, to: &result)
            for (k, part) in parts.enumerated() { group.write(part, a, b, to: &folded[k]) }
            alpha += a * Double(rows.count) / Double(n)
            beta += b * Double(rows.count) / Double(n)
        }
        matrix = result
        shrinkage = alpha
        brainPart = beta
        var folds: [Fold] = []
        for (part, matrix) in zip(parts, folded) {
            let whitener = try Whitener(covariance: matrix, sensors: sensors, projection: projection)
            folds.append(Fold(heldOut: part.heldOut, matrix: matrix, whitener: whitener.matrix, mean: part.mean))
        }
        self.folds = folds
        heldOutVariance = Self.variance(of: baseline, folds)
    }

    /// Variance of what each fold holds out, whitened by the others.
    private static func variance(of baseline: Matrix, _ folds: [Fold]) -> Double {
        var (squares, entries) = (0.0, 0)
        for fold in folds {
            squares += (fold.whitener * baseline.columns(fold.heldOut).subtracting(fold.mean)).squaredNorm
            entries += fold.whitener.rows * fold.heldOut.count
        }
        return squares / Double(max(1, entries))
    }

    /// Second moments of the samples that are not held out, about their mean or about 0.
    private struct Moments {
        let heldOut: Range<Int>
        let mean: [Double]
        let covariance: Matrix

        /// Of all samples, and of all but each fifth; and whether each sensor has any noise.
        static func split(_ baseline: Matrix) -> (whole: Moments, parts: [Moments], isNoisy: [Bool]) {
            let centred = Moments(baseline, 0..<0, isCentred: true)
            let moments = (0..<baseline.rows).map { (mean: centred.mean[$0], variance: centred.covariance[$0, $0]) }
            // A recording that was corrected by the mean of its baseline has what that mean had of slow noise in every
            // sample of the window; a part of the baseline less the mean of the rest is like that. One that was not
            // corrected is taken as it is: its offset is noise.
            let isCorrected = moments.allSatisfy { $0.mean * $0.mean <= 1e-6 * $0.variance }
            let (count, folds) = (baseline.columns, BaselineCovariance.foldCount)
            return (
                isCorrected ? centred : Moments(baseline, 0..<0, isCentred: false),
                (0..<folds).map {
                    Moments(baseline, ($0 * count / folds)..<(($0 + 1) * count / folds), isCentred: isCorrected)
                },
                // Subtracting the mean of a constant leaves rounding, which is no noise.
                moments.map { $0.variance > 1e-20 * $0.mean * $0.mean && $0.variance > 0 }
            )
        }

        init(_ samples: Matrix, _ heldOut: Range<Int>, isCentred: Bool) {
            self.heldOut = heldOut
            let used = samples.columns((0..<samples.columns).filter { !heldOut.contains($0) })
            mean = isCentred ? used.rowMeans : [Double](repeating: 0, count: used.rows)
            let centred = used.subtracting(mean)
            covariance =
                Matrix.product(centred, transposed: false, centred, transposed: true)
                * (1 / Double(max(1, used.columns)))
        }
    }

    /// Sensors that are whitened together, scaled by kind.
    private struct Group {
        let rows: [Int]
        let scales: [Double]
        /// What the projectors remove, filled so that the rest can be inverted: sensors × sensors.
        let removed: Matrix
        /// Dimensions that the projectors leave.
        let rank: Int
        /// T, with trace `rank`; nil without a gain.
        let brain: Matrix?

        init(_ rows: [Int], _ scales: [Double], _ projection: Projection, _ gain: Matrix?) {
            self.rows = rows
            let own = rows.map { scales[$0] }
            self.scales = own
            // Data live in (I − UUᵀ) before the scaling by kind and in its image after it.
            let lost = Projection(
                (0..<projection.rank).compactMap { k in
                    let part = rows.map { projection.removed[$0, k] }
                    guard part.reduce(0, { $0 + $1 * $1 }) > 1e-12 else { return nil }
                    return Self.unit(zip(part, own).map { $0 / $1 })
                }, sensorCount: rows.count)
            removed = Matrix.product(lost.removed, transposed: false, lost.removed, transposed: true)
            let rank = max(1, rows.count - lost.rank)
            self.rank = rank
            brain = gain.flatMap { gain in
                var fields = Matrix(rows: rows.count, columns: gain.columns) { gain[rows[$0], $1] * own[$0] }
                fields = lost.apply(fields)
                for j in 0..<fields.columns {
                    let column = (j * rows.count)..<((j + 1) * rows.count)
                    let norm = fields.elements[column].reduce(0) { $0 + $1 * $1 }.squareRoot()
                    for i in column { fields.elements[i] = norm > 0 ? fields.elements[i] / norm : 0 }
                }
                let sum = Matrix.product(fields, transposed: false, fields, transposed: true)
                let trace = (0..<rows.count).reduce(0) { $0 + sum[$1, $1] }
                return trace > 0 ? sum * (Double(rank) / trace) : nil
            }
        }

        private static func unit(_ vector: [Double]) -> [Double] {
            let largest = vector.reduce(0) { max($0, abs($1)) }
            guard largest > 0 else { return vector }
            let length = vector.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot() * largest
            return vector.map { $0 / length }
        }

        /// (1 − α)S + αμ((1 − β)I + βT), scaled.
        func model(_ moments: Moments, _ alpha: Double, _ beta: Double) -> (matrix: Matrix, level: Double) {
            let n = rows.count
            var scaled = Matrix(rows: n, columns: n)
            for j in 0..<n {
                for i in 0..<n { scaled[i, j] = moments.covariance[rows[i], rows[j]] * scales[i] * scales[j] }
            }
            let level = (0..<n).reduce(0) { $0 + scaled[$1, $1] } / Double(rank)
            for j in 0..<n {
                for i in 0..<n {
                    // White noise of the subspace that is left: directions that were removed have none.
                    let white = (i == j ? 1 : 0) - removed[i, j]
                    let target = (1 - beta) * white + beta * (brain?[i, j] ?? 0)
                    scaled[i, j] = (1 - alpha) * scaled[i, j] + alpha * level * target
                }
            }
            return (scaled, level)
        }

        /// α and β of the largest held-out likelihood, by turns along either.
        func fit(_ parts: [Moments], _ samples: Matrix, _ parallelism: Parallelism) -> (Double, Double) {
            let betas = brain == nil ? [0] : BaselineCovariance.betas
            let alphas = BaselineCovariance.alphas
            let tests = parts.map { part -> Matrix in
                let held = samples.columns(part.heldOut).subtracting(part.mean)
                return Matrix(rows: rows.count, columns: held.columns) { held[rows[$0], $1] * scales[$0] }
            }
            var known: [Int: Double] = [:]
            func loss(_ a: Int, _ b: Int) -> Double {
                let key = a * betas.count + b
                if let value = known[key] { return value }
                var losses = [Double](repeating: .infinity, count: parts.count)
                losses.withUnsafeMutableBufferPointer { places in
                    guard let start = places.baseAddress else { return }
                    nonisolated(unsafe) let losses = start
                    parallelism.forEachPiece(of: parts.count, piece: 1) { k, _ in
                        losses[k] = self.loss(parts[k], tests[k], alphas[a], betas[b])
                    }
                }
                let value = losses.reduce(0, +)
                known[key] = value
                return value
            }
            var (a, b) = (0, min(2, betas.count - 1))
            for round in 0..<3 {
                let bestAlpha = alphas.indices.min { loss($0, b) < loss($1, b) } ?? a
                let bestBeta = betas.indices.min { loss(bestAlpha, $0) < loss(bestAlpha, $1) } ?? b
                let isSettled = round > 0 && bestAlpha == a && bestBeta == b
                (a, b) = (bestAlpha, bestBeta)
                if isSettled { break }
            }
            return (alphas[a], betas[b])
        }

        /// −2 log likelihood of held-out samples, up to constants, with the level of the noise free.
        private func loss(_ moments: Moments, _ test: Matrix, _ alpha: Double, _ beta: Double) -> Double {
            guard test.columns > 0 else { return 0 }
            var (matrix, level) = model(moments, alpha, beta)
            guard level > 0 else { return .infinity }
            // Directions that projectors removed hold no data; with the level of the others they change nothing.
            for k in matrix.elements.indices { matrix.elements[k] += level * removed.elements[k] }
            guard let factor = try? Cholesky(matrix) else { return .infinity }
            let solved = factor.solve(test)
            let squares = zip(solved.elements, test.elements).reduce(0) { $0 + $1.0 * $1.1 }
            guard squares > 0 else { return -.infinity }
            let spread = squares / Double(rank * test.columns)
            return Double(test.columns) * (Double(rank) * log(spread) + factor.logDeterminant)
        }

        /// Writes the model in SI units to its rows of a matrix of all sensors.
        func write(_ moments: Moments, _ alpha: Double, _ beta: Double, to target: inout Matrix) {
            let (model, _) = model(moments, alpha, beta)
            for (j, column) in rows.enumerated() {
                for (i, row) in rows.enumerated() { target[row, column] = model[i, j] / (scales[i] * scales[j]) }
            }
        }
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
