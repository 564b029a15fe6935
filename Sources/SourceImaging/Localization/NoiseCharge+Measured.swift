import Glibc

extension NoiseCharge {
    /// What noise makes the best single source explain, and the charge that follows.
    struct Measurement: Sendable {
        let charge: NoiseCharge
        let extremes: NoiseExtremes
    }

    /// Draws of white noise.
    private static let draws = 8

    /// Draws of white noise of some length, of the level that the choice counts with.
    static func whiteNoise(_ prepared: PreparedProblem, length: Int, seed: UInt64) -> [Matrix] {
        var random = SeededGenerator(seed: seed &+ 0x51A7_E0F5)
        return (0..<draws).map { _ in
            random.normal(rows: prepared.problem.rowCount, columns: length) * prepared.noiseVariance.squareRoot()
        }
    }

    /// Measures what noise makes a source explain.
    ///
    /// The charge is what noise of the window's length exceeds at a given rate. Its distribution is a Gumbel distribution of
    /// the logarithm, with mean and spread of what the best source explains of stretches of the baseline, reduced in time,
    /// by a covariance that has not seen them; neither is ever below that of white noise. Where stretches are shorter than
    /// the window, white noise of both lengths tells how much more a longer one holds.
    ///
    /// - Parameters:
    ///   - rate: how likely noise alone may exceed the charge.
    ///   - white: the most that an atom explains of draws of white noise of as many columns as the window is reduced to.
    ///   - prepared: the problem, its noise and its baseline.
    ///   - forward: what it was prepared from.
    ///   - dictionary: points and patches over the problem.
    ///   - seed: of the draws.
    ///   - monitor: progress; what was measured until the caller cancelled is no charge.
    /// - Complexity: O(n·q·T) a stretch; where the covariance comes from the baseline, O(sensors²·columns of the gain).
    static func measured(
        rate: Double, white: [Double], _ prepared: PreparedProblem, _ forward: Forward, _ dictionary: AtomDictionary,
        seed: UInt64, monitor: Monitor
    ) -> Measurement {
        let (folds, window) = (prepared.noise.folds, prepared.times.count)
        let (baseline, basis) = (prepared.baseline, prepared.noise.temporal)
        let stretches = Self.stretches(of: baseline.columns, folds: folds.map(\.heldOut), window: window)
        let length = stretches.first?.count ?? 0
        let known = NoiseExtremes(white)
        func measurement(_ extremes: NoiseExtremes, _ stretches: Int, _ length: Int) -> Measurement {
            Measurement(
                charge: NoiseCharge(value: extremes.quantile(rate), stretches: stretches, length: length),
                extremes: extremes)
        }
        guard !prepared.noise.level.isGiven, length > 0 else { return measurement(known, 0, 0) }
        let reducer = basis.matrix(length)
        func report(_ part: Int, of count: Int) {
            monitor.report(.init(stage: "noise", detail: "what it makes a source explain, \(part) of \(count)"))
        }
        var scores: [Double] = []
        if folds.isEmpty {
            report(1, of: 1)
            scores = dictionary.largestScores(
                of: stretches.map { prepared.noise.whitener.matrix * (baseline.columns($0) * reducer) })
        }
        // Scores do not depend on the scale of an atom: without depth weights all folds have the same patches.
        var families: [AtomFamily]?
        for (k, (fold, stretch)) in zip(folds, stretches).enumerated() where !monitor.isCancelled() {
            report(k + 1, of: folds.count)
            let gain = WhitenedGain(
                whitener: fold.whitener, forward: forward, rows: prepared.forwardRows,
                orientation: prepared.orientation, depth: 0, parallelism: dictionary.parallelism)
            let own =
                families ?? Patches(PatchShapes(prepared, forward, columnWeights: gain.columnWeights)).families
            families = own
            let atoms = dictionary.over(Design(gain.matrix), families: own)
            scores += atoms.largestScores(of: [
                fold.whitener * (baseline.columns(stretch).subtracting(fold.mean) * reducer)
            ])
        }
        if length < window {
            let short = NoiseExtremes(
                dictionary.largestScores(of: whiteNoise(prepared, length: reducer.columns, seed: seed &+ 1)))
            let factor = exp(known.mean - short.mean)
            scores = scores.map { factor * $0 }
        }
        let measured = NoiseExtremes(scores, atLeast: known.deviation)
        return measurement(
            measured.quantile(rate) > known.quantile(rate) ? measured : known, stretches.count, length)
    }

    /// Stretches of a baseline.
    ///
    /// - Parameters:
    ///   - folds: fifths of the baseline that a covariance from the rest of it has not seen; empty where the covariance
    ///     comes from elsewhere.
    ///   - window: samples of the analysed window.
    static func stretches(of baseline: Int, folds: [Range<Int>], window: Int) -> [Range<Int>] {
        guard !folds.isEmpty else {
            let length = min(window, baseline)
            guard length > 0 else { return [] }
            // Half overlapping, the last one at the end.
            var starts = Array(stride(from: 0, through: baseline - length, by: max(1, length / 2)))
            if let last = starts.last, last < baseline - length { starts.append(baseline - length) }
            return starts.map { $0..<($0 + length) }
        }
        let length = min(window, folds.map(\.count).min() ?? 0)
        guard length > 0 else { return [] }
        return folds.map { fold in
            let start = fold.lowerBound + (fold.count - length) / 2
            return start..<(start + length)
        }
    }
}
