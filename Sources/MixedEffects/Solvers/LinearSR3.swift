import LinearAlgebra

/// Linear regression with a penalty, min ½‖y − Xβ‖² + Σ_j φ(|β_j|), and its sparse relaxed form
/// min over β and w of ½‖y − Xβ‖² + ½η‖β − w‖² + Σ_j φ(|w_j|) (SR3; Zheng & Aravkin 2020).
///
/// In the relaxed form β is eliminated: w ← prox(x(w)) with x(w) = (XᵀX + ηI)⁻¹(Xᵀy + ηw), one solve with a matrix factored
/// once. Both forms are solved with momentum that begins anew where it leads uphill.
public struct LinearSR3: Sendable {
    /// XᵀX: p × p.
    private let gram: Matrix
    /// Xᵀy.
    private let products: [Double]
    /// ‖y‖².
    private let squares: Double
    /// The largest eigenvalue of XᵀX.
    private let curvature: Double

    /// What makes a problem impossible to pose.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// X and y have different numbers of rows, or none.
        case rows(design: Int, response: Int)
        /// A number is not finite, or its square overflows.
        case notFinite
        /// There are not as many weights as columns, or one is negative or not finite.
        case weights
        /// η is not positive.
        case strength(Double)

        /// One line in plain English.
        public var description: String {
            switch self {
            case .rows(let design, let response):
                "the design has \(design) rows and the response \(response); expected as many, and one at least"
            case .notFinite: "design or response hold numbers that are not finite, or so large that squares overflow"
            case .weights: "the weights are not one finite number a column, 0 or more"
            case .strength(let value): "the strength η is \(value); expected a positive number"
            }
        }
    }

    /// What was found.
    public struct Solution: Sendable, Equatable {
        /// β: p values.
        public let coefficients: [Double]
        /// w; β itself where nothing is relaxed.
        public let selected: [Double]
        /// What was minimized.
        public let objective: Double
        /// Proximal steps.
        public let iterations: Int
        /// The largest slope of the objective along a single coefficient.
        public let residual: Double
        /// Whether the tolerance was reached.
        public let isConverged: Bool
    }

    /// - Parameters:
    ///   - design: X, N × p.
    ///   - response: y, N values.
    /// - Throws: ``Invalid``.
    /// - Complexity: O(Np² + p³).
    public init(design: Matrix, response: [Double]) throws(Invalid) {
        guard design.rows == response.count, design.rows > 0, design.columns > 0 else {
            throw .rows(design: design.rows, response: response.count)
        }
        let y = Matrix(rows: response.count, columns: 1, elements: response)
        gram = Matrix.product(design, transposed: true, design)
        products = Matrix.product(design, transposed: true, y).elements
        squares = y.squaredNorm
        guard squares.isFinite, let values = try? SymmetricEigen.values(of: gram), products.allSatisfy(\.isFinite)
        else {
            throw .notFinite
        }
        curvature = max(values.last ?? 0, 0)
    }

    /// Proximal gradient descent without relaxation, steps of one over the largest eigenvalue of XᵀX.
    ///
    /// - Parameters:
    ///   - penalty: φ.
    ///   - weights: one a column; nil: all one.
    ///   - start: p values; nil: zero.
    ///   - tolerance: the residual to stop at.
    /// - Throws: ``Invalid``.
    /// - Complexity: O(p²) a step.
    public func solve(
        _ penalty: some EffectPenalty, weights: [Double]? = nil, from start: [Double]? = nil,
        tolerance: Double = 1e-8, iterationLimit: Int = 100_000
    ) throws(Invalid) -> Solution {
        let weights = try checked(weights, start)
        let step = 1 / max(curvature, 1e-300)
        let found = descend(penalty, weights, from: start, step, iterationLimit) { x, gradient in
            multiply(x, into: &gradient)
            for j in gradient.indices { gradient[j] -= products[j] }
        } isDone: { x, gradient in
            violation(x, gradient, penalty, weights) <= tolerance
        }
        let residual = violation(found.x, found.gradient, penalty, weights)
        return Solution(
            coefficients: found.x, selected: found.x, objective: loss(found.x) + value(found.x, penalty, weights),
            iterations: found.iterations, residual: residual, isConverged: residual <= tolerance)
    }

    /// The relaxed form, by steps of length 1/η on w.
    ///
    /// - Parameters: as ``solve(_:weights:from:tolerance:iterationLimit:)``, and
    ///   - strength: η > 0.
    /// - Throws: ``Invalid``.
    /// - Complexity: O(p³) once, O(p²) a step.
    public func solveRelaxed(
        _ penalty: some EffectPenalty, strength: Double, weights: [Double]? = nil, from start: [Double]? = nil,
        tolerance: Double = 1e-8, iterationLimit: Int = 100_000
    ) throws(Invalid) -> Solution {
        let weights = try checked(weights, start)
        guard strength.isFinite, strength > 0 else { throw .strength(strength) }
        let p = products.count
        var system = gram
        for j in 0..<p { system[j, j] += strength }
        guard let factor = try? Cholesky(system) else { throw .notFinite }
        func minimizer(_ w: [Double]) -> [Double] {
            factor.solve(Matrix(rows: p, columns: 1) { j, _ in products[j] + strength * w[j] }).elements
        }
        // ∇v(w) = η(w − x(w)).
        let found = descend(penalty, weights, from: start, 1 / strength, iterationLimit) { w, gradient in
            let x = minimizer(w)
            for j in 0..<p { gradient[j] = strength * (w[j] - x[j]) }
        } isDone: { w, gradient in
            violation(w, gradient, penalty, weights) <= tolerance
        }
        let x = minimizer(found.x)
        let distance = zip(x, found.x).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let residual = violation(found.x, found.gradient, penalty, weights)
        return Solution(
            coefficients: x, selected: found.x,
            objective: loss(x) + 0.5 * strength * distance + value(found.x, penalty, weights),
            iterations: found.iterations, residual: residual, isConverged: residual <= tolerance)
    }

    private func checked(_ weights: [Double]?, _ start: [Double]?) throws(Invalid) -> [Double] {
        let p = products.count
        let weights = weights ?? [Double](repeating: 1, count: p)
        guard weights.count == p, weights.allSatisfy({ $0 >= 0 && $0.isFinite }) else { throw .weights }
        guard start.map({ $0.count == p && $0.allSatisfy(\.isFinite) }) ?? true else { throw .notFinite }
        return weights
    }

    /// Accelerated proximal descent with restarts (O'Donoghue & Candès 2015).
    private func descend(
        _ penalty: some EffectPenalty, _ weights: [Double], from start: [Double]?, _ step: Double, _ limit: Int,
        gradient: ([Double], inout [Double]) -> Void, isDone: ([Double], [Double]) -> Bool
    ) -> (x: [Double], gradient: [Double], iterations: Int) {
        let p = products.count
        var x = start ?? [Double](repeating: 0, count: p)
        var (point, next, slope) = (x, x, x)
        var momentum = 1.0
        gradient(x, &slope)
        var iterations = 0
        while !isDone(x, slope), iterations < limit {
            iterations += 1
            // At x the gradient is known; momentum moves the point off it.
            if point != x { gradient(point, &slope) }
            for j in 0..<p { next[j] = abs(point[j] - step * slope[j]) }
            next.withUnsafeMutableBufferPointer { next in
                weights.withUnsafeBufferPointer { penalty.shrink(next, weights: $0, step: step, of: .fixed) }
            }
            var ascent = 0.0
            for j in 0..<p {
                if point[j] - step * slope[j] < 0 { next[j] = 0 - next[j] }
                ascent += (point[j] - next[j]) * (next[j] - x[j])
            }
            let longer = ascent > 0 ? 1 : 0.5 * (1 + (1 + 4 * momentum * momentum).squareRoot())
            let share = ascent > 0 ? 0 : (momentum - 1) / longer
            for j in 0..<p { point[j] = next[j] + share * (next[j] - x[j]) }
            momentum = longer
            swap(&x, &next)
            gradient(x, &slope)
        }
        return (x, slope, iterations)
    }

    /// XᵀX·x.
    private func multiply(_ x: [Double], into y: inout [Double]) {
        BLAS.gemv(false, x.count, x.count, 1, gram.elements, x.count, x, 0, &y)
    }

    private func loss(_ x: [Double]) -> Double {
        var image = x
        multiply(x, into: &image)
        return zip(x, zip(image, products)).reduce(0.5 * squares) { $0 + $1.0 * (0.5 * $1.1.0 - $1.1.1) }
    }

    private func value(_ x: [Double], _ penalty: some EffectPenalty, _ weights: [Double]) -> Double {
        zip(x, weights).reduce(0) { $0 + penalty.value(abs($1.0), weight: $1.1) }
    }

    private func violation(
        _ x: [Double], _ gradient: [Double], _ penalty: some EffectPenalty, _ weights: [Double]
    ) -> Double {
        var largest = 0.0
        for j in x.indices {
            let slope = penalty.derivatives(abs(x[j]), weight: weights[j]).first
            largest = max(
                largest, x[j] == 0 ? abs(gradient[j]) - slope : abs(gradient[j] + (x[j] > 0 ? slope : -slope)))
        }
        return largest
    }
}
