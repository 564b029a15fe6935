import LinearAlgebra

extension DynamicalModel {
    /// What forecasts leave of the variance of trajectories that the model was not fitted to: 0 is perfect, 1 as good as the
    /// mean of each variable.
    ///
    /// - Parameters:
    ///   - trajectories: as the model was fitted to, in variables, units and interval.
    ///   - history: samples that each forecast starts from, ``historySamples`` at least.
    ///   - samples: how far it goes, 1 at least; forecasts follow each other within an epoch, as far apart.
    /// - Returns: a share a sample ahead: squares of all variables, each over its variance, of all forecasts.
    /// - Throws: ``InvalidTrajectories`` where no epoch is long enough, or a forecast leaves the finite numbers.
    public func forecastError(
        over trajectories: Trajectories, history: Int, samples: Int
    ) throws(InvalidTrajectories) -> [Double] {
        guard samples > 0, history > 0 else {
            throw .setting(
                "forecasts of \(samples) samples from \(history) were asked for; expected 1 at least of both")
        }
        let n = trajectories.variableCount
        let units = (0..<n).map { trajectories.moments(of: $0) }
        var squares = [Double](repeating: 0, count: samples)
        var forecasts = 0
        for epoch in trajectories.epochs {
            for start in stride(from: 0, through: epoch.columns - history - samples, by: samples) {
                let found = try forecast(after: epoch.columns(start..<(start + history)), samples: samples)
                for k in 0..<samples {
                    for variable in 0..<n {
                        let error =
                            (found[variable, k] - epoch[variable, start + history + k]) / units[variable].deviation
                        squares[k] += error * error
                    }
                }
                forecasts += 1
            }
        }
        guard forecasts > 0 else {
            throw .tooFewSamples(found: trajectories.epochs.map(\.columns).max() ?? 0, needed: history + samples)
        }
        return squares.map { $0 / Double(forecasts * n) }
    }
}
