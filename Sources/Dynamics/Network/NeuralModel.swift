import Glibc
import LinearAlgebra

/// Differential equations whose right-hand side is a neural network with few connections (Chen et al. 2018, of second order
/// Norcliffe et al. 2020), learned from short segments: for systems that are not linear.
///
/// Who drives whom is told by the mean magnitude of the network's derivatives over the data; a product of weights is only a
/// bound on it.
public struct NeuralModel: DynamicalModel {
    /// 1 or 2.
    public let order: Int
    /// The penalty's name.
    public let penalty: String
    /// λ.
    public let lambda: Double
    /// Values of λ that were compared, and the mean squared errors of held-out segments of standardized variables; empty where
    /// λ was given.
    public let heldOutErrors: [(lambda: Double, error: Double)]
    /// The network.
    public let shape: NetworkShape
    /// Mean squared error of the segments learned from, of standardized variables.
    public let error: Double
    /// Mean |∂f_i/∂z_j| over the data, targets × sources (of second order: positions, then velocities); of standardized variables
    /// over the network's own unit of time.
    public let influences: Matrix
    /// Mean ∂f_i/∂z_j over the data, in the units of the trajectories and s: what a linear system would have for coefficients.
    public let coefficients: Matrix
    /// Share of weights below 1e-5, gates applied.
    public let weightSparsity: Double
    /// Share of inputs that outputs do not depend on: entries below 1e-5 of the product of gates, or where there are none of the
    /// weights' magnitudes; of LassoNet, of inputs whose first weights are all 0.
    public let featureSparsity: Double
    /// See ``DynamicalModel/connections``.
    public let connections: [Connection]
    /// See ``DynamicalModel/warnings``.
    public let warnings: [DynamicsWarning]
    /// See ``DynamicalModel/sparsity``.
    public var sparsity: (penalty: String, lambda: Double)? { (penalty, lambda) }
    /// Whether the caller cancelled before training ended.
    public let isCancelled: Bool
    private let prediction: NetworkForecast
    private let units: Trajectories.Units

    /// Fits trajectories.
    ///
    /// - Throws: ``InvalidTrajectories``; ``InvalidTrajectories/diverged`` where training leaves the finite numbers.
    /// - Complexity: O(steps · batch · segment length · weights), as often as λ has values to choose from.
    public init(
        _ trajectories: Trajectories, _ settings: DynamicsSettings, network: NetworkSettings = NetworkSettings()
    ) throws(InvalidTrajectories) {
        try settings.check()
        try network.check()
        let fit = try Fit(trajectories, settings, network)
        var warnings = DynamicsWarning.of(trajectories, settings.recording)
        let needed = AutoregressiveModel.fewestSamples
        let isClaimed = trajectories.sampleCount >= needed
        if !isClaimed { warnings.append(.cannotTell(samples: trajectories.sampleCount, needed: needed)) }
        var connections = fit.connections(share: settings.smallestInfluence, isClaimed: isClaimed)
        if isClaimed {
            let fixed = network.at(fit.lambda)
            EpochResampling.annotate(&connections, &warnings, epochs: trajectories.epochs.count, settings) { counts in
                let drawn = counts.indices.flatMap { [Int](repeating: $0, count: counts[$0]) }
                return (try? Fit(trajectories.epochs(drawn), settings, fixed))?.connections(
                    share: settings.smallestInfluence, isClaimed: true)
            }
        }
        order = settings.derivativeOrder
        penalty = network.penalty.name
        lambda = fit.lambda
        heldOutErrors = fit.choice?.candidates.map { ($0.lambda, $0.error) } ?? []
        shape = fit.shape
        error = fit.error
        influences = fit.absolute
        coefficients = fit.coefficients
        (weightSparsity, featureSparsity) = NetworkSparsity.of(fit.shape, fit.parameters)
        self.connections = connections
        self.warnings = warnings
        isCancelled = fit.isCancelled
        units = fit.segments.units
        prediction = NetworkForecast(shape: fit.shape, weights: fit.weights, interval: fit.segments.interval)
    }

    /// A network and what is read from it.
    private struct Fit {
        let segments: Segments
        let shape: NetworkShape
        let lambda: Double
        let choice: NetworkChoice?
        let parameters: [Double]
        let weights: [Double]
        let error: Double
        let isCancelled: Bool
        let absolute: Matrix
        let coefficients: Matrix

        init(
            _ trajectories: Trajectories, _ settings: DynamicsSettings, _ network: NetworkSettings
        ) throws(InvalidTrajectories) {
            let kind = network.penalty
            segments = try Segments(
                trajectories, order: settings.derivativeOrder, length: network.segmentLength,
                isCommonScale: network.hasCommonScale)
            shape = NetworkTraining.shape(segments, kind.penalty(1), network)
            let training = NetworkTraining(segments: segments, shape: shape, settings: network)
            choice =
                network.lambda == nil && kind.lambdas.count > 1
                ? NetworkChoice(training, kind, seed: settings.seed, parallelism: settings.parallelism) : nil
            guard let lambda = network.lambda ?? choice.map({ $0.candidates[$0.chosen].lambda }) ?? kind.lambdas.first,
                let trained = training.final(kind, lambda, seed: settings.seed)
            else { throw .diverged }
            self.lambda = lambda
            parameters = trained.parameters
            error = trained.loss
            isCancelled = trained.isCancelled
            weights = NetworkTraining.effective(shape, trained.parameters)
            let (absolute, signed) = segments.meanJacobians(shape, weights)
            self.absolute = absolute
            let (n, unit, deviations) = (segments.variables, segments.timeUnit, segments.units.deviations)
            let order = segments.order
            coefficients = Matrix(rows: n, columns: shape.inputs) { target, input in
                let power = order == 2 && input < n ? unit * unit : unit
                return signed[target, input] * deviations[target] / deviations[input % n] / power
            }
        }

        /// Connections above a share of the strongest influence, positions' and velocities' added.
        func connections(share: Double, isClaimed: Bool) -> [Connection] {
            let n = segments.variables
            var connections = Connection.pairs(of: n).map { pair in
                let influence = stride(from: pair.source, to: absolute.columns, by: n).reduce(0) {
                    $0 + absolute[pair.target, $1]
                }
                return Connection(
                    source: pair.source, target: pair.target, influence: influence,
                    isSelected: isClaimed && influence > 0)
            }
            let strongest = connections.reduce(0) { max($0, $1.influence) }
            for k in connections.indices where connections[k].influence < share * strongest {
                connections[k].isSelected = false
            }
            return connections
        }
    }

    /// Samples at the end of a history by which the first state is found.
    public var historySamples: Int { max(SavitzkyGolay.window, 8) }

    /// See ``DynamicalModel/forecast(after:samples:)``: by Dormand and Prince's method (1980) from the path nearest to as much of
    /// the end of the history as one path explains.
    public func forecast(after history: Matrix, samples: Int) throws(InvalidTrajectories) -> Matrix {
        try check(history: history, variables: shape.variables)
        guard let state = prediction.state(after: units.standardized(history), fewest: historySamples),
            let path = prediction.path(from: state, samples: max(0, samples))
        else { throw .diverged }
        return units.restored(path.seen)
    }
}

extension NetworkTraining {
    /// The network of one λ from all segments.
    func final(_ kind: NetworkPenaltyKind, _ lambda: Double, seed: UInt64) -> Result? {
        let all = Array(segments.starts.indices)
        guard kind.isPath else { return fit(kind.penalty(lambda), all, seed: seed) }
        // As λ was reached: dense training, then all smaller values.
        let lambdas = kind.lambdas.filter { $0 < lambda } + [lambda]
        guard let parameters = path(kind, lambdas, all, seed: seed).last ?? nil,
            let errors = errors(parameters, all)
        else { return nil }
        return Result(
            parameters: parameters, loss: errors.reduce(0, +) / Double(errors.count),
            isCancelled: settings.monitor.isCancelled())
    }
}

extension Segments {
    /// The means of |∂f_i/∂z_j| and of ∂f_i/∂z_j over all samples.
    func meanJacobians(_ shape: NetworkShape, _ weights: [Double]) -> (absolute: Matrix, signed: Matrix) {
        var absolute = Matrix(rows: shape.variables, columns: shape.inputs)
        var signed = absolute
        let batch = min(256, sampleCount)
        let workspace = NetworkWorkspace(
            shape, batch: batch, samples: 1, solver: .fixed(steps: 1), keepsAll: false)
        var states = [Double](repeating: 0, count: batch * shape.inputs)
        for first in stride(from: 0, to: sampleCount, by: batch) {
            let range = first..<min(first + batch, sampleCount)
            self.states(range, to: &states)
            workspace.addJacobians(
                weights, states: states, count: range.count, absolute: &absolute, signed: &signed)
        }
        let factor = 1 / Double(sampleCount)
        return (absolute * factor, signed * factor)
    }
}

/// How much of a network is zero.
enum NetworkSparsity {
    static let limit = 1e-5

    static func of(_ shape: NetworkShape, _ parameters: [Double]) -> (weights: Double, features: Double) {
        let effective = NetworkTraining.effective(shape, parameters)
        var magnitudes = [Double](repeating: 0, count: shape.weightCount)
        var entries = magnitudes
        for layer in shape.layers {
            for k in 0..<layer.weightCount {
                magnitudes[layer.gates + k] = abs(effective[layer.weights + k])
                entries[layer.gates + k] =
                    shape.isGated
                    ? HardConcrete.expected(logAlpha: parameters[shape.gateStart + layer.gates + k])
                    : magnitudes[layer.gates + k]
            }
        }
        let weights = Double(magnitudes.count { $0 < limit }) / Double(magnitudes.count)
        if shape.skip != .none {
            let rows = shape.layers[0].rows
            let empty = (0..<shape.inputs).count { input in
                magnitudes[(input * rows)..<((input + 1) * rows)].allSatisfy { $0 < limit }
            }
            return (weights, Double(empty) / Double(shape.inputs))
        }
        let product = PathSum.product(shape, entries)
        return (weights, Double(product.elements.count { $0 < limit }) / Double(product.elements.count))
    }
}

extension DynamicsKind {
    /// ``NeuralModel`` with the settings that the measurements recommend.
    public static let network = network(NetworkSettings())

    /// ``NeuralModel`` with other settings of its network.
    public static func network(_ settings: NetworkSettings) -> DynamicsKind {
        DynamicsKind(
            "network",
            help: "differential equations of a neural network with few connections; for systems that are not linear"
        ) { trajectories, general throws(InvalidTrajectories) in
            try NeuralModel(trajectories, general, network: settings)
        }
    }
}
