import CFoci
import Requests

/// A bag of values by name.
final class Values {
    /// A value of it.
    enum Value {
        case text(String)
        case number(Double)
        case texts([String])
        /// As it was given; what is not lent is a copy that this bag keeps.
        case array(KeptArray)
    }

    /// An array that lives as long as the bag, or that the caller lends.
    final class KeptArray {
        let array: foci_array
        private let copy: UnsafeMutableRawPointer?

        /// Copies an array, unless it is lent.
        init(_ pointer: UnsafePointer<foci_array>?, _ name: String) throws(InputError) {
            let given = try GivenArray(pointer, name)
            guard let pointer, pointer.pointee.is_lent == 0 else {
                array = pointer?.pointee ?? foci_array()
                copy = nil
                return
            }
            // Doubles hold integers of every size that indices have.
            let numbers = try given.numbers()
            let memory = UnsafeMutablePointer<Double>.allocate(capacity: max(1, numbers.count))
            memory.initialize(from: numbers, count: numbers.count)
            var own = pointer.pointee
            own.data = UnsafeRawPointer(memory)
            own.type = Int32(FOCI_DOUBLE)
            let sides = given.shape + [1, 1]
            own.strides = (1, Int64(sides[0]), Int64(sides[0] * sides[1]))
            array = own
            copy = UnsafeMutableRawPointer(memory)
        }

        deinit { copy?.deallocate() }

        /// The array, checked.
        func given(_ name: String) throws(InputError) -> GivenArray {
            do {
                return try withUnsafePointer(to: array) { try GivenArray($0, name) }
            } catch let error as InputError { throw error } catch { throw InputError(name, found: "\(error)") }
        }
    }

    private(set) var all: [String: Value] = [:]
    /// Their names, in the order in which they were first set.
    private(set) var names: [String] = []

    func set(_ name: String, _ value: Value) {
        if all.updateValue(value, forKey: name) == nil { names.append(name) }
    }

    // MARK: - What a function takes

    /// Throws for a name that a function does not know.
    func check(_ function: String, _ names: [(name: String, help: String)]) throws(InputError) {
        for name in all.keys.sorted() where !names.contains(where: { $0.name == name }) {
            throw InputError(
                "'\(name)'", found: "no value of a \(function)",
                expected: "one of \(names.map(\.name).joined(separator: ", "))")
        }
    }

    /// The values of options.
    func options() throws(InputError) -> [String: OptionValue] {
        var options: [String: OptionValue] = [:]
        for (name, value) in all {
            switch value {
            case .text(let text): options[name] = .text(text)
            case .number(let number): options[name] = .number(number)
            case .texts(let texts): options[name] = .texts(texts)
            case .array(let array): options[name] = .numbers(try array.given(name).numbers())
            }
        }
        return options
    }

    func text(_ name: String) throws(InputError) -> String? {
        guard let value = all[name] else { return nil }
        guard case .text(let text) = value else { throw InputError(name, found: "no text", expected: "a text") }
        return text
    }

    func texts(_ name: String) throws(InputError) -> [String]? {
        guard let value = all[name] else { return nil }
        guard case .texts(let texts) = value else { throw InputError(name, found: "no texts", expected: "texts") }
        return texts
    }

    func number(_ name: String) throws(InputError) -> Double? {
        guard let value = all[name] else { return nil }
        guard case .number(let number) = value, !number.isNaN else {
            throw InputError(name, found: "no number", expected: "a number")
        }
        return number
    }

    func count(_ name: String) throws(InputError) -> Int? {
        guard let number = try number(name) else { return nil }
        guard let count = Int(exactly: number) else {
            throw InputError(name, found: "\(number)", expected: "a whole number")
        }
        return count
    }

    func flag(_ name: String) throws(InputError) -> Bool? { try number(name).map { $0 != 0 } }

    func array(_ name: String) throws(InputError) -> GivenArray? {
        guard let value = all[name] else { return nil }
        guard case .array(let array) = value else { throw InputError(name, found: "no array", expected: "an array") }
        return try array.given(name)
    }

    /// What has to be there.
    func needed<Value>(_ name: String, _ value: Value?) throws(InputError) -> Value {
        guard let value else { throw InputError(name, found: "nothing", expected: "to be given") }
        return value
    }

    /// A matrix of a number of rows.
    func matrix(_ name: String) throws(InputError) -> Matrix? {
        guard let array = try array(name) else { return nil }
        return try array.matrix()
    }

    /// Vectors in space, one a row.
    func vectors(_ name: String) throws(InputError) -> [SIMD3<Double>]? {
        guard let matrix = try matrix(name) else { return nil }
        guard matrix.columns == 3 else {
            throw InputError(name, found: "\(matrix.rows) × \(matrix.columns)", expected: "three columns: x, y, z")
        }
        return (0..<matrix.rows).map { SIMD3(matrix[$0, 0], matrix[$0, 1], matrix[$0, 2]) }
    }

    /// All of them as columns of a table: numbers, or texts of which empty ones are missing.
    func table() throws(InputError) -> DataTable {
        try DataTable(
            names.map { name throws(InputError) in
                switch all[name] {
                case .texts(let texts): return DataTable.Column(name, texts: texts.map { $0.isEmpty ? nil : $0 })
                case .array(let array):
                    let array = try array.given(name)
                    guard array.shape.count == 1 else {
                        throw InputError(name, found: array.sizes, expected: "a column of numbers")
                    }
                    return DataTable.Column(name, numbers: try array.numbers())
                case .text, .number, nil:
                    throw InputError(name, found: "one value", expected: "a column of numbers or texts")
                }
            })
    }
}

/// `foci_values_create` as `foci.h` documents it.
@c @implementation
public func foci_values_create(_ values: UnsafeMutablePointer<OpaquePointer?>?) -> foci_status {
    attempt { try target(values).pointee = handle(Values()) }
}

/// `foci_values_set_text` as `foci.h` documents it.
@c @implementation
public func foci_values_set_text(
    _ values: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?
) -> foci_status {
    attempt {
        let name = try FociC.text(name, "name")
        try object(Values.self, values, "values").set(name, .text(try FociC.text(text, name)))
    }
}

/// `foci_values_set_number` as `foci.h` documents it.
@c @implementation
public func foci_values_set_number(
    _ values: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ number: Double
) -> foci_status {
    attempt { try object(Values.self, values, "values").set(try FociC.text(name, "name"), .number(number)) }
}

/// `foci_values_set_texts` as `foci.h` documents it.
@c @implementation
public func foci_values_set_texts(
    _ values: OpaquePointer?, _ name: UnsafePointer<CChar>?,
    _ texts: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int64
) -> foci_status {
    attempt {
        let name = try FociC.text(name, "name")
        guard count >= 0, count <= Int64(Int32.max), texts != nil || count == 0 else {
            throw InputError(name, found: "\(count) texts", expected: "their addresses, and how many they are")
        }
        let all = try (0..<Int(count)).map { try FociC.text(texts?[$0], name) }
        try object(Values.self, values, "values").set(name, .texts(all))
    }
}

/// `foci_values_set_array` as `foci.h` documents it.
@c @implementation
public func foci_values_set_array(
    _ values: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ array: UnsafePointer<foci_array>?
) -> foci_status {
    attempt {
        let name = try FociC.text(name, "name")
        try object(Values.self, values, "values").set(name, .array(try Values.KeptArray(array, name)))
    }
}

/// `foci_values_free` as `foci.h` documents it.
@c @implementation
public func foci_values_free(_ values: OpaquePointer?) { free(Values.self, values) }
