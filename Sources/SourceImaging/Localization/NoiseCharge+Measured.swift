extension NoiseCharge {
    /// A few draws of white noise as long as the window, of the level that the choice counts with.
    static func whiteNoise(
        _ prepared: PreparedProblem, _ dictionary: AtomDictionary, seed: UInt64
    ) -> [AtomDictionary.Power] {
        var random = SeededGenerator(seed: seed &+ 0x51A7_E0F5)
        return (0..<5).map { _ in
            let noise = random.normal(rows: prepared.problem.rowCount, columns: prepared.times.count)
            return dictionary.power(of: noise * prepared.noiseVariance.squareRoot())
        }
    }

    /// Measures what noise makes a source explain.
    ///
    /// - Parameters:
    ///   - white: the most that an atom explains of white noise; the charge where σ is a number.
    ///   - prepared: the problem, its noise and its baseline.
    ///   - forward: what it was prepared from.
    ///   - dictionary: points and patches over the problem.
    ///   - monitor: progress; what was measured until the caller cancelled is no charge.
    /// - Complexity: O(n·q·T) a stretch; where the covariance comes from the baseline, O(sensors²·columns of the gain).
    init(
        atLeast white: Double, _ prepared: PreparedProblem, _ forward: Forward, _ dictionary: AtomDictionary,
        monitor: Monitor
    ) {
        let (baseline, folds, window) = (prepared.baseline, prepared.noise.folds, prepared.times.count)
        let stretches = Self.stretches(of: baseline.columns, folds: folds.map(\.heldOut), window: window)
        let length = stretches.first?.count ?? 0
        guard !prepared.noise.level.isGiven, length > 0 else {
            self.init(value: white, stretches: 0, length: 0)
            return
        }
        var largest = white
        func listen(_ samples: [Matrix], _ whitener: Matrix, _ dictionary: AtomDictionary) {
            for score in dictionary.largestScores(of: samples.map { whitener * $0 }) {
                largest = max(largest, Double(window) / Double(length) * score)
            }
        }
        func report(_ part: Int, of count: Int) {
            monitor.report(.init(stage: "noise", detail: "what it makes a source explain, \(part) of \(count)"))
        }
        if folds.isEmpty {
            report(1, of: 1)
            listen(stretches.map { baseline.columns($0) }, prepared.noise.whitener.matrix, dictionary)
        }
        // Scores do not depend on the scale of an atom: without depth weights all folds have the same patches.
        var families: [AtomFamily]?
        for (k, (fold, stretch)) in zip(folds, stretches).enumerated() where !monitor.isCancelled() {
            report(k + 1, of: folds.count)
            let gain = WhitenedGain(
                whitener: fold.whitener, forward: forward, rows: prepared.forwardRows,
                orientation: prepared.orientation, depth: 0, parallelism: dictionary.parallelism)
            let own = families ?? Patches(prepared, forward, columnWeights: gain.columnWeights).families
            families = own
            listen(
                [baseline.columns(stretch).subtracting(fold.mean)], fold.whitener,
                AtomDictionary(
                    design: Design(gain.matrix), families: own, ridge: dictionary.ridge,
                    parallelism: dictionary.parallelism))
        }
        self.init(value: largest, stretches: stretches.count, length: length)
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
