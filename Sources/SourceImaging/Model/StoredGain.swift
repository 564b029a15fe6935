/// The gain of a forward model as it lies in memory: a matrix of its own, or one that the caller lends, in either order.
struct StoredGain: Sendable {
    private enum Storage: Sendable {
        case own(Matrix)
        case lent(LentMatrix<Double>)
    }

    private let storage: Storage

    /// A gain of its own.
    init(_ matrix: Matrix) { storage = .own(matrix) }

    /// A gain that is not copied.
    init(lent matrix: LentMatrix<Double>) { storage = .lent(matrix) }

    /// Number of sensors.
    var rows: Int {
        switch storage {
        case .own(let matrix): matrix.rows
        case .lent(let matrix): matrix.rows
        }
    }

    /// Number of columns: sources times orientations.
    var columns: Int {
        switch storage {
        case .own(let matrix): matrix.columns
        case .lent(let matrix): matrix.columns
        }
    }

    /// Element (i, j).
    subscript(row: Int, column: Int) -> Double {
        switch storage {
        case .own(let matrix): matrix[row, column]
        case .lent(let matrix): matrix[row, column]
        }
    }

    /// The gain as a matrix: a copy of one that is lent.
    var matrix: Matrix {
        switch storage {
        case .own(let matrix): matrix
        case .lent(let lent): Matrix(rows: lent.rows, columns: lent.columns) { lent[$0, $1] }
        }
    }

    /// The given rows, in the given order, as a new matrix.
    func rows(_ indices: [Int]) -> Matrix {
        Matrix(rows: indices.count, columns: columns) { self[indices[$0], $1] }
    }

    /// Whether every number is finite.
    var isFinite: Bool { withElements { $0.elements.allSatisfy(\.isFinite) } }

    /// Whether two are one and the same in memory: no number is compared.
    func isSame(as other: StoredGain) -> Bool {
        withElements { own in other.withElements { own.first == $0.first && own.rows == $0.rows } }
    }

    /// Gives access to the elements where they lie.
    func withElements<Result>(_ body: (LentMatrix<Double>) throws -> Result) rethrows -> Result {
        switch storage {
        case .lent(let matrix): try body(matrix)
        case .own(let matrix):
            try matrix.elements.withUnsafeBufferPointer { elements in
                try withUnsafeTemporaryAllocation(of: Double.self, capacity: 1) { nothing in
                    // An empty matrix has no address; nothing is read there.
                    guard let first = elements.baseAddress ?? nothing.baseAddress.map({ UnsafePointer($0) }) else {
                        preconditionFailure("no memory for one number")
                    }
                    return try body(LentMatrix(first, rows: matrix.rows, columns: matrix.columns))
                }
            }
        }
    }
}
