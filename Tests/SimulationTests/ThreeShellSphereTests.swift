import Foundation
import Testing

@testable import Simulation
@testable import SourceImaging

@Suite("Potential of a dipole in a three-shell sphere")
struct ThreeShellSphereTests {
    static let centre = SIMD3<Double>(0, 0, 0.04)
    static let radii = SIMD3<Double>(0.080, 0.085, 0.090)
    static let conductivities = SIMD3<Double>(0.33, 0.33 / 80, 0.33)
    static let electrodes = (0..<40).map { FibonacciSphere.direction($0, of: 40) }

    /// The closed form in a homogeneous sphere, on its surface: the sum of the Legendre series (Brody et al. 1973).
    static func homogeneous(_ source: SIMD3<Double>, _ electrode: SIMD3<Double>) -> SIMD3<Double> {
        let radius = radii.z
        let r0 = source - centre
        let r = radius * electrode
        let d = r - r0
        let near = 2 * d / (d.length * d.length * d.length)
        let far = (electrode + d / d.length) / (radius * radius - r.dot(r0) + radius * d.length)
        return (near + far) / (4 * Double.pi * conductivities.x)
    }

    @Test("with equal conductivities it is the homogeneous sphere", arguments: [0, 1e-6, 0.2, 0.5, 0.8, 0.95, 0.985])
    func homogeneousSphere(eccentricity: Double) throws {
        let sphere = try ThreeShellSphere(
            centre: Self.centre, radii: Self.radii, conductivities: SIMD3(repeating: Self.conductivities.x))
        let source = Self.centre + eccentricity * Self.radii.x * SIMD3(2, -1, 2) / 3
        let leads = try sphere.leadField(source: source, electrodes: Self.electrodes)
        let largest = leads.map(\.length).max() ?? 0
        for (lead, electrode) in zip(leads, Self.electrodes) {
            #expect((lead - Self.homogeneous(source, electrode)).length < 1e-11 * largest)
        }
    }

    /// What degree n is multiplied by, from its five boundary conditions as a system of equations.
    static func solvedWeight(_ n: Int) throws -> Double {
        // Unknown: a₁, a₂, b₂, a₃, b₃, in shell k a·(r/R)ⁿ + b·(R/r)ⁿ⁺¹; the source contributes (R/r)ⁿ⁺¹ in shell 1.
        let n = Double(n)
        let s = conductivities
        func inner(_ r: Double) -> Double { pow(r / radii.z, n) }
        func outer(_ r: Double) -> Double { pow(radii.z / r, n + 1) }
        let (x, y) = (radii.x, radii.y)
        let rows: [[Double]] = [
            [inner(x), -inner(x), -outer(x), 0, 0],
            [s.x * n * inner(x), -s.y * n * inner(x), s.y * (n + 1) * outer(x), 0, 0],
            [0, inner(y), outer(y), -inner(y), -outer(y)],
            [0, s.y * n * inner(y), -s.y * (n + 1) * outer(y), -s.z * n * inner(y), s.z * (n + 1) * outer(y)],
            [0, 0, 0, n, -(n + 1)],
        ]
        let right = Matrix(rows: 5, columns: 1, elements: [-outer(x), s.x * (n + 1) * outer(x), 0, 0, 0])
        let svd = try SingularValues(Matrix(rows: 5, columns: 5) { rows[$0][$1] })
        let scaled = Matrix.diagonal(svd.values.map { 1 / $0 }) * Matrix.product(svd.u, transposed: true, right)
        let solution = Matrix.product(svd.vt, transposed: true, scaled)
        return solution[3, 0] + solution[4, 0]
    }

    @Test("the factor of each degree satisfies the boundary conditions", arguments: [1, 2, 3, 5, 10, 20, 40])
    func boundaryConditions(degree: Int) throws {
        let sphere = try ThreeShellSphere(
            centre: Self.centre, radii: Self.radii, conductivities: Self.conductivities)
        #expect(abs(sphere.weights[degree - 1] / (try Self.solvedWeight(degree)) - 1) < 1e-8)
    }

    @Test("factors reach (2n+1)/n when shells conduct alike and stay finite at all degrees")
    func weights() throws {
        let alike = try ThreeShellSphere(centre: .zero, radii: Self.radii, conductivities: SIMD3(repeating: 1))
        for (index, weight) in alike.weights.enumerated() {
            let n = Double(index + 1)
            #expect(abs(weight / ((2 * n + 1) / n) - 1) < 1e-9)
        }
        let head = try ThreeShellSphere(.adult)
        #expect(head.weights.allSatisfy { $0 > 0 && $0.isFinite })
    }

    @Test("the gain is the derivative of the series of a monopole pair", arguments: 0..<6)
    func dipoleOfMonopoles(seed: Int) throws {
        // The potential of a current source at s is Σ wₙ (|s|/R)ⁿ Pₙ / (4πσR), up to a constant; a dipole is its
        // derivative along the moment. Another way through the same physics, by finite differences.
        var generator = SeededGenerator(seed: UInt64(seed))
        let sphere = try ThreeShellSphere(.adult)
        let offset = (0.02 + 0.04 * generator.uniform()) * generator.direction()
        let electrode = generator.direction()
        func monopole(_ s: SIMD3<Double>) -> Double {
            let x = electrode.dot(s) / s.length
            var (before, polynomial, sum) = (1.0, x, 0.0)
            for (index, weight) in sphere.weights.prefix(300).enumerated() {
                let n = Double(index + 1)
                sum += weight * pow(s.length / sphere.radii.z, n) * polynomial
                (before, polynomial) = (polynomial, ((2 * n + 1) * x * polynomial - n * before) / (n + 1))
            }
            return sum / (4 * .pi * sphere.conductivities.x * sphere.radii.z)
        }
        let lead = try sphere.leadField(source: sphere.centre + offset, electrodes: [electrode])[0]
        for axis in [SIMD3<Double>(1, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1)] {
            let h = 1e-6
            let slope = (monopole(offset + h * axis) - monopole(offset - h * axis)) / (2 * h)
            #expect(abs(lead.dot(axis) - slope) < 1e-6 * lead.length)
        }
    }

    @Test("turning source and electrodes turns the lead field; its mean over the sphere is zero")
    func symmetry() throws {
        let sphere = try ThreeShellSphere(.adult)
        let offset = SIMD3<Double>(0.03, -0.02, 0.05)
        let axis = SIMD3<Double>(1, 2, -2) / 3
        let leads = try sphere.leadField(source: sphere.centre + offset, electrodes: Self.electrodes)
        let turned = try sphere.leadField(
            source: sphere.centre + rotate(offset, about: axis, by: 1.3),
            electrodes: Self.electrodes.map { rotate($0, about: axis, by: 1.3) })
        for (a, b) in zip(leads, turned) { #expect((rotate(a, about: axis, by: 1.3) - b).length < 1e-12 * b.length) }
        let all = (0..<4000).map { FibonacciSphere.direction($0, of: 4000) }
        let dense = try sphere.leadField(source: sphere.centre + offset, electrodes: all)
        let mean = dense.reduce(.zero, +) / 4000
        #expect(mean.length < 1e-4 * (dense.map(\.length).max() ?? 0))
    }

    @Test("the skull weakens the potential and blurs it")
    func skull() throws {
        let alike = try ThreeShellSphere(
            centre: .zero, radii: Self.radii, conductivities: SIMD3(repeating: Self.conductivities.x))
        let head = try ThreeShellSphere(centre: .zero, radii: Self.radii, conductivities: Self.conductivities)
        let source = SIMD3<Double>(0, 0, 0.065)
        let places = [0.0, 0.5].map { SIMD3(sin($0), 0, cos($0)) }
        let bare = try alike.leadField(source: source, electrodes: places).map(\.z)
        let covered = try head.leadField(source: source, electrodes: places).map(\.z)
        #expect(covered[0] < 0.5 * bare[0])
        #expect(covered[1] / covered[0] > 1.5 * bare[1] / bare[0])
    }

    @Test("sources outside of the brain and impossible shells are errors")
    func errors() throws {
        let sphere = try ThreeShellSphere(.adult)
        for distance in [0.0795, 0.09, .nan] {
            #expect(throws: InputError.self) {
                try sphere.leadField(source: sphere.centre + SIMD3(0, distance, 0), electrodes: Self.electrodes)
            }
        }
        for radii in [SIMD3(0.08, 0.08, 0.09), SIMD3(0, 0.08, 0.09), SIMD3(0.08, 0.09, .nan)] {
            #expect(throws: InputError.self) {
                try ThreeShellSphere(centre: .zero, radii: radii, conductivities: Self.conductivities)
            }
        }
        for conductivities in [SIMD3(0.33, 0, 0.33), SIMD3(0.33, -1, 0.33), SIMD3(.infinity, 1, 1)] {
            #expect(throws: InputError.self) {
                try ThreeShellSphere(centre: .zero, radii: Self.radii, conductivities: conductivities)
            }
        }
    }
}
