import LinearAlgebra

/// A system of Newton's step, in whatever precision.
protocol NewtonSystem: AnyObject {
    /// The sources' potentials at which it was made.
    var potential: [Double] { get }
    /// Elements of the plan that it keeps.
    var stored: Int { get }
    /// Products with the matrix so far.
    var products: Int { get }
    /// Solves for the step, to a residual of `accuracy` times the first.
    func direction(_ gradient: [Double], accuracy: Double, _ parallelism: Parallelism) -> [Double]
}

/// Newton's step of the semi-dual: −H = D₁ − P D₂⁻¹ Pᵀ, with D₁ and D₂ the marginals of the plan P (and what relaxed
/// marginals add), P without the tiles that hold next to nothing.
///
/// This is the Hessian [D₁, P; Pᵀ, D₂] of the dual with the targets' potentials eliminated (Brauer et al. 2017), sparsified as
/// by Tang et al. 2024. D₁ and D₂ keep what P lost: the matrix stays positive semidefinite (Tang & Qiu 2024).
final class SparseNewton<Number: PanelNumber>: NewtonSystem {
    private let plan: PanelMatrix<Number>
    private let rowDiagonal: [Double]
    private let columnInverse: [Number]
    let potential: [Double]
    private(set) var products = 0

    var stored: Int { plan.stored }

    /// - Parameters:
    ///   - dual: at its latest evaluation.
    ///   - threshold: a tile is left out where it holds less of the mass of its rows, and of its columns, than this over the
    ///     number of tiles there.
    init(_ dual: SemiDual, at evaluation: SemiDual.Evaluation, threshold: Double) {
        let relaxation = dual.penalty.isInfinite ? 0 : 1 / dual.penalty
        let (rowFactor, columnFactor) = (dual.rowFactor, dual.columnFactor)
        let (rowMass, columnMass) = (dual.rowMass, dual.columnMass)
        potential = evaluation.potential
        rowDiagonal = rowMass.indices.map { i in
            rowMass[i] + (evaluation.gradient[i] + rowMass[i]) * relaxation
        }
        columnInverse = columnMass.map { $0 > 0 ? Number(1 / ($0 * (1 + relaxation))) : 0 }
        let kernel = dual.kernel
        let tile = PanelMatrix<Double>.tile
        func sums(_ values: [Double]) -> [Double] {
            stride(from: 0, to: values.count, by: tile).map { start in
                values[start..<min(values.count, start + tile)].reduce(0, +)
            }
        }
        let (rowShares, columnShares) = (sums(rowMass), sums(columnMass))
        let tiles = Double(rowShares.count)
        let panels = Double(columnShares.count)
        plan = PanelMatrix(
            rows: kernel.rows, columns: kernel.columns, parallelism: dual.settings.parallelism,
            keep: { number in
                let panel = kernel.panels[number]
                return Self.masses(panel, rowFactor, columnFactor).compactMap { tile, mass in
                    mass > threshold * min(rowShares[tile] / panels, columnShares[number] / tiles) ? tile : nil
                }
            },
            fill: { number, range, values, stride in
                let panel = kernel.panels[number]
                // The kernel's rows before the range.
                var start = 0
                for run in panel.runs {
                    if run.contains(range.lowerBound) {
                        start += range.lowerBound - run.lowerBound
                        break
                    }
                    start += run.count
                }
                rowFactor.withUnsafeBufferPointer { rows in
                    for (k, column) in panel.columns.enumerated() {
                        let (from, to) = (panel.values + k * panel.rows + start, values + k * stride)
                        let factor = columnFactor[column]
                        for i in 0..<range.count {
                            to[i] = Number(rows[range.lowerBound + i] * from[i] * factor)
                        }
                    }
                }
            })
    }

    /// The mass of the plan in each tile of a panel.
    private static func masses(
        _ panel: PanelMatrix<Double>.Panel, _ rowFactor: [Double], _ columnFactor: [Double]
    ) -> [(tile: Int, mass: Double)] {
        guard panel.rows > 0 else { return [] }
        let tile = PanelMatrix<Double>.tile
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: panel.rows) { buffer in
            columnFactor.withUnsafeBufferPointer { factors in
                guard let sums = buffer.baseAddress, let factors = factors.baseAddress else { return [] }
                BLAS.gemv(
                    false, panel.rows, panel.columns.count, 1, panel.values, panel.rows,
                    factors + panel.columns.lowerBound, 0, sums)
                var result: [(Int, Double)] = []
                var start = 0
                for run in panel.runs {
                    for first in stride(from: run.lowerBound, to: run.upperBound, by: tile) {
                        var mass = 0.0
                        for i in first..<min(run.upperBound, first + tile) {
                            mass += rowFactor[i] * sums[start + i - run.lowerBound]
                        }
                        result.append((first / tile, mass))
                    }
                    start += run.count
                }
                return result
            }
        }
    }

    /// Solves −H·d = gradient by conjugate gradients with D₁ as preconditioner.
    func direction(_ gradient: [Double], accuracy: Double, _ parallelism: Parallelism) -> [Double] {
        var (single, sums) = (
            [Number](repeating: 0, count: gradient.count), [Number](repeating: 0, count: gradient.count)
        )
        return NewtonSteps.solve(gradient, diagonal: rowDiagonal, accuracy: accuracy) { step, product in
            multiply(step, &single, &sums, into: &product, parallelism)
        }
    }

    /// product ← (D₁ − P D₂⁻¹ Pᵀ)·x.
    private func multiply(
        _ x: [Double], _ single: inout [Number], _ sums: inout [Number], into product: inout [Double],
        _ parallelism: Parallelism
    ) {
        products += 1
        for i in x.indices { single[i] = Number(x[i]) }
        let inverse = columnInverse
        single.withUnsafeBufferPointer { values in
            sums.withUnsafeMutableBufferPointer { sums in
                guard let values = values.baseAddress, let sums = sums.baseAddress else { return }
                plan.sweep(values, into: sums, parallelism) { columns, values in
                    for (k, j) in columns.enumerated() { values[k] *= inverse[j] }
                }
            }
        }
        for i in x.indices { product[i] = rowDiagonal[i] * x[i] - Double(sums[i]) }
    }
}
