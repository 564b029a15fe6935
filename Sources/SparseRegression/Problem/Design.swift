/// The design of a regression (a whitened gain), n × q, column after column, in double or single precision.
///
/// A value over an array: copies share storage; or over memory that the caller lends. Single precision halves the memory;
/// every product with it is still accumulated in double precision, on columns converted a piece at a time, so nothing but
/// the storage is rounded.
public struct Design: Sendable, Equatable {
    /// Number of rows, n.
    public let rows: Int
    /// Number of columns, q.
    public let columns: Int
    private let storage: Storage

    private enum Storage: Sendable, Equatable {
        case double(Elements<Double>)
        case single(Elements<Float>)
    }

    /// Numbers of this value, or lent ones.
    private enum Elements<Number: BinaryFloatingPoint & Sendable>: Sendable, Equatable {
        case own([Number])
        case lent(LentMatrix<Number>)

        func withBuffer<Result>(_ body: (UnsafeBufferPointer<Number>) throws -> Result) rethrows -> Result {
            switch self {
            case .own(let elements): try elements.withUnsafeBufferPointer(body)
            case .lent(let matrix): try body(matrix.elements)
            }
        }

        subscript(index: Int) -> Number {
            switch self {
            case .own(let elements): elements[index]
            case .lent(let matrix): matrix.first[index]
            }
        }

        static func == (a: Self, b: Self) -> Bool {
            a.withBuffer { a in
                b.withBuffer { b in
                    a.count == b.count && (a.baseAddress == b.baseAddress || a.elementsEqual(b))
                }
            }
        }
    }

    /// A design in double precision; shares the matrix's storage.
    public init(_ matrix: Matrix) {
        rows = matrix.rows
        columns = matrix.columns
        storage = .double(.own(matrix.elements))
    }

    /// A design in single precision.
    ///
    /// - Parameter elements: rows × columns values, column after column; another count is a programming error.
    public init(rows: Int, columns: Int, elements: [Float]) {
        precondition(elements.count == rows * columns, "a \(rows) × \(columns) design needs \(rows * columns) elements")
        self.rows = rows
        self.columns = columns
        storage = .single(.own(elements))
    }

    /// A design in double precision that is not copied; one whose rows are contiguous is a programming error.
    public init(lent matrix: LentMatrix<Double>) {
        precondition(!matrix.isRowMajor, "a lent design lies column after column")
        rows = matrix.rows
        columns = matrix.columns
        storage = .double(.lent(matrix))
    }

    /// A design in single precision that is not copied; one whose rows are contiguous is a programming error.
    public init(lent matrix: LentMatrix<Float>) {
        precondition(!matrix.isRowMajor, "a lent design lies column after column")
        rows = matrix.rows
        columns = matrix.columns
        storage = .single(.lent(matrix))
    }

    /// Whether it is stored in single precision.
    public var isSinglePrecision: Bool {
        if case .single = storage { true } else { false }
    }

    /// Element (i, j).
    public subscript(row: Int, column: Int) -> Double {
        switch storage {
        case .double(let elements): elements[row + column * rows]
        case .single(let elements): Double(elements[row + column * rows])
        }
    }

    /// All of it in double precision: shared where it is stored so, converted or copied where not.
    public var matrix: Matrix {
        switch storage {
        case .double(.own(let elements)): Matrix(rows: rows, columns: columns, elements: elements)
        case .double(let elements):
            Matrix(rows: rows, columns: columns, elements: elements.withBuffer { Array($0) })
        case .single(let elements):
            Matrix(rows: rows, columns: columns, elements: elements.withBuffer { $0.map(Double.init) })
        }
    }

    /// The given columns, in the given order, in double precision.
    public func columns(_ indices: some Collection<Int>) -> Matrix {
        var result = Matrix(rows: rows, columns: indices.count)
        result.elements.withUnsafeMutableBufferPointer { target in
            guard let target = target.baseAddress else { return }
            withReader { reader in
                for (k, column) in indices.enumerated() {
                    reader.copy(column..<(column + 1), to: target + k * rows)
                }
            }
        }
        return result
    }

    /// The given rows as a design of the same precision.
    package func rows(_ indices: [Int]) -> Design {
        switch storage {
        case .double:
            return Design(Matrix(rows: indices.count, columns: columns) { self[indices[$0], $1] })
        case .single(let elements):
            let picked = (0..<columns).flatMap { column in indices.map { elements[$0 + column * rows] } }
            return Design(rows: indices.count, columns: columns, elements: picked)
        }
    }

    /// The given columns as a design of the same precision.
    func subset(_ indices: some Collection<Int>) -> Design {
        switch storage {
        case .double:
            return Design(columns(indices))
        case .single(let elements):
            var picked: [Float] = []
            picked.reserveCapacity(rows * indices.count)
            elements.withBuffer { elements in
                for j in indices { picked.append(contentsOf: elements[(j * rows)..<((j + 1) * rows)]) }
            }
            return Design(rows: rows, columns: indices.count, elements: picked)
        }
    }

    /// Position of the first element that is NaN or infinite, or nil when all are finite.
    public var firstNonFinite: (row: Int, column: Int)? {
        let index: Int? =
            switch storage {
            case .double(let elements): elements.withBuffer { $0.firstIndex { !$0.isFinite } }
            case .single(let elements): elements.withBuffer { $0.firstIndex { !$0.isFinite } }
            }
        return index.map { ($0 % rows, $0 / rows) }
    }

    /// Whether every element is zero.
    var isZero: Bool {
        switch storage {
        case .double(let elements): elements.withBuffer { $0.allSatisfy { $0 == 0 } }
        case .single(let elements): elements.withBuffer { $0.allSatisfy { $0 == 0 } }
        }
    }

    /// The sum of squares of all elements, in order.
    public var squaredNorm: Double {
        switch storage {
        case .double(let elements): elements.withBuffer { $0.reduce(0) { $0 + $1 * $1 } }
        case .single(let elements): elements.withBuffer { $0.reduce(0) { $0 + Double($1) * Double($1) } }
        }
    }

    /// Columns as pointers, for the time of one closure.
    package struct Reader {
        fileprivate let rows: Int
        fileprivate let double: UnsafePointer<Double>?
        fileprivate let single: UnsafePointer<Float>?

        /// The first of the columns in place, or nil where they have to be converted.
        @inline(__always)
        package func inPlace(_ column: Int) -> UnsafePointer<Double>? { double.map { $0 + column * rows } }

        /// The first of the columns in place in single precision, or nil where they are stored in double.
        @inline(__always)
        func inPlaceSingle(_ column: Int) -> UnsafePointer<Float>? { single.map { $0 + column * rows } }

        /// Copies columns, converted to double precision.
        @inline(__always)
        package func copy(_ columns: Range<Int>, to target: UnsafeMutablePointer<Double>) {
            let count = columns.count * rows
            if let double {
                target.update(from: double + columns.lowerBound * rows, count: count)
            } else if let single {
                let source = single + columns.lowerBound * rows
                for i in 0..<count { target[i] = Double(source[i]) }
            }
        }
    }

    /// Gives access to the columns without copying them.
    package func withReader<Result>(_ body: (Reader) throws -> Result) rethrows -> Result {
        switch storage {
        case .double(let elements):
            try elements.withBuffer { try body(Reader(rows: rows, double: $0.baseAddress, single: nil)) }
        case .single(let elements):
            try elements.withBuffer { try body(Reader(rows: rows, double: nil, single: $0.baseAddress)) }
        }
    }
}
