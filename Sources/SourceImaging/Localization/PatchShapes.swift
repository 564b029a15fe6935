import Glibc

/// What sources of one place or another look like as combinations of a gain's columns: the parts of a patch of cortex and
/// their directions.
struct PatchShapes: Sendable {
    /// A source of the space and how much it counts.
    typealias Part = (index: Int, weight: Double)

    let sources: SourceSpace
    /// Columns of the gain, one block a source.
    let blocks: BlockStructure
    /// Of each source, one a column of its block; nil where each has one column of unknown direction.
    private let axes: [[SIMD3<Double>]]?
    /// Factor on each column of the gain; 0 where no sensor sees the source.
    private let columnWeights: [Double]
    private let grid: PointGrid

    /// The furthest that patches reach, and errors of their fields, m.
    static let furthest = 0.016

    /// Shapes over a source space; see the properties.
    init(_ sources: SourceSpace, _ blocks: BlockStructure, axes: [[SIMD3<Double>]]?, columnWeights: [Double]) {
        (self.sources, self.blocks, self.axes, self.columnWeights) = (sources, blocks, axes, columnWeights)
        grid = PointGrid(sources.positions, cell: Self.furthest)
    }

    /// Factor on the first column of a source, by orientation and depth; 0 where no sensor sees it.
    func weight(of j: Int) -> Double { columnWeights[blocks.columns(of: j).lowerBound] }

    /// Sources that the sensors see, in the hemisphere of source j where hemispheres are known, within some distance of a
    /// point, at most ``furthest``; in ascending order.
    func visible(within radius: Double, of centre: SIMD3<Double>, beside j: Int) -> [(index: Int, distance: Double)] {
        grid.points(within: radius, of: centre).filter {
            weight(of: $0.index) > 0 && sources.hemispheres?[$0.index] == sources.hemispheres?[j]
        }
    }

    /// The same in both hemispheres.
    func visible(within radius: Double, of centre: SIMD3<Double>) -> [(index: Int, distance: Double)] {
        grid.points(within: radius, of: centre).filter { weight(of: $0.index) > 0 }
    }

    /// The parts of a patch of extent e around a point beside source j: all within 1.5 e, weighed by exp(−(d/e)²), the
    /// weights adding up to one. None where it would be a single source.
    func patch(_ extent: Double, around centre: SIMD3<Double>, beside j: Int) -> [Part] {
        let parts = visible(within: 1.5 * extent, of: centre, beside: j)
        guard parts.count > 1 else { return [] }
        let total = parts.reduce(0) { $0 + exp(-pow($1.distance / extent, 2)) }
        return parts.map { ($0.index, exp(-pow($0.distance / extent, 2)) / total) }
    }

    /// Parts that act together, as combinations of columns, one along each axis of source j. Along its normal each part
    /// points along its own, along any other axis all point alike.
    func columns(_ parts: [Part], along j: Int) -> [AtomFamily.Column] {
        blocks.columns(of: j).enumerated().map { k, column in
            var combination: AtomFamily.Column = []
            for part in parts {
                for (l, other) in blocks.columns(of: part.index).enumerated() {
                    let cosine = cosine(k, of: j, l, of: part.index)
                    if cosine != 0 {
                        combination.append((other, part.weight * cosine * columnWeights[column] / columnWeights[other]))
                    }
                }
            }
            return combination
        }
    }

    /// What the sensors see of parts that act together, sensors × columns of source j; `design` is the whitened gain.
    func field(_ parts: [Part], along j: Int, _ design: Design) -> Matrix {
        let columns = columns(parts, along: j)
        var field = Matrix(rows: design.rows, columns: columns.count)
        for (k, column) in columns.enumerated() {
            for part in column {
                let own = design.columns([part.row])
                for i in 0..<design.rows { field[i, k] += part.weight * own[i, 0] }
            }
        }
        return field
    }

    /// By how much axis l of source i counts in a patch along axis k of source j.
    private func cosine(_ k: Int, of j: Int, _ l: Int, of i: Int) -> Double {
        guard let axes, axes[j].count > 1, axes[i].count > 1 else { return k == l ? 1 : 0 }
        if let normal = sources.normal(j), let other = sources.normal(i), axes[j][k] == normal {
            return (axes[i][l] * other).sum()
        }
        return (axes[j][k] * axes[i][l]).sum()
    }
}
