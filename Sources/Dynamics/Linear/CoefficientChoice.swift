import Glibc
import LinearAlgebra

/// Which coefficients of a linear system are not zero, by N ln(rss/N) + k(ln N + 2 ln P): BIC that counts the choice among P
/// coefficients (Chen & Chen 2008).
///
/// Of twenty draws of noise on a system of 6 coefficients among 18 plain BIC found 13 exactly, this criterion all.
struct CoefficientChoice {
    private let paths: PathFit
    private let values: Double
    /// What a coefficient costs.
    private let unit: Double
    /// Below this share of the data squares are rounding.
    private let floor: Double

    /// Criteria are compared to this.
    static let tolerance = 1e-3

    init(_ paths: PathFit, coefficients: Int) {
        self.paths = paths
        values = Double(paths.trajectories.sampleCount * paths.trajectories.variableCount)
        unit = log(values) + 2 * log(Double(coefficients))
        floor = 1e-26 * paths.trajectories.epochs.reduce(0) { $0 + $1.squaredNorm }
    }

    private struct Candidate {
        let criterion: Double
        let point: PathFit.Point
        let support: [Int]
    }

    /// The best choice that dropping coefficients of some systems finds, and from there on keeping one more and dropping others.
    ///
    /// What to keep is tried on the squares to second order, which costs no fit: coefficients that mimic one together leave
    /// it little to gain until they are dropped.
    ///
    /// - Parameter starts: systems whose coefficients other than 0 are to choose from; one can lie in a poor valley.
    /// - Returns: the fit, the positions of its coefficients and their standard errors; nil where none could be fitted.
    func best(from starts: [LinearSystem]) -> (point: PathFit.Point, support: [Int], errors: [Double])? {
        let dropped = starts.compactMap { start in
            let elements = start.coefficients.elements
            return eliminate(from: start, support: elements.indices.filter { elements[$0] != 0 })
        }
        guard var best = dropped.min(by: { $0.criterion < $1.criterion }) else { return nil }
        let all = Array(best.point.system.coefficients.elements.indices)
        for _ in all {
            let coefficients = best.point.system.coefficients
            let tried = exchanged(best, all).compactMap { support in
                var kept = Matrix(rows: coefficients.rows, columns: coefficients.columns)
                for position in support { kept.elements[position] = coefficients.elements[position] }
                return eliminate(from: LinearSystem(coefficients: kept), support: support)
            }
            guard let other = tried.min(by: { $0.criterion < $1.criterion }),
                other.criterion < best.criterion - Self.tolerance
            else { break }
            best = other
        }
        guard let (point, errors) = paths.fit(best.point.system, support: best.support) else { return nil }
        return (point, best.support, errors)
    }

    /// The most promising other supports that keeping one more coefficient gives, three at most.
    private func exchanged(_ choice: Candidate, _ all: [Int]) -> [[Int]] {
        let (gram, cross, squares) = paths.regression(at: choice.point)
        let found = all.filter { !choice.support.contains($0) }.compactMap { added in
            BackwardElimination.best(
                gram: gram, cross: cross, squares: squares, count: Int(values), observations: values,
                start: choice.support + [added], held: [added])
        }
        var supports: [[Int]] = []
        for other in found.sorted(by: { $0.criterion < $1.criterion })
        where other.columns != choice.support.sorted() && !supports.contains(other.columns) {
            supports.append(other.columns)
        }
        return Array(supports.prefix(3))
    }

    /// Drops the coefficient of the smallest ratio to its standard error, one after another, and takes the best of all steps:
    /// where one is poor, later ones can be good.
    private func eliminate(from start: LinearSystem, support all: [Int]) -> Candidate? {
        var (support, system) = (all, start)
        var best: Candidate?
        while let (point, errors) = paths.fit(system, support: support, tolerance: Self.tolerance) {
            let criterion = values * log(max(point.squares, floor) / values) + Double(support.count) * unit
            if criterion < best?.criterion ?? .infinity {
                best = Candidate(criterion: criterion, point: point, support: support)
            }
            // No later one is good where this much was lost.
            if let best, criterion > best.criterion + 10 * unit { break }
            let ratios = zip(support, errors).map { abs(point.system.coefficients.elements[$0]) / $1 }
            guard let weakest = ratios.indices.min(by: { ratios[$0] < ratios[$1] }) else { break }
            var coefficients = point.system.coefficients
            coefficients.elements[support[weakest]] = 0
            support.remove(at: weakest)
            system = LinearSystem(coefficients: coefficients)
        }
        return best
    }
}
