import Glibc
import LinearAlgebra

/// Entropic transport at one ε and one resolution, as a concave function of the sources' potentials alone: those of the
/// targets are the best for them (Cuturi & Peyré 2018). Potentials here are in units of ε.
///
/// With φ the sources' and ψ the targets' potentials the plan is P_ij = a_i b_j exp(φ_i + ψ_j − c_ij/ε). The kernel holds it
/// for potentials of some moment ("absorbed", Schmitzer 2019) without tiles that cannot matter; from there on only factors
/// of rows and columns change.
final class SemiDual: @unchecked Sendable {
    /// What is known at some potentials.
    struct Evaluation: DualPoint {
        /// Of the sources.
        var potential: [Double]
        /// The dual objective over ε, without the constant.
        var value: Double
        /// What the relaxed marginals of the sources should be less what they are: the gradient.
        var gradient: [Double]
        /// Σ |gradient| + what targets out of reach miss, over the mass of the sources.
        var error: Double
        /// Mass of targets that the kernel does not reach, over the mass of the sources.
        var starved: Double
    }

    let level: Level
    let epsilon: Double
    /// ρ/ε.
    let penalty: Double
    let settings: TransportSettings
    let mass: Double
    private(set) var kernel: PanelMatrix<Double>
    /// Potentials that the kernel holds.
    private var absorbed: (source: [Double], target: [Double])
    /// No element that the kernel left out is larger at the absorbed potentials.
    private let leftOut: Double
    /// At the latest evaluation: potentials of targets; factors of rows and columns; marginals.
    private(set) var targetPotential: [Double]
    private(set) var rowFactor: [Double]
    private(set) var columnFactor: [Double]
    private(set) var rowMass: [Double]
    private(set) var columnMass: [Double]
    private(set) var sweeps = 0

    /// - Parameter tolerance: error up to which the potentials will be improved.
    init(
        _ level: Level, epsilon: Double, settings: TransportSettings, tolerance: Double, source: [Double],
        target: [Double]
    ) {
        let (n, m) = (level.sourceMass.count, level.targetMass.count)
        self.level = level
        self.epsilon = epsilon
        penalty = settings.marginalPenalty / epsilon
        self.settings = settings
        mass = level.sourceMass.reduce(0, +)
        leftOut = 1e-4 * tolerance * mass / (Double(n) * Double(m))
        absorbed = (source, target)
        targetPotential = target
        rowFactor = [Double](repeating: 1, count: n)
        columnFactor = [Double](repeating: 1, count: m)
        (rowMass, columnMass) = (rowFactor, columnFactor)
        kernel = Self.kernel(level, epsilon, absorbed, leftOut, settings.parallelism)
    }

    /// Makes the kernel anew at these potentials.
    func absorb(source: [Double], target: [Double]) {
        absorbed = (source, target)
        kernel = Self.kernel(level, epsilon, absorbed, leftOut, settings.parallelism)
    }

    private static func kernel(
        _ level: Level, _ epsilon: Double, _ potentials: (source: [Double], target: [Double]), _ leftOut: Double,
        _ parallelism: Parallelism
    ) -> PanelMatrix<Double> {
        let rows = zip(level.sourceMass, potentials.source).map { log($0) + $1 }
        let columns = zip(level.targetMass, potentials.target).map { log($0) + $1 }
        let tile = PanelMatrix<Double>.tile
        func largest(_ values: [Double]) -> [Double] {
            stride(from: 0, to: values.count, by: tile).map { start in
                values[start..<min(values.count, start + tile)].reduce(-.infinity) { max($0, $1) }
            }
        }
        let (rowBounds, columnBounds) = (largest(rows), largest(columns))
        let (limit, inverse) = (log(leftOut), 1 / epsilon)
        let geometry = level.geometry
        return PanelMatrix(
            rows: rows.count, columns: columns.count, parallelism: parallelism,
            keep: { panel in
                rowBounds.indices.filter { tile in
                    let potential = rowBounds[tile] + columnBounds[panel]
                    return potential > limit && potential - geometry.leastCost(tile, panel) * inverse > limit
                }
            },
            fill: { panel, range, values, stride in
                let first = panel * tile
                rows.withUnsafeBufferPointer { rows in
                    for column in first..<min(columns.count, first + tile) {
                        let place = values + (column - first) * stride
                        geometry.costs(range, column, into: place)
                        let potential = columns[column]
                        for i in 0..<range.count {
                            place[i] = rows[range.lowerBound + i] + (potential - place[i] * inverse)
                        }
                        Exponential.replace(place, range.count)
                    }
                }
            })
    }

    /// Evaluates at some potentials of the sources. Allocates nothing in the sweep.
    func evaluate(_ potential: [Double]) -> Evaluation {
        sweeps += 1
        for i in potential.indices { rowFactor[i] = exp(potential[i] - absorbed.source[i]) }
        let share = penalty.isInfinite ? 1 : penalty / (1 + penalty)
        let relaxation = penalty.isInfinite ? 0 : 1 / penalty
        let (masses, held) = (level.targetMass, absorbed.target)
        columnFactor.withUnsafeMutableBufferPointer { factors in
            columnMass.withUnsafeMutableBufferPointer { marginals in
                nonisolated(unsafe) let (factors, marginals) = (factors, marginals)
                rowMass.withUnsafeMutableBufferPointer { sums in
                    rowFactor.withUnsafeBufferPointer { rows in
                        guard let rows = rows.baseAddress, let sums = sums.baseAddress else { return }
                        kernel.sweep(rows, into: sums, settings.parallelism) { columns, values in
                            for (k, j) in columns.enumerated() {
                                let sum = values[k]
                                let factor =
                                    sum > 0 && sum.isFinite
                                    ? exp(share * (log(masses[j]) - held[j] * relaxation - log(sum))) : 1
                                factors[j] = factor
                                marginals[j] = sum * factor
                                values[k] = factor
                            }
                        }
                    }
                }
            }
        }
        return assembled(potential, relaxation)
    }

    private func assembled(_ potential: [Double], _ relaxation: Double) -> Evaluation {
        var result = Evaluation(
            potential: potential, value: 0, gradient: [Double](repeating: 0, count: potential.count), error: 0,
            starved: 0)
        var (value, error, starved) = (0.0, 0.0, 0.0)
        for i in potential.indices {
            rowMass[i] *= rowFactor[i]
            let relaxed = level.sourceMass[i] * exp(-potential[i] * relaxation)
            let gap = relaxed - rowMass[i]
            result.gradient[i] = gap
            error += abs(gap)
            value += relaxation == 0 ? level.sourceMass[i] * potential[i] : penalty * (level.sourceMass[i] - relaxed)
            value -= rowMass[i]
        }
        for j in columnMass.indices {
            targetPotential[j] = absorbed.target[j] + log(columnFactor[j])
            let relaxed = level.targetMass[j] * exp(-targetPotential[j] * relaxation)
            value +=
                relaxation == 0
                ? level.targetMass[j] * targetPotential[j] : penalty * (level.targetMass[j] - relaxed)
            if !(columnMass[j] > 0) { starved += relaxed }
        }
        result.value = value
        result.starved = starved / mass
        result.error = (error + starved) / mass
        return result
    }

    /// The Sinkhorn step from an evaluation, the latest: the sources' potentials that are best for those of the targets.
    func sinkhorn(_ evaluation: Evaluation) -> [Double] {
        let share = penalty.isInfinite ? 1 : penalty / (1 + penalty)
        let relaxation = penalty.isInfinite ? 0 : 1 / penalty
        return evaluation.potential.indices.map { i in
            let (old, sum) = (evaluation.potential[i], rowMass[i])
            guard sum > 0, sum.isFinite else { return old }
            return old + share * (log(level.sourceMass[i]) - old * relaxation - log(sum))
        }
    }

    /// No more mass than this, over that of the sources, was left out of the kernel at the latest evaluation.
    var neglected: Double {
        guard kernel.stored < kernel.rows * kernel.columns else { return 0 }
        let factor = (rowFactor.max() ?? 1) * (columnFactor.max() ?? 1)
        return factor * leftOut * Double(kernel.rows) * Double(kernel.columns) / mass
    }

    /// Whether factors of rows or columns are so large or small that the kernel should be made anew.
    var isStretched: Bool {
        let limit = 1e12
        return !rowFactor.allSatisfy { $0 < limit && $0 > 1 / limit }
            || !columnFactor.allSatisfy { $0 < limit && $0 > 1 / limit }
    }
}

extension Level {
    /// Potentials of sources that are best for given ones of the targets: φ_i = −κ/(1+κ) log Σ_j b_j exp(ψ_j − c_ij/ε), κ = ρ/ε.
    ///
    /// - Parameters:
    ///   - geometry: costs between other places, n of them, and those that have the potentials.
    ///   - mass: of those that have the potentials.
    ///   - potential: theirs, in units of ε.
    /// - Complexity: O(n·m) exponentials.
    static func softTransform(
        _ geometry: Geometry, count: Int, mass: [Double], potential: [Double], epsilon: Double, penalty: Double,
        parallelism: Parallelism
    ) -> [Double] {
        let share = penalty.isInfinite ? 1 : penalty / (1 + penalty)
        let reversed = geometry.reversed
        let weights = zip(mass, potential).map { log($0) + $1 }
        var result = [Double](repeating: 0, count: count)
        result.withUnsafeMutableBufferPointer { result in
            nonisolated(unsafe) let result = result
            let threads = count * mass.count > 20_000 ? parallelism : .serial
            threads.forEachPiece(of: count, piece: 64) { _, items in
                withUnsafeTemporaryAllocation(of: Double.self, capacity: mass.count) { buffer in
                    guard let exponents = buffer.baseAddress else { return }
                    for i in items {
                        reversed.costs(0..<mass.count, i, into: exponents)
                        var largest = -Double.infinity
                        for j in 0..<mass.count {
                            exponents[j] = weights[j] - exponents[j] / epsilon
                            largest = max(largest, exponents[j])
                        }
                        for j in 0..<mass.count { exponents[j] -= largest }
                        Exponential.replace(exponents, mass.count)
                        var sum = 0.0
                        for j in 0..<mass.count { sum += exponents[j] }
                        result[i] = -share * (largest + log(sum))
                    }
                }
            }
        }
        return result
    }
}
