import Glibc

/// A gain whitened, turned to the chosen axes and weighted for depth.
struct WhitenedGain {
    /// Whitened field of each source along each of its axes, weighted: rank × (sources·width).
    private(set) var matrix: Matrix
    /// Factor on each column, by orientation and depth; 0 where no sensor sees the source.
    let columnWeights: [Double]
    /// Unit vectors that the columns of each source stand for; nil for a fixed forward without normals.
    let axes: [[SIMD3<Double>]]?
    /// Columns a source: 1 or 3.
    let width: Int
    /// Sources that no sensor sees.
    let unseenCount: Int

    /// Whitens a gain.
    ///
    /// - Parameters:
    ///   - whitener: rank × channels, in inverse SI units.
    ///   - forward: gain and sources.
    ///   - rows: the row of the gain of each channel.
    ///   - orientation: one that the forward allows.
    ///   - depth: exponent γ, 0 to 1.
    ///   - parallelism: threads; no result depends on them.
    /// - Complexity: O(rank · rows of the gain · columns of the gain); memory of the result.
    init(
        whitener: Matrix, forward: Forward, rows: [Int], orientation: Orientation, depth: Double,
        parallelism: Parallelism
    ) {
        let sources = forward.sources
        let isFree = forward.orientations == 3
        let axes = isFree ? (0..<sources.count).map { orientation.axes(normal: sources.normal($0)) } : nil
        width = isFree && orientation != .fixed ? 3 : 1
        // The whitener spread over all rows of the gain: no copy of the gain is made to pick its rows.
        var spread = Matrix(rows: whitener.rows, columns: forward.stored.rows)
        for (k, row) in rows.enumerated() {
            for i in 0..<spread.rows { spread[i, row] = whitener[i, k] }
        }
        var (matrix, norms) = Self.turned(spread, forward, axes, width, parallelism)
        let priors = Self.depthWeights(norms, exponent: depth)
        var weights = [Double](repeating: 0, count: matrix.columns)
        for j in 0..<sources.count {
            for k in 0..<width {
                weights[j * width + k] = priors[j] * (width == 3 ? axes?[j].factors[k] ?? 1 : 1)
                for i in 0..<matrix.rows { matrix.elements[(j * width + k) * matrix.rows + i] *= priors[j] }
            }
        }
        self.matrix = matrix
        columnWeights = weights
        self.axes = axes.map { $0.map(\.axes) } ?? sources.normals.map { $0.map { [$0] } }
        unseenCount = norms.count { $0 == 0 }
    }

    /// Multiplies the fields by a factor, as noise does that is weaker by it; weights for depth do not depend on that.
    mutating func scale(by factor: Double) {
        guard factor != 1 else { return }
        matrix.elements.withUnsafeMutableBufferPointer { elements in
            for k in elements.indices { elements[k] *= factor }
        }
    }

    /// W·G along the axes of each source, and ‖(WG)_j‖ over all of its directions, whichever are kept.
    private static func turned(
        _ whitener: Matrix, _ forward: Forward, _ axes: [(axes: [SIMD3<Double>], factors: [Double])]?, _ width: Int,
        _ parallelism: Parallelism
    ) -> (matrix: Matrix, norms: [Double]) {
        let (rank, rows, o) = (whitener.rows, forward.stored.rows, forward.orientations)
        var turned = Matrix(rows: rank, columns: forward.sources.count * width)
        var norms = [Double](repeating: 0, count: forward.sources.count)
        let gain = forward.stored
        turned.elements.withUnsafeMutableBufferPointer { turned in
            norms.withUnsafeMutableBufferPointer { norms in
                guard let turned = turned.baseAddress, let norms = norms.baseAddress else { return }
                // Pieces write to columns of their own.
                nonisolated(unsafe) let (x, lengths) = (turned, norms)
                // A piece is small enough for the same memory to serve the next.
                parallelism.forEachPiece(of: forward.sources.count, piece: 48) { _, items in
                    var whitened = [Double](repeating: 0, count: rank * items.count * o)
                    gain.withColumns(items.lowerBound * o..<items.upperBound * o) { columns in
                        BLAS.gemm(
                            false, columns.isTransposed, rank, items.count * o, rows, 1, whitener.elements, rank,
                            columns.first, columns.leadingDimension, 0, &whitened, rank)
                    }
                    whitened.withUnsafeBufferPointer { whitened in
                        guard let first = whitened.baseAddress else { return }
                        for j in items {
                            let (own, target) = (first + (j - items.lowerBound) * o * rank, x + j * width * rank)
                            lengths[j] = BLAS.norm(rank * o, own)
                            guard let axes else {
                                target.update(from: own, count: rank)
                                continue
                            }
                            for (k, (axis, factor)) in zip(axes[j].axes, axes[j].factors).enumerated() {
                                for d in 0..<3 {
                                    BLAS.axpy(rank, factor * axis[d], own + d * rank, target + k * rank)
                                }
                            }
                        }
                    }
                }
            }
        }
        return (turned, norms)
    }

    /// The root of each source's prior variance, ‖(WG)_j‖^(−γ), with the median source at 1; 0 where no sensor sees it.
    static func depthWeights(_ norms: [Double], exponent: Double) -> [Double] {
        let seen = norms.filter { $0 > 0 }.sorted()
        guard !seen.isEmpty else { return norms }
        let median = seen[seen.count / 2]
        return norms.map { $0 > 0 ? pow($0 / median, -exponent) : 0 }
    }
}
