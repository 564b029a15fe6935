import Foundation

/// Directions spread evenly over a sphere along a golden-angle spiral (Swinbank & Purser 2006).
enum FibonacciSphere {
    /// Direction `index` of `count`, from the top (+z) down.
    static func direction(_ index: Int, of count: Int) -> SIMD3<Double> {
        let z = 1 - (2 * Double(index) + 1) / Double(count)
        let radius = max(0, 1 - z * z).squareRoot()
        // The whole turns are taken off before multiplying by 2π, which keeps the angle exact for large indices.
        let turns = Double(index) * 0.618_033_988_749_894_8
        let angle = 2 * Double.pi * (turns - turns.rounded(.down))
        return SIMD3(radius * cos(angle), radius * sin(angle), z)
    }

    /// `count` directions spread evenly over the part of the sphere where `isInside` holds, from the top down.
    ///
    /// - Parameter isInside: must hold for at least a tenth of the sphere.
    static func directions(_ count: Int, where isInside: (SIMD3<Double>) -> Bool) -> [SIMD3<Double>] {
        var total = count
        while true {
            let inside = (0..<total).lazy.map { direction($0, of: total) }.filter(isInside)
            let found = Array(inside.prefix(count))
            if found.count >= count { return found }
            total += count - found.count
        }
    }
}
