import CFoci
import Requests
import Synchronization

/// A result: texts, numbers and arrays by name, all of which live as long as it does.
final class Answer: @unchecked Sendable {
    /// The estimate of a localization, for pages.
    let estimate: Estimate?
    private let numbers: [String: Double]
    private let arrays: [String: foci_array]
    private let makers: [String: @Sendable () throws -> String?]
    /// Texts that were asked for, nil where there is none.
    private let texts = Mutex<[String: UnsafeMutablePointer<CChar>?]>([:])
    private let memory: [UnsafeMutableRawPointer]

    /// What a result is made of.
    struct Parts {
        var estimate: Estimate?
        var numbers: [String: Double] = [:]
        /// Texts, made when they are asked for; nil where there is none.
        var texts: [String: @Sendable () throws -> String?] = [:]
        fileprivate var arrays: [String: foci_array] = [:]
        fileprivate var memory: [UnsafeMutableRawPointer] = []

        /// Adds an array, the first index fastest; as many numbers as its shape says.
        mutating func add(_ name: String, _ numbers: [Double], shape: [Int]) {
            add(name, numbers, Int32(FOCI_DOUBLE), shape)
        }

        /// Adds integers.
        mutating func add(_ name: String, _ integers: [Int]) {
            add(name, integers.map { Int64($0) }, Int32(FOCI_INT64), [integers.count])
        }

        /// Adds a matrix.
        mutating func add(_ name: String, _ matrix: Matrix) {
            add(name, matrix.elements, shape: [matrix.rows, matrix.columns])
        }

        private mutating func add<Number>(_ name: String, _ numbers: [Number], _ type: Int32, _ shape: [Int]) {
            precondition(
                shape.count <= 3 && numbers.count == shape.reduce(1, *),
                "\(name) has \(numbers.count) numbers, not \(shape)")
            let copy = UnsafeMutablePointer<Number>.allocate(capacity: max(1, numbers.count))
            copy.initialize(from: numbers, count: numbers.count)
            memory.append(UnsafeMutableRawPointer(copy))
            let sides = (shape + [1, 1]).map { Int64($0) }
            arrays[name] = foci_array(
                data: UnsafeRawPointer(copy), type: type, dimensions: Int32(shape.count),
                shape: (sides[0], sides[1], sides[2]),
                strides: (1, shape.count > 1 ? sides[0] : 0, shape.count > 2 ? sides[0] * sides[1] : 0), is_lent: 0,
                reserved: 0)
        }

        /// Adds the active blocks of a problem with their coefficients.
        mutating func add(_ active: ActiveSet, of problem: RegressionProblem) {
            add("blocks", active.blocks)
            add("columns", active.blocks.flatMap { Array(problem.blocks.columns(of: $0)) })
            add("coefficients", active.coefficientsInOriginalSamples(of: problem))
        }
    }

    init(_ parts: Parts) {
        estimate = parts.estimate
        numbers = parts.numbers
        arrays = parts.arrays
        makers = parts.texts
        memory = parts.memory
    }

    deinit {
        for part in memory { part.deallocate() }
        texts.withLock { texts in for text in texts.values { text?.deallocate() } }
    }

    /// A text, made once.
    func text(_ name: String) throws -> UnsafePointer<CChar> {
        guard let make = makers[name] else { throw Missing(name, of: makers.keys) }
        if let known = texts.withLock({ $0[name] }) {
            guard let known else { throw Missing(name, of: makers.keys) }
            return UnsafePointer(known)
        }
        let made = try make()
        return try texts.withLock { texts in
            if texts[name] == nil { texts[name] = .some(made.map(Self.copy)) }
            guard let text = texts[name] ?? nil else { throw Missing(name, of: makers.keys) }
            return UnsafePointer(text)
        }
    }

    private static func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
        let bytes = text.utf8CString
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        bytes.withUnsafeBufferPointer { bytes in
            if let first = bytes.baseAddress { copy.initialize(from: first, count: bytes.count) }
        }
        return copy
    }

    func number(_ name: String) throws -> Double {
        guard let number = numbers[name] else { throw Missing(name, of: numbers.keys) }
        return number
    }

    func array(_ name: String) throws -> foci_array {
        guard let array = arrays[name] else { throw Missing(name, of: arrays.keys) }
        return array
    }
}

/// `foci_result_text` as `foci.h` documents it.
@c @implementation
public func foci_result_text(
    _ result: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> foci_status {
    attempt {
        let answer = try object(Answer.self, result, "result")
        try target(text).pointee = try answer.text(try FociC.text(name, "name"))
    }
}

/// `foci_result_number` as `foci.h` documents it.
@c @implementation
public func foci_result_number(
    _ result: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ number: UnsafeMutablePointer<Double>?
) -> foci_status {
    attempt {
        let answer = try object(Answer.self, result, "result")
        try target(number).pointee = try answer.number(try text(name, "name"))
    }
}

/// `foci_result_array` as `foci.h` documents it.
@c @implementation
public func foci_result_array(
    _ result: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ array: UnsafeMutablePointer<foci_array>?
) -> foci_status {
    attempt {
        let answer = try object(Answer.self, result, "result")
        try target(array).pointee = try answer.array(try text(name, "name"))
    }
}

/// `foci_result_free` as `foci.h` documents it.
@c @implementation
public func foci_result_free(_ result: OpaquePointer?) { free(Answer.self, result) }
