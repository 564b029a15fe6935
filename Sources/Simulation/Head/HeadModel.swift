/// A spherical head: where the cortex, skull, scalp and sensors of a simulation lie, and how they conduct.
public struct HeadModel: Sendable, Equatable {
    /// Centre of all spheres in head coordinates, m.
    public let centre: SIMD3<Double>
    /// Radius within which the cortex lies, m.
    public let cortexRadius: Double
    /// Outer radii of brain, skull and scalp, m, ascending.
    public let shellRadii: SIMD3<Double>
    /// Conductivities of brain, skull and scalp, S/m.
    public let conductivities: SIMD3<Double>
    /// Radius of the sphere on which the MEG coils lie, m.
    public let helmetRadius: Double

    /// An adult head: brain 80 mm, skull to 85 mm, scalp to 90 mm, the skull conducting 80 times less than brain and
    /// scalp (0.33 S/m); coils 22 mm above the scalp; cortex within 72 mm.
    public static let adult = HeadModel(
        centre: SIMD3(0, 0, 0.04), cortexRadius: 0.072, shellRadii: SIMD3(0.080, 0.085, 0.090),
        conductivities: SIMD3(0.33, 0.33 / 80, 0.33), helmetRadius: 0.112)
}
