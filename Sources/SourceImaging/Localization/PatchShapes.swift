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
    /// Where a patch ends, in extents.
    private static let cut = 1.5

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

    /// All that patches of at most some extent around a point beside source j may be made of.
    func surroundings(
        of centre: SIMD3<Double>, beside j: Int, upTo extent: Double
    ) -> [(index: Int, distance: Double)] {
        visible(within: Self.cut * extent, of: centre, beside: j)
    }

    /// The parts of a patch of extent e: all of its surroundings within 1.5 e, weighed by exp(−(d/e)²), the weights adding up
    /// to one. None where it would be a single source.
    static func patch(_ extent: Double, of surroundings: [(index: Int, distance: Double)]) -> [Part] {
        var (parts, total): ([Part], Double) = ([], 0)
        for (index, distance) in surroundings where distance <= cut * extent {
            let weight = exp(-(distance / extent) * (distance / extent))
            parts.append((index, weight))
            total += weight
        }
        guard parts.count > 1 else { return [] }
        for k in parts.indices { parts[k].weight /= total }
        return parts
    }

    /// Parts that act together, as combinations of columns, one along each axis of source j. Along its normal each part
    /// points along its own, along any other axis all point alike.
    func columns(_ parts: [Part], along j: Int) -> [AtomFamily.Column] {
        let (own, normal) = (axes?[j] ?? [], sources.normal(j))
        return blocks.columns(of: j).enumerated().map { k, column in
            var combination: AtomFamily.Column = []
            combination.reserveCapacity(parts.count * blocks.columns(of: j).count)
            for part in parts {
                let (there, scale) = (axes?[part.index] ?? [], part.weight * columnWeights[column])
                func add(_ l: Int, _ cosine: Double) {
                    let other = blocks.columns(of: part.index).lowerBound + l
                    if cosine != 0 { combination.append((other, scale * cosine / columnWeights[other])) }
                }
                guard own.count > 1, there.count > 1 else {
                    if k < blocks.columns(of: part.index).count { add(k, 1) }
                    continue
                }
                let axis = own[k] == normal ? sources.normal(part.index) ?? own[k] : own[k]
                for l in there.indices { add(l, (there[l] * axis).sum()) }
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
}
