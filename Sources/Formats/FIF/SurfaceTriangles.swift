/// The triangles between those points of a surface that are sources, as a file lists them by the surface's points.
///
/// Triangles are for drawing alone: one that names a point that is no source, or none at all, is left out without a word.
struct SurfaceTriangles {
    /// Indices of sources, three a triangle, in the order of the file.
    private(set) var triangles: [SIMD3<Int32>] = []

    /// Index of the source at each point of the surface; −1 where there is none.
    private var sources: [Int32]

    /// No triangles yet.
    ///
    /// - Parameters:
    ///   - pointCount: number of points of the surface.
    ///   - used: points that are sources, in the order of the sources, each less than `pointCount`.
    ///   - firstSource: index of the first of these sources; those of earlier surfaces stand before it.
    init(pointCount: Int, used: [Int], firstSource: Int) {
        sources = [Int32](repeating: -1, count: pointCount)
        for (k, point) in used.enumerated() { sources[point] = Int32(exactly: firstSource + k) ?? -1 }
    }

    /// Adds triangles.
    ///
    /// - Parameter corners: points of the surface from 0, three a triangle.
    mutating func add(_ corners: [Int]) {
        for first in stride(from: 0, to: corners.count - 2, by: 3) {
            let triangle = SIMD3(source(corners[first]), source(corners[first + 1]), source(corners[first + 2]))
            if triangle.min() >= 0 { triangles.append(triangle) }
        }
    }

    private func source(_ point: Int) -> Int32 { sources.indices.contains(point) ? sources[point] : -1 }
}
