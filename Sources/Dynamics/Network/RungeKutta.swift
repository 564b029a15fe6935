/// An explicit method of Runge and Kutta's kind: k_i = f(z + h Σ_j a_ij k_j), z⁺ = z + h Σ_i b_i k_i.
struct RungeKutta: Sendable, Equatable {
    /// a, row after row: as many numbers as stages before.
    let stages: [[Double]]
    /// b.
    let weights: [Double]
    /// b − b̂ of an embedded method, the last for the slope at z⁺; empty where there is none.
    let errorWeights: [Double]

    /// The classical method of fourth order.
    static let four = RungeKutta(
        stages: [[], [1.0 / 2], [0, 1.0 / 2], [0, 0, 1]], weights: [1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6],
        errorWeights: [])

    /// The pair of fifth and fourth order of Dormand & Prince (1980).
    static let dormandPrince: RungeKutta = {
        let fifth = [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84]
        let fourth = [
            5179.0 / 57600, 0, 7571.0 / 16695, 393.0 / 640, -92097.0 / 339_200, 187.0 / 2100, 1.0 / 40,
        ]
        return RungeKutta(
            stages: [
                [], [1.0 / 5], [3.0 / 40, 9.0 / 40], [44.0 / 45, -56.0 / 15, 32.0 / 9],
                [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
                [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
            ],
            weights: fifth, errorWeights: zip(fifth + [0], fourth).map(-))
    }()
}

/// How the equations are solved between samples.
public enum NetworkSolver: Sendable, Equatable {
    /// Runge and Kutta's method of fourth order, so many steps a sample.
    case fixed(steps: Int)
    /// Dormand and Prince's (1980) of fifth order, steps by the embedded method's error; steps end at the samples. A gradient is
    /// that of the steps taken.
    case adaptive(relative: Double, absolute: Double)
}
