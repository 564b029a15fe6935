import Glibc
import LinearAlgebra
import TestSupport
import Testing

@testable import Dynamics
@testable import DynamicsStudies

@Suite struct LinearModelTests {
    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)), arguments: ["noise_0", "noise_0.02"])
    func weakFormIsTheReferences(name: String) throws {
        let reference = try DynamicsReference()
        let folder = "linear_second_order/\(name)"
        let found = try WeakForm(
            derivativeOrder: 2, halfWidth: reference.integer("weak_width", of: folder), interval: 0.1
        ).linearSystem(try reference.training(folder))
        let expected = try reference.matrix("\(folder)/weak_form_least_squares")
        for (a, b) in zip(found.coefficients.elements, expected.elements) { #expect(abs(a - b) < 1e-10) }
    }

    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)))
    func secondOrderSystemExtrapolates() throws {
        let reference = try DynamicsReference()
        let folder = "linear_second_order/noise_0.02"
        let trajectories = try reference.training(folder)
        let model = try LinearModel(trajectories, DynamicsSettings())
        let truth = try reference.matrix("\(folder)/coefficients")
        for (a, b) in zip(model.system.coefficients.elements, truth.elements) {
            #expect(abs(a - b) <= 0.02)
            #expect((a == 0) == (b == 0))
        }
        let state = try reference.matrix("\(folder)/state")
        let forecast = try model.forecast(after: trajectories.epochs[0], samples: 100)
        let truePath = Matrix(rows: 3, columns: 100) { state[101 + $1, $0] }
        #expect((forecast - truePath).squaredNorm / 300 <= 1e-3)
    }

    /// ẍ₁ = −1.5x₁, ẍ₂ = 0.8x₁ − x₂, ẍ₃ = −0.7x₂ − 2x₃ − 0.1ẋ₃.
    private static let secondOrder = LinearSystem(
        coefficients: Matrix(
            rows: 3, columns: 6, elements: [-1.5, 0.8, 0, 0, -1, -0.7, 0, 0, -2, 0, 0, 0, 0, 0, 0, 0, 0, -0.1]))

    /// ẋ₁ = −0.2x₁ − x₂, ẋ₂ = x₁ − 0.1x₂, ẋ₃ = −0.5x₃ + 0.6x₂.
    private static let firstOrder = LinearSystem(
        coefficients: Matrix(rows: 3, columns: 3, elements: [-0.2, 1, 0, -1, -0.1, 0.6, 0, 0, -0.5]))

    private static func paths(
        _ system: LinearSystem, starts: [[Double]], samples: Int, noise: Double, seed: UInt64
    ) throws -> Trajectories {
        var generator = SeededGenerator(seed: seed)
        let epochs = starts.map { start in
            let path = system.path(from: start, interval: 0.1, samples: samples)
            return Matrix(rows: 3, columns: samples) { path[$0, $1] + noise * generator.normal() }
        }
        return try Trajectories(epochs: epochs, interval: 0.1)
    }

    @Test(arguments: [0.0, 0.02, 0.05]) func structureIsFoundUnderDrawsOfNoise(noise: Double) throws {
        var exact = 0
        for seed in 0..<5 {
            let trajectories = try Self.paths(
                Self.secondOrder, starts: [[1, 0, -0.5, 0, 0.5, 1]], samples: 101, noise: noise, seed: UInt64(seed))
            let model = try LinearModel(trajectories, DynamicsSettings())
            let pairs = zip(model.system.coefficients.elements, Self.secondOrder.coefficients.elements)
            #expect(pairs.allSatisfy { abs($0 - $1) <= max(noise, 1e-6) })
            exact += pairs.allSatisfy { ($0 == 0) == ($1 == 0) } ? 1 : 0
            #expect(model.explained ?? 0 > 0.99)
        }
        #expect(exact >= 4)
    }

    @Test func firstOrderSystemsOfSeveralEpochsAreFound() throws {
        let trajectories = try Self.paths(
            Self.firstOrder, starts: [[1, 0, 0], [0, 1, -1], [-1, 0.5, 2]], samples: 80, noise: 0.01, seed: 3)
        var settings = DynamicsSettings()
        settings.derivativeOrder = 1
        settings.resamples = 3
        let model = try LinearModel(trajectories, settings)
        for (a, b) in zip(model.system.coefficients.elements, Self.firstOrder.coefficients.elements) {
            #expect(abs(a - b) < 0.02)
            #expect((a == 0) == (b == 0))
        }
        let selected = model.connections.filter(\.isSelected).map { [$0.source, $0.target] }
        #expect(selected == [[1, 0], [0, 1], [1, 2]])
        for connection in model.connections { #expect((connection.influence > 0) == connection.isSelected) }
        #expect(model.warnings.contains(.noResamples(epochs: 3)))
        // Errors of 9 coefficients are within a few of their standard errors.
        for (k, error) in model.standardErrors.elements.enumerated() where error > 0 {
            #expect(abs(model.system.coefficients.elements[k] - Self.firstOrder.coefficients.elements[k]) < 5 * error)
        }
    }

    @Test func connectionsAreFoundAgainInResamples() throws {
        let starts = (0..<6).map { k in [cos(Double(k)), sin(Double(k)), 1 - 0.3 * Double(k)] }
        let trajectories = try Self.paths(Self.firstOrder, starts: starts, samples: 40, noise: 0.02, seed: 3)
        var settings = DynamicsSettings()
        settings.derivativeOrder = 1
        settings.resamples = 8
        let model = try LinearModel(trajectories, settings)
        for connection in model.connections {
            let isThere = Self.firstOrder.coefficients[connection.target, connection.source] != 0
            #expect(connection.isSelected == isThere)
            #expect(isThere ? connection.frequency ?? 0 >= 0.8 : connection.frequency ?? 1 < 0.8)
        }
    }

    @Test func pathsAreTheExponential() {
        // x″ = −x.
        let circle = LinearSystem(coefficients: Matrix(rows: 1, columns: 2, elements: [-1, 0]))
        let path = circle.path(from: [1, 0], interval: 0.7, samples: 40)
        for k in 0..<40 {
            #expect(abs(path[0, k] - cos(0.7 * Double(k))) < 1e-12)
            #expect(abs(path[1, k] + sin(0.7 * Double(k))) < 1e-12)
        }
        let large = LinearSystem.exponential(Matrix(rows: 2, columns: 2, elements: [-40, 0, 30, 2]))
        // Upper triangular: the corner is 30(e² − e⁻⁴⁰)/42.
        #expect(abs(large[0, 0] / exp(-40) - 1) < 1e-9)
        #expect(abs(large[0, 1] / (30 * (exp(2) - exp(-40)) / 42) - 1) < 1e-12)
        #expect(LinearSystem.exponential(Matrix(rows: 1, columns: 1, elements: [.infinity]))[0, 0] == .infinity)
    }

    /// The path's fit is at a minimum over its coefficients: no small change lowers what is left.
    @Test func pathFitIsAMinimum() throws {
        let trajectories = try Self.paths(
            Self.firstOrder, starts: [[1, 0, 0], [0, 1, -1]], samples: 50, noise: 0.05, seed: 4)
        let fit = PathFit(trajectories: trajectories)
        let support = [0, 1, 3, 4, 5, 8]
        let (point, errors) = try #require(fit.fit(Self.firstOrder, support: support))
        for (position, error) in zip(support, errors) {
            let squares = try [-0.01, 0.01].map { step in
                var coefficients = point.system.coefficients
                coefficients.elements[position] += step * error
                return try #require(fit.project(LinearSystem(coefficients: coefficients))).squares
            }
            #expect(squares.allSatisfy { $0 >= point.squares * (1 - 1e-12) })
            // Equal slopes on both sides: the derivative vanishes beside the curvature.
            #expect(abs(squares[1] - squares[0]) < 0.2 * abs(squares[0] + squares[1] - 2 * point.squares))
        }
    }

    @Test func growthWithinAnEpochIsTold() throws {
        // x₁ grows by e^0.5 a second, 4 seconds long.
        let growing = LinearSystem(
            coefficients: Matrix(rows: 3, columns: 3, elements: [0.5, 1, 0, 0, -0.1, 0.6, 0, 0, -0.5]))
        var settings = DynamicsSettings()
        settings.derivativeOrder = 1
        for (system, isTold) in [(growing, true), (Self.firstOrder, false)] {
            let trajectories = try Self.paths(
                system, starts: [[1, 0, 0], [0, 1, -1]], samples: 41, noise: 0.001, seed: 4)
            let told = try LinearModel(trajectories, settings).warnings.contains {
                if case .unstable(let growth) = $0 { abs(log(growth) - 0.05) < 0.005 } else { false }
            }
            #expect(told == isTold)
        }
    }

    @Test func pathsThatOverflowAreNotFitted() throws {
        let trajectories = try Self.paths(Self.firstOrder, starts: [[1, 0, 0]], samples: 50, noise: 0.05, seed: 4)
        let explosive = LinearSystem(coefficients: Matrix.diagonal([90, 0, 0]))
        #expect(PathFit(trajectories: trajectories).fit(explosive, support: [0]) == nil)
    }

    @Test func drivenByNoiseNothingIsClaimed() throws {
        let network = try SimulatedNetwork.oscillators(variables: 3, edges: 2, samples: 1500, seed: 1)
        let model = try LinearModel(network.trajectories, DynamicsSettings())
        #expect(model.connections.filter(\.isSelected).isEmpty)
        #expect(
            model.warnings.contains {
                switch $0 {
                case .poorPath, .pathNotFitted: true
                default: false
                }
            })
    }

    @Test func spectrumIsOfTheEquations() throws {
        let trajectories = try Self.paths(
            Self.secondOrder, starts: [[1, 0, -0.5, 0, 0.5, 1]], samples: 101, noise: 0.001, seed: 1)
        let model = try LinearModel(trajectories, DynamicsSettings())
        let deviations = (0..<3).map { trajectories.moments(of: $0).deviation }
        let frequency = 0.3
        let coherence = try #require(model.spectrum(at: [frequency])).coherence[0]
        let rate = 2 * Double.pi * frequency
        // x₁ drives itself and x₂.
        let (own, other) = (abs(-rate * rate + 1.5), 0.8 * deviations[0] / deviations[1])
        #expect(abs(coherence[1, 0] - other / hypot(own, other)) < 0.01)
        #expect(coherence[2, 0] == 0)
    }

    @Test func tooShortEpochsAreRefused() throws {
        let trajectories = try Self.paths(
            Self.firstOrder, starts: [[1, 0, 0]], samples: 28, noise: 0.01, seed: 3)
        #expect(throws: InvalidTrajectories.tooFewSamples(found: 28, needed: 29)) {
            try LinearModel(trajectories, DynamicsSettings())
        }
        let longer = try Self.paths(Self.firstOrder, starts: [[1, 0, 0]], samples: 30, noise: 0.01, seed: 3)
        #expect(throws: InvalidTrajectories.tooFewSamples(found: 30, needed: 34)) {
            try LinearModel(longer, DynamicsSettings())
        }
    }
}

extension DynamicsReference {
    /// The first half of a path: what models learn from.
    func training(_ folder: String) throws -> Trajectories {
        let observed = try matrix("\(folder)/observed").transposed
        return try Trajectories(epochs: [observed.columns(0..<101)], interval: 0.1)
    }
}
