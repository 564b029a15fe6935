import SourceImaging

/// What the brain of a page is drawn from, as compact JSON; x right, y front, z up.
enum BrainScene {
    /// Triangles of a surface at most.
    static let triangleLimit = 8000
    /// Points of a brain without surface at most.
    static let pointLimit = 3000

    /// A surface, whole mm.
    struct Surface: Encodable, Equatable {
        /// x, y, z of each corner, one after the other.
        let points: [Int]
        /// Three corners a triangle; empty where nobody knows the surface, which is then its points.
        let triangles: [Int32]

        init(_ candidates: SourceSpace) {
            let parts =
                candidates.hemispheres?.map(\.rawValue) ?? [Int](repeating: 0, count: candidates.count)
            let surface = SurfaceDecimation.reduced(
                TriangleSurface(positions: candidates.positions, parts: parts, triangles: candidates.triangles),
                toAtMost: triangleLimit)
            var positions = surface.positions
            if surface.triangles.isEmpty {
                let all = candidates.positions
                let count = min(all.count, pointLimit)
                positions = (0..<count).map { all[$0 * all.count / count] }
            }
            points = positions.flatMap { integers(candidates.frame.rightAnteriorSuperior($0), per: 1000) }
            triangles = surface.triangles.flatMap { [$0.x, $0.y, $0.z] }
        }
    }

    /// A source; places in tenths of a mm.
    struct Source: Encodable {
        let rank: Int
        let at: [Int]
        /// Of the ball, and of the number on it.
        let colour, ink: String
        /// Root of its field over the largest, 0…1.
        let size: Double
        let name: String
        /// Middle and half-axes of the region that holds it; nil where it has none.
        let centre: [Int]?
        let axes: [[Int]]?
    }

    /// The sources that can be drawn.
    static func sources(_ estimate: Estimate) -> [Source] {
        let drawn = estimate.sources.enumerated().filter { isInHead($0.element.position) }
        let largest = drawn.map(\.element.field).filter(\.isFinite).max() ?? 0
        return drawn.map { place, source in
            let region = source.region.flatMap { ([$0.centre] + $0.axes).allSatisfy(isInHead) ? $0 : nil }
            let share = largest > 0 && source.field.isFinite ? max(source.field, 0) / largest : 0
            func tenths(_ vector: SIMD3<Double>) -> [Int] {
                integers(estimate.frame.rightAnteriorSuperior(vector), per: 10_000)
            }
            return Source(
                rank: place + 1, at: tenths(source.position), colour: Palette.source(place),
                ink: Palette.text(on: Palette.source(place)), size: (share.squareRoot() * 100).rounded() / 100,
                name: source.placeAndSpread + source.patchText, centre: region.map { tenths($0.centre) },
                axes: region.map { $0.axes.map(tenths) })
        }
    }

    /// A value as JSON that can stand in a script element.
    static func json(_ value: some Encodable) throws(InputError) -> String {
        guard let text = try? JSON.text(value, isIndented: false) else {
            throw InputError("page", found: "a brain that cannot be written as JSON")
        }
        // In JSON this sign stands in strings alone, and there it may be told by its number.
        return text.unicodeScalars.reduce(into: "") { $0 += $1 == "<" ? "\\u003c" : String($1) }
    }

    /// Whether a position can be drawn: finite and within a metre of the origin.
    private static func isInHead(_ position: SIMD3<Double>) -> Bool {
        (0..<3).allSatisfy { abs(position[$0]) < 1 }
    }

    private static func integers(_ position: SIMD3<Double>, per metre: Double) -> [Int] {
        (0..<3).map { Int((position[$0] * metre).rounded()) }
    }
}
