import Glibc
import LinearAlgebra

/// Fits a network to segments by Adam; the objective of one λ.
struct NetworkTraining {
    let segments: Segments
    let shape: NetworkShape
    let settings: NetworkSettings

    /// The shape of networks under a penalty.
    static func shape(
        _ segments: Segments, _ penalty: any NetworkPenalty, _ settings: NetworkSettings
    ) -> NetworkShape {
        NetworkShape(
            variables: segments.variables, order: segments.order,
            hidden: settings.hidden ?? (penalty.isPerOutput ? [8] : [20, 20]), isPerOutput: penalty.isPerOutput,
            skip: penalty.skip, isGated: penalty.isGated,
            learnedVelocities: settings.learnsVelocities && segments.order == 2 ? segments.starts.count : 0)
    }

    /// Numbers to begin with: weights and biases uniform within 1/√(units read), as is usual; gates mostly open to learn which
    /// to close, of a fifth in the first layer and a half beyond (Louizos et al. 2018).
    static func initial(_ shape: NetworkShape, seed: UInt64) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        var numbers = [Double](repeating: 0, count: shape.count)
        for (index, layer) in shape.layers.enumerated() {
            let width = 1 / Double(layer.columns).squareRoot()
            for k in 0..<(layer.weightCount + layer.units) {
                numbers[layer.weights + k] = width * (2 * generator.uniform() - 1)
            }
            guard shape.isGated else { continue }
            let closed = index == 0 ? 0.2 : 0.5
            for k in 0..<layer.weightCount {
                numbers[shape.gateStart + layer.gates + k] = log((1 - closed) / closed) + 0.01 * generator.normal()
            }
        }
        return numbers
    }

    /// What training makes.
    struct Result: Sendable {
        let parameters: [Double]
        /// The mean loss of the last tenth of steps.
        let loss: Double
        /// Whether the caller cancelled.
        let isCancelled: Bool
    }

    /// Steps of Adam, each the gradient of a batch and the penalty, and the penalty's map.
    ///
    /// - Parameters:
    ///   - kept: the segments to learn from.
    ///   - start: numbers to begin with.
    ///   - seed: of batches and gates.
    /// - Returns: nil where the solution left the finite numbers twenty times in a row.
    /// - Complexity: O(batch · segment length · weights) a step; nothing is allocated in one.
    func run(
        _ penalty: any NetworkPenalty, _ kept: [Int], from start: [Double], steps: Int, seed: UInt64
    ) -> Result? {
        let rows = min(settings.batch, kept.count)
        let step = TrainingStep(self, penalty, rows: rows, parameters: start)
        var generator = SeededGenerator(seed: seed)
        var order = kept
        var next = kept.count
        var (failures, isCancelled) = (0, false)
        var (sum, counted) = (0.0, 0)
        for number in 0..<steps {
            if number % 20 == 0 {
                isCancelled = settings.monitor.isCancelled()
                if isCancelled { break }
            }
            if number % 100 == 0 {
                settings.monitor.report(.init(stage: "training networks", detail: "step \(number) of \(steps)"))
            }
            // Every segment once, in a random order, then anew.
            if next + rows > kept.count {
                if rows < kept.count { order.shuffle(using: &generator) }
                next = 0
            }
            let loss = order.withUnsafeBufferPointer { order -> Double in
                guard let order = order.baseAddress else { return .nan }
                return step.gradient(order + next, &generator)
            }
            next += rows
            guard loss.isFinite else {
                failures += 1
                if failures > 20 { return nil }
                continue
            }
            failures = 0
            step.move(rate: settings.rate * Self.decay(number, steps), settings.usesAdamMetric)
            if number >= steps - max(1, steps / 10) { (sum, counted) = (sum + loss, counted + 1) }
        }
        return Result(parameters: step.parameters, loss: sum / Double(max(1, counted)), isCancelled: isCancelled)
    }

    /// 1 over the first half of the steps, then down to a twentieth in a straight line.
    private static func decay(_ number: Int, _ steps: Int) -> Double {
        let half = Double(steps) / 2
        return Double(number) < half ? 1 : 1 - 0.95 * (Double(number) - half) / half
    }

    /// The mean squared error of each of some segments, with gates as they are without chance; nil where a solution is not
    /// finite.
    func errors(_ parameters: [Double], _ kept: [Int]) -> [Double]? {
        let weights = Self.effective(shape, parameters)
        let rows = min(256, kept.count)
        guard rows > 0 else { return [] }
        let workspace = NetworkWorkspace(
            shape, batch: rows, samples: segments.length, solver: settings.solver, keepsAll: false)
        var states = [Double](repeating: 0, count: rows * shape.inputs)
        var targets = [Double](repeating: 0, count: rows * shape.variables * segments.length)
        var result: [Double] = []
        for first in stride(from: 0, to: kept.count, by: rows) {
            let part = Array(kept[first..<min(first + rows, kept.count)])
            var each = [Double](repeating: 0, count: part.count)
            segments.gather(part, part.count, states: &states, targets: &targets)
            guard
                workspace.solve(
                    weights, starts: states, rows: part.count, samples: segments.length, interval: segments.interval,
                    keepsAll: false),
                workspace.loss(weights, targets: targets, samples: segments.length, each: &each).isFinite
            else { return nil }
            result += each.map { $0 / Double(shape.variables * segments.length) }
        }
        return result
    }

    /// The numbers that a path depends on, gates applied as they are without chance.
    static func effective(_ shape: NetworkShape, _ parameters: [Double]) -> [Double] {
        var result = Array(parameters.prefix(shape.pathCount))
        guard shape.isGated else { return result }
        for layer in shape.layers {
            for k in 0..<layer.weightCount {
                result[layer.weights + k] *= HardConcrete.expected(
                    logAlpha: parameters[shape.gateStart + layer.gates + k])
            }
        }
        return result
    }
}

/// The memory of one training, and its gradient.
final class TrainingStep {
    private let segments: Segments
    private let shape: NetworkShape
    private let penalty: any NetworkPenalty
    private let rows: Int
    private let workspace: NetworkWorkspace
    private let numbers: NetworkWorkspace.Buffer
    private let slope: NetworkWorkspace.Buffer
    private let effective: NetworkWorkspace.Buffer
    private let gates: NetworkWorkspace.Buffer
    private let gateSlopes: NetworkWorkspace.Buffer
    private let states: NetworkWorkspace.Buffer
    private let targets: NetworkWorkspace.Buffer
    private let point: PenaltyPoint
    private var adam: Adam

    init(_ training: NetworkTraining, _ penalty: any NetworkPenalty, rows: Int, parameters: [Double]) {
        let shape = training.shape
        (segments, self.shape, self.penalty, self.rows) = (training.segments, shape, penalty, rows)
        let samples = training.segments.length
        workspace = NetworkWorkspace(shape, batch: rows, samples: samples, solver: training.settings.solver)
        numbers = .init(shape.count)
        slope = .init(shape.count)
        effective = .init(shape.pathCount)
        (gates, gateSlopes) = (.init(shape.weightCount), .init(shape.weightCount))
        states = .init(rows * shape.inputs)
        targets = .init(rows * shape.variables * samples)
        adam = Adam(count: shape.count)
        for (k, value) in parameters.enumerated() { numbers.start[k] = value }
        point = PenaltyPoint(shape, UnsafePointer(numbers.start))
    }

    var parameters: [Double] { Array(UnsafeBufferPointer(start: numbers.start, count: shape.count)) }
    var gradient: [Double] { Array(UnsafeBufferPointer(start: slope.start, count: shape.count)) }

    /// Computes the gradient of the objective over a batch, gates drawn once.
    ///
    /// - Returns: the objective; not finite where the solution is not.
    func gradient(_ batch: UnsafePointer<Int>, _ generator: inout SeededGenerator) -> Double {
        drawGates(&generator)
        segments.gather(batch, rows, states: states.start, targets: targets.start)
        let n = shape.variables
        if shape.learnedVelocities > 0 {
            for row in 0..<rows {
                for variable in 0..<n {
                    states.start[(n + variable) * rows + row] +=
                        numbers.start[shape.velocityStart + batch[row] * n + variable]
                }
            }
        }
        guard
            workspace.solve(
                effective.start, starts: states.start, rows: rows, samples: segments.length,
                interval: segments.interval)
        else { return .infinity }
        slope.start.update(repeating: 0, count: shape.count)
        let loss = workspace.differentiate(
            effective.start, targets: targets.start, samples: segments.length, into: slope.start)
        if shape.learnedVelocities > 0 {
            for row in 0..<rows {
                for variable in 0..<n {
                    slope.start[shape.velocityStart + batch[row] * n + variable] +=
                        workspace.adjoint.start[(n + variable) * rows + row]
                }
            }
        }
        passGates()
        return loss + penalty.addGradient(at: point, to: slope.start)
    }

    private func drawGates(_ generator: inout SeededGenerator) {
        effective.start.update(from: numbers.start, count: shape.pathCount)
        guard shape.isGated else { return }
        point.forEachWeight { place, number in
            // Between 0 and 1, neither of them.
            let u = generator.uniform() + 0x1p-54
            let gate = HardConcrete.gate(u, logAlpha: numbers.start[shape.gateStart + number])
            (gates.start[number], gateSlopes.start[number]) = (gate.value, gate.derivative)
            effective.start[place] *= gate.value
        }
    }

    /// From the gradient by gated weights to those by weights and gates.
    private func passGates() {
        guard shape.isGated else { return }
        point.forEachWeight { place, number in
            let own = slope.start[place]
            slope.start[shape.gateStart + number] = own * numbers.start[place] * gateSlopes.start[number]
            slope.start[place] = own * gates.start[number]
        }
    }

    /// A step of Adam down the gradient, then the penalty's map.
    func move(rate: Double, _ usesAdamMetric: Bool) {
        adam.step(numbers.start, slope.start, rate: rate)
        adam.scales.withUnsafeBufferPointer { scales in
            penalty.shrink(
                numbers.start, shape,
                step: PenaltyStep(length: rate, scales: usesAdamMetric ? scales.baseAddress : nil))
        }
    }
}
