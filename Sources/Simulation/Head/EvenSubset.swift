/// Choosing points that lie evenly: none too near to another, no large hole.
enum EvenSubset {
    /// Chooses `count` of many points such that the smallest distance among the chosen is large.
    ///
    /// Points are visited in a fixed scattered order and taken when none taken lies nearer than a radius (Poisson-disk
    /// sampling by dart throwing); the radius is the largest, by bisection, that still gives enough points.
    /// - Returns: indices, ascending.
    /// - Complexity: O(points) a step of bisection, 30 steps.
    static func choose(_ count: Int, of points: [SIMD3<Double>]) -> [Int] {
        guard count < points.count, let first = points.first else { return Array(points.indices) }
        let low = points.reduce(first) { pointwiseMin($0, $1) }
        let high = points.reduce(first) { pointwiseMax($0, $1) }
        var (enough, tooMany) = (0.0, (high - low).length)
        var chosen = Array(points.indices)
        guard tooMany > 0 else { return Array(chosen.prefix(count)) }
        for _ in 0..<30 {
            let radius = (enough + tooMany) / 2
            let taken = take(points, apart: radius, low: low, high: high)
            if taken.count >= count {
                (enough, chosen) = (radius, taken)
                if taken.count == count { break }
            } else {
                tooMany = radius
            }
        }
        return chosen.prefix(count).sorted()
    }

    /// Points no two of which are nearer than `radius`, in the order in which they were visited.
    private static func take(
        _ points: [SIMD3<Double>], apart radius: Double, low: SIMD3<Double>, high: SIMD3<Double>
    ) -> [Int] {
        // Cells at least as wide as the radius: only the 27 around a point can hold a point that is too near.
        let extent = high - low
        func cells(_ length: Double) -> Int { max(1, min(200, Int(length / radius))) }
        let (nx, ny, nz) = (cells(extent.x), cells(extent.y), cells(extent.z))
        func cell(_ value: Double, _ length: Double, _ n: Int) -> Int {
            length > 0 ? max(0, min(n - 1, Int(value / length * Double(n)))) : 0
        }
        var newest = [Int](repeating: -1, count: nx * ny * nz)
        var older = [Int](repeating: -1, count: points.count)
        var taken: [Int] = []
        let squaredRadius = radius * radius
        var index = 0
        let stride = scatteringStride(points.count)
        for _ in points.indices {
            index = (index + stride) % points.count
            let offset = points[index] - low
            let x = cell(offset.x, extent.x, nx)
            let y = cell(offset.y, extent.y, ny)
            let z = cell(offset.z, extent.z, nz)
            var isFree = true
            search: for k in max(0, z - 1)...min(nz - 1, z + 1) {
                for j in max(0, y - 1)...min(ny - 1, y + 1) {
                    for i in max(0, x - 1)...min(nx - 1, x + 1) {
                        var other = newest[i + nx * (j + ny * k)]
                        while other >= 0 {
                            let d = points[other] - points[index]
                            if d.dot(d) < squaredRadius {
                                isFree = false
                                break search
                            }
                            other = older[other]
                        }
                    }
                }
            }
            if isFree {
                let own = x + nx * (y + ny * z)
                older[index] = newest[own]
                newest[own] = index
                taken.append(index)
            }
        }
        return taken
    }

    /// A step near the golden section of `count` with no common divisor: steps of it, modulo `count`, visit every
    /// index once and scatter.
    private static func scatteringStride(_ count: Int) -> Int {
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        var stride = max(1, Int(Double(count) * 0.618_033_988_749_894_8))
        while divisor(stride, count) != 1 { stride += 1 }
        return stride
    }
}
