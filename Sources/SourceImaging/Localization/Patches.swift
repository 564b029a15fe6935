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

    /// Patches around every source of a space.
    ///
    /// - Complexity: O(sources · neighbours).
    init(_ shapes: PatchShapes) {
        let (positions, widest) = (shapes.sources.positions, Self.extents.max() ?? 0)
        let around = positions.indices.map { shapes.surroundings(of: positions[$0], beside: $0, upTo: widest) }
        families = Self.extents.map { extent in
            guard extent > 0 else { return .identity(shapes.blocks) }
            return AtomFamily(blocks: shapes.blocks) { j in
                shapes.columns(PatchShapes.patch(extent, of: around[j]), along: j)
            }
        }
    }
}

extension PatchShapes {
    /// Shapes over the sources of a prepared problem, which `forward` is of.
    init(_ prepared: PreparedProblem, _ forward: Forward, columnWeights: [Double]) {
        self.init(forward.sources, prepared.problem.blocks, axes: prepared.axes, columnWeights: columnWeights)
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
