extension AverageNoise {
    /// What the noise is known by.
    enum Known {
        /// The covariance of one trial, where it comes from, and of how many trials the average is, where that is
        /// counted.
        case ofOneTrial(Matrix, origin: String, trials: Double?)
        /// That of the average, and what its samples were reduced to.
        case ofAverage(EstimatedCovariance, TemporalBasis)
    }

    /// Estimates the noise from what there is, and chooses.
    struct Estimator {
        /// Of the average, where its band counts, and the baseline: channels × samples, SI units, projected.
        let window, baseline: Matrix
        let sensors: Sensors
        let projection: Projection
        let forward: Forward
        let forwardRows: [Int]
        let parallelism: Parallelism

        /// What time courses are reduced to.
        func basis(_ noise: TemporalNoise) -> TemporalBasis { TemporalBasis(window, beside: baseline, noise: noise) }

        private var gain: Matrix { forward.stored.rows(forwardRows) }

        /// The noise of the source that is wanted; where nothing forces one, that by which epochs held out are
        /// likelier.
        ///
        /// Epochs are estimated in the band and, as a covariance that is given, taken as white in time.
        /// - Parameters:
        ///   - wanted: the source; nil takes what is given.
        ///   - given: covariance of one trial.
        ///   - epochs: what differs between epochs, where they are asked.
        ///   - checks: is told of the choice.
        /// - Throws: ``InputError`` where what is wanted cannot be estimated, or nothing can.
        func choose(
            _ wanted: NoiseSource?, given: Matrix?, epochs: EpochResiduals?, _ checks: inout Checklist
        ) throws(InputError) -> Known {
            if let epochs, let own = try ofEpochs(epochs, isForced: wanted == .epochs, &checks) {
                let chosen = Known.ofOneTrial(
                    own.matrix * (own.heldOutVariance * epochs.trials), origin: own.text,
                    trials: epochs.trials * Double(epochs.deviations.count))
                let average = given == nil && wanted != .epochs ? try? ofBaseline() : nil
                let ofEpoch =
                    given.map { projection.applyBothSides($0) * (1 / epochs.trials) }
                    ?? average.map { $0.0.matrix * ($0.0.heldOutVariance * Double(epochs.deviations.count)) }
                guard let ofEpoch else {
                    checks.ok("noise", Message("from \(epochs.deviations.count) epochs"))
                    return chosen
                }
                let better = own.logLikelihood() - own.logLikelihood(ofEpoch)
                checks.ok(
                    "noise",
                    Message(
                        (better > 0 ? "from" : "not from") + " \(epochs.deviations.count) epochs "
                            + String(printf: "(held-out log-likelihood per sample %.2g ", abs(better))
                            + (better > 0 ? "better" : "worse") + " than the "
                            + (given == nil ? "baseline's)" : "given covariance's)")))
                if better > 0 { return chosen }
                if let average { return .ofAverage(average.0, average.1) }
            }
            if let given { return .ofOneTrial(given, origin: "covariance of one epoch", trials: nil) }
            let average = try ofBaseline()
            return .ofAverage(average.0, average.1)
        }

        /// By the epochs; nil where they are too few, which is an error where they are asked for.
        private func ofEpochs(
            _ epochs: EpochResiduals, isForced: Bool, _ checks: inout Checklist
        ) throws(InputError) -> EstimatedCovariance? {
            do {
                return try EstimatedCovariance(
                    epochs, basis: basis(.white), sensors: sensors, projection: projection, gain: gain,
                    parallelism: parallelism)
            } catch {
                if isForced { throw error }
                checks.ok("noise", Message("not from \(error.found)"))
                return nil
            }
        }

        private func ofBaseline() throws(InputError) -> (EstimatedCovariance, TemporalBasis) {
            let basis = basis(TemporalNoise(baseline))
            return (
                try EstimatedCovariance(
                    baseline, basis: basis, sensors: sensors, projection: projection, gain: gain,
                    parallelism: parallelism), basis
            )
        }
    }
}
