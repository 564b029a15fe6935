/// Where a source may be: the candidates that hold it with a given probability, and the ellipsoid around them.
public struct SourceRegion: Sendable, Equatable {
    /// A candidate of a region: its index in the forward model, its position, m, and its weight, not negative: how likely
    /// the source is there.
    public typealias Member = (index: Int, position: SIMD3<Double>, weight: Double)

    /// Probability that the source is in the region.
    public let level: Double
    /// The candidates in it: indices in the forward model, from 0, ascending.
    public let vertices: [Int]
    /// Centre of the ellipsoid, m, in the frame of the estimate.
    public let centre: SIMD3<Double>
    /// The three half-axes of the ellipsoid as vectors, m, perpendicular to each other, the longest first. It holds the
    /// points `centre` + Σ u_k · `axes[k]` with Σ u_k² ≤ 1.
    public let axes: [SIMD3<Double>]
    /// Volume of the cells of all candidates in it, m³: not that of the ellipsoid, which may be half empty.
    public let volume: Double

    /// A region as a file gives it; that there are three axes is all that is checked.
    public init(
        level: Double = 0.95, vertices: [Int], centre: SIMD3<Double>, axes: [SIMD3<Double>], volume: Double
    ) {
        precondition(axes.count == 3, "an ellipsoid has three half-axes, not \(axes.count)")
        self.level = level
        self.vertices = vertices
        self.centre = centre
        self.axes = axes
        self.volume = volume
    }

    /// The region of some candidates.
    ///
    /// The ellipsoid has the directions and proportions of the members' second moments about their weighted mean, each
    /// member being a cell of the grid rather than a point (whose variance is `spacing`²/12 along every direction: members
    /// on a line or in a plane, or one alone, are no special case). It is as large as it takes to hold the positions of
    /// all members, and no half-axis is shorter than half the spacing.
    ///
    /// - Parameters:
    ///   - level: probability that the source is one of the members.
    ///   - members: at least one, in any order. Where all weights are 0 they count alike.
    ///   - cellVolumes: volume that each member stands for, m³, in the order of `members`.
    ///   - spacing: distance between neighbours of the grid, m, positive.
    /// - Throws: ``LinearAlgebraError/notFinite`` where a position or a weight is NaN or infinite.
    /// - Complexity: O(members · log members).
    public init(
        level: Double = 0.95, members: [Member], cellVolumes: [Double], spacing: Double
    ) throws(LinearAlgebraError) {
        precondition(!members.isEmpty && members.count == cellVolumes.count && spacing > 0)
        let total = members.reduce(0) { $0 + $1.weight }
        let weights = members.map { total > 0 ? $0.weight / total : 1 / Double(members.count) }
        let centre = zip(members, weights).reduce(SIMD3.zero) { $0 + $1.0.position * $1.1 }
        let offsets = members.map { $0.position - centre }
        let moments = Matrix(rows: 3, columns: 3) { i, j in
            zip(offsets, weights).reduce(i == j ? spacing * spacing / 12 : 0) { $0 + $1.0[i] * $1.0[j] * $1.1 }
        }
        let eigen = try SymmetricEigen(moments)
        let directions = (0..<3).reversed().map { k in
            let column = eigen.vectors.column(k)
            return (variance: eigen.values[k], unit: SIMD3(column[0], column[1], column[2]))
        }
        let reach =
            offsets.map { offset in
                directions.reduce(0) {
                    let along = (offset * $1.unit).sum()
                    return $0 + along * along / $1.variance
                }
            }.max() ?? 0
        self.init(
            level: level, vertices: members.map(\.index).sorted(), centre: centre,
            axes: directions.map { $0.unit * max((reach * $0.variance).squareRoot(), spacing / 2) },
            volume: cellVolumes.reduce(0, +))
    }

    /// Lengths of the half-axes, m, the longest first.
    public var halfAxes: [Double] { axes.map { $0.distance(to: .zero) } }
}
