import HDF5
import LinearAlgebra
import TestSupport

@testable import Dynamics

/// The file of reference trajectories and answers.
struct DynamicsReference {
    let file: HDF5File

    init() throws { file = try HDF5File(Shared.path("reference/dynamics/trajectories.h5")) }

    func matrix(_ name: String) throws -> Matrix {
        let array = try file.doubles(name)
        let (rows, columns) = (array.shape[0], array.shape[1])
        return Matrix(rows: rows, columns: columns) { array.elements[$0 * columns + $1] }
    }

    func number(_ name: String, of object: String) throws -> Double {
        guard let value = try file.double(attribute: name, of: object) else { throw Missing(name: name) }
        return value
    }

    func integer(_ name: String, of object: String) throws -> Int {
        guard let value = try file.integer(attribute: name, of: object) else { throw Missing(name: name) }
        return value
    }

    struct Missing: Error { let name: String }

    /// The observations of a network in epochs.
    func network(_ name: String) throws -> Trajectories {
        let observed = try matrix("\(name)/observed").transposed
        let size = try integer("epoch", of: name)
        let rate = try number("sampling_frequency", of: name)
        let epochs = stride(from: 0, to: observed.columns, by: size).map { observed.columns($0..<($0 + size)) }
        return try Trajectories(epochs: epochs, interval: 1 / rate)
    }
}

/// The largest difference, relative to the largest value.
func deviation(_ found: Matrix, _ expected: Matrix) -> Double {
    guard found.rows == expected.rows, found.columns == expected.columns else { return .infinity }
    let scale = max(expected.elements.map(abs).max() ?? 1, 1e-300)
    return zip(found.elements, expected.elements).map { abs($0 - $1) / scale }.max() ?? 0
}
