import Glibc
import HDF5
import LinearAlgebra
import TestSupport
import Testing

@testable import Dynamics

@Suite struct NetworkPenaltyTests {
    private static func reference() throws -> HDF5File {
        try HDF5File(Shared.path("reference/dynamics/gates_and_prox.h5"))
    }

    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)))
    func gatesAreTheReferences() throws {
        let file = try Self.reference()
        func values(_ name: String) throws -> [Double] { try file.doubles("hard_concrete/\(name)").elements }
        let (logAlpha, u) = (try values("log_alpha"), try values("u"))
        let (z, slope) = (try values("z"), try values("dz_dlog_alpha"))
        let (test, probability) = (try values("z_test"), try values("probability_nonzero"))
        var sum = 0.0
        for k in u.indices {
            let gate = HardConcrete.gate(u[k], logAlpha: logAlpha[k])
            #expect(abs(gate.value - z[k]) < 1e-13)
            #expect(abs(gate.derivative - slope[k]) < 1e-13)
            #expect(abs(HardConcrete.expected(logAlpha: logAlpha[k]) - test[k]) < 1e-13)
            #expect(abs(HardConcrete.probability(logAlpha: logAlpha[k]) - probability[k]) < 1e-13)
            sum += HardConcrete.probability(logAlpha: logAlpha[k])
        }
        let expected = try #require(try file.double(attribute: "expected_l0", of: "hard_concrete"))
        #expect(abs(sum - expected) < 1e-13 * expected)
    }

    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)))
    func pathSumIsTheReference() throws {
        let file = try Self.reference()
        let shape = NetworkShape(variables: 3, order: 1, hidden: [6, 5])
        // The file's network reads four inputs; ours three: one of first order and four variables gives four outputs.
        let wide = NetworkShape(variables: 4, order: 1, hidden: [6, 5])
        let matrices = try (0..<3).map { try file.matrix("path_sum/M\($0)") }
        let gradients = try (0..<3).map { try file.matrix("path_sum/gradient_M\($0)") }
        #expect(shape.layers.count == matrices.count)
        // A fourth output that nothing reaches adds nothing.
        func entries(_ parts: [HDF5Matrix<Double>]) -> [Double] {
            let last = Matrix(rows: 4, columns: 5) { $0 < 3 ? parts[2].elements[$0 + $1 * 3] : 0 }
            return parts[0].elements + parts[1].elements + last.elements
        }
        let sum = PathSum(wide)
        let expected = try #require(try file.double(attribute: "sum", of: "path_sum"))
        #expect(abs(sum.evaluate(entries(matrices)) - expected) < 1e-13 * expected)
        var found = [Double](repeating: 0, count: wide.weightCount)
        sum.forEachDerivative { _, number, derivative in found[number] = derivative }
        let right = entries(gradients)
        for (number, value) in right.enumerated() where number < 54 || (number - 54) % 4 < 3 {
            #expect(abs(found[number] - value) < 1e-13 * max(1, abs(value)))
        }
        let product = PathSum.product(wide, entries(matrices))
        let reference = try file.doubles("path_sum/product").elements
        for row in 0..<3 {
            for column in 0..<4 { #expect(abs(product[row, column] - reference[row * 4 + column]) < 1e-13 * 4) }
        }
    }

    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)))
    func groupProximalIsTheReference() throws {
        let file = try Self.reference()
        let (w, expected) = (try file.matrix("group_prox/W"), try file.matrix("group_prox/prox").elements)
        let t = try #require(try file.double(attribute: "t", of: "group_prox"))
        var (columns, rows) = (w.elements, Matrix(rows: w.columns, columns: w.rows) { w.elements[$1 + $0 * w.rows] })
        for k in 0..<w.columns {
            GroupProximal.shrink(&columns, (k * w.rows)..<((k + 1) * w.rows), 0..<0, by: t)
        }
        for k in 0..<w.rows {
            GroupProximal.shrink(&rows.elements, (k * w.columns)..<((k + 1) * w.columns), 0..<0, by: t)
        }
        let byColumns = zip(columns, expected).map { abs($0 - $1) }.max() ?? 1
        let byRows = zip(rows.transposed.elements, expected).map { abs($0 - $1) }.max() ?? 1
        #expect(min(byColumns, byRows) < 1e-13)
    }

    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)))
    func hierarchicalProximalIsTheReference() throws {
        let file = try Self.reference()
        let (theta, weights) = (
            try file.matrix("hierarchical_prox/theta"), try file.matrix("hierarchical_prox/W")
        )
        let (thetaRight, weightsRight) = (
            try file.doubles("hierarchical_prox/theta_prox").elements,
            try file.doubles("hierarchical_prox/W_prox").elements
        )
        let bound = try #require(try file.double(attribute: "M", of: "hierarchical_prox"))
        let lambda = try #require(try file.double(attribute: "lam", of: "hierarchical_prox"))
        for feature in 0..<theta.rows {
            var own = (0..<theta.columns).map { theta.elements[feature + $0 * theta.rows] }
            var read = (0..<weights.columns).map { weights.elements[feature + $0 * weights.rows] }
            HierarchicalProximal.shrink(theta: &own, own.count, weights: &read, read.count, by: lambda, bound: bound)
            // Where θ is 0 its direction is free, and the file leaves it 0.
            if (0..<theta.columns).contains(where: { theta.elements[feature + $0 * theta.rows] != 0 }) {
                for k in own.indices { #expect(abs(own[k] - thetaRight[feature * own.count + k]) < 1e-13) }
            }
            for k in read.indices { #expect(abs(read[k] - weightsRight[feature * read.count + k]) < 1e-13) }
        }
    }

    /// In a metric the map is the minimum: no move nearby is better.
    @Test(arguments: [0.1, 1, 3, 30])
    func proximalInAMetricMinimizes(lambda: Double) {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<20 {
            let u = (0..<6).map { _ in random.normal() }
            let scales = (0..<6).map { _ in exp(random.normal()) }
            func objective(_ w: [Double]) -> Double {
                var value = 0.0
                for k in w.indices { value += (w[k] - u[k]) * (w[k] - u[k]) / (2 * scales[k]) }
                return value + lambda * w.reduce(0) { $0 + $1 * $1 }.squareRoot()
            }
            var w = u
            GroupProximal.shrink(&w, 0..<4, 4..<6, by: lambda, scales: scales)
            let best = objective(w)
            #expect(best <= objective([Double](repeating: 0, count: 6)) + 1e-12)
            for _ in 0..<40 {
                let size = exp(-6 * random.uniform())
                #expect(best <= objective(w.map { $0 + size * random.normal() }) + 1e-12)
            }
            // The slope vanishes, or the group does.
            let norm = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm > 0 {
                for k in w.indices { #expect(abs((w[k] - u[k]) / scales[k] + lambda * w[k] / norm) < 1e-9) }
            }
        }
    }

    /// With equal steps the metric changes nothing.
    @Test func proximalInAnEvenMetricIsThePlainOne() {
        var (a, b) = ([1.0, -2, 0.5], [1.0, -2, 0.5])
        GroupProximal.shrink(&a, 0..<3, 0..<0, by: 0.3 * 1.7)
        GroupProximal.shrink(&b, 0..<3, 0..<0, by: 1.7, scales: [0.3, 0.3, 0.3])
        for (x, y) in zip(a, b) { #expect(abs(x - y) < 1e-14) }
    }

    @Test func hierarchicalProximalMinimizes() {
        var random = SeededGenerator(seed: 4)
        let (bound, lambda) = (1.5, 0.6)
        for _ in 0..<30 {
            let theta = (0..<2).map { _ in random.normal() }
            let weights = (0..<5).map { _ in 2 * random.normal() }
            func objective(_ t: [Double], _ w: [Double]) -> Double {
                var value = lambda * hypot(t[0], t[1])
                for (a, b) in zip(t + w, theta + weights) { value += (a - b) * (a - b) / 2 }
                return value
            }
            var (t, w) = (theta, weights)
            HierarchicalProximal.shrink(theta: &t, 2, weights: &w, 5, by: lambda, bound: bound)
            let limit = bound * hypot(t[0], t[1])
            #expect(w.allSatisfy { abs($0) <= limit + 1e-12 })
            let best = objective(t, w)
            for _ in 0..<100 {
                let size = exp(-5 * random.uniform())
                let nearby = t.map { $0 + size * random.normal() }
                let room = bound * hypot(nearby[0], nearby[1])
                // The best weights of those skip weights.
                #expect(best <= objective(nearby, weights.map { max(-room, min(room, $0)) }) + 1e-12)
            }
        }
    }

    @Test func kindsAreNamed() {
        #expect(Set(NetworkPenaltyKind.all.map(\.name)).count == NetworkPenaltyKind.all.count)
        for kind in NetworkPenaltyKind.all {
            #expect(zip(kind.lambdas, kind.lambdas.dropFirst()).allSatisfy { $0 < $1 })
        }
    }
}
