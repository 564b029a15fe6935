/// What is known of a concave dual objective at some potentials.
protocol DualPoint {
    /// In units of ε.
    var potential: [Double] { get }
    /// The objective over ε, without constants.
    var value: Double { get }
    /// By the potentials.
    var gradient: [Double] { get }
    /// What marginals miss, over the mass.
    var error: Double { get }
}

/// What Newton steps on a dual objective share: how exact, how to solve, how far to go.
enum NewtonSteps {
    /// The residual, over the first, to which a step's system is solved: no more exact than the step's own error of second
    /// order, nor than the end needs.
    static func accuracy(_ error: Double, to tolerance: Double) -> Double {
        max(min(0.1, error.squareRoot()), min(0.1, 0.2 * tolerance / error))
    }

    /// Solves A·x = b by conjugate gradients with a diagonal as preconditioner.
    ///
    /// - Parameters:
    ///   - accuracy: of the residual in the norm of the preconditioner, over the first.
    ///   - diagonal: where it is not positive, x stays zero.
    ///   - multiply: writes A times the first into the second.
    static func solve(
        _ b: [Double], diagonal: [Double], accuracy: Double, multiply: ([Double], inout [Double]) -> Void
    ) -> [Double] {
        let n = b.count
        let inverse = diagonal.map { $0 > 0 ? 1 / $0 : 0 }
        var (solution, residual) = ([Double](repeating: 0, count: n), b)
        var step = (0..<n).map { residual[$0] * inverse[$0] }
        var product = [Double](repeating: 0, count: n)
        var decrease = (0..<n).reduce(0) { $0 + residual[$1] * step[$1] }
        let goal = accuracy * accuracy * decrease
        for _ in 0..<min(500, 2 * n + 10) where decrease > goal {
            multiply(step, &product)
            let curvature = (0..<n).reduce(0) { $0 + step[$1] * product[$1] }
            guard curvature > 0, curvature.isFinite else { break }
            let length = decrease / curvature
            var next = 0.0
            for i in 0..<n {
                solution[i] += length * step[i]
                residual[i] -= length * product[i]
                next += residual[i] * residual[i] * inverse[i]
            }
            guard next.isFinite else { break }
            let ratio = next / decrease
            for i in 0..<n { step[i] = residual[i] * inverse[i] + ratio * step[i] }
            decrease = next
        }
        return solution
    }

    /// Goes along a direction as far as the objective climbs; nil where it does not.
    ///
    /// - Parameter mass: of the problem: the scale of what rounding does to the objective.
    /// - Returns: where it ends, and how much of the direction was taken.
    static func climb<Point: DualPoint>(
        from at: Point, along direction: [Double], mass: Double, _ evaluate: ([Double]) -> Point
    ) -> (point: Point, length: Double)? {
        let slope = zip(direction, at.gradient).reduce(0) { $0 + $1.0 * $1.1 }
        let longest = direction.reduce(0) { max($0, abs($1)) }
        guard slope > 0, longest.isFinite else { return nil }
        // Beyond some tens factors of rows overflow.
        var length = min(1, 20 / longest)
        // Where differences of the objective drown in rounding its slope still tells (Hager & Zhang 2005).
        let rounding = 1e-13 * (abs(at.value) + mass)
        for _ in 0..<5 {
            let next = evaluate(zip(at.potential, direction).map { $0 + length * $1 })
            let slopeThere = zip(direction, next.gradient).reduce(0) { $0 + $1.0 * $1.1 }
            if next.value >= at.value + 1e-4 * length * slope
                || (next.value >= at.value - rounding && abs(slopeThere) <= 0.9 * slope)
            {
                return (next, length)
            }
            length *= 0.25
        }
        return nil
    }
}
