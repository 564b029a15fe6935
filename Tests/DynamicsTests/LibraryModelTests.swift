import Glibc
import LinearAlgebra
import Testing

@testable import Dynamics

@Suite struct LibraryModelTests {
    /// Runge and Kutta's method in small steps.
    private static func path(
        from start: [Double], interval: Double, samples: Int, _ motion: ([Double]) -> [Double]
    ) -> [[Double]] {
        var states = [start]
        let h = interval / 5
        func moved(_ z: [Double], _ slope: [Double], _ part: Double) -> [Double] {
            zip(z, slope).map { $0 + part * $1 }
        }
        while states.count < samples {
            var z = states[states.count - 1]
            for _ in 0..<5 {
                let k1 = motion(z)
                let k2 = motion(moved(z, k1, h / 2))
                let k3 = motion(moved(z, k2, h / 2))
                let k4 = motion(moved(z, k3, h))
                for i in z.indices { z[i] += h / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]) }
            }
            states.append(z)
        }
        return states
    }

    private static func trajectories(
        _ paths: [[[Double]]], variables: Int, interval: Double, noise: Double
    ) throws -> Trajectories {
        var generator = SeededGenerator(seed: 21)
        return try Trajectories(
            epochs: paths.map { path in
                Matrix(rows: variables, columns: path.count) { path[$1][$0] + noise * generator.normal() }
            }, interval: interval)
    }

    /// Coefficients of products in the variables' own units, degree 2 at most: targets × (constant, x_i, x_i x_j).
    private static func restored(_ model: LibraryModel, _ trajectories: Trajectories) -> (_ target: Int, _ x: [Double])
        -> Double
    {
        let units = (0..<trajectories.variableCount).map { trajectories.moments(of: $0) }
        return { target, x in
            let z = zip(x, units).map { ($0 - $1.mean) / $1.deviation }
            var values = [Double](repeating: 0, count: model.library.terms.count)
            model.library.evaluate(z, z, into: &values)
            let sum = values.indices.reduce(0) { $0 + model.coefficients[target, $1] * values[$1] }
            return sum * units[target].deviation
        }
    }

    @Test func theButterflyIsFound() throws {
        func lorenz(_ z: [Double]) -> [Double] {
            [10 * (z[1] - z[0]), z[0] * (28 - z[2]) - z[1], z[0] * z[1] - 8 / 3 * z[2]]
        }
        let path = Self.path(from: [-8, 7, 27], interval: 0.01, samples: 2100, lorenz)
        let trajectories = try Self.trajectories([Array(path[..<2000])], variables: 3, interval: 0.01, noise: 0.01)
        var settings = DynamicsSettings()
        settings.derivativeOrder = 1
        settings.hasSaturation = false
        let model = try LibraryModel(trajectories, settings)
        let slope = Self.restored(model, trajectories)
        for z in path.prefix(2000).enumerated().filter({ $0.offset % 97 == 0 }).map(\.element) {
            for (i, expected) in lorenz(z).enumerated() { #expect(abs(slope(i, z) - expected) < 0.6) }
        }
        // Chaos: half a second is what a state from noise foretells.
        let forecast = try model.forecast(after: trajectories.epochs[0], samples: 50)
        for k in 0..<50 { for i in 0..<3 { #expect(abs(forecast[i, k] - path[2000 + k][i]) < 1) } }
        let selected = model.connections.filter(\.isSelected).map { [$0.source, $0.target] }
        #expect(selected == [[1, 0], [0, 1], [2, 1], [0, 2], [1, 2]])
        #expect(model.spectrum(at: [1]) == nil)
    }

    /// ẍ₁ = −x₁ − 0.05ẋ₁, ẍ₂ = −1.7x₂ − 0.05ẋ₂ + tanh-like drive of x₁.
    @Test func saturatedDriveIsFound() throws {
        func motion(_ z: [Double]) -> [Double] {
            [z[2], z[3], -z[0] - 0.05 * z[2], -1.7 * z[1] - 0.05 * z[3] + 0.8 * tanh(1.5 * z[0])]
        }
        let paths = (0..<6).map { k in
            Self.path(
                from: [2 * cos(Double(k)), sin(2 * Double(k)), 1.5 * sin(Double(k)), cos(3 * Double(k))], interval: 0.1,
                samples: 200, motion)
        }
        let trajectories = try Self.trajectories(paths, variables: 2, interval: 0.1, noise: 0.003)
        let model = try LibraryModel(trajectories, DynamicsSettings())
        let selected = model.connections.filter(\.isSelected).map { [$0.source, $0.target] }
        #expect(selected == [[0, 1]])
        let place = try #require(model.library.terms.firstIndex(of: .saturation(0)))
        #expect(model.coefficients[1, place] > 0.1)
        let history = trajectories.epochs[0].columns(0..<120)
        let forecast = try model.forecast(after: history, samples: 40)
        for k in 0..<40 { for i in 0..<2 { #expect(abs(forecast[i, k] - paths[0][120 + k][i]) < 0.15) } }
    }

    @Test func librariesHoldEveryProductOnce() {
        let library = FunctionLibrary(variables: 3, degree: 3, hasSaturation: true, hasVelocities: true)
        #expect(Double(library.terms.count) == FunctionLibrary.count(variables: 3, degree: 3) + 6)
        #expect(Set(library.terms.map(\.description)).count == library.terms.count)
        #expect(library.terms[0].description == "1")
        #expect(library.terms.last?.description == "x3'")
        #expect(FunctionLibrary.Term.product([0, 0, 2]).variables == [0, 2])
        let values = library.values(Matrix(rows: 3, columns: 1, elements: [2, 3, 5]))
        let place = library.terms.firstIndex(of: .product([0, 1, 1])) ?? 0
        #expect(values[place, 0] == 18)
        #expect(values.rows == library.terms.count - 3)
    }

    @Test func libraryIsRefusedWhereItIsTooLarge() throws {
        var generator = SeededGenerator(seed: 2)
        let trajectories = try Trajectories(epochs: [generator.normal(rows: 30, columns: 100)], interval: 1)
        var settings = DynamicsSettings()
        settings.degree = 3
        #expect(throws: InvalidTrajectories.self) { try LibraryModel(trajectories, settings) }
    }

    @Test func resamplesAreOfTheSameEpochs() throws {
        var generator = SeededGenerator(seed: 5)
        let epochs = (0..<8).map { _ in generator.normal(rows: 2, columns: 100) }
        let trajectories = try Trajectories(epochs: epochs, interval: 0.1)
        let settings = DynamicsSettings()
        let library = FunctionLibrary(variables: 2, degree: 2, hasSaturation: true, hasVelocities: true)
        let whole = try LibraryProducts(trajectories.epochs([0, 3, 3]), library, settings)
        var sum = LibraryProducts(functions: library.terms.count, variables: 2)
        sum.add(try LibraryProducts(trajectories.epochs([0]), library, settings), times: 1)
        sum.add(try LibraryProducts(trajectories.epochs([3]), library, settings), times: 2)
        #expect(sum.count == whole.count)
        #expect(deviation(sum.gram, whole.gram) < 1e-13)
        #expect(deviation(sum.cross, whole.cross) < 1e-12)
    }
}
