import Foundation
import SourceImaging

/// The electric potential that a current dipole in the brain makes on the scalp of a head of three concentric shells:
/// brain, skull, scalp.
///
/// The Legendre series of de Munck & Peters (1993) and Zhang (1995). Potentials are relative to infinity: the mean over
/// the sphere is zero.
public struct ThreeShellSphere: Sendable, Equatable {
    /// Centre, m.
    public let centre: SIMD3<Double>
    /// Outer radii of brain, skull and scalp, m, ascending.
    public let radii: SIMD3<Double>
    /// Conductivities of brain, skull and scalp, S/m.
    public let conductivities: SIMD3<Double>
    /// `weights[n − 1]` is what degree n of the unbounded medium's potential is multiplied by on the scalp: (2n+1)/n when
    /// all shells conduct alike.
    let weights: [Double]

    /// Degrees kept at most; sources within ``reach`` of the brain's radius need fewer.
    static let degrees = 600
    /// How near to the brain's surface the series is used, as a fraction of its radius.
    static let reach = 0.99
    /// What the terms left out may amount to, relative to the first.
    static let tolerance = 1e-13

    /// A sphere from its shells.
    ///
    /// - Throws: ``InputError`` when radii do not ascend or conductivities are not positive.
    public init(
        centre: SIMD3<Double>, radii: SIMD3<Double>, conductivities: SIMD3<Double>
    ) throws(InputError) {
        guard radii.x > 0, radii.x < radii.y, radii.y < radii.z, radii.z.isFinite else {
            throw InputError("radii", found: "\(radii.x), \(radii.y), \(radii.z) m", expected: "three ascending radii")
        }
        guard conductivities.min() > 0, conductivities.max().isFinite else {
            throw InputError(
                "conductivities", found: "\(conductivities.x), \(conductivities.y), \(conductivities.z) S/m",
                expected: "three positive numbers")
        }
        self.centre = centre
        self.radii = radii
        self.conductivities = conductivities
        weights = (1...Self.degrees).map { Self.weight(degree: Double($0), radii, conductivities) }
    }

    /// The spheres of a head.
    ///
    /// - Throws: ``InputError`` as ``init(centre:radii:conductivities:)``.
    public init(_ head: HeadModel) throws(InputError) {
        try self.init(centre: head.centre, radii: head.shellRadii, conductivities: head.conductivities)
    }

    /// What each electrode measures of a dipole of 1 A·m along x, y and z: the lead field, V/(A·m).
    ///
    /// - Parameters:
    ///   - source: where the dipole lies, m.
    ///   - electrodes: unit vectors from the centre to the electrodes, which lie on the outer sphere.
    /// - Complexity: O(electrodes · degrees); the degrees grow with the eccentricity, 150 at 0.8 of the outer radius.
    /// - Throws: ``InputError`` when the source lies outside of 99 % of the brain's radius.
    public func leadField(
        source: SIMD3<Double>, electrodes: [SIMD3<Double>]
    ) throws(InputError) -> [SIMD3<Double>] {
        let offset = source - centre
        let distance = offset.length
        guard distance <= Self.reach * radii.x else {
            throw InputError(
                "source", found: String(format: "%.1f mm from the centre of the head", distance * 1000),
                expected: String(format: "within the brain, %.1f mm", Self.reach * radii.x * 1000))
        }
        let radial = distance > 0 ? offset / distance : SIMD3(0, 0, 1)
        let coefficients = coefficients(eccentricity: distance / radii.z)
        let scale = 1 / (4 * Double.pi * conductivities.x * radii.z * radii.z)
        return coefficients.withUnsafeBufferPointer { coefficients in
            electrodes.map { electrode in
                // Σ wₙtⁿ⁻¹ [n·Pₙ(x)·r̂₀ + Pₙ′(x)·(ê − x·r̂₀)]: the gradient of r₀ⁿPₙ with respect to the source.
                let x = electrode.dot(radial)
                var (before, polynomial, derivative) = (1.0, x, 1.0)
                var (alongRadius, acrossRadius) = (0.0, 0.0)
                var n = 1.0
                for coefficient in coefficients {
                    alongRadius += coefficient * n * polynomial
                    acrossRadius += coefficient * derivative
                    let next = ((2 * n + 1) * x * polynomial - n * before) / (n + 1)
                    derivative = (n + 1) * polynomial + x * derivative
                    (before, polynomial) = (polynomial, next)
                    n += 1
                }
                return scale * (alongRadius * radial + acrossRadius * (electrode - x * radial))
            }
        }
    }

    /// wₙtⁿ⁻¹ for as many degrees as matter.
    private func coefficients(eccentricity t: Double) -> [Double] {
        var coefficients: [Double] = []
        var power = 1.0
        for (index, weight) in weights.enumerated() {
            let n = Double(index + 1)
            coefficients.append(weight * power)
            power *= t
            // |Pₙ′| ≤ n(n+1)/2; what follows falls like a geometric series in t.
            if weight * power * n * n < Self.tolerance * weights[0] * (1 - t) { break }
        }
        return coefficients
    }

    /// The factor of one degree.
    ///
    /// In shell k with outer radius rₖ the potential of degree n is a·(r/rₖ)ⁿ + b·(rₖ/r)ⁿ⁺¹. On the scalp no current
    /// leaves: b/a = n/(n+1). From there inwards potential and radial current are carried over each interface. The
    /// innermost b then belongs to the source itself, whose size is known. b is a sum of positive numbers at each step,
    /// so that high degrees lose no digits.
    private static func weight(degree n: Double, _ radii: SIMD3<Double>, _ conductivities: SIMD3<Double>) -> Double {
        var (a, b) = (1.0, n / (n + 1))
        for k in [1, 0] {
            let ratio = radii[k] / radii[k + 1]
            let inner = a * pow(ratio, n)
            let outer = b * pow(ratio, -(n + 1))
            let potential = inner + outer
            let current = (n * inner - (n + 1) * outer) * conductivities[k + 1] / conductivities[k]
            a = ((n + 1) * potential + current) / (2 * n + 1)
            b = (n * potential - current) / (2 * n + 1)
        }
        return (2 * n + 1) / (n + 1) * pow(radii.z / radii.x, n + 1) / b
    }
}
