import CAllocationCount
import Glibc
import HDF5
import LinearAlgebra
import TestSupport
import Testing

@testable import Dynamics

/// A network, gates and segments of the reference file.
private struct ReferenceCase {
    let shape: NetworkShape
    let rows: Int
    let samples: Int
    let interval: Double
    let steps: Int
    let parameters: [Double]
    let uniforms: [Double]
    let starts: [Double]
    let targets: [Double]
    let file: HDF5File
    let name: String

    init(_ name: String) throws {
        file = try HDF5File(Shared.path("reference/dynamics/gradients.h5"))
        self.name = name
        let order = try #require(try file.integer(attribute: "order", of: name))
        let isGated = name.hasSuffix("gates")
        let first = try file.doubles("\(name)/W0").shape
        let second = try file.doubles("\(name)/W1").shape
        let variables = first[1] / order
        shape = NetworkShape(variables: variables, order: order, hidden: [first[0], second[0]], isGated: isGated)
        parameters = try Self.numbers(
            file, name, shape, weights: "W", biases: "b", gates: isGated ? "log_alpha" : nil)
        var uniforms: [Double] = []
        if isGated { for l in shape.layers.indices { uniforms += try file.matrix("\(name)/u\(l)").elements } }
        self.uniforms = uniforms
        let z = try file.matrix("\(name)/z0")
        (rows, starts) = (z.rows, z.elements)
        let targets = try file.doubles("\(name)/target")
        samples = targets.shape[0]
        let (b, d) = (rows, variables)
        var columns = [Double](repeating: 0, count: targets.elements.count)
        for k in 0..<samples {
            for i in 0..<b { for j in 0..<d { columns[(k * d + j) * b + i] = targets.elements[(k * b + i) * d + j] } }
        }
        self.targets = columns
        interval = try #require(try file.double(attribute: "h", of: name))
        steps = try #require(try file.integer(attribute: "sub", of: name))
    }

    /// The shape's numbers from datasets a layer.
    static func numbers(
        _ file: HDF5File, _ name: String, _ shape: NetworkShape, weights: String, biases: String, gates: String?
    ) throws -> [Double] {
        var result: [Double] = []
        for l in shape.layers.indices {
            result += try file.matrix("\(name)/\(weights)\(l)").elements
            result += try file.doubles("\(name)/\(biases)\(l)").elements
        }
        if let gates { for l in shape.layers.indices { result += try file.matrix("\(name)/\(gates)\(l)").elements } }
        return result
    }

    func number(_ attribute: String) throws -> Double { try #require(try file.double(attribute: attribute, of: name)) }
}

@Suite struct NetworkGradientTests {
    /// The smooth objective of a case at its numbers: value, gradient, and the gradient by first states.
    private static func gradient(
        _ shape: NetworkShape, _ parameters: [Double], uniforms: [Double], starts: [Double], targets: [Double],
        rows: Int, samples: Int, interval: Double, solver: NetworkSolver, penalties: [any NetworkPenalty]
    ) -> (loss: Double, objective: Double, gradient: [Double], states: [Double]) {
        var effective = parameters
        var gates = [Double](repeating: 1, count: shape.weightCount)
        var slopes = gates
        var result = [Double](repeating: 0, count: shape.count)
        let workspace = NetworkWorkspace(shape, batch: rows, samples: samples, solver: solver)
        let numbers = NetworkWorkspace.Buffer(shape.count)
        numbers.start.update(from: parameters, count: shape.count)
        return withExtendedLifetime(numbers) {
            let point = PenaltyPoint(shape, numbers.start)
            if shape.isGated {
                point.forEachWeight { place, number in
                    (gates[number], slopes[number]) = HardConcrete.gate(
                        uniforms[number], logAlpha: parameters[shape.gateStart + number])
                    effective[place] *= gates[number]
                }
            }
            guard workspace.solve(effective, starts: starts, rows: rows, samples: samples, interval: interval) else {
                return (.nan, .nan, [], [])
            }
            let loss = workspace.differentiate(effective, targets: targets, samples: samples, into: &result)
            if shape.isGated {
                point.forEachWeight { place, number in
                    result[shape.gateStart + number] = result[place] * parameters[place] * slopes[number]
                    result[place] *= gates[number]
                }
            }
            var objective = loss
            for penalty in penalties {
                objective += penalty.addGradient(at: point, to: &result)
            }
            let states = Array(UnsafeBufferPointer(start: workspace.adjoint.start, count: rows * shape.inputs))
            return (loss, objective, result, states)
        }
    }

    @Test(
        .enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)),
        arguments: ["order1_plain", "order1_gates", "order2_plain", "order2_gates"])
    func gradientsAreTheReferences(name: String) throws {
        let c = try ReferenceCase(name)
        var penalties: [any NetworkPenalty] = [WeightPathPenalty(lambda: try c.number("l1"))]
        if c.shape.isGated {
            penalties = [
                GatedPathPenalty(lambda: try c.number("l1"), gateLambda: try c.number("lpath")),
                GateCountPenalty(lambda: try c.number("l0")),
            ]
        }
        let found = Self.gradient(
            c.shape, c.parameters, uniforms: c.uniforms, starts: c.starts, targets: c.targets, rows: c.rows,
            samples: c.samples, interval: c.interval, solver: .fixed(steps: c.steps), penalties: penalties)
        #expect(abs(found.loss - (try c.number("loss"))) < 1e-12)
        #expect(abs(found.objective - (try c.number("objective"))) < 1e-12)
        let expected = try ReferenceCase.numbers(
            c.file, name, c.shape, weights: "gradient_W", biases: "gradient_b",
            gates: c.shape.isGated ? "gradient_log_alpha" : nil)
        #expect(expected.count == found.gradient.count)
        for (a, b) in zip(found.gradient, expected) { #expect(abs(a - b) < 1e-12) }
        let states = try c.file.matrix("\(name)/gradient_z0").elements
        for (a, b) in zip(found.states, states) { #expect(abs(a - b) < 1e-12) }
    }

    struct Setting: Sendable, CustomStringConvertible {
        let name: String
        let shape: NetworkShape
        let solver: NetworkSolver
        let penalties: [any NetworkPenalty]
        var description: String { name }
    }

    static let settings: [Setting] = {
        let fixed = NetworkSolver.fixed(steps: 2)
        let adaptive = NetworkSolver.adaptive(relative: 1e-2, absolute: 1e-2)
        return [
            Setting(
                name: "order 1", shape: NetworkShape(variables: 3, order: 1, hidden: [5, 4]), solver: fixed,
                penalties: [NoPenalty()]),
            Setting(
                name: "order 2, three layers", shape: NetworkShape(variables: 2, order: 2, hidden: [5, 4, 3]),
                solver: fixed, penalties: [WeightPathPenalty(lambda: 0.3)]),
            Setting(
                name: "per output", shape: NetworkShape(variables: 3, order: 2, hidden: [4, 3], isPerOutput: true),
                solver: fixed, penalties: [GroupLassoPenalty(lambda: 1), WeightPathPenalty(lambda: 0.1)]),
            Setting(
                name: "gates", shape: NetworkShape(variables: 2, order: 2, hidden: [4, 3], isGated: true),
                solver: fixed,
                penalties: [GateCountPenalty(lambda: 0.01), GatedPathPenalty(lambda: 0.1, gateLambda: 0.2)]),
            Setting(
                name: "inner skip", shape: NetworkShape(variables: 3, order: 2, hidden: [4], skip: .inner),
                solver: fixed, penalties: [LassoNetPenalty(lambda: 1, isOuter: false)]),
            Setting(
                name: "outer skip", shape: NetworkShape(variables: 3, order: 2, hidden: [4], skip: .outer),
                solver: fixed, penalties: [LassoNetPenalty(lambda: 1, isOuter: true)]),
            Setting(
                name: "Dormand and Prince", shape: NetworkShape(variables: 3, order: 2, hidden: [5, 4]),
                solver: adaptive, penalties: [NoPenalty()]),
            Setting(
                name: "Dormand and Prince, first order",
                shape: NetworkShape(variables: 3, order: 1, hidden: [5], isPerOutput: true), solver: adaptive,
                penalties: [NoPenalty()]),
        ]
    }()

    /// Central differences of the objective by every number and every first state.
    @Test(arguments: settings)
    func gradientsAreThoseOfDifferences(setting: Setting) {
        var random = SeededGenerator(seed: 5)
        let shape = setting.shape
        let (rows, samples) = (3, 3)
        let parameters = (0..<shape.count).map { _ in 0.7 * random.normal() }
        let uniforms = (0..<shape.weightCount).map { _ in 0.05 + 0.9 * random.uniform() }
        let starts = (0..<(rows * shape.inputs)).map { _ in random.normal() }
        let targets = (0..<(rows * shape.variables * samples)).map { _ in random.normal() }
        func evaluate(_ parameters: [Double], _ starts: [Double]) -> (
            objective: Double, gradient: [Double], states: [Double]
        ) {
            let found = Self.gradient(
                shape, parameters, uniforms: uniforms, starts: starts, targets: targets, rows: rows,
                samples: samples, interval: 0.2, solver: setting.solver, penalties: setting.penalties)
            return (found.objective, found.gradient, found.states)
        }
        let here = evaluate(parameters, starts)
        #expect(here.objective.isFinite)
        let scale = here.gradient.map(abs).max() ?? 0
        #expect(scale > 1e-3)
        // Where steps adapt they move with the numbers; a gradient is of the steps taken.
        var isAdaptive = false
        if case .adaptive = setting.solver { isAdaptive = true }
        let tolerance = (isAdaptive ? 2e-2 : 1e-7) * max(1, scale)
        let h = 1e-5
        for k in parameters.indices {
            var (up, down) = (parameters, parameters)
            up[k] += h
            down[k] -= h
            let difference = (evaluate(up, starts).objective - evaluate(down, starts).objective) / (2 * h)
            #expect(abs(difference - here.gradient[k]) < tolerance, "number \(k)")
        }
        for k in starts.indices {
            var (up, down) = (starts, starts)
            up[k] += h
            down[k] -= h
            let difference = (evaluate(parameters, up).objective - evaluate(parameters, down).objective) / (2 * h)
            #expect(abs(difference - here.states[k]) < tolerance, "state \(k)")
        }
    }

    /// Per-output networks are shared ones whose weights between the networks are zero.
    @Test func networksOfEachOutputAreBlocks() {
        var random = SeededGenerator(seed: 2)
        let own = NetworkShape(variables: 3, order: 2, hidden: [2, 4], isPerOutput: true)
        let shared = NetworkShape(variables: 3, order: 2, hidden: [6, 12])
        let parameters = (0..<own.count).map { _ in random.normal() }
        var wide = [Double](repeating: 0, count: shared.count)
        for (a, b) in zip(own.layers, shared.layers) {
            for block in 0..<a.blocks {
                for column in 0..<a.columns {
                    for row in 0..<a.rows {
                        let place = (block * a.columns + column) * b.rows + block * a.rows + row
                        wide[b.weights + place] = parameters[a.weights + (block * a.columns + column) * a.rows + row]
                    }
                }
            }
            for unit in 0..<a.units { wide[b.biases + unit] = parameters[a.biases + unit] }
        }
        let starts = (0..<12).map { _ in random.normal() }
        let targets = (0..<18).map { _ in random.normal() }
        func loss(_ shape: NetworkShape, _ numbers: [Double]) -> Double {
            let workspace = NetworkWorkspace(shape, batch: 2, samples: 3, solver: .fixed(steps: 1))
            #expect(workspace.solve(numbers, starts: starts, rows: 2, samples: 3, interval: 0.1))
            return workspace.loss(numbers, targets: targets, samples: 3)
        }
        #expect(abs(loss(own, parameters) - loss(shared, wide)) < 1e-13)
    }

    /// What an output's network reads of an input lies where the penalty looks for it.
    @Test func weightsOfAnInputAreThoseThatMatter() {
        let shape = NetworkShape(variables: 3, order: 2, hidden: [4, 3], isPerOutput: true)
        var parameters = NetworkTraining.initial(shape, seed: 3)
        for k in shape.weights(output: 1, input: 5) { parameters[k] = 0 }
        let workspace = NetworkWorkspace(shape, batch: 4, samples: 1, solver: .fixed(steps: 1))
        var random = SeededGenerator(seed: 1)
        let states = (0..<24).map { _ in random.normal() }
        var (absolute, signed) = (Matrix(rows: 3, columns: 6), Matrix(rows: 3, columns: 6))
        workspace.addJacobians(parameters, states: states, count: 4, absolute: &absolute, signed: &signed)
        for output in 0..<3 {
            for input in 0..<6 { #expect((absolute[output, input] == 0) == (output == 1 && input == 5)) }
        }
    }

    @Test func gradientsAllocateNothing() {
        let shape = NetworkShape(variables: 3, order: 2, hidden: [20, 20])
        let parameters = NetworkTraining.initial(shape, seed: 1)
        let workspace = NetworkWorkspace(shape, batch: 96, samples: 5, solver: .fixed(steps: 1))
        var random = SeededGenerator(seed: 1)
        let starts = (0..<(96 * 6)).map { _ in random.normal() }
        let targets = (0..<(96 * 15)).map { _ in random.normal() }
        var gradient = [Double](repeating: 0, count: shape.count)
        func once() {
            _ = workspace.solve(parameters, starts: starts, rows: 96, samples: 5, interval: 0.1)
            _ = workspace.differentiate(parameters, targets: targets, samples: 5, into: &gradient)
        }
        once()
        allocation_count_begin()
        once()
        #expect(allocation_count_end() == 0)
    }

    /// A whole step of training: gates, batch, solution, gradient, penalty, Adam and the penalty's map.
    @Test(arguments: NetworkPenaltyKind.all) func trainingStepsAllocateNothing(kind: NetworkPenaltyKind) throws {
        var random = SeededGenerator(seed: 1)
        let epoch = random.normal(rows: 3, columns: 60)
        let segments = try Segments(try Trajectories(epochs: [epoch], interval: 1), order: 2, length: 3)
        let settings = NetworkSettings(kind)
        let penalty = kind.penalty(0.1)
        let training = NetworkTraining(
            segments: segments, shape: NetworkTraining.shape(segments, penalty, settings), settings: settings)
        let step = TrainingStep(
            training, penalty, rows: 20, parameters: NetworkTraining.initial(training.shape, seed: 1))
        let batch = Array(0..<20)
        func once() {
            _ = step.gradient(batch, &random)
            step.move(rate: 0.01, false)
        }
        once()
        allocation_count_begin()
        once()
        #expect(allocation_count_end() == 0)
    }

    /// Adaptive steps that are small give what many fixed ones do, gradients too, and grow the memory they began with.
    @Test(arguments: [1, 2]) func adaptiveStepsAgreeWithFixedOnes(order: Int) {
        let shape = NetworkShape(variables: 3, order: order, hidden: [6, 5])
        var random = SeededGenerator(seed: 8)
        let parameters = (0..<shape.count).map { _ in 0.6 * random.normal() }
        let starts = (0..<(4 * shape.inputs)).map { _ in random.normal() }
        let targets = (0..<(4 * 3 * 2)).map { _ in random.normal() }
        func evaluate(_ solver: NetworkSolver) -> [Double] {
            let found = Self.gradient(
                shape, parameters, uniforms: [], starts: starts, targets: targets, rows: 4, samples: 2,
                interval: 1, solver: solver, penalties: [])
            return [found.loss] + found.gradient + found.states
        }
        let (adaptive, fixed) = (
            evaluate(.adaptive(relative: 1e-11, absolute: 1e-11)), evaluate(.fixed(steps: 200))
        )
        let scale = fixed.map(abs).max() ?? 0
        #expect(scale > 1e-2 && adaptive.count == fixed.count)
        // The unit's kink keeps gradients of both from being of higher order.
        for (a, b) in zip(adaptive, fixed) { #expect(abs(a - b) < 1e-5 * scale) }
    }

    /// The gradient of a step of training, learned velocities among the numbers.
    @Test func velocitiesAreLearned() throws {
        var random = SeededGenerator(seed: 1)
        let epoch = random.normal(rows: 2, columns: 12)
        let segments = try Segments(try Trajectories(epochs: [epoch], interval: 1), order: 2, length: 3)
        var settings = NetworkSettings(.weightPaths)
        (settings.learnsVelocities, settings.hidden) = (true, [4])
        let penalty = WeightPathPenalty(lambda: 0.1)
        let training = NetworkTraining(
            segments: segments, shape: NetworkTraining.shape(segments, penalty, settings), settings: settings)
        #expect(training.shape.learnedVelocities == 9)
        let parameters = (0..<training.shape.count).map { _ in 0.5 * random.normal() }
        func evaluate(_ parameters: [Double]) -> (objective: Double, gradient: [Double]) {
            let step = TrainingStep(training, penalty, rows: 5, parameters: parameters)
            let value = step.gradient([0, 2, 3, 6, 8], &random)
            return (value, step.gradient)
        }
        let here = evaluate(parameters)
        let h = 1e-5
        for k in parameters.indices {
            var (up, down) = (parameters, parameters)
            up[k] += h
            down[k] -= h
            let difference = (evaluate(up).objective - evaluate(down).objective) / (2 * h)
            #expect(abs(difference - here.gradient[k]) < 1e-7, "number \(k)")
        }
        #expect(here.gradient.suffix(18).contains { $0 != 0 })
    }

    /// Adam's first step is as long as its rate, whatever the gradient's size.
    @Test func firstStepOfAdamIsItsRate() {
        var adam = Adam(count: 3)
        var numbers = [1.0, 1, 1]
        adam.step(&numbers, [1e-3, -50, 0], rate: 0.1)
        #expect(abs(numbers[0] - 0.9) < 1e-5 && abs(numbers[1] - 1.1) < 1e-9 && numbers[2] == 1)
    }
}
