extension SolveRequest {
    /// Whether samples of the problem must stay as they are.
    public var keepsSamples: Bool { method == .timeFrequency || penalty.scope == .entry }

    /// ρ, windows and steps as they are asked for, or the usual ones: of a window a quarter, half of one that has none.
    var frameSettings: (rho: Double, windows: [Int], steps: [Int]) {
        let lengths = windows ?? [16]
        return (rho ?? 0.3, lengths, steps ?? lengths.map { $0 % 4 == 0 ? $0 / 4 : max(1, $0 / 2) })
    }

    /// Throws for settings of time-frequency norms out of their range or without them, and for others that they do not have.
    func checkTimeFrequency() throws(InputError) {
        guard method == .timeFrequency else {
            let given = [(SettingName.rho, rho != nil), (.windows, windows != nil), (.steps, steps != nil)]
            guard let (name, _) = given.first(where: \.1) else { return }
            throw InputError(name, found: "a value, with method \(method.rawValue)", expected: "method tf")
        }
        let (rho, windows, steps) = frameSettings
        guard rho >= 0, rho <= 1 else { throw InputError(.rho, found: "\(rho)", expected: "a number from 0 to 1") }
        guard windows.count == steps.count else {
            throw InputError(
                .steps, found: "\(steps.count)",
                expected: "\(windows.count), one for each of \(SettingName.windows.rawValue)")
        }
        do throws(GaborFrame.Invalid) { try GaborFrame.check(sets) } catch {
            throw InputError(.windows, found: "\(error)")
        }
        guard penalty == GroupLasso.kind else {
            throw InputError(.penalty, found: "\(penalty.name), with method tf", expected: GroupLasso.kind.name)
        }
        guard engine == .auto else {
            throw InputError(.solver, found: "\(engine.rawValue), with method tf", expected: "auto: it has its own")
        }
    }

    private var sets: [GaborFrame.Window] {
        zip(frameSettings.windows, frameSettings.steps).map { GaborFrame.Window(length: $0, step: $1) }
    }

    /// Solves with few coefficients in time and frequency.
    func runTimeFrequency(_ problem: RegressionProblem, _ monitor: Monitor) throws -> Answer {
        let (samples, rho, windows) = (problem.sampleCount, frameSettings.rho, frameSettings.windows)
        guard windows.allSatisfy({ $0 <= max(4, samples) }) else {
            throw InputError(
                .windows, found: "\(windows)", expected: "windows of at most the \(samples) samples of the data")
        }
        let weighted = TimeFrequencyWeights(space: weights, time: nil)
        do {
            let frame = try GaborFrame(sets, samples: samples, transforms: windowTransforms)
            let session = try TimeFrequencySession(problem, frame: frame, parallelism: parallelism)
            let largest = try session.largestLambda(rho: rho, weights: weighted)
            let path = try session.path(
                over: try grid(largest), rho: rho, weights: weighted, stop: stop, monitor: monitor)
            let points = path.map { PathPoint(lambda: $0.lambda, solution: Solution($0.solution)) }
            let last = try lastPoint(points, monitor)
            var (active, squaredResidual) = (last.solution.active, last.solution.squaredResidual)
            if reweighting.rounds > 0, let first = path.last?.solution {
                var again = TimeFrequencyReweighting()
                again.maximumIterations = reweighting.rounds
                let penalty = try TimeFrequencyPenalty(frame: frame, lambda: last.lambda, rho: rho)
                let reached = try again.solve(
                    from: first, penalty, in: problem, stop: stop, parallelism: parallelism, monitor: monitor
                ).solution
                if monitor.isCancelled() { throw CancellationError() }
                (active, squaredResidual) = (reached.active, reached.squaredResidual)
            }
            return answer(points, active, squaredResidual, of: problem, largest)
        } catch let error as TimeFrequencyPenalty.Invalid {
            throw InputError(weights == nil ? .windows : .weights, found: "\(error)")
        }
    }
}

extension Solution {
    /// What of a time-frequency solution other methods have, too.
    fileprivate init(_ solution: TimeFrequencySolution) {
        let work = solution.work
        self.init(
            active: solution.active, squaredResidual: solution.squaredResidual,
            certificate: Certificate(
                objective: solution.objective, relativeGap: solution.relativeGap, relativeViolation: .nan,
                epochs: work.epochs, newtonSteps: 0, fullPasses: work.fullPasses, passesOverGain: work.passesOverGain,
                screenedBlocks: work.screenedBlocks, allocations: work.allocations), reason: solution.reason,
            scale: solution.scale)
    }
}
