import Glibc

/// What a source may look like: a point, or a patch of cortex whose parts act together.
///
/// A patch of extent e around source j weighs its neighbours within 1.5 e by exp(−(d/e)²), the weights adding up to one,
/// so that its amplitude is the moment of the whole patch, in A·m. Along the normal, each part points along its own
/// normal, as the cells of a stretch of cortex do; along any other axis all parts point alike. Parts lie in the
/// hemisphere of the centre where hemispheres are known. A source without neighbours has no patch.
struct Patches {
    /// Extents e, m; 0 is a point.
    static let extents = [0, 0.005, 0.008]

    /// One family of atoms an extent.
    let families: [AtomFamily]

    /// Patches over the sources of a prepared problem, which `forward` is of; for the weights see the other initializer.
    init(_ prepared: PreparedProblem, _ forward: Forward, columnWeights: [Double]) {
        self.init(forward.sources, prepared.problem.blocks, axes: prepared.axes, columnWeights: columnWeights)
    }

    /// Patches over a source space.
    ///
    /// - Parameters:
    ///   - sources: the space.
    ///   - blocks: columns of the gain, one block a source.
    ///   - axes: of each source, one a column of its block; nil where each has one column of unknown direction.
    ///   - columnWeights: factor on each column of the gain; 0 where no sensor sees the source.
    /// - Complexity: O(sources · neighbours).
    init(_ sources: SourceSpace, _ blocks: BlockStructure, axes: [[SIMD3<Double>]]?, columnWeights: [Double]) {
        let grid = PointGrid(sources.positions, cell: 1.5 * (Self.extents.max() ?? 0))
        families = Self.extents.map { extent in
            guard extent > 0 else { return .identity(blocks) }
            let columns = (0..<sources.count).lazy.flatMap { j -> [AtomFamily.Column] in
                var parts = grid.points(within: 1.5 * extent, of: sources.positions[j]).filter {
                    columnWeights[blocks.columns(of: $0.index).lowerBound] > 0
                        && sources.hemispheres?[$0.index] == sources.hemispheres?[j]
                }
                // Without a neighbour it is the point, which is there already: no atom.
                if parts.count < 2 { parts = [] }
                let total = parts.reduce(0) { $0 + exp(-pow($1.distance / extent, 2)) }
                let own = blocks.columns(of: j)
                return own.enumerated().map { k, column in
                    var combination: AtomFamily.Column = []
                    for part in parts {
                        let weight = exp(-pow(part.distance / extent, 2)) / total
                        let neighbours = blocks.columns(of: part.index)
                        for (l, other) in neighbours.enumerated() {
                            let cosine = Self.cosine(k, of: j, l, of: part.index, sources, axes)
                            if cosine != 0 {
                                combination.append(
                                    (other, weight * cosine * columnWeights[column] / columnWeights[other]))
                            }
                        }
                    }
                    return combination
                }
            }
            return AtomFamily(blocks: blocks, columns: columns)
        }
    }

    /// By how much axis l of source i counts in a patch along axis k of source j.
    private static func cosine(
        _ k: Int, of j: Int, _ l: Int, of i: Int, _ sources: SourceSpace, _ axes: [[SIMD3<Double>]]?
    ) -> Double {
        guard let axes, axes[j].count > 1, axes[i].count > 1 else { return k == l ? 1 : 0 }
        if let normal = sources.normal(j), let other = sources.normal(i), axes[j][k] == normal {
            return (axes[i][l] * other).sum()
        }
        return (axes[j][k] * axes[i][l]).sum()
    }
}

/// Points in space by the cubes they lie in.
struct PointGrid: Sendable {
    private let points: [SIMD3<Double>]
    private let cell: Double
    private var cubes: [SIMD3<Int32>: [Int]] = [:]

    init(_ points: [SIMD3<Double>], cell: Double) {
        self.points = points
        self.cell = cell
        for (i, point) in points.enumerated() { cubes[cube(point), default: []].append(i) }
    }

    /// Positions lie within half a metre of the origin: the numbers of cubes are small.
    private func cube(_ point: SIMD3<Double>) -> SIMD3<Int32> {
        let scaled = (point / cell).rounded(.down)
        return SIMD3(Int32(scaled.x), Int32(scaled.y), Int32(scaled.z))
    }

    /// The points within a radius of at most one cell, in ascending order.
    func points(within radius: Double, of centre: SIMD3<Double>) -> [(index: Int, distance: Double)] {
        let middle = cube(centre)
        var found: [(index: Int, distance: Double)] = []
        for x in -1...1 {
            for y in -1...1 {
                for z in -1...1 {
                    for i in cubes[middle &+ SIMD3(Int32(x), Int32(y), Int32(z))] ?? [] {
                        let d = points[i] - centre
                        let distance = (d * d).sum().squareRoot()
                        if distance <= radius { found.append((i, distance)) }
                    }
                }
            }
        }
        return found.sorted { $0.index < $1.index }
    }
}
