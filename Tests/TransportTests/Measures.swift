import Glibc
import LinearAlgebra
import Testing

@testable import Transport

/// Two random measures on points, and what tests ask of their transport.
struct Measures {
    let problem: TransportProblem
    let costs: Matrix

    /// - Parameter masses: sums of the source's and the target's.
    init(_ n: Int, _ m: Int, seed: UInt64, masses: (Double, Double) = (1, 1)) throws {
        var generator = SeededGenerator(seed: seed)
        let (x, y) = (
            Matrix(rows: n, columns: 3) { _, _ in generator.uniform() },
            Matrix(rows: m, columns: 3) { _, _ in generator.uniform() + 0.2 }
        )
        func mass(_ count: Int, _ sum: Double) -> [Double] {
            let values = (0..<count).map { _ in 0.05 + generator.uniform() }
            let total = values.reduce(0, +)
            return values.map { $0 * sum / total }
        }
        costs = squaredDistances(x, y)
        problem = try TransportProblem(
            source: mass(n, masses.0), target: mass(m, masses.1), cost: .squaredDistance(x, y))
    }
}

func squaredDistances(_ x: Matrix, _ y: Matrix) -> Matrix {
    Matrix(rows: x.rows, columns: y.rows) { i, j in
        (0..<x.columns).reduce(0) { $0 + (x[i, $1] - y[j, $1]) * (x[i, $1] - y[j, $1]) }
    }
}

/// Σ p log(p/q) − p + q.
func divergence(_ p: [Double], _ q: [Double]) -> Double {
    zip(p, q).reduce(0) { sum, pair in
        let (p, q) = pair
        return sum + (p > 0 ? p * log(p / q) : 0) - p + q
    }
}

func rowSums(_ plan: Matrix) -> [Double] { (0..<plan.rows).map { plan.row($0).reduce(0, +) } }

func columnSums(_ plan: Matrix) -> [Double] { (0..<plan.columns).map { plan.column($0).reduce(0, +) } }

/// What entropic transport minimizes, by its definition.
func objective(_ plan: Matrix, _ problem: TransportProblem, _ costs: Matrix, _ settings: TransportSettings) -> Double {
    let product = Matrix(rows: plan.rows, columns: plan.columns) { problem.source[$0] * problem.target[$1] }
    var value = zip(plan.elements, costs.elements).reduce(0) { $0 + $1.0 * $1.1 }
    value += settings.epsilon * divergence(plan.elements, product.elements)
    if settings.marginalPenalty < .infinity {
        value += settings.marginalPenalty * divergence(rowSums(plan), problem.source)
        value += settings.marginalPenalty * divergence(columnSums(plan), problem.target)
    }
    return value
}
