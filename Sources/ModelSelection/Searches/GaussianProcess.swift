import Glibc

/// A Gaussian process with a Matérn 5/2 kernel over the unit cube, fitted to standardized values (Rasmussen & Williams 2006).
///
/// Length scale and noise are those of largest marginal likelihood over a small grid.
struct GaussianProcess {
    private let places: [[Double]]
    private let lengthScale: Double
    private let factor: Cholesky
    private let weights: Matrix
    private let mean: Double
    private let deviation: Double

    /// Fits a process.
    ///
    /// - Parameters:
    ///   - places: points of the unit cube.
    ///   - values: finite.
    /// - Returns: nil without points, or where no kernel matrix is positive definite.
    /// - Complexity: O(m³) for each of some twenty hyperparameters, m points.
    init?(places: [[Double]], values: [Double]) {
        guard let first = values.first else { return nil }
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        let spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        let deviation = spread > 1e-12 * abs(first) && spread > 0 ? spread : 1
        let target = Matrix(rows: values.count, columns: 1, elements: values.map { ($0 - mean) / deviation })
        var best: (likelihood: Double, length: Double, factor: Cholesky, weights: Matrix)?
        for length in [0.05, 0.1, 0.2, 0.4, 0.8, 1.6] {
            for noise in [1e-6, 1e-4, 1e-2] {
                var kernel = Matrix(rows: places.count, columns: places.count) {
                    Self.kernel(places[$0], places[$1], length)
                }
                for i in places.indices { kernel[i, i] += noise }
                guard let factor = try? Cholesky(kernel) else { continue }
                let weights = factor.solve(target)
                let fit = zip(target.elements, weights.elements).reduce(0) { $0 + $1.0 * $1.1 }
                let likelihood = -0.5 * fit - 0.5 * factor.logDeterminant
                if likelihood > best?.likelihood ?? -.infinity { best = (likelihood, length, factor, weights) }
            }
        }
        guard let best else { return nil }
        self.places = places
        self.mean = mean
        self.deviation = deviation
        lengthScale = best.length
        factor = best.factor
        weights = best.weights
    }

    private static func kernel(_ a: [Double], _ b: [Double], _ length: Double) -> Double {
        let distance = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        let r = 5.0.squareRoot() * distance / length
        return (1 + r + r * r / 3) * exp(-r)
    }

    /// How far below `best` the value at a place is expected to be (Jones et al. 1998).
    func expectedImprovement(at place: [Double], below best: Double) -> Double {
        let kernel = Matrix(rows: places.count, columns: 1) { i, _ in Self.kernel(places[i], place, lengthScale) }
        let explained = zip(kernel.elements, weights.elements).reduce(0) { $0 + $1.0 * $1.1 }
        let reduced = zip(kernel.elements, factor.solve(kernel).elements).reduce(0) { $0 + $1.0 * $1.1 }
        let sigma = max(0, 1 - reduced).squareRoot()
        let gain = (best - mean) / deviation - explained
        guard sigma > 1e-9 else { return max(0, gain) * deviation }
        let z = gain / sigma
        let cumulative = 0.5 * erfc(-z / 2.0.squareRoot())
        let density = exp(-0.5 * z * z) / (2 * Double.pi).squareRoot()
        return (gain * cumulative + sigma * density) * deviation
    }
}
