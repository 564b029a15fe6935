import LinearAlgebra
import TestSupport
import Testing

@testable import Dynamics

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
        let error = zip(model.system.coefficients.elements, truth.elements).map { abs($0 - $1) }.max() ?? .infinity
        print("ERR", error, model.system.coefficients, model.connections.filter(\.isSelected).map { [$0.source, $0.target] })
        #expect(error <= 0.02)
        let state = try reference.matrix("\(folder)/state")
        let forecast = try model.forecast(after: trajectories.epochs[0], samples: 100)
        var squares = 0.0
        for sample in 0..<100 {
            for variable in 0..<3 {
                let difference = forecast[variable, sample] - state[101 + sample, variable]
                squares += difference * difference
            }
        }
        print("MSE", squares / 300)
        #expect(squares / 300 <= 1e-3)
    }
}

extension DynamicsReference {
    /// The first half of a path: what models learn from.
    func training(_ folder: String) throws -> Trajectories {
        let observed = try matrix("\(folder)/observed").transposed
        return try Trajectories(epochs: [observed.columns(0..<101)], interval: 0.1)
    }
}
