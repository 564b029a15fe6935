import Glibc
import LinearAlgebra

/// A linear system of first or second order with few connections, for trajectories that follow their own path: noise-free,
/// simulated or measured with noise, but not driven by it.
///
/// The weak form gives a first system, the fit to whole trajectories the coefficients, and dropping the smallest of them by its
/// standard errors those that are zero, by BIC.
public struct LinearModel: DynamicalModel {
    /// 1 or 2.
    public let order: Int
    /// The system, zero where coefficients were dropped; the weak form's where paths explain little.
    public let system: LinearSystem
    /// By least squares on the weak form.
    public let weakForm: LinearSystem
    /// Standard errors of the coefficients that are left, as ``LinearSystem/coefficients``; 0 elsewhere, infinite where it is
    /// the weak form's.
    public let standardErrors: Matrix
    /// Share of the variance that the paths explain; nil where they could not be fitted.
    public let explained: Double?
    /// See ``DynamicalModel/connections``.
    public let connections: [Connection]
    /// See ``DynamicalModel/warnings``.
    public let warnings: [DynamicsWarning]
    private let interval: Double
    private let deviations: [Double]

    /// Fits trajectories, about zero as they are.
    ///
    /// - Throws: ``InvalidTrajectories``.
    /// - Complexity: as many fits as coefficients are dropped, each a few iterations of
    ///   O(k·samples·(n·order)² + samples·n·k²) with k coefficients.
    public init(_ trajectories: Trajectories, _ settings: DynamicsSettings) throws(InvalidTrajectories) {
        try settings.check()
        let n = trajectories.variableCount
        let size = Double(n * trajectories.sampleCount) * Double(n * n * settings.derivativeOrder)
        guard size <= Self.largestProblem else {
            throw .setting(
                "\(n) variables of \(trajectories.sampleCount) samples are too many for fits of whole trajectories; "
                    + "leave variables out, or give fewer samples")
        }
        var warnings = DynamicsWarning.of(trajectories, settings.recording)
        let fit = try Self.fit(trajectories, settings)
        weakForm = fit.weakForm
        system = fit.system
        standardErrors = fit.errors
        explained = fit.explained
        if let explained = fit.explained {
            if explained < Self.leastExplained { warnings.append(.poorPath(explained: explained)) }
        } else {
            warnings.append(.pathNotFitted)
        }
        // An undamped system is taken to grow a little as often as not; e-fold within an epoch is more than that.
        let growth = AutoregressiveModel.growth([LinearSystem.exponential(system.generator * trajectories.interval)])
        let longest = trajectories.epochs.reduce(0) { max($0, $1.columns) }
        if !(log(growth) * Double(longest) <= 1) { warnings.append(.unstable(growth: growth)) }
        var connections = Self.connections(trajectories, fit)
        if fit.explained ?? 0 >= Self.leastExplained {
            EpochResampling.annotate(&connections, &warnings, epochs: trajectories.epochs.count, settings) { counts in
                let drawn = counts.indices.flatMap { [Int](repeating: $0, count: counts[$0]) }
                let resample = trajectories.epochs(drawn)
                return (try? Self.fit(resample, settings)).map { Self.connections(resample, $0) }
            }
        }
        order = settings.derivativeOrder
        historySamples = 2 * settings.halfWidth + 1
        interval = trajectories.interval
        deviations = (0..<n).map { trajectories.moments(of: $0).deviation }
        self.connections = connections
        self.warnings = warnings
    }

    /// Values times coefficients that a fit may have: their derivatives take 8 bytes each.
    public static let largestProblem = 5e7

    /// Below this share of the variance no connection is claimed.
    public static let leastExplained = 0.5

    private struct Fit {
        let weakForm: LinearSystem
        var system: LinearSystem
        var errors: Matrix
        var explained: Double?
        var starts: [[Double]] = []
    }

    private static func fit(
        _ trajectories: Trajectories, _ settings: DynamicsSettings
    ) throws(InvalidTrajectories) -> Fit {
        let form = WeakForm(
            derivativeOrder: settings.derivativeOrder, halfWidth: settings.halfWidth, interval: trajectories.interval)
        let weak = try form.linearSystem(trajectories)
        let shape = weak.coefficients
        var result = Fit(
            weakForm: weak, system: weak,
            errors: Matrix(rows: shape.rows, columns: shape.columns, repeating: .infinity))
        let paths = PathFit(trajectories: trajectories)
        let total = (0..<trajectories.variableCount).reduce(0) {
            let deviation = trajectories.moments(of: $1).deviation
            return $0 + deviation * deviation * Double(trajectories.sampleCount)
        }
        guard let full = paths.fit(weak, support: Array(shape.elements.indices), tolerance: CoefficientChoice.tolerance)
        else { return result }
        result.explained = 1 - full.point.squares / total
        // What is not on a path has no coefficients to choose among.
        guard 1 - full.point.squares / total >= leastExplained,
            let (point, support, errors) = try CoefficientChoice(paths, coefficients: shape.elements.count).best(
                from: [full.point.system, form.sparseSystem(trajectories)])
        else { return result }
        result.system = point.system
        result.errors = Matrix(rows: shape.rows, columns: shape.columns)
        for (position, error) in zip(support, errors) { result.errors.elements[position] = error }
        result.starts = point.starts
        result.explained = 1 - point.squares / total
        return result
    }

    /// Connections by coefficients that are left, their influence over the fitted paths.
    private static func connections(_ trajectories: Trajectories, _ fit: Fit) -> [Connection] {
        let n = trajectories.variableCount
        let coefficients = fit.system.coefficients
        var terms = Matrix(rows: n, columns: n)
        var whole = [Double](repeating: 0, count: n)
        for (epoch, start) in zip(trajectories.epochs, fit.starts) {
            let path = fit.system.path(from: start, interval: trajectories.interval, samples: epoch.columns)
            for sample in 0..<path.columns {
                for target in 0..<n {
                    var sum = 0.0
                    for source in 0..<n {
                        let term = stride(from: source, to: coefficients.columns, by: n).reduce(0) {
                            $0 + coefficients[target, $1] * path[$1, sample]
                        }
                        terms[target, source] += term * term
                        sum += term
                    }
                    whole[target] += sum * sum
                }
            }
        }
        let isClaimed = (fit.explained ?? 0) >= leastExplained
        return Connection.pairs(of: n).map { pair in
            let isThere = stride(from: pair.source, to: coefficients.columns, by: n).contains {
                coefficients[pair.target, $0] != 0
            }
            let ratio = whole[pair.target] > 0 ? terms[pair.target, pair.source] / whole[pair.target] : 0
            return Connection(
                source: pair.source, target: pair.target, influence: ratio.squareRoot(),
                isSelected: isClaimed && isThere)
        }
    }

    /// As many as a window of the weak form: the first state is fitted to all samples of a history, and fewer leave it to noise.
    public let historySamples: Int

    /// See ``DynamicalModel/forecast(after:samples:)``: the path nearest to the history goes on.
    public func forecast(after history: Matrix, samples: Int) throws(InvalidTrajectories) -> Matrix {
        let n = system.variables
        try check(history: history, variables: n)
        let transition = LinearSystem.exponential(system.generator * interval)
        guard let basis = StateBasis(transition, variables: n, samples: history.columns) else { throw .diverged }
        let total = history.columns + max(0, samples)
        let path = system.path(
            from: basis.state(of: Matrix(rows: history.elements.count, columns: 1, elements: history.elements)),
            interval: interval, samples: total)
        guard path.firstNonFinite == nil else { throw .diverged }
        return Matrix(rows: n, columns: total - history.columns) { path[$0, history.columns + $1] }
    }

    /// See ``DynamicalModel/spectrum(at:)``: of the standardized variables under noise of equal size.
    public func spectrum(at frequencies: [Double]) -> InfluenceSpectrum? {
        let n = system.variables
        let coefficients = system.coefficients
        return InfluenceSpectrum(frequencies: frequencies, deviations: [Double](repeating: 1, count: n)) { frequency in
            let rate = 2 * Double.pi * frequency
            let real = Matrix(rows: n, columns: n) { i, j in
                let own = i == j && order == 2 ? -rate * rate : 0
                return (own - coefficients[i, j]) * deviations[j] / deviations[i]
            }
            let imaginary = Matrix(rows: n, columns: n) { i, j in
                let own = order == 1 ? (i == j ? rate : 0) : -rate * coefficients[i, n + j]
                return own * deviations[j] / deviations[i]
            }
            return (real, imaginary)
        }
    }
}

extension DynamicsKind {
    /// ``LinearModel``.
    public static let linear = DynamicsKind(
        "linear",
        help: "linear differential equations fitted to whole trajectories; for paths that noise does not drive"
    ) { trajectories, settings throws(InvalidTrajectories) in try LinearModel(trajectories, settings) }
}
