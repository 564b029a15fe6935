/// The noise of a recording's average: its covariance, given or estimated before time 0 or from epochs, and its level
/// after whitening.
struct AverageNoise {
    let whitener: Whitener
    /// Where σ comes from.
    let level: NoiseLevel
    /// σ²: variance of the whitened noise.
    let variance: Double
    /// Standard deviation of the whitened baseline, see ``PreparationReport/baselineDeviation``.
    let baselineDeviation: Double?
    /// Where the covariance comes from, in plain English.
    let source: String
    /// Covariance of one trial that it all stands for, sensors × sensors, SI units, projected; nil where nothing says
    /// how many trials the average is of.
    let ofOneTrial: Matrix?
    /// Where it was estimated from the baseline: fifths of it, each whitened by what the rest says of the noise.
    let folds: [EstimatedCovariance.Fold]
    /// What time courses are reduced to; noise counts as correlated in time where it is estimated from the baseline.
    let temporal: TemporalBasis
    /// How many trials the average counts as; nil where nothing says it and nothing needs it.
    let averages: Double?

    /// Measures the noise.
    ///
    /// - Parameters:
    ///   - source: what the covariance is taken from; nil takes one that is given, and chooses where none is.
    ///   - covariance: of one epoch; nil estimates that of the average.
    ///   - epochs: what differs between them; nil where there is one, or they are not asked.
    ///   - window: of the average, channels × samples, SI units, projected.
    ///   - baseline: likewise; may have no samples where a covariance is given.
    ///   - matching: the channels.
    ///   - projection: directions removed from data and covariance.
    ///   - forward: where a covariance is estimated, what the noise of a brain looks like.
    ///   - averages: how many trials the average is of; nil when unknown, then the baseline tells it.
    ///   - baselineAverages: how many the baseline is of, where that differs.
    ///   - level: where σ comes from.
    ///   - seeksBand: whether the noise is that of the window's band.
    ///   - parallelism: threads; no result depends on them.
    ///   - checks: is told what was found.
    /// - Throws: ``InputError`` for a covariance that is none, a baseline or epochs too few to estimate one from, a
    ///   number of averages that nothing tells, or, where σ comes from the baseline, one without noise.
    init(
        source wanted: NoiseSource?, covariance: NoiseCovariance?, epochs: EpochResiduals?, window: Matrix,
        baseline: Matrix, matching: ChannelMatching, projection: Projection,
        forward: Forward, averages: Double?, baselineAverages: Double? = nil, level: NoiseLevel, seeksBand: Bool,
        parallelism: Parallelism, checks: inout Checklist
    ) throws(InputError) {
        var usual = 1.0
        let given = Self.given(covariance, wanted, baseline, matching, &checks)
        let estimator = Estimator(
            window: seeksBand ? window : Matrix(rows: baseline.rows, columns: 0), baseline: baseline,
            sensors: matching.sensors, projection: projection, forward: forward, forwardRows: matching.inForward,
            parallelism: parallelism)
        switch try estimator.choose(wanted, given: given, epochs: epochs, &checks) {
        case .ofOneTrial(let one, let origin, let counted):
            // A covariance of a whole session knows slow noise better than a baseline does: whitened in time as well,
            // the slow responses of a real recording went with it.
            temporal = estimator.basis(.white)
            let unit = try Whitener(covariance: one, sensors: matching.sensors, projection: projection)
            let spread = Self.deviation(unit.matrix * baseline)
            let trials = try Self.averages(averages ?? counted, spread, &checks)
            self.averages = trials
            source = "\(origin), divided by \(Self.text(trials)) averages"
            whitener = unit.scaled(by: trials.squareRoot())
            ofOneTrial = projection.applyBothSides(one)
            folds = []
            baselineDeviation = spread.map { $0 * (baselineAverages ?? trials).squareRoot() }
            Self.tell(matching, baselineDeviation, trials, whitener, baseline, &checks)
        case .ofAverage(let estimated, let basis):
            temporal = basis
            source = estimated.text
            let finding = Message(
                covariance != nil || wanted == .baseline
                    ? "the noise is \(source)" : "no noise covariance was given: \(source)")
            if wanted == .baseline { checks.ok("noise", finding) } else { checks.look("noise", finding) }
            whitener = try Whitener(
                covariance: estimated.matrix, sensors: matching.sensors, projection: projection)
            folds = estimated.folds
            // Of a covariance estimated from the baseline only the held-out level means anything.
            baselineDeviation = estimated.heldOutVariance.squareRoot()
            usual = estimated.heldOutVariance
            ofOneTrial = averages.map { estimated.matrix * ($0 * (level.isGiven ? 1 : estimated.heldOutVariance)) }
            self.averages = averages
            checks.ok("averages", Message(averages.map { "\(Self.text($0)), not needed" } ?? "unknown, not needed"))
        }
        self.level = level
        variance = try level.variance(usual, baseline: baselineDeviation)
    }

    /// The covariance of one epoch that is given, shrunk where it is of few samples; nil where there is none to be
    /// trusted.
    private static func given(
        _ covariance: NoiseCovariance?, _ wanted: NoiseSource?, _ baseline: Matrix, _ matching: ChannelMatching,
        _ checks: inout Checklist
    ) -> Matrix? {
        let known = wanted == .covariance ? covariance : trusted(covariance, baseline, matching, &checks)
        guard let known, let rows = matching.inCovariance else { return nil }
        let (one, shrinkage) = FewSamples.regularized(
            known.matrix.rows(rows).columns(rows), samples: known.samples, sensors: matching.sensors)
        if shrinkage > 0.001 {
            checks.look(
                "noise",
                Message(
                    "the covariance was estimated from \(known.samples) samples for "
                        + "\(matching.sensors.count) channels: "
                        + String(printf: "shrunk by %.2g toward sensor noise", shrinkage)))
        }
        return one
    }

    /// A covariance that says more of the noise than the baseline does; nil where the baseline says as much: a covariance of
    /// so few samples is likely to be of the same ones, and what it has seen cannot judge it.
    private static func trusted(
        _ covariance: NoiseCovariance?, _ baseline: Matrix, _ matching: ChannelMatching, _ checks: inout Checklist
    ) -> NoiseCovariance? {
        let (channels, few) = (matching.sensors.count, FewSamples.enough * matching.sensors.count)
        guard let covariance, let rows = matching.inCovariance, baseline.columns >= TemporalNoise.fewestSamples else {
            return covariance
        }
        let isSmall = covariance.samples > 0 && covariance.samples < few && covariance.samples <= 2 * baseline.columns
        let isSame =
            !isSmall && baseline.columns < few
            && FewSamples.isMade(
                covariance.matrix.rows(rows).columns(rows), of: baseline, sensors: matching.sensors)
        guard isSmall || isSame else { return covariance }
        checks.look(
            "covariance",
            Message(
                isSame
                    ? "made of the \(baseline.columns) samples before time 0, for \(channels) channels: left out, since what "
                        + "it has seen cannot judge it"
                    : "estimated from \(covariance.samples) samples for \(channels) channels: left out, since the "
                        + "\(baseline.columns) samples before time 0 say as much"),
            "estimate it from at least \(few) samples, for example of all epochs"
        )
        return nil
    }

    /// Numbers of averages that noise may tell: what lies beyond is a unit.
    private static let plausible = 0.2...1e5

    /// Root mean square of whitened samples; nil where there are none.
    private static func deviation(_ whitened: Matrix) -> Double? {
        whitened.elements.isEmpty ? nil : (whitened.squaredNorm / Double(whitened.elements.count)).squareRoot()
    }

    /// The number of averages that is known, else the one by which the baseline deviates as it should.
    private static func averages(
        _ known: Double?, _ deviation: Double?, _ checks: inout Checklist
    ) throws(InputError) -> Double {
        if let known {
            checks.ok("averages", Message(text(known)))
            return known
        }
        guard let deviation, deviation > 0 else {
            throw InputError(
                at: .input(.recording),
                found: "no number of averages, nor samples before time 0 that would tell it",
                expected: "how many trials were averaged, by which noise is divided",
                advice: "give it with \(.averages); a fraction will do")
        }
        let told = 1 / (deviation * deviation)
        guard plausible.contains(told) else {
            throw InputError(
                at: .input(.recording),
                found: "no number of averages, and noise before time 0 that would make it "
                    + String(printf: "%.2g", told),
                expected: "how many trials were averaged, and the units of the covariance",
                advice: "give it with \(.averages), and check the units")
        }
        checks.look(
            "averages",
            Message(
                "the recording does not say how many trials it averages: \(text(told)), by the noise of its baseline"),
            "give the number with \(.averages)")
        return told
    }

    /// A number of averages without digits that mean nothing.
    static func text(_ averages: Double) -> String {
        averages == averages.rounded() ? String(printf: "%.0f", averages) : String(printf: "%.3g", averages)
    }

    private static func tell(
        _ matching: ChannelMatching, _ deviation: Double?, _ trials: Double, _ whitener: Whitener, _ baseline: Matrix,
        _ checks: inout Checklist
    ) {
        guard let deviation else {
            checks.ok("noise", "no samples before time 0 to compare the covariance with")
            return
        }
        let text = String(printf: "the whitened baseline deviates by %.2f where 1 is expected", deviation)
        guard deviation < 0.8 || deviation > 1.25 else {
            checks.ok("noise", Message(text))
            return
        }
        let slow = slowPart(whitener.matrix * baseline)
        if deviation > 1, let slow, slow > 0.3 {
            checks.look(
                "noise", Message(text + String(printf: "; %.0f %% of its power is an offset or a drift", 100 * slow)),
                "subtract the mean of a baseline with \(.baseline), or high-pass the data")
            return
        }
        let fitting = trials / (deviation * deviation)
        let hint = (0.01...1e5).contains(fitting) ? "; \(Self.text(fitting)) would fit" : ""
        checks.look(
            "noise", Message(text),
            "check the covariance, the number of averages (\(Self.text(trials))\(hint), set it with \(.averages)) and the rank (\(whitener.rank), set it with \(.rank))"
        )
    }

    /// The part of the power of whitened samples that a constant and a straight line explain; nil where they are few.
    private static func slowPart(_ white: Matrix) -> Double? {
        let count = white.columns
        guard count >= 6, white.squaredNorm > 0 else { return nil }
        let middle = Double(count - 1) / 2
        let length = (0..<count).reduce(0) { $0 + (Double($1) - middle) * (Double($1) - middle) }
        let constants = white.rowMeans.reduce(0) { $0 + $1 * $1 * Double(count) }
        let slopes = (0..<white.rows).reduce(0.0) { sum, i in
            let slope = (0..<count).reduce(0) { $0 + white[i, $1] * (Double($1) - middle) }
            return sum + slope * slope / length
        }
        return (constants + slopes) / white.squaredNorm
    }
}
