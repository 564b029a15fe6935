import Foundation
import SourceImaging

/// A pick-up coil: what a MEG channel measures is a weighted sum of the field normal to it at a few points.
public struct MagneticCoil: Sendable {
    /// Name of the channel.
    public let name: String
    /// Magnetometer or planar gradiometer.
    public let kind: SensorKind
    /// Centre, m, head coordinates.
    public let position: SIMD3<Double>
    /// Orthonormal axes; the third is the normal of the coil, outward, and a gradiometer measures the derivative along
    /// the first.
    public let axes: [SIMD3<Double>]
    /// Where the normal field is taken, m, and with which weight: without unit for a magnetometer, 1/m for a gradiometer.
    public let integration: [(point: SIMD3<Double>, weight: Double)]

    /// Side of a square magnetometer, m.
    public static let magnetometerSide = 0.021
    /// Distance between the two loops of a planar gradiometer, m.
    public static let gradiometerBaseline = 0.0168

    /// A magnetometer: the mean over four points of a square coil.
    static func magnetometer(_ name: String, at p: SIMD3<Double>, axes: [SIMD3<Double>]) -> MagneticCoil {
        let quarter = magnetometerSide / 4
        let points = [(1.0, 1.0), (1, -1), (-1, 1), (-1, -1)].map { (a, b) in
            (point: p + quarter * (a * axes[0] + b * axes[1]), weight: 0.25)
        }
        return MagneticCoil(name: name, kind: .mag, position: p, axes: axes, integration: points)
    }

    /// A planar gradiometer: the difference between two points along the first axis, over their distance.
    static func gradiometer(_ name: String, at p: SIMD3<Double>, axes: [SIMD3<Double>]) -> MagneticCoil {
        let half = gradiometerBaseline / 2
        return MagneticCoil(
            name: name, kind: .grad, position: p, axes: axes,
            integration: [
                (p + half * axes[0], 1 / gradiometerBaseline), (p - half * axes[0], -1 / gradiometerBaseline),
            ])
    }
}

/// MEG coils on a helmet that covers the top, the sides and the back of the head: a magnetometer and two orthogonal
/// planar gradiometers at each site.
public struct SensorHelmet: Sendable {
    /// Three coils a site, sites from the top down. Names follow the triplets of Neuromag systems: `MEG 0111` is a
    /// magnetometer, `MEG 0112` and `MEG 0113` are the gradiometers of the same site.
    public let coils: [MagneticCoil]

    /// A helmet with `sites` sites; 102 give the 306 channels of common systems.
    ///
    /// - Complexity: O(sites²).
    public init(sites: Int, head: HeadModel = .adult) {
        let directions = FibonacciSphere.directions(max(0, sites)) {
            $0.z > Self.lowerEdge($0, back: -0.35, front: 0.2)
        }
        coils = directions.enumerated().flatMap { (site, radial) in
            let position = head.centre + head.helmetRadius * radial
            let (first, second) = radial.tangents
            let stem = String(format: "MEG %02d%d", site / 4 + 1, site % 4 + 1)
            return [
                MagneticCoil.magnetometer(stem + "1", at: position, axes: [first, second, radial]),
                MagneticCoil.gradiometer(stem + "2", at: position, axes: [first, second, radial]),
                // Turned by 90° about the normal.
                MagneticCoil.gradiometer(stem + "3", at: position, axes: [second, -first, radial]),
            ]
        }
    }

    /// Height (z of the unit direction) down to which a direction's azimuth is covered: `back` behind and at the
    /// sides, rising to `front` over the face.
    static func lowerEdge(_ direction: SIMD3<Double>, back: Double, front: Double) -> Double {
        let horizontal = (direction.x * direction.x + direction.y * direction.y).squareRoot()
        let frontal = horizontal > 0 ? max(0, direction.y / horizontal) : 0
        return back + (front - back) * frontal * frontal
    }
}

/// EEG electrodes on the scalp.
public struct ElectrodeCap: Sendable {
    /// Names, `EEG 001` and so on, from the top down.
    public let names: [String]
    /// Positions on the scalp sphere, m, head coordinates.
    public let positions: [SIMD3<Double>]
    /// Outward unit normals of the scalp.
    public let normals: [SIMD3<Double>]

    /// A cap with `electrodes` electrodes, spread evenly over what the 10-20 system covers.
    ///
    /// - Complexity: O(electrodes²).
    public init(electrodes: Int, head: HeadModel = .adult) {
        normals = FibonacciSphere.directions(max(0, electrodes)) {
            $0.z > SensorHelmet.lowerEdge($0, back: -0.2, front: 0.1)
        }
        positions = normals.map { head.centre + head.shellRadii.z * $0 }
        names = normals.indices.map { String(format: "EEG %03d", $0 + 1) }
    }
}
