import HDF5
import SourceImaging

/// A MATLAB file of version 7.3, open for reading: HDF5 with a user block, and conventions for MATLAB's types.
///
/// Variables and fields are named by their path. Arrays lie transposed, so that their elements stand in MATLAB's own
/// column-major order. Text is an array of 16-bit characters; a cell array holds references into the group `#refs#`; an
/// array of structs is a group with an array of references a field; what is empty holds its dimensions instead of
/// elements. Objects of classes, complex and sparse numbers are refused with a line that says how to save them.
final class MATLABFile: Sendable {
    /// What the first bytes of such a file say.
    private static let heading = Array("MATLAB 7.3 MAT-file".utf8)
    /// No cell array, struct array or text of a recording has more elements.
    private static let mostElements = 1 << 24

    private let file: HDF5File
    /// Names of the variables.
    let variables: [String]
    /// Paths of the objects that references lead to, by address.
    private let targets: [UInt64: String]
    /// The other way round.
    private let addresses: [String: UInt64]

    /// Path of the file as the caller gave it.
    var path: String { file.path }

    /// The file, when it is of this kind; nil where it is another.
    ///
    /// - Throws: ``InputError`` when it is damaged.
    init?(_ candidate: FileCandidate) throws(InputError) {
        guard let file = candidate.hdf5, candidate.head.starts(with: Self.heading) else { return nil }
        self.file = file
        let roots = try reading(file.links())
        let referenced = roots.contains { $0.name == "#refs#" } ? try reading(file.links(in: "#refs#")) : []
        variables = roots.map(\.name).filter { !$0.hasPrefix("#") }
        let pairs = referenced.compactMap { link in link.address.map { ($0, "#refs#/\(link.name)") } }
        targets = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        addresses = Dictionary(pairs.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Size of the file in bytes.
    var byteCount: Int { file.byteCount }

    /// A complaint about a variable or field.
    func error(_ object: String, found: String, expected: String = "", advice: Message = "") -> InputError {
        InputError("\(path): \(Self.readable(object))", found: found, expected: expected, advice: advice)
    }

    /// A path as MATLAB users write it: `EEG.data`.
    private static func readable(_ object: String) -> String {
        object.hasPrefix("#") ? object : object.split(separator: "/").joined(separator: ".")
    }

    // MARK: What is there

    /// Whether there is such a variable or field.
    func contains(_ object: String) throws(InputError) -> Bool {
        try reading(file.kind(of: object) != nil)
    }

    /// Whether it is a struct, or an array of structs.
    func isStruct(_ object: String) throws(InputError) -> Bool {
        try reading(file.kind(of: object) == .group)
    }

    /// Names of the fields of a struct.
    func fields(of object: String) throws(InputError) -> [String] {
        try reading(file.links(in: object).map(\.name))
    }

    /// MATLAB's class of a value, for example `double`, `char`, `cell`; empty where the file does not say.
    func className(of object: String) throws(InputError) -> String {
        try reading(file.string(attribute: "MATLAB_class", of: object) ?? "")
    }

    /// Sizes of a value in MATLAB's order; nil for a struct.
    func size(of object: String) throws(InputError) -> [Int]? {
        guard try !isStruct(object) else { return nil }
        if try isMarkedEmpty(object) { return [0, 0] }
        return try reading(Array(file.describe(object).shape.reversed()))
    }

    /// Whether a value is absent, or has no elements.
    func isEmpty(_ object: String) throws(InputError) -> Bool {
        guard try contains(object) else { return true }
        guard let size = try size(of: object) else { return false }
        return size.contains(0)
    }

    private func isMarkedEmpty(_ object: String) throws(InputError) -> Bool {
        try reading(file.integer(attribute: "MATLAB_empty", of: object) ?? 0 != 0)
    }

    // MARK: Numbers

    /// An array of numbers: its elements in MATLAB's order, first index fastest, and its sizes.
    func array(_ object: String) throws(InputError) -> (size: [Int], elements: [Double]) {
        guard try contains(object) else { throw error(object, found: "not in the file", expected: "numbers") }
        if try isStruct(object) {
            let isSparse = try reading(file.integer(attribute: "MATLAB_sparse", of: object) != nil)
            throw isSparse
                ? error(object, found: "a sparse matrix", expected: "a full one", advice: "save full(…) of it")
                : error(object, found: "a struct", expected: "numbers")
        }
        if try isMarkedEmpty(object) { return ([0, 0], []) }
        if case .other("compound records") = try reading(file.describe(object).type) {
            throw error(object, found: "complex numbers", expected: "real ones", advice: "save real(…) of it")
        }
        let read = try reading(file.doubles(object))
        return (read.shape.reversed(), read.elements)
    }

    /// An element of a cell array as ``array(_:)``, found at once: cells may be many thousands.
    func cell(_ object: String) throws(InputError) -> (size: [Int], elements: [Double]) {
        guard let address = addresses[object] else { return try array(object) }
        let read: HDF5Array<Double>?
        do {
            read = try file.doubles(at: address, named: object, unlessMarked: "MATLAB_empty")
        } catch {
            guard error.kind == .wrongType else { throw InputError(error) }
            // What else it is, and what to do about it.
            return try array(object)
        }
        guard let read else { return ([0, 0], []) }
        return (read.shape.reversed(), read.elements)
    }

    /// A matrix of numbers; empty (0 × 0) where MATLAB's is.
    ///
    /// - Complexity: reads straight into the result, without transposing.
    func matrix(_ object: String) throws(InputError) -> Matrix {
        let (size, elements) = try array(object)
        guard size.count == 2 else { throw error(object, found: sizes(size), expected: "a matrix") }
        return Matrix(rows: size[0], columns: size[1], elements: elements)
    }

    /// Reads numbers in slabs along MATLAB's last dimension, the first running fastest within them: see
    /// ``HDF5/HDF5File/slabs(_:_:)``. Nothing is called where MATLAB's array is empty.
    func slabs(
        _ object: String, _ body: (_ start: Int, _ height: Int, _ elements: UnsafeBufferPointer<Double>) -> Void
    ) throws(InputError) {
        guard try !isEmpty(object) else { return }
        try reading(file.slabs(object, body))
    }

    /// A list of numbers, as a row or a column; empty where MATLAB's is.
    func numbers(_ object: String) throws(InputError) -> [Double] {
        let (size, elements) = try array(object)
        guard size.allSatisfy({ $0 == 1 || $0 == elements.count }) || elements.isEmpty else {
            throw error(object, found: sizes(size), expected: "a row or a column")
        }
        return elements
    }

    /// One number; nil where the value is absent or empty.
    func number(_ object: String) throws(InputError) -> Double? {
        guard try !isEmpty(object) else { return nil }
        let (size, elements) = try array(object)
        guard elements.count == 1 else { throw error(object, found: sizes(size), expected: "one number") }
        return elements[0]
    }

    /// One whole number; nil where the value is absent or empty.
    func integer(_ object: String) throws(InputError) -> Int? {
        guard let number = try number(object) else { return nil }
        guard let integer = Int(exactly: number) else {
            throw error(object, found: "\(number)", expected: "a whole number")
        }
        return integer
    }

    /// Positions or directions: a count × 3 matrix.
    func vectors(_ object: String) throws(InputError) -> [SIMD3<Double>] {
        let (size, elements) = try array(object)
        if elements.isEmpty { return [] }
        guard size.count == 2, size[1] == 3 else { throw error(object, found: sizes(size), expected: "sources × 3") }
        let count = size[0]
        return (0..<count).map { SIMD3(elements[$0], elements[count + $0], elements[2 * count + $0]) }
    }

    // MARK: Text

    /// Text; nil where the value is absent.
    ///
    /// - Throws: ``InputError`` when it is something else, or text of several lines.
    func text(_ object: String) throws(InputError) -> String? {
        guard try contains(object) else { return nil }
        let name = try className(of: object)
        let isGroup = try isStruct(object)
        guard name == "char" || (name.isEmpty && !isGroup) else {
            throw error(object, found: name.isEmpty ? "a struct" : "a value of class '\(name)'", expected: "text")
        }
        guard let size = try size(of: object), !size.contains(0) else { return "" }
        guard size.count == 2, size[0] == 1, size[1] <= Self.mostElements else {
            throw error(object, found: "text of \(sizes(size)) characters", expected: "one line of text")
        }
        let codes = try reading(file.integers(object).elements)
        return String(decoding: codes.map { UInt16(truncatingIfNeeded: $0) }, as: UTF16.self)
    }

    /// Text where there is some; empty where there is something else or nothing.
    func textIfAny(_ object: String) throws(InputError) -> String {
        guard try isText(object) else { return "" }
        return try text(object) ?? ""
    }

    /// Whether a value is text.
    func isText(_ object: String) throws(InputError) -> Bool {
        guard try contains(object), try !isStruct(object) else { return false }
        return try className(of: object) == "char"
    }

    /// Text of each element of a cell array; of a single text, that.
    func texts(_ object: String) throws(InputError) -> [String] {
        if try isText(object) { return [try text(object) ?? ""] }
        var texts: [String] = []
        for element in try cells(object) { texts.append(try text(element) ?? "") }
        return texts
    }

    /// Text, or numbers as text, of a value, or of each element of a cell array (the first thousand); nil for what is
    /// neither.
    ///
    /// - Complexity: few looks at each object, see ``cell(_:)``.
    func words(_ object: String) throws(InputError) -> [String?] {
        let name = try className(of: object)
        guard name == "cell" else { return try words(object, name) }
        guard try !isMarkedEmpty(object) else { return [] }
        var words: [String?] = []
        for element in try references(object).prefix(1000) {
            words.append(try self.words(element, className(of: element)).first ?? nil)
        }
        return words
    }

    private func words(_ object: String, _ className: String) throws(InputError) -> [String?] {
        switch className {
        case "char":
            let units = try cell(object).elements.map { UInt16(exactly: $0) ?? 0xFFFD }
            return [String(decoding: units, as: UTF16.self).trimmed]
        case "double", "single", "logical", "int8", "uint8", "int16", "uint16", "int32", "uint32":
            return try cell(object).elements.map { number in Int(exactly: number).map { "\($0)" } ?? "\(number)" }
        default: return [nil]
        }
    }

    // MARK: Cells and arrays of structs

    /// Paths of the elements of a cell array, first index fastest.
    func cells(_ object: String) throws(InputError) -> [String] {
        guard try contains(object) else { throw error(object, found: "not in the file", expected: "a cell array") }
        let name = try className(of: object)
        guard try !isStruct(object), name == "cell" || name.isEmpty else {
            throw error(object, found: "a value of class '\(name.isEmpty ? "struct" : name)'", expected: "a cell array")
        }
        guard try !isEmpty(object) else { return [] }
        return try references(object)
    }

    private func references(_ object: String) throws(InputError) -> [String] {
        let addresses = try reading(file.references(object).elements)
        guard addresses.count <= Self.mostElements else {
            throw error(object, found: "\(addresses.count) elements", expected: "at most \(Self.mostElements)")
        }
        var paths: [String] = []
        paths.reserveCapacity(addresses.count)
        for (position, address) in addresses.enumerated() {
            guard let path = targets[address] else {
                throw error(
                    object, found: "element \(position + 1) leads nowhere", expected: "an intact file",
                    advice: "save it again")
            }
            paths.append(path)
        }
        return paths
    }

    /// Number of elements of an array of structs; 0 where it is absent or empty.
    func structCount(_ object: String) throws(InputError) -> Int {
        guard try contains(object) else { return 0 }
        guard try isStruct(object) else {
            guard try isEmpty(object) else { throw error(object, found: "no struct", expected: "an array of structs") }
            return 0
        }
        // A single struct bears its class; an array of them does not, and each field is an array of references.
        guard try className(of: object).isEmpty, let first = try fields(of: object).first else { return 1 }
        return try size(of: "\(object)/\(first)")?.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
            ?? 1
    }

    /// Paths of one field in each element of an array of structs; empty where they have no such field.
    func structField(_ object: String, _ field: String) throws(InputError) -> [String] {
        let place = "\(object)/\(field)"
        guard try contains(place) else { return [] }
        guard try className(of: object).isEmpty else { return [place] }
        return try references(place)
    }
}
