/// The gain of a forward model as it lies in memory: a matrix of its own, or one that the caller lends, in either order of its
/// elements and either precision.
struct StoredGain: Sendable {
    private enum Storage: Sendable {
        case own(Matrix)
        case double(LentMatrix<Double>)
        case single(LentMatrix<Float>)
    }

    /// Number of sensors.
    let rows: Int
    /// Number of columns: sources times orientations.
    let columns: Int
    private let storage: Storage

    /// A gain of its own.
    init(_ matrix: Matrix) {
        (rows, columns) = (matrix.rows, matrix.columns)
        storage = .own(matrix)
    }

    /// A gain that is not copied.
    init(lent matrix: LentMatrix<Double>) {
        (rows, columns) = (matrix.rows, matrix.columns)
        storage = .double(matrix)
    }

    /// A gain in single precision that is not copied.
    init(lent matrix: LentMatrix<Float>) {
        (rows, columns) = (matrix.rows, matrix.columns)
        storage = .single(matrix)
    }

    /// Element (i, j).
    subscript(row: Int, column: Int) -> Double {
        switch storage {
        case .own(let matrix): matrix[row, column]
        case .double(let matrix): matrix[row, column]
        case .single(let matrix): Double(matrix[row, column])
        }
    }

    /// The gain as a matrix: a copy of one that is lent.
    var matrix: Matrix {
        if case .own(let matrix) = storage { return matrix }
        return Matrix(rows: rows, columns: columns) { self[$0, $1] }
    }

    /// The given rows, in the given order, as a new matrix.
    func rows(_ indices: [Int]) -> Matrix {
        Matrix(rows: indices.count, columns: columns) { self[indices[$0], $1] }
    }

    /// Whether every number is finite.
    var isFinite: Bool {
        switch storage {
        case .own(let matrix): matrix.firstNonFinite == nil
        case .double(let matrix): matrix.elements.allSatisfy(\.isFinite)
        case .single(let matrix): matrix.elements.allSatisfy(\.isFinite)
        }
    }

    /// Whether two are one and the same in memory: no number is compared.
    func isSame(as other: StoredGain) -> Bool {
        switch (storage, other.storage) {
        case (.own(let own), .own(let other)):
            own.elements.withUnsafeBufferPointer { own in
                other.elements.withUnsafeBufferPointer {
                    own.baseAddress == $0.baseAddress && own.count == $0.count
                }
            }
        case (.double(let own), .double(let other)): own.first == other.first && rows == other.rows
        case (.single(let own), .single(let other)): own.first == other.first && rows == other.rows
        default: false
        }
    }

    /// Some columns for BLAS.
    struct Columns {
        /// The first element of the first.
        let first: UnsafePointer<Double>
        /// Elements from one column to the next; from one row to the next where `isTransposed`.
        let leadingDimension: Int
        /// Whether a row is contiguous, not a column.
        let isTransposed: Bool

        /// Element (i, j) of these columns, the first of them being 0.
        @inline(__always)
        subscript(row: Int, column: Int) -> Double {
            isTransposed
                ? first[column + row * leadingDimension] : first[row + column * leadingDimension]
        }
    }

    /// Calls `body` with all columns, some at a time.
    func forEachColumns(_ body: (_ columns: Columns, _ range: Range<Int>) -> Void) {
        let piece = 128
        for start in stride(from: 0, to: columns, by: piece) {
            let range = start..<min(columns, start + piece)
            withColumns(range) { body($0, range) }
        }
    }

    /// Gives access to some columns where they lie; a copy of those that are in single precision.
    func withColumns(_ range: Range<Int>, _ body: (Columns) -> Void) {
        switch storage {
        case .own(let matrix):
            matrix.elements.withUnsafeBufferPointer { elements in
                guard let first = elements.baseAddress else { return }
                body(Columns(first: first + range.lowerBound * rows, leadingDimension: rows, isTransposed: false))
            }
        case .double(let matrix):
            body(
                Columns(
                    first: matrix.first + range.lowerBound * (matrix.isRowMajor ? 1 : rows),
                    leadingDimension: matrix.leadingDimension, isTransposed: matrix.isRowMajor))
        case .single(let matrix):
            let copy = Matrix(rows: rows, columns: range.count) { Double(matrix[$0, range.lowerBound + $1]) }
            copy.elements.withUnsafeBufferPointer { elements in
                guard let first = elements.baseAddress else { return }
                body(Columns(first: first, leadingDimension: rows, isTransposed: false))
            }
        }
    }
}
