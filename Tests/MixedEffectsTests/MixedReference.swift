import HDF5
import LinearAlgebra
import MixedEffects
import TestSupport

/// A file of reference answers.
struct MixedReference {
    let file: HDF5File
    let problem: MixedEffectsProblem

    /// - Parameter name: without its folder and ending.
    init(_ name: String) throws {
        file = try HDF5File(Shared.path("reference/mixed-effects/\(name).h5"))
        let variance = try? file.doubles("variance").elements
        problem = try MixedEffectsProblem(
            fixed: try Self.matrix(file, "X"), random: try Self.matrix(file, "Z"), response: file.doubles("y").elements,
            offsets: file.integers("offsets").elements, noiseVariance: variance)
    }

    func values(_ name: String) throws -> [Double] { try file.doubles(name).elements }
    func number(_ name: String, of object: String = "/") throws -> Double {
        guard let value = try file.double(attribute: name, of: object) else { throw Missing(name: name) }
        return value
    }
    func matrix(_ name: String) throws -> Matrix { try Self.matrix(file, name) }
    func effects(_ fixed: String = "beta", _ variances: String = "gamma") throws -> Effects {
        Effects(fixed: try values(fixed), variances: try values(variances))
    }

    struct Missing: Error { let name: String }

    private static func matrix(_ file: HDF5File, _ name: String) throws -> Matrix {
        let array = try file.doubles(name)
        let (rows, columns) = (array.shape[0], array.shape[1])
        return Matrix(rows: rows, columns: columns) { array.elements[$0 * columns + $1] }
    }
}

/// Problems drawn from seeds.
enum RandomModel {
    /// - Parameters:
    ///   - sizes: rows of each group.
    ///   - noise: whether rows have noise of different variance.
    static func problem(
        sizes: [Int], fixed p: Int, random q: Int, seed: UInt64, noise: Bool = true
    ) throws -> MixedEffectsProblem {
        var generator = SeededGenerator(seed: seed)
        let count = sizes.reduce(0, +)
        var fixed = generator.normal(rows: count, columns: p)
        if p > 0 { for row in 0..<count { fixed[row, 0] = 1 } }
        let random = generator.normal(rows: count, columns: q)
        let variance = (0..<count).map { _ in noise ? 0.2 + generator.uniform() : 1 }
        let beta = (0..<p).map { Double($0 % 3) - 0.5 }
        var response: [Double] = []
        for size in sizes {
            let u = (0..<q).map { k in generator.normal() * (k % 2 == 0 ? 1 : 0) }
            for _ in 0..<size {
                let row = response.count
                let mean = (0..<p).reduce(0) { $0 + fixed[row, $1] * beta[$1] }
                let deviation = (0..<q).reduce(0) { $0 + random[row, $1] * u[$1] }
                response.append(mean + deviation + variance[row].squareRoot() * generator.normal())
            }
        }
        let offsets = sizes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        return try MixedEffectsProblem(
            fixed: fixed, random: random, response: response, offsets: offsets, noiseVariance: variance)
    }
}

/// The largest difference, relative to the largest value.
func deviation(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let scale = max(expected.map(abs).max() ?? 1, 1e-300)
    return zip(found, expected).map { abs($0 - $1) / scale }.max() ?? 0
}
