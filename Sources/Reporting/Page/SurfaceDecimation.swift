import SourceImaging

/// A surface of triangles between positions.
struct TriangleSurface: Equatable {
    /// Corners, m.
    var positions: [SIMD3<Double>]
    /// Part of the surface that each corner belongs to; parts are never joined.
    var parts: [Int]
    /// Three indices of corners each.
    var triangles: [SIMD3<Int32>]

    /// A surface without what cannot be drawn: corners that are not finite or further than a metre away, and triangles that
    /// name such corners, none, or one twice.
    init(positions: [SIMD3<Double>], parts: [Int], triangles: [SIMD3<Int32>]) {
        func isCorner(_ index: Int32) -> Bool {
            let place = Int(index)
            guard positions.indices.contains(place), parts.indices.contains(place) else { return false }
            return (0..<3).allSatisfy { abs(positions[place][$0]) < 1 }
        }
        self.positions = positions
        self.parts = parts
        self.triangles = triangles.filter { t in
            t.x != t.y && t.y != t.z && t.z != t.x && (0..<3).allSatisfy { isCorner(t[$0]) }
        }
    }

    /// Area, m².
    var area: Double {
        triangles.reduce(0) { sum, t in
            let (a, b, c) = (positions[Int(t.x)], positions[Int(t.y)], positions[Int(t.z)])
            let (u, v) = (b - a, c - a)
            let cross = SIMD3(u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x)
            return sum + (cross * cross).sum().squareRoot() / 2
        }
    }
}

/// Surfaces with fewer triangles, for pictures.
enum SurfaceDecimation {
    /// A surface of at most so many triangles: corners in one cell of a grid become one, at their mean, the grid as fine
    /// as the number allows (vertex clustering, Rossignac & Borrel 1993).
    ///
    /// - Parameter limit: at least 1.
    /// - Returns: corners that triangles use, in the order of the first of each cell; as many triangles as there were where
    ///   those are no more than the limit.
    /// - Complexity: O(corners + triangles) a size of cells tried, some ten.
    static func reduced(_ surface: TriangleSurface, toAtMost limit: Int) -> TriangleSurface {
        let count = surface.triangles.count
        guard count > limit else { return compacted(surface) }
        // Half as large as triangles of that number would be, then larger.
        var size = max((surface.area / Double(max(1, limit))).squareRoot() / 2, 1e-5)
        while true {
            let reduced = clustered(surface, cell: size)
            if reduced.triangles.count <= limit { return reduced }
            size *= 1.12
        }
    }

    /// The part of a surface and the cell in which a corner lies.
    private struct Cell: Hashable {
        let part: Int
        let place: SIMD3<Int>
    }

    private static func clustered(_ surface: TriangleSurface, cell size: Double) -> TriangleSurface {
        var numbers: [Cell: Int32] = [:]
        var (sums, counts, parts) = ([SIMD3<Double>](), [Double](), [Int]())
        var number = [Int32](repeating: -1, count: surface.positions.count)
        for triangle in surface.triangles {
            for k in 0..<3 where number[Int(triangle[k])] < 0 {
                let corner = Int(triangle[k])
                let place = (surface.positions[corner] / size).rounded(.down)
                let cell = Cell(
                    part: surface.parts[corner], place: SIMD3(Int(place.x), Int(place.y), Int(place.z)))
                let known = numbers[cell] ?? Int32(sums.count)
                if Int(known) == sums.count {
                    numbers[cell] = known
                    sums.append(.zero)
                    counts.append(0)
                    parts.append(cell.part)
                }
                number[corner] = known
                sums[Int(known)] += surface.positions[corner]
                counts[Int(known)] += 1
            }
        }
        var seen = Set<SIMD3<Int32>>()
        let triangles = surface.triangles.compactMap { old -> SIMD3<Int32>? in
            let new = SIMD3(number[Int(old.x)], number[Int(old.y)], number[Int(old.z)])
            guard new.x != new.y, new.y != new.z, new.z != new.x else { return nil }
            // The same three corners in whichever order are one triangle.
            let low = min(new.x, new.y, new.z)
            let high = max(new.x, new.y, new.z)
            return seen.insert(SIMD3(low, new.wrappedSum() &- low &- high, high)).inserted ? new : nil
        }
        return compacted(
            TriangleSurface(positions: zip(sums, counts).map { $0 / $1 }, parts: parts, triangles: triangles))
    }

    /// The surface without corners that no triangle uses.
    private static func compacted(_ surface: TriangleSurface) -> TriangleSurface {
        var number = [Int32](repeating: -1, count: surface.positions.count)
        var kept: [Int] = []
        let triangles = surface.triangles.map { old in
            var new = old
            for k in 0..<3 {
                let corner = Int(old[k])
                if number[corner] < 0 {
                    number[corner] = Int32(kept.count)
                    kept.append(corner)
                }
                new[k] = number[corner]
            }
            return new
        }
        return TriangleSurface(
            positions: kept.map { surface.positions[$0] }, parts: kept.map { surface.parts[$0] }, triangles: triangles)
    }
}
