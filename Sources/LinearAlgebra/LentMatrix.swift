/// A dense matrix in memory that somebody else keeps: used where it lies, never copied, changed or freed.
///
/// Whoever lends it promises that the memory stays as it is for as long as any value made of it lives.
public struct LentMatrix<Number: BinaryFloatingPoint>: @unchecked Sendable {
    /// The first element.
    public let first: UnsafePointer<Number>
    /// Number of rows.
    public let rows: Int
    /// Number of columns.
    public let columns: Int
    /// Whether a row is contiguous (as in C and numpy by default), not a column (as in Fortran, MATLAB and BLAS).
    public let isRowMajor: Bool

    /// A matrix without gaps; nothing is checked.
    public init(_ first: UnsafePointer<Number>, rows: Int, columns: Int, isRowMajor: Bool = false) {
        self.first = first
        self.rows = rows
        self.columns = columns
        self.isRowMajor = isRowMajor
    }

    /// All elements in the order in which they lie.
    public var elements: UnsafeBufferPointer<Number> { UnsafeBufferPointer(start: first, count: rows * columns) }

    /// Element (i, j).
    @inlinable
    public subscript(row: Int, column: Int) -> Number {
        first[isRowMajor ? row * columns + column : row + column * rows]
    }

    /// Elements from one column to the next (from one row to the next where rows are contiguous): BLAS's leading dimension.
    public var leadingDimension: Int { isRowMajor ? columns : rows }
}
