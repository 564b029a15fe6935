import Foundation
import SourceImaging

/// A folded cortex of two closed hemispheres: the candidate sources of a simulation.
///
/// Each hemisphere is half a ball, flattened below and at the midline, with rounded edges. Gyri and sulci are a
/// smooth random displacement towards the inside, 10 mm deep, some 23 mm from gyrus to gyrus; normals therefore take
/// all angles with the radius, as in a brain. The hemispheres never touch: 4 mm lie between them.
public struct CorticalSurface: Sendable {
    /// Source positions in head coordinates, m: left hemisphere first, each in the order of its vertices.
    public let positions: [SIMD3<Double>]
    /// Unit normals, outward.
    public let normals: [SIMD3<Double>]
    /// Hemisphere of each source.
    public let hemispheres: [Hemisphere]
    /// Number of each source among the vertices of its hemisphere's dense surface, ascending within a hemisphere.
    public let vertices: [Int]

    /// Vertices of the dense surface for each source that is chosen from it.
    static let verticesPerSource = 10

    /// A cortex with `sourceCount` sources, spread evenly, half of them (rounded up) in the left hemisphere.
    ///
    /// - Parameters:
    ///   - sourceCount: number of sources; 50 to 50,000 make sense, anything below 2 counts as 2.
    ///   - seed: the same seed gives the same folds, whatever the number of sources.
    ///   - head: centre and radius.
    /// - Complexity: O(sourceCount).
    public init(sourceCount: Int, seed: UInt64, head: HeadModel = .adult) {
        var generator = SeededGenerator(seed: seed)
        let folds = FoldPattern(&generator)
        let total = max(2, sourceCount)
        var positions: [SIMD3<Double>] = []
        var normals: [SIMD3<Double>] = []
        var hemispheres: [Hemisphere] = []
        var vertices: [Int] = []
        for (hemisphere, count) in [(Hemisphere.left, total - total / 2), (.right, total / 2)] {
            let surface = FoldedHemisphere(hemisphere, head: head, folds: folds)
            let dense = count * Self.verticesPerSource
            let points = (0..<dense).map { surface.point(FibonacciSphere.direction($0, of: dense)) }
            for vertex in EvenSubset.choose(count, of: points) {
                positions.append(points[vertex])
                normals.append(surface.normal(FibonacciSphere.direction(vertex, of: dense)))
                hemispheres.append(hemisphere)
                vertices.append(vertex)
            }
        }
        self.positions = positions
        self.normals = normals
        self.hemispheres = hemispheres
        self.vertices = vertices
    }

    /// The surface as the candidate sources of a forward model, in head coordinates.
    public var sourceSpace: SourceSpace {
        get throws(InputError) {
            try SourceSpace(
                positions: positions, normals: normals, hemispheres: hemispheres, vertices: vertices, frame: .head)
        }
    }
}

/// Where gyri and sulci lie: a smooth random function of position, a sum of plane waves of random direction and phase.
struct FoldPattern: Sendable {
    private let waves: [(vector: SIMD3<Double>, phase: Double)]

    /// Depth of a sulcus, m.
    static let depth = 0.010
    /// Wavelengths of the folds, m.
    static let wavelengths = 0.019...0.027

    init(_ generator: inout SeededGenerator) {
        var waves: [(vector: SIMD3<Double>, phase: Double)] = []
        for _ in 0..<24 {
            let direction = SIMD3(generator.normal(), generator.normal(), generator.normal()).unit
            let span = Self.wavelengths.upperBound - Self.wavelengths.lowerBound
            let wavelength = Self.wavelengths.lowerBound + span * generator.uniform()
            waves.append((direction * (2 * .pi / wavelength), 2 * .pi * generator.uniform()))
        }
        self.waves = waves
    }

    /// How deep below its smooth hull the cortex lies at a point of the hull, 0…``depth``, m.
    func depth(at point: SIMD3<Double>) -> Double {
        var sum = 0.0
        for wave in waves { sum += cos(wave.vector.dot(point) + wave.phase) }
        let standard = sum * (2 / Double(waves.count)).squareRoot()
        // The saturation makes plateaus (crowns and fundi) with steep walls between.
        return Self.depth * 0.5 * (1 - tanh(2 * standard))
    }
}

/// One hemisphere as a function of the direction seen from its middle; every ray meets the surface once.
struct FoldedHemisphere: Sendable {
    private let middle: SIMD3<Double>
    private let side: Double
    private let headCentre: SIMD3<Double>
    private let radius: Double
    private let folds: FoldPattern

    /// Distance between the midline and either hull, m.
    static let midlineGap = 0.002

    init(_ hemisphere: Hemisphere, head: HeadModel, folds: FoldPattern) {
        side = hemisphere == .left ? -1 : 1
        headCentre = head.centre
        radius = head.cortexRadius
        middle = head.centre + SIMD3(side * 0.47, 0, 0.08) * head.cortexRadius
        self.folds = folds
    }

    /// The point of the surface in a direction (unit vector) from the middle, m, head coordinates.
    func point(_ direction: SIMD3<Double>) -> SIMD3<Double> {
        let hull = hullDistance(direction)
        return middle + direction * (hull - folds.depth(at: middle + direction * hull))
    }

    /// The outward unit normal in a direction from the middle.
    func normal(_ direction: SIMD3<Double>) -> SIMD3<Double> {
        // Central differences of a smooth function at the best step for doubles: exact to about 1e-9.
        let step = 1e-5
        let (first, second) = direction.tangents
        let a = point((direction + step * first).unit) - point((direction - step * first).unit)
        let b = point((direction + step * second).unit) - point((direction - step * second).unit)
        return a.cross(b).unit
    }

    /// Distance from the middle to the smooth hull: the gauges 1/distance of the ball, the midline plane and the base
    /// plane, joined in the 8-norm, which keeps the hull convex and rounds its edges.
    private func hullDistance(_ direction: SIMD3<Double>) -> Double {
        let offset = middle - headCentre
        let along = offset.dot(direction)
        let ball = 1 / ((along * along + radius * radius - offset.dot(offset)).squareRoot() - along)
        let midline = max(0, -side * direction.x) / (abs(offset.x) - Self.midlineGap)
        let base = max(0, -direction.z) / (offset.z + 0.58 * radius)
        func eighth(_ x: Double) -> Double {
            let square = x * x
            return square * square * square * square
        }
        // In units of the radius, to stay far from overflow.
        let sum = eighth(ball * radius) + eighth(midline * radius) + eighth(base * radius)
        return radius / sum.squareRoot().squareRoot().squareRoot()
    }
}
