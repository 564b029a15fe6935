/// The magnetic field that a current dipole in a spherically symmetric conductor makes outside of it (Sarvas 1987).
///
/// The conductivity profile and the radii do not matter, a radial dipole makes no field.
public struct SphericalConductor: Sendable, Equatable {
    /// Centre of the conductor, m.
    public let centre: SIMD3<Double>

    /// μ₀/4π, T·m/A.
    static let magneticConstant = 1e-7

    /// A conductor around a centre, m.
    public init(centre: SIMD3<Double>) {
        self.centre = centre
    }

    /// What a point sensor measures of a dipole of 1 A·m along x, y and z: the lead field, T/(A·m).
    ///
    /// - Parameters:
    ///   - source: where the dipole lies, m; nearer to the centre than `point`.
    ///   - point: where the field is measured, m; outside of the conductor.
    ///   - direction: unit vector along which it is measured.
    public func leadField(
        source: SIMD3<Double>, point: SIMD3<Double>, direction: SIMD3<Double>
    ) -> SIMD3<Double> {
        let r0 = source - centre
        let r = point - centre
        let d = r - r0
        let a = d.length
        let radius = r.length
        let projection = d.dot(r)
        let f = a * (radius * a + projection)
        let alongPoint = a * a / radius + projection / a + 2 * a + 2 * radius
        let alongSource = a + 2 * radius + projection / a
        let gradient = alongPoint * r.dot(direction) - alongSource * r0.dot(direction)
        // Sarvas: B = μ₀/(4πF²)·(F·q×r₀ − (q×r₀·r)·∇F). With w = (F·n − (∇F·n)·r)/F², B·n = (q×r₀)·w = q·(r₀×w).
        let w = (f * direction - gradient * r) * (Self.magneticConstant / (f * f))
        return r0.cross(w)
    }

    /// What a coil measures of a dipole of 1 A·m along x, y and z: T/(A·m), of a gradiometer T/m/(A·m).
    ///
    /// - Parameters:
    ///   - source: where the dipole lies, m.
    ///   - coil: outside of the conductor; each of its points further from the centre than the dipole.
    public func leadField(source: SIMD3<Double>, coil: MagneticCoil) -> SIMD3<Double> {
        var sum = SIMD3<Double>.zero
        for (point, weight) in coil.integration {
            sum += weight * leadField(source: source, point: point, direction: coil.axes[2])
        }
        return sum
    }
}
