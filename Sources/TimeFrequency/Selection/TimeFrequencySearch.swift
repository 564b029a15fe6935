import Glibc

/// The search over λ, ρ and frames for the smallest value of a criterion.
struct TimeFrequencySearch: Sendable {
    let criterion: any TimeFrequencyCriterion
    let frames: [GaborFrame]
    let stop: StopRule
    let parallelism: Parallelism
    let monitor: Monitor

    /// A setting tried.
    struct Trial: Sendable {
        let point: TimeFrequencyChoice.Point
        let penalty: TimeFrequencyPenalty
        let solution: TimeFrequencySolution
        let slopes: (logLambda: Double, rho: Double)?
        /// The lowest value near the points tried, as far as is known, and λ there over the largest.
        var lowestValue, lowestRatio: Double
    }

    struct Found: Sendable {
        var points: [TimeFrequencyChoice.Point] = []
        var best: Trial

        mutating func add(_ other: Found) {
            points += other.points
            if other.best.lowestValue < best.lowestValue { best = other.best }
        }
    }

    /// Looks for the best setting.
    ///
    /// - Parameter rhos: to choose from; nil searches.
    func run(_ rhos: [Double]?) throws(TimeFrequencyChoice.Invalid) -> Found {
        let first = rhos?.min { (abs($0 - 0.3), $0) < (abs($1 - 0.3), $1) } ?? 0.3
        let paths = try monitor.concurrently(frames.count, parallelism) {
            number, parallelism throws(TimeFrequencyPenalty.Invalid) in
            try path(number, first, parallelism)
        }
        guard var found = Self.joined(paths) else { throw monitor.isCancelled() ? .cancelled : .nothing }
        let start = found.best
        func follow(_ rhos: [Double]) throws(TimeFrequencyChoice.Invalid) {
            let own = try monitor.concurrently(rhos.count, parallelism) {
                number, parallelism throws(TimeFrequencyPenalty.Invalid) in
                try other(rhos[number], near: start, parallelism)
            }
            if let others = Self.joined(own) { found.add(others) }
        }
        if let rhos {
            try follow(rhos.filter { $0 != first })
        } else {
            // A slope tells on which side of 0.3 smaller values are.
            let slope: Double?
            do throws(TimeFrequencyPenalty.Invalid) { slope = try self.slope(start) } catch { throw .penalty(error) }
            try follow(slope.map { $0 > 0 ? [0.15] : [0.5] } ?? [0.15, 0.5])
        }
        return found
    }

    private static func joined(_ found: [Found?]) -> Found? {
        found.reduce(nil) { sum, next in
            guard let next else { return sum }
            guard var sum else { return next }
            sum.add(next)
            return sum
        }
    }

    private var looseStop: StopRule {
        var rule = stop
        rule.relativeGap = max(criterion.searchGap, stop.relativeGap)
        return rule
    }

    /// Descends in λ until a minimum is passed.
    private func path(
        _ frame: Int, _ rho: Double, _ parallelism: Parallelism
    ) throws(TimeFrequencyPenalty.Invalid) -> Found? {
        let session = try TimeFrequencySession(criterion.problem, frame: frames[frame], parallelism: parallelism)
        let largest = try session.largestLambda(rho: rho)
        guard largest > 0 else { return nil }
        var (ratio, last, found) = (0.5, Trial?.none, Found?.none)
        while ratio > 5e-3, !monitor.isCancelled() {
            let own = try tried(frame, rho, ratio, of: largest, in: session, last?.solution, looseStop, parallelism)
            let hasRisen = own.point.value >= found?.best.point.value ?? .infinity
            var sum = found ?? Found(best: own)
            sum.points.append(own.point)
            if !hasRisen { sum.best = own }
            if let minimum = own.slopes == nil ? Self.minimum(of: sum.points) : Self.minimum(between: last, own) {
                sum.best.lowestValue = min(sum.best.lowestValue, minimum.value)
                sum.best.lowestRatio = ratio * pow(0.5, minimum.place)
                return sum
            }
            (last, found) = (own, sum)
            if hasRisen { break }
            ratio *= 0.5
        }
        return found
    }

    /// Where the minimum is, in halvings of λ after the last of three values, by the parabola through them; nil where it
    /// is further on and worth to go there.
    private static func minimum(of points: [TimeFrequencyChoice.Point]) -> (place: Double, value: Double)? {
        let values = points.suffix(3).map(\.value)
        guard values.count == 3 else { return nil }
        let (bend, slope) = (values[0] - 2 * values[1] + values[2], 0.5 * (values[2] - values[0]))
        let place = bend > 0 ? -slope / bend - 1 : .infinity
        let gain = 0.5 * bend * place * place
        let range = (points.map(\.value).max() ?? 0) - values[2]
        guard values[2] >= values[1] || place <= 0 || gain < 0.02 * range else { return nil }
        return (max(-1.5, min(0.5, place)), min(values[1], values[2] - (place > 0 ? gain : 0)))
    }

    /// The same by the slopes at two points, the second at half of the λ of the first: of the cubic through them.
    private static func minimum(between first: Trial?, _ second: Trial) -> (place: Double, value: Double)? {
        guard let first, let a = first.slopes?.logLambda, let b = second.slopes?.logLambda, a > 0, b <= 0 else {
            return nil
        }
        // In halvings from the first point: values f, g and slopes p < 0 ≤ q.
        let (f, g, p, q) = (first.point.value, second.point.value, -a * log(2), -b * log(2))
        let (bend, twist) = (3 * (g - f) - 2 * p - q, p + q - 2 * (g - f))
        let root = max(0, bend * bend - 3 * twist * p).squareRoot()
        let place = min(1, max(0, -p / (bend + root)))
        return (place - 1, f + place * (p + place * (bend + place * twist)))
    }

    /// Another ρ at the same part of the largest λ, and then at a smaller part where ρ is larger, else at a larger one:
    /// that is where its best λ mostly is.
    private func other(
        _ rho: Double, near best: Trial, _ parallelism: Parallelism
    ) throws(TimeFrequencyPenalty.Invalid) -> Found? {
        let frame = best.point.windows
        let session = try TimeFrequencySession(criterion.problem, frame: frames[frame], parallelism: parallelism)
        let largest = try session.largestLambda(rho: rho)
        guard largest > 0 else { return nil }
        var found: Found?
        for step in [0, rho > best.point.rho ? -0.5 : 0.5] where !monitor.isCancelled() {
            let own = try tried(
                frame, rho, best.lowestRatio * pow(2, step), of: largest, in: session,
                (found?.best ?? best).solution, looseStop, parallelism)
            found = Self.joined([found, Found(points: [own.point], best: own)])
        }
        return found
    }

    /// How the criterion changes with ρ at the same part of the largest λ.
    private func slope(_ trial: Trial) throws(TimeFrequencyPenalty.Invalid) -> Double? {
        guard let slopes = trial.slopes else { return nil }
        let (frame, rho, step) = (frames[trial.point.windows], trial.point.rho, 0.01)
        let session = try TimeFrequencySession(criterion.problem, frame: frame, parallelism: parallelism)
        let largest = try (session.largestLambda(rho: rho), session.largestLambda(rho: rho + step))
        return slopes.rho + slopes.logLambda * log(largest.1 / largest.0) / step
    }

    /// The last solve, as exact as asked, of all rows.
    func last(_ best: Trial, of problem: RegressionProblem) throws(TimeFrequencyPenalty.Invalid) -> Trial {
        let frame = best.point.windows
        let session = try TimeFrequencySession(problem, frame: frames[frame], parallelism: parallelism)
        let (ratio, largest) = (best.lowestRatio, best.point.lambda / best.point.ratio)
        guard problem.rowCount == criterion.problem.rowCount else {
            var best = best
            if ratio != best.point.ratio {
                // Its place in the curve is judged without the rows held out, too.
                let judged = try TimeFrequencySession(criterion.problem, frame: frames[frame], parallelism: parallelism)
                let own = try tried(
                    frame, best.point.rho, ratio, of: largest, in: judged, best.solution, looseStop, parallelism)
                if own.point.value < best.point.value { best = own }
            }
            let solution = try session.solve(best.penalty, from: best.solution, stop: stop, monitor: monitor)
            return Trial(
                point: best.point, penalty: best.penalty, solution: solution, slopes: nil,
                lowestValue: best.point.value, lowestRatio: best.point.ratio)
        }
        let own = try tried(frame, best.point.rho, ratio, of: largest, in: session, best.solution, stop, parallelism)
        guard own.point.value > best.point.value, !monitor.isCancelled() else { return own }
        return try tried(
            frame, best.point.rho, best.point.ratio, of: largest, in: session, best.solution, stop, parallelism)
    }

    /// One setting.
    private func tried(
        _ frame: Int, _ rho: Double, _ ratio: Double, of largest: Double, in session: TimeFrequencySession,
        _ start: TimeFrequencySolution?, _ stop: StopRule, _ parallelism: Parallelism
    ) throws(TimeFrequencyPenalty.Invalid) -> Trial {
        let clock = Stopwatch()
        let penalty = try TimeFrequencyPenalty(frame: frames[frame], lambda: ratio * largest, rho: rho)
        let solution = try session.solve(penalty, from: start, stop: stop, monitor: monitor)
        let own = criterion.judge(solution, penalty, parallelism: parallelism)
        let point = TimeFrequencyChoice.Point(
            windows: frame, rho: rho, lambda: penalty.lambda, ratio: ratio, value: own.value,
            degreesOfFreedom: own.degreesOfFreedom, squaredResidual: solution.squaredResidual,
            sources: solution.active.count, relativeGap: solution.relativeGap, seconds: clock.seconds)
        monitor.report(point)
        return Trial(
            point: point, penalty: penalty, solution: solution, slopes: own.slopes, lowestValue: own.value,
            lowestRatio: ratio)
    }
}

extension Monitor {
    func report(_ point: TimeFrequencyChoice.Point) {
        report(
            .init(
                stage: "choosing λ, ρ and windows",
                detail: String(
                    printf: "windows %ld, ρ %.2f, λ %.3f of the largest, %ld sources, criterion %.4g",
                    point.windows + 1, point.rho, point.ratio, point.sources, point.value)))
    }

    /// Works at the same time, each piece with the threads that are left for it.
    func concurrently<Value: Sendable>(
        _ count: Int, _ parallelism: Parallelism,
        _ body: @Sendable (Int, Parallelism) throws(TimeFrequencyPenalty.Invalid) -> Value?
    ) throws(TimeFrequencyChoice.Invalid) -> [Value?] {
        var results = [Result<Value?, TimeFrequencyPenalty.Invalid>?](repeating: nil, count: count)
        let own = Parallelism(threads: parallelism.threads / max(1, count))
        results.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let results = buffer
            parallelism.forEachPiece(of: count, piece: 1) { number, _ in
                results[number] = Result { () throws(TimeFrequencyPenalty.Invalid) in try body(number, own) }
            }
        }
        do throws(TimeFrequencyPenalty.Invalid) {
            var values: [Value?] = []
            for result in results { values.append(try result?.get() ?? nil) }
            return values
        } catch { throw .penalty(error) }
    }
}
