extension SIMD3<Double> {
    /// The inner product.
    func dot(_ other: SIMD3<Double>) -> Double { x * other.x + y * other.y + z * other.z }

    /// The vector product.
    func cross(_ other: SIMD3<Double>) -> SIMD3<Double> {
        SIMD3(y * other.z - z * other.y, z * other.x - x * other.z, x * other.y - y * other.x)
    }

    /// The Euclidean length.
    var length: Double { dot(self).squareRoot() }

    /// The vector of length one in this direction.
    var unit: SIMD3<Double> { self / length }

    /// Two unit vectors that make a right-handed orthonormal triple (first, second, self) with this unit vector.
    var tangents: (SIMD3<Double>, SIMD3<Double>) {
        // The axis that is least parallel to self, so that the product stays far from zero.
        let axis = abs(x) < 0.6 ? SIMD3<Double>(1, 0, 0) : SIMD3<Double>(0, 1, 0)
        let second = cross(axis).unit
        return (second.cross(self), second)
    }
}
