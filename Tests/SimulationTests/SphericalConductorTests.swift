import Foundation
import Testing

@testable import Simulation
@testable import SourceImaging

/// A rotation by an angle about an axis (Rodrigues).
func rotate(_ v: SIMD3<Double>, about axis: SIMD3<Double>, by angle: Double) -> SIMD3<Double> {
    v * cos(angle) + axis.cross(v) * sin(angle) + axis * (axis.dot(v) * (1 - cos(angle)))
}

extension SeededGenerator {
    /// A random unit vector.
    mutating func direction() -> SIMD3<Double> { SIMD3(normal(), normal(), normal()).unit }
}

extension SphericalConductor {
    /// The field of a dipole, T.
    ///
    /// - Parameters:
    ///   - moment: A·m.
    ///   - source: where the dipole lies, m.
    ///   - point: where the field is measured, m; outside of the conductor.
    func field(of moment: SIMD3<Double>, at source: SIMD3<Double>, point: SIMD3<Double>) -> SIMD3<Double> {
        func component(_ axis: SIMD3<Double>) -> Double {
            moment.dot(leadField(source: source, point: point, direction: axis))
        }
        return SIMD3(component(SIMD3(1, 0, 0)), component(SIMD3(0, 1, 0)), component(SIMD3(0, 0, 1)))
    }
}

@Suite("Magnetic field of a dipole in a spherical conductor")
struct SphericalConductorTests {
    /// A random dipole inside a sphere of 70 mm, a random point 100–130 mm from the centre.
    struct Case {
        let conductor: SphericalConductor
        let source: SIMD3<Double>
        let point: SIMD3<Double>
        let moment: SIMD3<Double>

        init(_ seed: Int) {
            var generator = SeededGenerator(seed: UInt64(seed))
            let centre = SIMD3(0.01, -0.02, 0.04) * generator.uniform()
            conductor = SphericalConductor(centre: centre)
            source = centre + 0.07 * generator.uniform() * generator.direction()
            point = centre + (0.1 + 0.03 * generator.uniform()) * generator.direction()
            moment = 2e-8 * generator.direction()
        }

        func field(_ p: SIMD3<Double>) -> SIMD3<Double> { conductor.field(of: moment, at: source, point: p) }
    }

    /// The field in an unbounded homogeneous medium without its volume currents: the law of Biot and Savart.
    static func primaryField(_ moment: SIMD3<Double>, at source: SIMD3<Double>, point: SIMD3<Double>) -> SIMD3<Double> {
        let d = point - source
        return 1e-7 * moment.cross(d) / (d.length * d.length * d.length)
    }

    @Test("a radial dipole makes no field; nor does any at the centre", arguments: 0..<10)
    func silentDipoles(seed: Int) {
        let c = Case(seed)
        let radial = (c.source - c.conductor.centre).unit
        let tangential = radial.tangents.0
        let field = c.conductor.field(of: 2e-8 * radial, at: c.source, point: c.point).length
        #expect(field < 1e-13 * c.conductor.field(of: 2e-8 * tangential, at: c.source, point: c.point).length)
        #expect(c.conductor.field(of: c.moment, at: c.conductor.centre, point: c.point) == .zero)
    }

    @Test("turning everything turns the field", arguments: 0..<10)
    func rotation(seed: Int) {
        let c = Case(seed)
        var generator = SeededGenerator(seed: 100 + UInt64(seed))
        let (axis, angle) = (generator.direction(), 6 * generator.uniform())
        func turn(_ p: SIMD3<Double>) -> SIMD3<Double> {
            c.conductor.centre + rotate(p - c.conductor.centre, about: axis, by: angle)
        }
        let turned = c.conductor.field(
            of: rotate(c.moment, about: axis, by: angle), at: turn(c.source), point: turn(c.point))
        #expect((turned - rotate(c.field(c.point), about: axis, by: angle)).length < 1e-12 * turned.length)
    }

    @Test("the radial component is that of the primary current alone", arguments: 0..<20)
    func radialComponent(seed: Int) {
        let c = Case(seed)
        let radial = (c.point - c.conductor.centre).unit
        let primary = Self.primaryField(c.moment, at: c.source, point: c.point)
        #expect(abs(c.field(c.point).dot(radial) - primary.dot(radial)) < 1e-12 * primary.length)
    }

    @Test("the tangential components follow from the radial one by the magnetic potential", arguments: 0..<8)
    func tangentialComponents(seed: Int) {
        // Outside B = −∇V with V(r) = ∫ B_radial dρ from r to infinity along the ray; B_radial by Biot and Savart. The
        // integral by Simpson's rule in x = r/ρ, the gradient by central differences: nothing of Sarvas' formula.
        let c = Case(seed)
        func potential(_ p: SIMD3<Double>) -> Double {
            let ray = p - c.conductor.centre
            let n = 800
            var sum = 0.0
            for k in 1...n {
                let x = Double(k) / Double(n)
                let radial = Self.primaryField(c.moment, at: c.source, point: c.conductor.centre + ray / x).dot(
                    ray.unit)
                sum += radial * ray.length / (x * x) * (k == n ? 1 : k % 2 == 1 ? 4 : 2)
            }
            return sum / Double(3 * n)
        }
        let (first, second) = (c.point - c.conductor.centre).unit.tangents
        let field = c.field(c.point)
        let step = 1e-5
        for tangent in [first, second] {
            let slope = (potential(c.point + step * tangent) - potential(c.point - step * tangent)) / (2 * step)
            #expect(abs(field.dot(tangent) + slope) < 1e-6 * field.length)
        }
    }

    @Test("no sources and no currents outside: divergence and curl vanish", arguments: 0..<10)
    func divergenceAndCurl(seed: Int) {
        let c = Case(seed)
        let step = 1e-5
        let axes = [SIMD3<Double>(1, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1)]
        let slopes = axes.map { (c.field(c.point + step * $0) - c.field(c.point - step * $0)) / (2 * step) }
        let size = slopes.map(\.length).max() ?? 0
        #expect(size > 0)
        #expect(abs(slopes[0].x + slopes[1].y + slopes[2].z) < 1e-6 * size)
        for (i, j) in [(0, 1), (1, 2), (2, 0)] { #expect(abs(slopes[i][j] - slopes[j][i]) < 1e-6 * size) }
    }

    @Test("far away it falls with the third power of distance", arguments: 0..<10)
    func farField(seed: Int) {
        let c = Case(seed)
        let ray = (c.point - c.conductor.centre).unit
        let near = c.field(c.conductor.centre + 50 * ray).length
        let far = c.field(c.conductor.centre + 100 * ray).length
        #expect(abs(near / far - 8) < 0.05)
    }

    @Test("a gradiometer measures the derivative of the normal field, a magnetometer its mean over the coil")
    func coils() {
        // Against Taylor series about the coil's centre, whose derivatives are central differences.
        let head = HeadModel.adult
        let conductor = SphericalConductor(centre: head.centre)
        let source = head.centre + SIMD3(0.01, 0.02, 0.03)
        for coil in SensorHelmet(sites: 30).coils {
            func normalField(_ offset: SIMD3<Double>) -> SIMD3<Double> {
                conductor.leadField(source: source, point: coil.position + offset, direction: coil.axes[2])
            }
            let here = normalField(.zero)
            let h = 1e-3
            let expected: SIMD3<Double>
            let tolerance: Double
            if coil.kind == .mag {
                // Four points ±q along both axes: f + q²/2·(f_xx + f_yy) + O(q⁴).
                let q = 0.021 / 4
                let curvatures = coil.axes.prefix(2).map { axis in
                    (normalField(h * axis) - 2 * here + normalField(-h * axis)) / (h * h)
                }
                expected = here + q * q / 2 * (curvatures[0] + curvatures[1])
                tolerance = 1e-3 * here.length
            } else {
                // Two points ±b: f′ + b²/6·f‴ + O(b⁴).
                let b = 0.0168 / 2
                let f = [-2.0, -1, 1, 2].map { normalField($0 * h * coil.axes[0]) }
                let slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
                let third = (-f[0] + 2 * f[1] - 2 * f[2] + f[3]) / (2 * h * h * h)
                expected = slope + b * b / 6 * third
                tolerance = 1e-3 * here.length / 0.05
            }
            #expect((conductor.leadField(source: source, coil: coil) - expected).length < tolerance)
        }
    }
}
