import Foundation

/// How a recording is prepared for the solver.
public struct PreparationSettings: Sendable, Equatable {
    /// Kinds of sensors that are used.
    public var sensors = SensorSelection.all
    /// How sources may point; nil takes what the forward allows: loose 0.2 with normals, else free, fixed for a fixed one.
    public var orientation: Orientation?
    /// Exponent γ of the depth weighting, 0 (none) to 1 (Lin et al. 2006).
    public var depth = 0.8
    /// First and last time of the analysed window, s; nil takes all samples from time 0 on.
    public var window: ClosedRange<Double>?
    /// Where σ comes from.
    public var noiseLevel = NoiseLevel.covariance
    /// Whether the single epochs are whitened, too, for criteria and repeats that need them.
    public var keepsEpochs = false

    /// The default settings.
    public init() {}
}

/// A recording, forward and covariance brought together: a whitened, weighted regression problem, and the way back.
public struct PreparedProblem: Sendable {
    /// The whitened, weighted problem.
    public let problem: RegressionProblem
    /// What was found on the way.
    public let report: PreparationReport
    /// Variance of the whitened noise, σ².
    public let noiseVariance: Double
    /// The block of the noise covariance that each row of the problem is of: 0 for magnetometers and gradiometers, 1 for
    /// electrodes. A row is a mixture of all channels of its block, with noise of its own: to hold out a row is to hold
    /// out one such mixture, never a sensor.
    public let rowLabels: [Int]
    /// The whitened epochs in the window, whose mean is the problem's response; nil unless asked for, and for an average.
    public let replicates: Replicates?
    /// Channels used, in the order of the recording.
    public let sensors: Sensors
    /// The orientation that was used.
    public let orientation: Orientation
    /// Time of each sample in the window, s.
    public let times: [Double]
    /// Projected data in the window, channels × samples, SI units.
    public let measured: Matrix
    /// Factor on each column of the gain: orientation and depth; amplitudes are multiplied by it.
    public let columnWeights: [Double]
    /// Axes of each source, one a column of its block; nil for a fixed forward without normals.
    public let axes: [[SIMD3<Double>]]?
    /// What the user should know, one line each.
    public let warnings: [String]

    let projection: Projection
    let forwardRows: [Int]
    /// Projected data before time 0, channels × samples, SI units.
    let baseline: Matrix
    /// Whiteners with the parts of the baseline that they have not seen.
    let judged: [NoiseCharge.Judged]

    /// Prepares a problem.
    ///
    /// - Parameter covariance: noise of one epoch; nil estimates the noise of the average before time 0.
    /// - Throws: ``InputError``.
    /// - Complexity: O(sensors²·(sensors + columns of the gain)); memory of one gain beside the forward's.
    public init(
        recording: Recording, forward: Forward, covariance: NoiseCovariance?, settings: PreparationSettings,
        parallelism: Parallelism = .serial
    ) throws(InputError) {
        guard settings.depth >= 0, settings.depth <= 1 else {
            throw InputError("depth", found: "\(settings.depth)", expected: "a number from 0 (none) to 1")
        }
        let orientation = try Self.resolve(settings.orientation, forward)
        let matching = try ChannelMatching(
            recording: recording.sensors, forward: forward.sensors, covariance: covariance?.sensors,
            selection: settings.sensors)
        var warnings = matching.warnings
        let sensors = matching.sensors
        let samples = try Self.samples(of: settings.window, in: recording)

        let (projection, notes) = Self.projection(recording, covariance, matching)
        warnings += notes
        let data = projection.apply(recording.average.rows(matching.inRecording))
        let baseline = (0..<recording.sampleCount).filter { recording.time($0) < -0.5 / recording.samplingFrequency }

        let trials = recording.trialCount
        let noise: Matrix
        let source: String
        var noiseVariance = 1.0
        var folds: [BaselineCovariance.Fold] = []
        if let covariance, let rows = matching.inCovariance {
            noise = covariance.matrix.rows(rows).columns(rows) * (1 / Double(trials))
            source = "covariance of one epoch, divided by \(trials) averages"
            if covariance.samples > 0, covariance.samples < 3 * sensors.count {
                warnings.append(
                    "the covariance was estimated from \(covariance.samples) samples for \(sensors.count) channels; "
                        + "noise is underestimated where samples are few")
            }
        } else {
            let estimated = try BaselineCovariance(
                data.columns(baseline), sensors: sensors, projection: projection,
                gain: forward.gain.rows(matching.inForward), parallelism: parallelism)
            noise = estimated.matrix
            noiseVariance = estimated.heldOutVariance
            source =
                "estimated from \(estimated.samples) samples before time 0, "
                + String(
                    format: "shrunk by %.2g toward sensor noise and %.2g of brain noise, held-out deviation %.2f",
                    estimated.shrinkage, estimated.brainPart, noiseVariance.squareRoot())
            warnings.append("no noise covariance was given: \(source)")
            folds = estimated.folds
        }
        let whitener = try Whitener(covariance: noise, sensors: sensors, projection: projection)
        warnings += whitener.warnings

        // Of a covariance estimated from the baseline only the held-out level means anything.
        var deviation: Double? = covariance == nil ? noiseVariance.squareRoot() : nil
        if covariance != nil, !baseline.isEmpty {
            let whitened = whitener.matrix * data.columns(baseline)
            deviation = (whitened.squaredNorm / Double(whitened.elements.count)).squareRoot()
        }
        if covariance != nil, let deviation, deviation < 0.8 || deviation > 1.25 {
            warnings.append(
                String(format: "the whitened baseline deviates by %.2f where 1 is expected: ", deviation)
                    + "check the covariance, the number of averages (\(trials)) and the rank (\(whitener.rank))")
        }

        switch settings.noiseLevel {
        case .covariance: break
        case .baseline:
            guard let deviation, deviation > 0 else {
                throw InputError(
                    "sigma", found: "baseline, but the recording has no noise before time 0",
                    expected: "samples before time 0", advice: "use --sigma covariance or a number")
            }
            noiseVariance = deviation * deviation
        case .deviation(let sigma): noiseVariance = sigma * sigma
        }

        let window = data.columns(samples)
        let gain = Self.whitenedGain(
            whitener.matrix, forward, matching.inForward, orientation, depth: settings.depth, parallelism)
        if gain.emptyCount > 0 {
            warnings.append("\(gain.emptyCount) sources are seen by no sensor and stay out")
        }
        do {
            problem = try RegressionProblem(
                design: gain.matrix, response: whitener.matrix * window,
                blocks: BlockStructure(count: forward.sources.count, size: gain.width))
        } catch {
            throw InputError("problem", found: "\(error)")
        }
        report = PreparationReport(
            channels: sensors.countByKind, rank: whitener.rank, baselineDeviation: deviation,
            noiseDeviation: noiseVariance.squareRoot(), noiseSource: source, averages: trials)
        self.noiseVariance = noiseVariance
        rowLabels = whitener.rowBlocks
        replicates =
            settings.keepsEpochs && recording.epochs.count > 1
            ? Replicates(recording.epochs.map { whitener.matrix * $0.columns(samples).rows(matching.inRecording) })
            : nil
        self.sensors = sensors
        self.orientation = orientation
        times = samples.map { recording.time($0) }
        measured = window
        columnWeights = gain.weights
        axes = gain.axes
        self.warnings = warnings
        self.projection = projection
        forwardRows = matching.inForward
        self.baseline = data.columns(baseline)
        let stretches = NoiseCharge.stretches(
            of: baseline.count, folds: folds.map(\.heldOut), window: samples.count)
        if folds.isEmpty {
            judged = [NoiseCharge.Judged(whitener: whitener.matrix, stretches: stretches, mean: nil)]
        } else {
            var parts: [NoiseCharge.Judged] = []
            for (fold, stretch) in zip(folds, stretches) {
                parts.append(
                    NoiseCharge.Judged(
                        whitener: try Whitener(
                            covariance: fold.matrix, sensors: sensors, projection: projection
                        ).matrix, stretches: [stretch], mean: fold.mean))
            }
            judged = parts
        }
    }

    /// The ways that a source may look, over the columns of the problem.
    func patches(_ forward: Forward) -> Patches {
        Patches(forward.sources, problem.blocks, axes: axes, columnWeights: columnWeights)
    }

    /// The most that a source explains of a few draws of white noise as long as the window.
    func whiteNoiseCharge(_ dictionary: AtomDictionary, seed: UInt64) -> Double {
        var random = SeededGenerator(seed: seed &+ 0x51A7_E0F5)
        return (0..<NoiseCharge.draws).reduce(0) { largest, _ in
            let noise = random.normal(rows: problem.rowCount, columns: times.count) * noiseVariance.squareRoot()
            return max(largest, dictionary.largestScore(noise))
        }
    }

    /// What noise alone makes a source explain.
    ///
    /// - Parameters:
    ///   - patches: of the problem.
    ///   - ridge: of ``AtomDictionary``.
    ///   - isGiven: whether σ is a number: then draws of white noise alone count, scaled by it.
    ///   - seed: of the draws.
    /// - Complexity: O(sensors²·columns) for each whitener, five of them where the covariance comes from the baseline.
    func noiseCharge(
        _ forward: Forward, _ patches: Patches, ridge: Double, isGiven: Bool, seed: UInt64, parallelism: Parallelism,
        monitor: Monitor
    ) -> NoiseCharge {
        let window = times.count
        let dictionary = AtomDictionary(
            design: problem.design, families: patches.families, ridge: ridge, parallelism: parallelism)
        var largest = whiteNoiseCharge(dictionary, seed: seed)
        let length = judged.first?.stretches.first?.count ?? 0
        guard !isGiven, length > 0 else { return NoiseCharge(value: largest, stretches: 0, length: 0) }
        let scale = Double(window) / Double(length)
        // Scores do not depend on the scale of an atom: without depth weights all parts have the same patches.
        var unweighted: Patches?
        for (k, part) in judged.enumerated() where !monitor.isCancelled() {
            monitor.report(.init(stage: "noise", detail: "what it makes a source explain, \(k + 1) of \(judged.count)"))
            var own = dictionary
            // A single whitener is that of the problem itself.
            if judged.count > 1 {
                let gain = Self.whitenedGain(part.whitener, forward, forwardRows, orientation, depth: 0, parallelism)
                let families =
                    unweighted
                    ?? Patches(forward.sources, problem.blocks, axes: axes, columnWeights: gain.weights)
                unweighted = families
                own = AtomDictionary(
                    design: Design(gain.matrix), families: families.families, ridge: ridge, parallelism: parallelism)
            }
            for stretch in part.stretches {
                var samples = baseline.columns(stretch)
                if let mean = part.mean { samples = samples.subtracting(mean) }
                largest = max(largest, scale * own.largestScore(part.whitener * samples))
            }
        }
        return NoiseCharge(
            value: largest, stretches: judged.reduce(0) { $0 + $1.stretches.count }, length: length)
    }

    /// The orientation to use: what was asked for, where the forward allows it.
    private static func resolve(_ wanted: Orientation?, _ forward: Forward) throws(InputError) -> Orientation {
        let hasNormals = forward.sources.normals != nil
        let lacking = (0..<forward.sources.count).count { forward.sources.normal($0) == nil }
        let isFree = forward.orientations == 3
        guard let wanted else { return isFree ? (hasNormals ? .loose(0.2) : .free) : .fixed }
        switch wanted {
        case .fixed where isFree && !hasNormals:
            throw InputError(
                "orientation", found: "fixed, but the forward has no sources/normal", expected: "normals",
                advice: "use --orientation free")
        case .fixed where isFree && lacking > 0:
            throw InputError(
                "orientation", found: "fixed, but \(lacking) of \(forward.sources.count) sources have no normal",
                expected: "normals", advice: "use --orientation loose:0.2, in which sources of volumes are free")
        case .free where !isFree, .loose where !isFree:
            throw InputError(
                "orientation", found: "\(wanted.name), but the forward has one orientation a source",
                expected: "a forward with three", advice: "use --orientation fixed")
        case .loose where !hasNormals:
            throw InputError(
                "orientation", found: "\(wanted.name), but the forward has no sources/normal", expected: "normals",
                advice: "use --orientation free")
        case .loose(let value) where !(value > 0 && value <= 1):
            throw InputError("orientation", found: "loose:\(value)", expected: "loose:ℓ with 0 < ℓ ≤ 1")
        default: return wanted
        }
    }

    /// The samples of a window, half a sample of tolerance at either end.
    private static func samples(of window: ClosedRange<Double>?, in recording: Recording) throws(InputError) -> [Int] {
        let half = 0.5 / recording.samplingFrequency
        let last = recording.time(recording.sampleCount - 1)
        let extent = String(format: "the recording has %.4g to %.4g s", recording.firstTime, last)
        let range = window ?? max(0, recording.firstTime)...max(max(0, recording.firstTime), last)
        guard range.lowerBound.isFinite, range.upperBound.isFinite else {
            throw InputError("window", found: "\(range.lowerBound) to \(range.upperBound) s", expected: "finite times")
        }
        guard range.lowerBound >= recording.firstTime - half, range.upperBound <= last + half else {
            throw InputError(
                "window", found: String(format: "%.4g to %.4g s", range.lowerBound, range.upperBound),
                expected: "times within the recording; \(extent)")
        }
        // A hair under half a sample: a bound midway between two samples takes neither of them twice.
        let samples = (0..<recording.sampleCount).filter {
            let time = recording.time($0)
            return time >= range.lowerBound - 0.99 * half && time <= range.upperBound + 0.99 * half
        }
        // A window between two samples is empty; a single time takes the sample nearest to it.
        let isBetween =
            range.lowerBound < range.upperBound
            && !(0..<recording.sampleCount).contains {
                recording.time($0) >= range.lowerBound - 0.01 * half
                    && recording.time($0) <= range.upperBound + 0.01 * half
            }
        guard !samples.isEmpty, !isBetween else {
            throw InputError(
                "window", found: String(format: "no samples from %.4g to %.4g s", range.lowerBound, range.upperBound),
                expected: String(format: "a window of at least one sample (%.4g s); ", 1 / recording.samplingFrequency)
                    + extent)
        }
        return samples
    }

    /// All projectors over the chosen channels; an average reference is added where EEG lacks one.
    private static func projection(
        _ recording: Recording, _ covariance: NoiseCovariance?, _ matching: ChannelMatching
    ) -> (Projection, notes: [String]) {
        // Lengths are taken over all channels, so that the part of a projector that is left says how much it matters.
        func parts(_ projectors: Matrix, _ rows: [Int]) -> [[Double]] {
            (0..<projectors.rows).compactMap { k in
                let whole = projectors.row(k)
                let largest = whole.map(abs).max() ?? 0
                guard largest > 0 else { return nil }
                let length = whole.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
                return rows.map { whole[$0] / largest / length }
            }
        }
        var vectors = parts(recording.projectors, matching.inRecording)
        if let covariance, let rows = matching.inCovariance { vectors += parts(covariance.projectors, rows) }
        let sensors = matching.sensors
        let reference = sensors.kinds.map { $0 == .eeg ? 1.0 : 0.0 }
        let given = Projection(vectors, sensorCount: sensors.count)
        guard reference.reduce(0, +) > 1, given.remainder(of: reference) > 1e-3 else { return (given, []) }
        return (
            Projection(vectors + [reference], sensorCount: sensors.count),
            ["the recording has no EEG average reference: one was applied to data, gain and covariance"]
        )
    }

    /// The gain whitened, turned to the chosen axes and weighted for depth.
    private static func whitenedGain(
        _ whitener: Matrix, _ forward: Forward, _ rows: [Int], _ orientation: Orientation, depth: Double,
        _ parallelism: Parallelism
    ) -> (matrix: Matrix, weights: [Double], axes: [[SIMD3<Double>]]?, width: Int, emptyCount: Int) {
        let sources = forward.sources.count
        let rank = whitener.rows
        // The whitener spread over all rows of the gain: no copy of the gain is made to pick its rows.
        var spread = Matrix(rows: rank, columns: forward.gain.rows)
        for (k, row) in rows.enumerated() {
            for i in 0..<rank { spread[i, row] = whitener[i, k] }
        }
        let isFree = forward.orientations == 3
        let width = isFree && orientation != .fixed ? 3 : 1
        let axes: [(axes: [SIMD3<Double>], factors: [Double])]? =
            isFree ? (0..<sources).map { orientation.axes(normal: forward.sources.normal($0)) } : nil
        var result = Matrix(rows: rank, columns: sources * width)
        var norms = [Double](repeating: 0, count: sources)
        let sensorRows = forward.gain.rows
        let o = forward.orientations
        forward.gain.elements.withUnsafeBufferPointer { gain in
            spread.elements.withUnsafeBufferPointer { whitener in
                result.elements.withUnsafeMutableBufferPointer { result in
                    norms.withUnsafeMutableBufferPointer { lengths in
                        guard let gainStart = gain.baseAddress, let whitenerStart = whitener.baseAddress,
                            let resultStart = result.baseAddress, let normsStart = lengths.baseAddress
                        else { return }
                        // Pieces write to columns of their own.
                        nonisolated(unsafe) let (g, w) = (gainStart, whitenerStart)
                        nonisolated(unsafe) let (x, norms) = (resultStart, normsStart)
                        parallelism.forEachPiece(of: sources, piece: 128) { _, items in
                            var columns = [Double](repeating: 0, count: rank * items.count * o)
                            columns.withUnsafeMutableBufferPointer { c in
                                guard let c = c.baseAddress else { return }
                                BLAS.gemm(
                                    false, false, rank, items.count * o, sensorRows, 1, w, rank,
                                    g + items.lowerBound * o * sensorRows, sensorRows, 0, c, rank)
                                for j in items {
                                    let own = c + (j - items.lowerBound) * o * rank
                                    let target = x + j * width * rank
                                    // The prior of a source counts all of its directions, whichever are kept.
                                    norms[j] = BLAS.norm(rank * o, own)
                                    guard let axes else {
                                        target.update(from: own, count: rank)
                                        continue
                                    }
                                    for (k, axis) in axes[j].axes.enumerated() {
                                        let factor = axes[j].factors[k]
                                        for d in 0..<3 {
                                            BLAS.axpy(rank, factor * axis[d], own + d * rank, target + k * rank)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        let priors = Self.depthWeights(norms, exponent: depth)
        var weights = [Double](repeating: 0, count: sources * width)
        for j in 0..<sources {
            for k in 0..<width {
                weights[j * width + k] = priors[j] * (width == 3 ? axes?[j].factors[k] ?? 1 : 1)
                for i in 0..<rank { result.elements[(j * width + k) * rank + i] *= priors[j] }
            }
        }
        let kept: [[SIMD3<Double>]]? =
            axes.map { $0.map(\.axes) } ?? forward.sources.normals.map { $0.map { [$0] } }
        return (result, weights, kept, width, norms.count { $0 == 0 })
    }

    /// The root of each source's prior variance, ‖(WG)_j‖^(−γ), with the median source at 1; 0 where no sensor sees it.
    static func depthWeights(_ norms: [Double], exponent: Double) -> [Double] {
        let seen = norms.filter { $0 > 0 }.sorted()
        guard !seen.isEmpty else { return norms }
        let median = seen[seen.count / 2]
        return norms.map { $0 > 0 ? pow($0 / median, -exponent) : 0 }
    }
}
