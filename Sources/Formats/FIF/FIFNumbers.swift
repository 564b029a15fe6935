import SourceImaging

/// The numbers in the data of a tag, big-endian in the file, read a range at a time.
struct FIFNumbers: Sendable {
    /// Types of numbers that are read.
    private enum Element {
        case uint8, int16, uint16, int32, uint32, float32, float64
        /// 16-bit integers that are scaled and shifted: averages of old programs.
        case packed(offset: Double, scale: Double)

        var bytes: Int {
            switch self {
            case .uint8: 1
            case .int16, .uint16, .packed: 2
            case .int32, .uint32, .float32: 4
            case .float64: 8
            }
        }
    }

    /// Sizes of the dimensions, the slowest first; one for a list.
    let shape: [Int]
    /// Number of numbers.
    let count: Int

    private let element: Element
    private let offset: Int
    private let source: ByteSource
    /// Where the numbers stand, for messages.
    private let place: String

    /// The numbers of a tag.
    ///
    /// - Throws: ``InputError`` when the tag holds something else, or dimensions that do not fit its size.
    init(_ tag: FIFTag, _ source: ByteSource) throws(InputError) {
        place = "tag \(tag.kind) at byte \(tag.offset - FIFTag.headerSize)"
        self.source = source
        let coding = UInt32(bitPattern: tag.type) & 0xFFFF_0000
        guard coding == 0 || coding == 0x4000_0000 else {
            throw InputError(
                place, found: coding & 0x4000_0000 != 0 ? "a sparse matrix" : "data of type \(tag.type)",
                expected: "a list or a dense matrix")
        }
        element = try Self.element(tag, isList: coding == 0, source, place)
        guard coding == 0 else {
            offset = tag.offset
            shape = try Self.dimensions(tag, element, source, place)
            count = shape.reduce(1, *)
            return
        }
        // What packed numbers are scaled and shifted by stands before them.
        let skipped = if case .packed = element { 8 } else { 0 }
        offset = tag.offset + skipped
        count = (tag.size - skipped) / element.bytes
        shape = [count]
        guard (tag.size - skipped).isMultiple(of: element.bytes) else {
            throw InputError(
                place, found: "\(tag.size) bytes", expected: "a multiple of \(element.bytes), the size of a number")
        }
    }

    private static func element(
        _ tag: FIFTag, isList: Bool, _ source: ByteSource, _ place: String
    ) throws(InputError) -> Element {
        switch tag.type & 0xFFFF {
        case 1: return .uint8
        case 2, 16: return .int16
        case 3: return .int32
        case 4: return .float32
        case 5: return .float64
        case 7: return .uint16
        case 8: return .uint32
        case 23 where isList && tag.size >= 8:
            let head = try source.read(8, at: tag.offset)
            return .packed(offset: float32(head, at: 0), scale: float32(head, at: 4))
        case 20, 21: throw InputError(place, found: "complex numbers", expected: "real numbers")
        default: throw InputError(place, found: "data of type \(tag.type)", expected: "numbers")
        }
    }

    /// Sizes of the dimensions of a dense matrix, which stand behind its numbers, the fastest first, and then how many.
    private static func dimensions(
        _ tag: FIFTag, _ element: Element, _ source: ByteSource, _ place: String
    ) throws(InputError) -> [Int] {
        let (size, end) = (tag.size, tag.offset + tag.size)
        guard size >= 8, case let rank = Int(int32(try source.read(4, at: end - 4), at: 0)), (1...3).contains(rank),
            size >= 4 + 4 * rank
        else {
            throw InputError(
                place, found: "a matrix without its dimensions", expected: "one to three of them",
                advice: "copy or make the file again")
        }
        let tail = try source.read(4 * rank, at: end - 4 - 4 * rank)
        var (shape, product) = ([Int](), 1)
        for k in stride(from: rank - 1, through: 0, by: -1) {
            let extent = Int(int32(tail, at: 4 * k))
            let (whole, overflow) = product.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow, whole <= size / element.bytes else {
                throw InputError(
                    place, found: "a dimension of \(extent) in \(size) bytes", expected: "dimensions that fit the data",
                    advice: "copy or make the file again")
            }
            shape.append(extent)
            product = whole
        }
        guard product * element.bytes + 4 + 4 * rank == size else {
            throw InputError(
                place, found: "\(size) bytes for \(sizes(shape)) numbers",
                expected: "dimensions that fit the data", advice: "copy or make the file again")
        }
        return shape
    }

    /// A range of the numbers, in the order of the file.
    ///
    /// - Throws: ``InputError`` when the range is not in the data or the file cannot be read.
    func read(_ range: Range<Int>) throws(InputError) -> [Double] {
        guard range.lowerBound >= 0, range.upperBound <= count else {
            throw InputError(place, found: "\(count) numbers", expected: "\(range.upperBound)")
        }
        let width = element.bytes
        let bytes = try source.read(range.count * width, at: offset + range.lowerBound * width)
        return bytes.withUnsafeBytes { bytes in
            [Double](unsafeUninitializedCapacity: range.count) { target, done in
                func fill(_ number: (Int) -> Double) {
                    for k in 0..<range.count { target[k] = number(k) }
                }
                func int<T: FixedWidthInteger>(_ k: Int, _ type: T.Type) -> T {
                    T(bigEndian: bytes.loadUnaligned(fromByteOffset: k * width, as: type))
                }
                switch element {
                case .uint8: fill { Double(bytes[$0]) }
                case .int16: fill { Double(int($0, Int16.self)) }
                case .uint16: fill { Double(int($0, UInt16.self)) }
                case .int32: fill { Double(int($0, Int32.self)) }
                case .uint32: fill { Double(int($0, UInt32.self)) }
                case .float32: fill { Double(Float(bitPattern: int($0, UInt32.self))) }
                case .float64: fill { Double(bitPattern: int($0, UInt64.self)) }
                case .packed(let offset, let scale): fill { Double(int($0, Int16.self)) * scale + offset }
                }
                done = range.count
            }
        }
    }

    /// All numbers.
    func read() throws(InputError) -> [Double] { try read(0..<count) }

    // MARK: Single numbers

    /// A 32-bit integer at an offset that must be within the bytes.
    static func int32(_ bytes: [UInt8], at offset: Int) -> Int32 {
        bytes.withUnsafeBytes { Int32(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: Int32.self)) }
    }

    /// A 32-bit floating-point number at an offset that must be within the bytes.
    static func float32(_ bytes: [UInt8], at offset: Int) -> Double {
        Double(Float(bitPattern: UInt32(bitPattern: int32(bytes, at: offset))))
    }
}
