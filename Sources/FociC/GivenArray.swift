import CFoci
import Glibc
import Requests

/// An array of the caller, checked: its shape fits its data, and its data may be read.
struct GivenArray {
    private let array: foci_array
    /// How errors call it.
    let name: String
    /// One number a dimension.
    let shape: [Int]

    /// Numbers along a side beyond which BLAS could not address them.
    private static let longest = Int(Int32.max)

    /// Checks an array.
    ///
    /// - Throws: ``InputError`` for NULL, sizes that are negative or too large, and a type that does not exist.
    init(_ pointer: UnsafePointer<foci_array>?, _ name: String) throws(InputError) {
        guard let pointer else { throw InputError(name, found: "NULL", expected: "an array") }
        let array = pointer.pointee
        guard (1...3).contains(array.dimensions) else {
            throw InputError(name, found: "\(array.dimensions) dimensions", expected: "1, 2 or 3")
        }
        guard [FOCI_DOUBLE, FOCI_FLOAT, FOCI_INT64].contains(where: { array.type == Int32($0) }) else {
            throw InputError(name, found: "type \(array.type)", expected: "doubles, floats or integers of 64 bits")
        }
        let sides = [array.shape.0, array.shape.1, array.shape.2].prefix(Int(array.dimensions))
        var count = 1
        for side in sides {
            guard (0...Int64(Self.longest)).contains(side) else {
                throw InputError(name, found: "a side of \(side)", expected: "0 to \(Self.longest)")
            }
            let (product, overflows) = count.multipliedReportingOverflow(by: Int(side))
            guard !overflows, product < 1 << 48 else {
                throw InputError(name, found: "more numbers than memory can hold", expected: "fewer than 2⁴⁸")
            }
            count = product
        }
        guard array.data != nil || count == 0 else {
            throw InputError(name, found: "no data for \(count) numbers", expected: "their address")
        }
        self.array = array
        self.name = name
        shape = sides.map { Int($0) }
    }

    /// How many numbers there are.
    var count: Int { shape.reduce(1, *) }

    private var strides: [Int] { [array.strides.0, array.strides.1, array.strides.2].map { Int($0) } }

    /// Its sizes as text.
    var sizes: String { shape.map { "\($0)" }.joined(separator: " × ") }

    /// Calls `body` with each number as a double, the first index fastest.
    private func forEach(_ body: (Double) -> Void) {
        guard count > 0, let data = array.data else { return }
        let (s, n) = (strides, shape + [1, 1])
        func run<Number>(_ type: Number.Type, _ convert: (Number) -> Double) {
            let first = data.assumingMemoryBound(to: Number.self)
            for k in 0..<n[2] {
                for j in 0..<n[1] {
                    let start = k &* s[2] &+ j &* s[1]
                    for i in 0..<n[0] { body(convert(first[start &+ i &* s[0]])) }
                }
            }
        }
        switch array.type {
        case Int32(FOCI_DOUBLE): run(Double.self) { $0 }
        case Int32(FOCI_FLOAT): run(Float.self) { Double($0) }
        default: run(Int64.self) { Double($0) }
        }
    }

    /// Throws where a copy would not fit beside what is copied.
    private func checkCopy() throws(InputError) {
        let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        guard memory <= 0 || count <= memory / 2 / MemoryLayout<Double>.size else {
            throw InputError(
                name, found: "\(sizes) numbers to copy", expected: "what half of this machine's memory can hold",
                advice: "lend an array whose first index is the fastest")
        }
    }

    /// All numbers, the first index fastest.
    ///
    /// - Throws: ``InputError`` where they do not fit in memory.
    func numbers() throws(InputError) -> [Double] {
        try checkCopy()
        var numbers: [Double] = []
        numbers.reserveCapacity(count)
        forEach { numbers.append($0) }
        return numbers
    }

    /// All numbers as integers.
    ///
    /// - Throws: ``InputError`` where one is none.
    func integers() throws(InputError) -> [Int] {
        try checkCopy()
        var integers: [Int] = []
        var wrong: Double?
        integers.reserveCapacity(count)
        forEach { number in
            if let integer = Int(exactly: number) { integers.append(integer) } else { wrong = wrong ?? number }
        }
        if let wrong { throw InputError(name, found: "\(wrong)", expected: "whole numbers") }
        return integers
    }

    /// A copy as a matrix; what has one dimension is a column.
    ///
    /// - Throws: ``InputError`` for three dimensions.
    func matrix() throws(InputError) -> Matrix {
        guard shape.count <= 2 else { throw InputError(name, found: sizes, expected: "a matrix") }
        return try Matrix(rows: shape[0], columns: shape.count == 2 ? shape[1] : 1, elements: numbers())
    }

    /// Copies as matrices, one for each third index; what has two dimensions is one.
    ///
    /// - Parameter rows: what the first index counts, for messages.
    /// - Throws: ``InputError`` for one dimension, and where there is no number.
    func matrices(of rows: String) throws(InputError) -> [Matrix] {
        guard shape.count > 1, count > 0 else {
            throw InputError(name, found: sizes, expected: "\(rows) × samples, or \(rows) × samples × epochs")
        }
        let (all, size) = (try numbers(), shape[0] * shape[1])
        return stride(from: 0, to: count, by: size).map {
            Matrix(rows: shape[0], columns: shape[1], elements: Array(all[$0..<($0 + size)]))
        }
    }

    /// Whether the caller lends it and each index is faster than the next, without gaps; `order` is that of the indices.
    private func isLent(_ order: [Int]) -> Bool {
        guard array.is_lent != 0, count > 0 else { return false }
        var expected = 1
        for index in order {
            guard shape[index] == 1 || strides[index] == expected else { return false }
            expected *= shape[index]
        }
        return true
    }

    /// The matrix where it lies, if it is of these numbers and lies so; either order of indices will do where `rows` may
    /// be contiguous.
    func lent<Number: BinaryFloatingPoint>(_ type: Number.Type, rows: Bool = false) -> LentMatrix<Number>? {
        guard array.type == Int32(Number.self == Double.self ? FOCI_DOUBLE : FOCI_FLOAT), shape.count == 2,
            let data = array.data
        else { return nil }
        let first = data.assumingMemoryBound(to: Number.self)
        if isLent([0, 1]) { return LentMatrix(first, rows: shape[0], columns: shape[1]) }
        guard rows, isLent([1, 0]) else { return nil }
        return LentMatrix(first, rows: shape[0], columns: shape[1], isRowMajor: true)
    }

    /// A design: where it lies if it can be used so, else a copy, in single precision where that is what it has.
    ///
    /// - Throws: ``InputError`` unless it is a matrix.
    func design() throws(InputError) -> Design {
        if let lent = lent(Double.self) { return Design(lent: lent) }
        if let lent = lent(Float.self) { return Design(lent: lent) }
        guard shape.count == 2 else { throw InputError(name, found: sizes, expected: "a matrix") }
        guard array.type == Int32(FOCI_FLOAT) else { return Design(try matrix()) }
        try checkCopy()
        var elements: [Float] = []
        elements.reserveCapacity(count)
        forEach { elements.append(Float($0)) }
        return Design(rows: shape[0], columns: shape[1], elements: elements)
    }
}
