/// A dense matrix of doubles, column-major: element (i, j) is `elements[i + j * rows]`, so that a column
/// is contiguous and can be handed to BLAS.
///
/// A value type over an array: copies share storage until one of them changes.
public struct Matrix: Sendable, Equatable {
    /// Number of rows.
    public let rows: Int
    /// Number of columns.
    public let columns: Int
    /// The elements, column after column; `rows * columns` of them.
    public var elements: [Double]

    /// A matrix filled with one value.
    ///
    /// - Complexity: O(rows · columns).
    public init(rows: Int, columns: Int, repeating value: Double = 0) {
        precondition(rows >= 0 && columns >= 0, "a matrix cannot have a negative size")
        self.rows = rows
        self.columns = columns
        self.elements = [Double](repeating: value, count: rows * columns)
    }

    /// A matrix over elements that are already in column-major order.
    ///
    /// - Parameter elements: `rows * columns` values; another count is a programming error.
    public init(rows: Int, columns: Int, elements: [Double]) {
        precondition(elements.count == rows * columns, "a \(rows) × \(columns) matrix needs \(rows * columns) elements")
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    /// A matrix whose element (i, j) is `element(i, j)`, asked for column by column.
    public init(rows: Int, columns: Int, _ element: (_ row: Int, _ column: Int) -> Double) {
        self.init(rows: rows, columns: columns)
        for j in 0..<columns {
            for i in 0..<rows { elements[i + j * rows] = element(i, j) }
        }
    }

    /// The identity of the given size.
    public static func identity(_ size: Int) -> Matrix {
        Matrix(rows: size, columns: size) { $0 == $1 ? 1 : 0 }
    }

    /// The square matrix with `diagonal` on its diagonal and zeros elsewhere.
    public static func diagonal(_ diagonal: [Double]) -> Matrix {
        Matrix(rows: diagonal.count, columns: diagonal.count) { $0 == $1 ? diagonal[$0] : 0 }
    }

    /// Element (i, j).
    @inlinable
    public subscript(row: Int, column: Int) -> Double {
        get { elements[row + column * rows] }
        set { elements[row + column * rows] = newValue }
    }

    /// The transpose, as a new matrix.
    ///
    /// - Complexity: O(rows · columns).
    public var transposed: Matrix {
        Matrix(rows: columns, columns: rows) { self[$1, $0] }
    }

    /// A copy of one column.
    public func column(_ index: Int) -> [Double] {
        Array(elements[(index * rows)..<((index + 1) * rows)])
    }

    /// A copy of one row.
    public func row(_ index: Int) -> [Double] {
        (0..<columns).map { self[index, $0] }
    }

    /// The given columns, in the given order and as often as given, as a new matrix.
    public func columns(_ indices: some Collection<Int>) -> Matrix {
        var result: [Double] = []
        result.reserveCapacity(rows * indices.count)
        for j in indices { result.append(contentsOf: elements[(j * rows)..<((j + 1) * rows)]) }
        return Matrix(rows: rows, columns: indices.count, elements: result)
    }

    /// The given rows, in the given order and as often as given, as a new matrix.
    public func rows(_ indices: some RandomAccessCollection<Int>) -> Matrix {
        let picked = Array(indices)
        return Matrix(rows: picked.count, columns: columns) { self[picked[$0], $1] }
    }

    /// The Frobenius norm squared, Σ elements², summed in order; may overflow where the norm does not.
    public var squaredNorm: Double {
        elements.reduce(0) { $0 + $1 * $1 }
    }

    /// Position of the first element that is NaN or infinite, or nil when all are finite.
    ///
    /// - Complexity: O(rows · columns).
    public var firstNonFinite: (row: Int, column: Int)? {
        guard let k = elements.firstIndex(where: { !$0.isFinite }) else { return nil }
        return (k % rows, k / rows)
    }

    /// The sum of two matrices of one size.
    public static func + (a: Matrix, b: Matrix) -> Matrix {
        precondition(a.rows == b.rows && a.columns == b.columns)
        return Matrix(rows: a.rows, columns: a.columns, elements: zip(a.elements, b.elements).map { $0 + $1 })
    }

    /// The difference of two matrices of one size.
    public static func - (a: Matrix, b: Matrix) -> Matrix {
        precondition(a.rows == b.rows && a.columns == b.columns)
        return Matrix(rows: a.rows, columns: a.columns, elements: zip(a.elements, b.elements).map { $0 - $1 })
    }

    /// A matrix times a number.
    public static func * (a: Matrix, factor: Double) -> Matrix {
        Matrix(rows: a.rows, columns: a.columns, elements: a.elements.map { $0 * factor })
    }

    /// The matrix product.
    ///
    /// - Complexity: O(a.rows · a.columns · b.columns), one BLAS call.
    public static func * (a: Matrix, b: Matrix) -> Matrix {
        product(a, b)
    }

    /// The product of two matrices, either of them transposed: op(a) · op(b).
    ///
    /// - Parameters:
    ///   - a: m × k, or k × m where `transposeA`.
    ///   - b: k × n, or n × k where `transposeB`; another inner size is a programming error.
    ///   - parallelism: threads; they change no bit.
    /// - Complexity: O(m·n·k) for an m × k times a k × n matrix, on the threads given.
    public static func product(
        _ a: Matrix, transposed transposeA: Bool = false, _ b: Matrix, transposed transposeB: Bool = false,
        parallelism: Parallelism = .serial
    ) -> Matrix {
        let m = transposeA ? a.columns : a.rows
        let inner = transposeA ? a.rows : a.columns
        let n = transposeB ? b.rows : b.columns
        precondition(inner == (transposeB ? b.columns : b.rows), "the inner sizes of a product must agree")
        var c = Matrix(rows: m, columns: n)
        guard m > 0, n > 0, inner > 0 else { return c }
        a.elements.withUnsafeBufferPointer { pa in
            b.elements.withUnsafeBufferPointer { pb in
                c.elements.withUnsafeMutableBufferPointer { pc in
                    guard let pa = pa.baseAddress, let pb = pb.baseAddress, let pc = pc.baseAddress else { return }
                    parallelism.gemm(
                        transposeA, transposeB, m, n, inner, 1, pa, a.rows, pb, b.rows, 0, pc, m)
                }
            }
        }
        return c
    }
}
