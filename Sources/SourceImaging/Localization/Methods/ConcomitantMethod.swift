import Glibc

/// Noise estimated along with the sources, from single epochs (CLaR, Bertrand et al. 2019): the mixed norm in the metric of
/// the noise that it leaves, at the λ that noise alone would not pass in 95 %.
///
/// On whitened data, which S then corrects: on raw data it whitens only by half. What follows at that S, reweighting too, is
/// the problem of gain S^−½X and data S^−½Ȳ.
struct ConcomitantMethod: SourceMethod {
    let choice: SourceChoice

    func run(
        _ session: some SolverSession, _ origin: SourceChoice.Origin, monitor: Monitor
    ) throws -> SourceChoice.Outcome {
        // Noise is of all samples, whatever sources are refined by.
        let problem = origin.problem
        guard let replicates = origin.epochs else { throw notEnough(1, problem) }
        let epochs = replicates.present.flatMap { place in
            [Matrix](repeating: replicates.responses[place], count: replicates.counts[place])
        }
        let lasso: ConcomitantLasso
        do {
            lasso = try ConcomitantLasso(
                design: problem.design, epochs: try EpochStatistics(epochs), blocks: problem.blocks, noise: .full)
        } catch ConcomitantLasso.Invalid.fewSamples {
            throw notEnough(epochs.count, problem)
        } catch let error as ConcomitantLasso.Invalid {
            throw InputError(.method, found: "\(error)", expected: "a recording that it suits")
        } catch let error as EpochStatistics.Invalid {
            throw InputError("epochs", found: "\(error)")
        }
        let clock = Stopwatch()
        let largest = lasso.largestLambda(parallelism: choice.parallelism)
        var record: QuantileRecord?
        let lambda: Double
        if case .ratio(let ratio) = choice.lambda {
            lambda = ratio * largest
        } else {
            monitor.report(.init(stage: "choosing λ", detail: "\(choice.method.drawCount) draws of noise"))
            let noise = try choice.method.noiseQuantile()
            let quantile = try noise.value(
                for: problem, weights: nil, parallelism: choice.parallelism, monitor: monitor)
            lambda = quantile / Double(epochs.count).squareRoot()
            record = QuantileRecord(noise, quantile, deviations: [])
        }
        monitor.report(.init(stage: "noise and sources", detail: "\(epochs.count) epochs"))
        let found = try lasso.solve(
            lambda: max(lambda, .leastNormalMagnitude), stop: choice.stop, parallelism: choice.parallelism,
            monitor: monitor)
        if found.reason == .cancelled { throw CancellationError() }
        // From here on the noise is known.
        let white = try RegressionProblem(
            design: found.noise.whitened(problem.design.matrix, parallelism: choice.parallelism),
            response: found.noise.whitened(problem.response), blocks: problem.blocks, keepsSamples: true)
        let own = AutomaticSolver().session(for: white, parallelism: choice.parallelism)
        let solution = own.solve(
            try GroupLasso(lambda: max(lambda, .leastNormalMagnitude)), from: nil, stop: choice.stop, monitor: monitor)
        if solution.reason == .cancelled { throw CancellationError() }
        let point = SelectionPoint(
            lambda: lambda, ratio: largest > 0 ? lambda / largest : 1, criterion: found.objective,
            degreesOfFreedom: .nan, squaredResidual: solution.squaredResidual, activeCount: found.active.count,
            relativeGap: found.relativeGap, seconds: clock.seconds)
        var curve = SelectionCurve(
            origin: record == nil ? .given : .updates, criterion: choice.method.criterion.name, points: [point],
            chosenIndex: 0, atGridEdge: false)
        curve.quantile = record
        var outcome = try choice.outcome(
            of: SharedChoice(
                curve: curve, solution: solution, problem: white, largest: largest,
                epochs: found.epochs + solution.certificate.epochs,
                fullPasses: found.fullPasses + solution.certificate.fullPasses, end: nil), monitor)
        outcome.noise = found.noise.covariance
        return outcome
    }

    private func notEnough(_ count: Int, _ problem: RegressionProblem) -> InputError {
        let needed = ConcomitantLasso.samplesPerRow * problem.rowCount
        return InputError(
            .method,
            found:
                "concomitant, with \(count == 1 ? "one epoch" : "\(count) epochs") of \(problem.sampleCount) samples",
            expected:
                "\(needed) samples in all, \(ConcomitantLasso.samplesPerRow) for each of \(problem.rowCount) rows",
            advice: "use \(.criterion) noise-quantile, which judges the noise of each kind of sensors by one number")
    }
}

extension MethodKind {
    /// ``ConcomitantMethod``.
    public static let concomitant = MethodKind(
        "concomitant",
        help: "the mixed norm, with the noise estimated along with the sources from single epochs (CLaR)",
        weights: [.refined, .shared, .reweighted], criteria: [.noiseQuantile], needsReplicates: true
    ) { ConcomitantMethod(choice: $0) }
}
