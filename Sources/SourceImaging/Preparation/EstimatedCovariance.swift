import Glibc

/// A noise covariance estimated from the recording itself: before time 0, or from what differs between epochs.
///
/// One of two models, the one of the larger likelihood of fifths of the noise that the other four fifths did not see:
///
/// - C = (1 − α)S + αμ((1 − β)I + βT): the sample covariance S shrunk toward white sensor noise and toward T, the field of
///   a brain in which every source is active on its own and equally strong at the sensors, α and β by that likelihood.
///   Neighbouring samples of slow noise say much the same, so that formulas which take them to be independent (Ledoit &
///   Wolf 2004) shrink too little, and what is whitened then varies nearly twice as much as it should.
/// - ``BrainNoise``: sensors, and few sources of the brain, each as active as the noise says.
///
/// Electrodes and other sensors are treated apart, as ``Whitener`` does. All of it in the band and with the memory of a
/// ``TemporalBasis``.
struct EstimatedCovariance {
    /// Covariance of what it was estimated from, of the average or of one epoch, sensors × sensors, SI units.
    let matrix: Matrix
    /// α, the weight of what S is shrunk toward; where electrodes and other sensors differ, the mean over sensors.
    let shrinkage: Double
    /// β, the part of the brain in it; the mean over sensors.
    let brainPart: Double
    /// What it was estimated from, in plain English, and as how many independent samples that counts.
    let origin: String
    let independentSamples: Int
    /// Whether it is modelled as noise of sensors and of few sources, for electrodes or for the others.
    let isModelled: Bool
    /// Variance, after whitening with four fifths of the noise, of the other fifth: what σ² to expect of data that
    /// the covariance has not seen. Mean over the five choices.
    let heldOutVariance: Double
    /// A fifth of the noise each, and what the other four say of it with the same α and β.
    let folds: [Fold]
    private let groups: [Group]
    /// What each fold holds out.
    private let tests: [Matrix]

    /// A fifth of the noise, and what the rest says of it.
    struct Fold {
        /// Samples of the baseline that the covariance did not see; none of epochs.
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

    static let foldCount = 5
    private static let alphas = [0.001, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1]
    private static let betas = [0, 0.25, 0.5, 0.75, 0.9]

    /// Estimates the covariance of an average.
    ///
    /// - Parameters:
    ///   - baseline: sensors × samples before time 0, SI units, projected.
    ///   - basis: what its samples are reduced to.
    ///   - sensors: its channels.
    ///   - projection: directions removed from it.
    ///   - gain: the fields of the sources, sensors × columns, projected or not; nil leaves the brain out (β = 0).
    ///   - parallelism: threads; no result depends on them.
    /// - Throws: ``InputError`` when there are fewer than ``fewestSamples`` samples or they are constant.
    /// - Complexity: O(sensors²·(sensors + samples + columns)).
    init(
        _ baseline: Matrix, basis: TemporalBasis = .identity, sensors: Sensors, projection: Projection,
        gain: Matrix? = nil, parallelism: Parallelism = .serial
    ) throws(InputError) {
        guard baseline.columns >= Self.fewestSamples else {
            throw InputError(
                at: .input(.recording), found: "\(baseline.columns) samples before time 0 that the window leaves",
                expected: "at least \(Self.fewestSamples) to estimate the noise from",
                advice: "give a noise covariance with \(.covariance)")
        }
        let n = baseline.rows
        let (whole, parts, isNoisy) = NoiseMoments.split(baseline, basis)
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
        try self.init(
            whole, parts, isNoisy, of: "\(baseline.columns) samples before time 0",
            independentSamples: whole.samples.columns, sensors, projection, gain, parallelism)
    }

    /// Estimates the covariance of one epoch.
    ///
    /// - Parameters:
    ///   - epochs: what differs between them, projected.
    ///   - basis, sensors, projection, gain, parallelism: as for a baseline.
    /// - Throws: ``InputError`` where epochs are fewer than ``EpochResiduals/fewestEpochs``, or count as fewer
    ///   independent samples than half the directions of the data.
    /// - Complexity: O(sensors²·(sensors + samples of all epochs + columns)).
    init(
        _ epochs: EpochResiduals, basis: TemporalBasis = .identity, sensors: Sensors, projection: Projection,
        gain: Matrix? = nil, parallelism: Parallelism = .serial
    ) throws(InputError) {
        let count = try epochs.independentSamples(basis, rank: sensors.count - projection.rank)
        let (whole, parts) = try epochs.moments(basis, sensors)
        try self.init(
            whole, parts, epochs.isNoisy, of: epochs.name, independentSamples: count, sensors, projection, gain,
            parallelism)
    }

    private init(
        _ whole: NoiseMoments, _ parts: [NoiseMoments], _ isNoisy: [Bool], of origin: String, independentSamples: Int,
        _ sensors: Sensors, _ projection: Projection, _ gain: Matrix?, _ parallelism: Parallelism
    ) throws(InputError) {
        let n = sensors.count
        self.origin = origin
        self.independentSamples = independentSamples
        let scales = Whitener.scales(whole.covariance, sensors)
        var result = Matrix(rows: n, columns: n)
        var folded = [Matrix](repeating: Matrix(rows: n, columns: n), count: parts.count)
        var (alpha, beta, isModelled) = (0.0, 0.0, false)
        var groups: [Group] = []
        for isElectrode in [false, true] {
            // A channel without variance keeps none: it says nothing of the noise.
            let rows = sensors.kinds.indices.filter {
                (sensors.kinds[$0] == .eeg) == isElectrode && isNoisy[$0]
            }
            guard !rows.isEmpty else { continue }
            let group = Group(rows, scales, projection, gain)
            groups.append(group)
            let estimate = group.estimate(whole, parts, parallelism)
            group.write(estimate.whole, to: &result)
            for (k, part) in estimate.parts.enumerated() { group.write(part, to: &folded[k]) }
            alpha += estimate.shrinkage * Double(rows.count) / Double(n)
            beta += estimate.brainPart * Double(rows.count) / Double(n)
            isModelled = isModelled || estimate.isModelled
        }
        matrix = result
        self.isModelled = isModelled
        shrinkage = alpha
        brainPart = beta
        var folds: [Fold] = []
        for (part, matrix) in zip(parts, folded) {
            let whitener = try Whitener(covariance: matrix, sensors: sensors, projection: projection)
            folds.append(Fold(heldOut: part.heldOut, matrix: matrix, whitener: whitener.matrix, mean: part.mean))
        }
        self.folds = folds
        self.groups = groups
        tests = parts.map(\.test)
        var (squares, entries) = (0.0, 0)
        for (fold, part) in zip(folds, parts) {
            squares += (fold.whitener * part.test).squaredNorm
            entries += fold.whitener.rows * part.test.columns
        }
        heldOutVariance = squares / Double(max(1, entries))
    }

    /// What was found, in plain English.
    var text: String {
        "estimated from \(origin) that count as \(independentSamples), "
            + (isModelled
                ? String(printf: "modelled as noise of sensors and, %.2g of it, of sources", brainPart)
                : String(printf: "shrunk by %.2g toward sensor noise and %.2g of brain noise", shrinkage, brainPart))
            + String(printf: ", held-out deviation %.2f", heldOutVariance.squareRoot())
    }

    /// The logarithm of the Gaussian density of a held-out sample, in units of each kind of sensor; a mean over folds.
    ///
    /// - Parameter covariance: of what was held out; nil takes what each fold has not seen it by, at the held-out
    ///   level.
    /// - Returns: −∞ where the data are impossible.
    /// - Complexity: O(sensors³) a fold.
    func logLikelihood(_ covariance: Matrix? = nil) -> Double {
        var sum = 0.0
        for (fold, test) in zip(folds, tests) {
            let matrix = covariance ?? fold.matrix * heldOutVariance
            for group in groups { sum += group.logLikelihood(matrix, test) }
        }
        return sum / Double(folds.count)
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
        /// The other model; nil without a gain.
        let model: BrainNoise?

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
            guard let gain else {
                (brain, model) = (nil, nil)
                return
            }
            var fields = Matrix(rows: rows.count, columns: gain.columns) { gain[rows[$0], $1] * own[$0] }
            fields = lost.apply(fields)
            for j in 0..<fields.columns {
                let column = (j * rows.count)..<((j + 1) * rows.count)
                let norm = fields.elements[column].reduce(0) { $0 + $1 * $1 }.squareRoot()
                for i in column { fields.elements[i] = norm > 0 ? fields.elements[i] / norm : 0 }
            }
            let sum = Matrix.product(fields, transposed: false, fields, transposed: true)
            let trace = (0..<rows.count).reduce(0) { $0 + sum[$1, $1] }
            brain = trace > 0 ? sum * (Double(rank) / trace) : nil
            model = trace > 0 ? BrainNoise(fields, rank: rank) : nil
        }

        private static func unit(_ vector: [Double]) -> [Double] {
            let largest = vector.reduce(0) { max($0, abs($1)) }
            guard largest > 0 else { return vector }
            let length = vector.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot() * largest
            return vector.map { $0 / length }
        }

        /// (1 − α)S + αμ((1 − β)I + βT), with S of scaled sensors.
        private func shrunk(_ own: Matrix, _ alpha: Double, _ beta: Double) -> Matrix {
            let n = rows.count
            let level = (0..<n).reduce(0) { $0 + own[$1, $1] } / Double(rank)
            let (white, brainy) = (alpha * level * (1 - beta), brain == nil ? 0 : alpha * level * beta)
            var result = own
            for k in own.elements.indices {
                // White noise of the subspace that is left: directions that were removed have none.
                result.elements[k] = (1 - alpha) * own.elements[k] - white * removed.elements[k]
            }
            if let brain { for k in own.elements.indices { result.elements[k] += brainy * brain.elements[k] } }
            for i in 0..<n { result[i, i] += white }
            return result
        }

        /// What the noise is taken to be: covariances of the scaled sensors.
        struct Estimate {
            let whole: Matrix
            let parts: [Matrix]
            let shrinkage, brainPart: Double
            let isModelled: Bool
        }

        /// The model of the largest held-out likelihood.
        func estimate(_ whole: NoiseMoments, _ parts: [NoiseMoments], _ parallelism: Parallelism) -> Estimate {
            let tests = parts.map { scaled($0.test) }
            let moments = ([whole] + parts).map { own($0.covariance) }
            func loss(_ matrices: (Int) -> Matrix?) -> Double {
                withoutActuallyEscaping(matrices) { matrices in
                    nonisolated(unsafe) let matrices = matrices
                    var losses = [Double](repeating: .infinity, count: parts.count)
                    losses.withUnsafeMutableBufferPointer { places in
                        guard let start = places.baseAddress else { return }
                        nonisolated(unsafe) let losses = start
                        parallelism.forEachPiece(of: parts.count, piece: 1) { k, _ in
                            if let matrix = matrices(k) { losses[k] = self.loss(matrix, tests[k]) }
                        }
                    }
                    return losses.reduce(0, +)
                }
            }
            let betas = brain == nil ? [0] : EstimatedCovariance.betas
            let alphas = EstimatedCovariance.alphas
            var known: [Int: Double] = [:]
            func shrunkLoss(_ a: Int, _ b: Int) -> Double {
                let key = a * betas.count + b
                if let value = known[key] { return value }
                let value = loss { shrunk(moments[$0 + 1], alphas[a], betas[b]) }
                known[key] = value
                return value
            }
            // By turns along α and β.
            var (a, b) = (0, min(2, betas.count - 1))
            for round in 0..<3 {
                let bestAlpha = alphas.indices.min { shrunkLoss($0, b) < shrunkLoss($1, b) } ?? a
                let bestBeta = betas.indices.min { shrunkLoss(bestAlpha, $0) < shrunkLoss(bestAlpha, $1) } ?? b
                let isSettled = round > 0 && bestAlpha == a && bestBeta == b
                (a, b) = (bestAlpha, bestBeta)
                if isSettled { break }
            }
            if let model, let modelled = modelled(model, whole, parts, parallelism),
                loss({ modelled.parts[$0] }) < shrunkLoss(a, b)
            {
                return modelled
            }
            let best = moments.map { shrunk($0, alphas[a], betas[b]) }
            return Estimate(
                whole: best[0], parts: Array(best.dropFirst()),
                shrinkage: alphas[a], brainPart: betas[b], isModelled: false)
        }

        /// The noise of sensors and few sources; nil where it cannot be estimated.
        private func modelled(
            _ model: BrainNoise, _ whole: NoiseMoments, _ parts: [NoiseMoments], _ parallelism: Parallelism
        ) -> Estimate? {
            let samples = ([whole] + parts).map { scaled($0.samples) }
            var found = [(matrix: Matrix, white: Double, brainPart: Double)?](repeating: nil, count: samples.count)
            found.withUnsafeMutableBufferPointer { places in
                guard let start = places.baseAddress else { return }
                nonisolated(unsafe) let found = start
                parallelism.forEachPiece(of: samples.count, piece: 1) { k, _ in
                    found[k] = model.covariance(of: samples[k])
                }
            }
            let all = found.compactMap(\.self)
            guard all.count == found.count else { return nil }
            let matrices = all.map { estimate in
                // Sensors are noisy in the directions that are left alone.
                Matrix(rows: rows.count, columns: rows.count) {
                    estimate.matrix[$0, $1] - estimate.white * removed[$0, $1]
                }
            }
            return Estimate(
                whole: matrices[0], parts: Array(matrices.dropFirst()), shrinkage: 1, brainPart: all[0].brainPart,
                isModelled: true)
        }

        /// The sensors of the group, scaled.
        private func scaled(_ samples: Matrix) -> Matrix {
            Matrix(rows: rows.count, columns: samples.columns) { samples[rows[$0], $1] * scales[$0] }
        }

        /// The rows and columns of the group, scaled.
        private func own(_ covariance: Matrix) -> Matrix {
            Matrix(rows: rows.count, columns: rows.count) {
                covariance[rows[$0], rows[$1]] * scales[$0] * scales[$1]
            }
        }

        /// −2 log likelihood of held-out samples, up to constants, with the level of the noise free.
        private func loss(_ covariance: Matrix, _ test: Matrix) -> Double {
            guard test.columns > 0 else { return 0 }
            guard let (squares, logDeterminant, _) = self.squares(covariance, test) else { return .infinity }
            guard squares > 0 else { return -.infinity }
            let spread = squares / Double(rank * test.columns)
            return Double(test.columns) * (Double(rank) * log(spread) + logDeterminant)
        }

        /// The mean log density of samples of all sensors by a covariance of all; −∞ where that is singular.
        func logLikelihood(_ covariance: Matrix, _ test: Matrix) -> Double {
            guard let (squares, logDeterminant, level) = self.squares(own(covariance), scaled(test)) else {
                return -.infinity
            }
            let determinant = logDeterminant - Double(rows.count - rank) * log(level)
            return -0.5 * (Double(rank) * log(2 * .pi) + determinant + squares / Double(test.columns))
        }

        /// Σ xᵀC⁻¹x over samples and log det C, with directions that projectors removed filled at the level of the
        /// others.
        private func squares(
            _ covariance: Matrix, _ test: Matrix
        ) -> (squares: Double, logDeterminant: Double, level: Double)? {
            var matrix = covariance
            let level = (0..<rows.count).reduce(0) { $0 + matrix[$1, $1] } / Double(rank)
            guard level > 0 else { return nil }
            // Directions that projectors removed hold no data; with the level of the others they change nothing.
            for k in matrix.elements.indices { matrix.elements[k] += level * removed.elements[k] }
            guard let factor = try? Cholesky(matrix) else { return nil }
            let solved = factor.solve(test)
            return (
                zip(solved.elements, test.elements).reduce(0) { $0 + $1.0 * $1.1 }, factor.logDeterminant, level
            )
        }

        /// Writes a covariance in SI units to the group's rows of a matrix of all sensors.
        func write(_ covariance: Matrix, to target: inout Matrix) {
            for (j, column) in rows.enumerated() {
                for (i, row) in rows.enumerated() { target[row, column] = covariance[i, j] / (scales[i] * scales[j]) }
            }
        }
    }
}
