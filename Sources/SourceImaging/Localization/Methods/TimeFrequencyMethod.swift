import Glibc
import TimeFrequency

/// Sources that come and go: few of them, each of few coefficients in time and frequency (TF-MxNE, Gramfort et al. 2013),
/// reweighted as irTF-MxNE (Strohmeier et al. 2015) where that is asked for.
struct TimeFrequencyMethod: SourceMethod {
    let choice: SourceChoice

    /// Sets of windows that are tried unless told, s: one for bursts, two for what is both short and slow.
    static let usualWindows = [[0.08], [0.04, 0.16], [0.04]]
    /// How many of them.
    static let usualCount = 2
    /// ρ where λ is given and ρ is not.
    static let usualRho = 0.3
    /// The longest window that can be asked for, s.
    static let longestWindow = 10.0

    func run(
        _ session: some SolverSession, _ origin: SourceChoice.Origin, monitor: Monitor
    ) throws -> SourceChoice.Outcome {
        // Frames act in time: nothing may be reduced.
        let problem = try origin.problem.with(response: origin.problem.unreducedResponse, keepsSamples: true)
        let found = try choose(problem, origin, monitor)
        if monitor.isCancelled() { throw CancellationError() }
        var (solution, gap) = (found.solution, found.solution.relativeGap)
        var warnings: [String] = []
        if choice.rounds > 0, solution.active.count > 0 {
            var reweighting = TimeFrequencyReweighting()
            reweighting.maximumIterations = choice.rounds
            let reweighted = try reweighting.solve(
                from: solution, found.penalty, in: problem, stop: choice.stop, parallelism: choice.parallelism,
                monitor: monitor
            ).solution
            if monitor.isCancelled() { throw CancellationError() }
            if reweighted.active.count == 0 {
                warnings.append(
                    "reweighting left none of the \(solution.active.count) sources of the convex solution")
            }
            (solution, gap) = (reweighted, max(gap, reweighted.relativeGap))
        }
        var outcome = SourceChoice.Outcome(
            atoms: ActiveAtoms(solution.active, of: problem), curve: found.curve, relativeGap: gap,
            epochs: solution.work.epochs,
            fullPasses: solution.work.fullPasses, warnings: warnings)
        outcome.timeFrequency = TimeFrequencyFit(
            frame: found.penalty.frame, rho: found.penalty.rho, coefficients: solution.coefficients)
        return outcome
    }

    // MARK: - λ, ρ and windows

    private struct Found {
        let solution: TimeFrequencySolution
        let penalty: TimeFrequencyPenalty
        let curve: SelectionCurve
    }

    private func choose(
        _ problem: RegressionProblem, _ origin: SourceChoice.Origin, _ monitor: Monitor
    ) throws -> Found {
        let sets = try Self.windows(choice.windows, origin.samplingFrequency, samples: problem.sampleCount)
        do {
            if case .ratio(let ratio) = choice.lambda { return try given(ratio, sets[0], problem, monitor) }
            let criterion = try criterion(problem, origin)
            let chosen = try TimeFrequencyChoice(
                problem, windows: sets, rhos: choice.rho.map { [$0] }, criterion: criterion,
                transforms: choice.windowTransforms, stop: choice.stop, parallelism: choice.parallelism,
                monitor: monitor)
            return Found(
                solution: chosen.solution, penalty: chosen.penalty,
                curve: curve(chosen, criterion, sets, origin.samplingFrequency))
        } catch TimeFrequencyChoice.Invalid.cancelled {
            throw CancellationError()
        } catch TimeFrequencyChoice.Invalid.nothing {
            return try given(1, sets[0], problem, monitor)
        } catch let error as TimeFrequencyChoice.Invalid {
            throw InputError("problem", found: "\(error)")
        } catch let error as GaborFrame.Invalid {
            throw InputError(.windows, found: "\(error)")
        }
    }

    /// What settings are judged by.
    private func criterion(
        _ problem: RegressionProblem, _ origin: SourceChoice.Origin
    ) throws -> TimeFrequencyChoice.Criterion {
        let method = choice.method
        switch method.criterion {
        case .noiseQuantile: return .noiseQuantile(try method.noiseQuantile())
        case .heldOut:
            let split = try RowSplit(
                rowCount: problem.rowCount, folds: method.folds, labels: origin.rowLabels, seed: method.seed)
            return .heldOut(rows: split.folds[0])
        default: return .risk(noiseVariance: method.noiseVariance)
        }
    }

    /// The solution at a given part of the largest λ.
    private func given(
        _ ratio: Double, _ windows: [GaborFrame.Window], _ problem: RegressionProblem, _ monitor: Monitor
    ) throws -> Found {
        let frame = try GaborFrame(windows, samples: problem.sampleCount, transforms: choice.windowTransforms)
        let rho = choice.rho ?? Self.usualRho
        let session = try TimeFrequencySession(problem, frame: frame, parallelism: choice.parallelism)
        let largest = try session.largestLambda(rho: rho)
        let penalty = try TimeFrequencyPenalty(
            frame: frame, lambda: max(ratio * largest, .leastNormalMagnitude), rho: rho)
        let solution = try session.solve(penalty, stop: choice.stop, monitor: monitor)
        let curvature = TimeFrequencyCurvature(solution, penalty, in: problem, parallelism: choice.parallelism)
        let point = SelectionPoint(
            lambda: penalty.lambda, ratio: largest > 0 ? ratio : 1,
            criterion: curvature.risk(noiseVariance: choice.method.noiseVariance),
            degreesOfFreedom: curvature.degreesOfFreedom, squaredResidual: solution.squaredResidual,
            activeCount: solution.active.count, relativeGap: solution.relativeGap, seconds: .nan)
        let isGiven = choice.lambda != .automatic
        return Found(
            solution: solution, penalty: penalty,
            curve: SelectionCurve(
                origin: isGiven ? .given : .search("path", over: .evaluation), criterion: choice.method.criterion.name,
                points: [point], chosenIndex: 0, atGridEdge: !isGiven))
    }
}

extension MethodKind {
    /// ``TimeFrequencyMethod``.
    public static let timeFrequency = MethodKind(
        "tf", help: "few sources that come and go: sparse in time and frequency, too (TF-MxNE)",
        weights: [.refined, .shared, .reweighted], criteria: [.noiseQuantile, .sure, .heldOut],
        options: [.rho, .windows]
    ) { TimeFrequencyMethod(choice: $0) }
}

// MARK: - Windows

extension TimeFrequencyMethod {
    /// Windows in samples: multiples of 4, each a quarter later than the one before.
    ///
    /// - Parameters:
    ///   - sets: s; nil takes the usual ones that fit.
    ///   - frequency: samples a second.
    ///   - samples: of the data.
    /// - Returns: at least one set.
    /// - Throws: ``InputError`` for windows that are asked for and longer than the data.
    static func windows(
        _ sets: [[Double]]?, _ frequency: Double, samples: Int
    ) throws(InputError) -> [[GaborFrame.Window]] {
        func window(_ seconds: Double) -> GaborFrame.Window {
            // What is longer than any data makes no number that whole ones cannot hold.
            let length = 4 * max(1, Int(min(seconds * frequency / 4, 1e9).rounded()))
            return GaborFrame.Window(length: length, step: max(2, length / 4))
        }
        let most = min(max(samples, 4), GaborFrame.longestWindow)
        if let sets {
            for seconds in sets.joined() where window(seconds).length > most {
                throw InputError(
                    .windows, found: String(printf: "a window of %g ms", 1000 * seconds),
                    expected: String(
                        printf: "at most %ld samples, %.0f ms", most, 1000 * Double(most) / frequency))
            }
            return sets.map { $0.map(window) }
        }
        var usual: [[GaborFrame.Window]] = []
        for set in usualWindows.map({ $0.map(window) }) where usual.count < usualCount {
            if set.allSatisfy({ $0.length <= min(samples, most) }), Set(set).count == set.count, !usual.contains(set) {
                usual.append(set)
            }
        }
        return usual.isEmpty ? [[GaborFrame.Window(length: most / 4 * 4, step: max(2, most / 4))]] : usual
    }

    /// How windows are named: `80 ms`, `40 + 160 ms`.
    static func name(_ windows: [GaborFrame.Window], _ frequency: Double) -> String {
        windows.map { String(printf: "%.3g", 1000 * Double($0.length) / frequency) }.joined(separator: " + ") + " ms"
    }

    private func curve(
        _ chosen: TimeFrequencyChoice, _ criterion: TimeFrequencyChoice.Criterion, _ sets: [[GaborFrame.Window]],
        _ frequency: Double
    ) -> SelectionCurve {
        let points = chosen.curve
        var curve = SelectionCurve(
            origin: .search("path", over: .evaluation), criterion: choice.method.criterion.name,
            points: points.map { point in
                SelectionPoint(
                    lambda: point.lambda, ratio: point.ratio, criterion: point.value,
                    degreesOfFreedom: point.degreesOfFreedom, squaredResidual: point.squaredResidual,
                    activeCount: point.sources, relativeGap: point.relativeGap, seconds: point.seconds)
            }, chosenIndex: points.firstIndex(of: chosen.best) ?? points.count - 1, atGridEdge: false)
        if let deviation = chosen.deviation, case .noiseQuantile(let noise) = criterion {
            curve.quantile = QuantileRecord(
                noise, chosen.penalty.lambda / deviation, deviations: [deviation])
        }
        curve.notes = points.map {
            String(printf: "ρ %.2f, windows ", $0.rho) + Self.name(sets[$0.windows], frequency)
        }
        return curve
    }
}

/// A time-frequency solution in units of its problem.
struct TimeFrequencyFit: Sendable {
    let frame: GaborFrame
    let rho: Double
    /// D × columns of the active blocks.
    let coefficients: Matrix

    /// The coefficients of a source, D × axes, in the units of its amplitudes.
    ///
    /// Those of the solution, times what was made of its amplitudes; of refined sources, whose amplitudes are others, the
    /// smallest that make them.
    ///
    /// - Parameters:
    ///   - place: of the source among the active blocks.
    ///   - outcome: whose sources.
    ///   - amplitudes: of the source, axes × samples.
    func coefficients(_ place: Int, of outcome: SourceChoice.Outcome, amplitudes: Matrix) -> Matrix {
        guard outcome.refined == nil else { return frame.analysis(amplitudes.transposed) }
        let active = outcome.atoms.active
        var own = coefficients.columns(active.offsets[place]..<active.offsets[place + 1])
        for axis in 0..<own.columns {
            let course = active.coefficients.column(active.offsets[place] + axis)
            // The sample that is strongest tells the factor best.
            let strongest = course.indices.max { abs(course[$0]) < abs(course[$1]) } ?? 0
            let factor = course[strongest] == 0 ? 0 : amplitudes[axis, strongest] / course[strongest]
            for k in 0..<own.rows { own[k, axis] *= factor }
        }
        return own
    }
}
