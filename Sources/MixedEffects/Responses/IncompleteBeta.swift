import Glibc

/// The regularized incomplete beta function by its continued fraction (Press et al. 2007, 6.4), to some 1e-14.
enum IncompleteBeta {
    /// I_x(a, b); `rest` is 1 − x, without its rounding.
    static func regularized(_ a: Double, _ b: Double, x: Double, rest: Double) -> Double {
        guard x > 0 else { return 0 }
        guard rest > 0 else { return 1 }
        let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest))
        return x < (a + 1) / (a + b + 2)
            ? front * fraction(a, b, x) / a : 1 - front * fraction(b, a, rest) / b
    }

    /// Lentz's evaluation of the continued fraction.
    private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        func nonzero(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / nonzero(1 - (a + b) * x / (a + 1))
        var result = d
        for k in 1...10_000 {
            let m = Double(k)
            for numerator in [
                m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
            ] {
                d = 1 / nonzero(1 + numerator * d)
                c = nonzero(1 + numerator / c)
                result *= c * d
            }
            if abs(c * d - 1) < 1e-16 { break }
        }
        return result
    }
}
