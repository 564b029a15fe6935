import Glibc

/// Wald's test of one effect: estimate over standard error, against the normal distribution.
struct WaldTest {
    let statistic: Double
    /// Two-sided.
    let p: Double

    init(_ estimate: Double, error: Double) {
        statistic = estimate / error
        p = erfc(abs(statistic) / 2.0.squareRoot())
    }

    /// p values of which the smallest below a level may be taken together (Holm 1979).
    static func holm(_ p: [Double]) -> [Double] {
        var adjusted = p
        var largest = 0.0
        for (rank, place) in p.indices.sorted(by: { (p[$0], $0) < (p[$1], $1) }).enumerated() {
            largest = max(largest, min(1, Double(p.count - rank) * p[place]))
            adjusted[place] = largest
        }
        return adjusted
    }

    /// How many standard errors either side of an estimate an interval reaches, by bisection of the error function.
    static func quantile(confidence: Double) -> Double {
        var (low, high) = (0.0, 40.0)
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if erf(middle / 2.0.squareRoot()) < confidence { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
