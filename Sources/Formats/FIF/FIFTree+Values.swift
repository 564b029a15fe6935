import SourceImaging

/// A rotation and translation between two coordinate frames, as a FIF file has it.
struct FIFTransform: Sendable {
    let from: Int32
    let to: Int32
    /// Rows of the rotation.
    let rotation: [SIMD3<Double>]
    /// m.
    let translation: SIMD3<Double>

    var isFinite: Bool {
        (rotation + [translation]).allSatisfy { ($0 * 0).sum() == 0 }
    }

    func apply(_ point: SIMD3<Double>) -> SIMD3<Double> { turn(point) + translation }

    func turn(_ direction: SIMD3<Double>) -> SIMD3<Double> {
        SIMD3(
            (rotation[0] * direction).sum(), (rotation[1] * direction).sum(), (rotation[2] * direction).sum())
    }

    /// The way back; nil when there is none.
    ///
    /// The rotation is inverted, not transposed: stored in single precision it is orthogonal to seven digits only.
    var inverse: FIFTransform? {
        let (a, b, c) = (rotation[0], rotation[1], rotation[2])
        let (bc, ca, ab) = (Self.cross(b, c), Self.cross(c, a), Self.cross(a, b))
        let determinant = (a * bc).sum()
        guard determinant.isFinite, abs(determinant) > 1e-3 else { return nil }
        let rows = (0..<3).map { SIMD3(bc[$0], ca[$0], ab[$0]) / determinant }
        let turned = SIMD3((rows[0] * translation).sum(), (rows[1] * translation).sum(), (rows[2] * translation).sum())
        return FIFTransform(from: to, to: from, rotation: rows, translation: -turned)
    }

    private static func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
        SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
    }
}

extension FIFTree {
    /// The numbers of a tag.
    func numbers(_ tag: FIFTag) throws(InputError) -> FIFNumbers { try FIFNumbers(tag, source) }

    /// The one number of the first tag of a kind in a block; nil where there is no such tag.
    func number(_ kind: Int32, in block: Int) throws(InputError) -> Double? {
        guard let tag = tag(kind, in: block) else { return nil }
        let numbers = try numbers(tag)
        guard numbers.count == 1 else {
            throw InputError(place(tag), found: "\(numbers.count) numbers", expected: "one")
        }
        return try numbers.read()[0]
    }

    /// The one whole number of the first tag of a kind in a block; nil where there is no such tag.
    func integer(_ kind: Int32, in block: Int) throws(InputError) -> Int? {
        guard let value = try number(kind, in: block) else { return nil }
        guard let whole = Int(exactly: value) else {
            throw InputError("tag \(kind)", found: "\(value)", expected: "a whole number")
        }
        return whole
    }

    /// The text of the first tag of a kind in a block; nil where there is no such tag.
    func string(_ kind: Int32, in block: Int) throws(InputError) -> String? {
        guard let tag = tag(kind, in: block) else { return nil }
        return try string(tag)
    }

    /// Text: Latin-1, with what Latin-1 does not have as character references (`&#937;`).
    func string(_ tag: FIFTag) throws(InputError) -> String {
        guard tag.type == 10 else { throw InputError(place(tag), found: "data of type \(tag.type)", expected: "text") }
        guard tag.size <= 1 << 26 else { throw InputError(place(tag), found: "\(tag.size) bytes of text") }
        let bytes = try source.read(tag.size, at: tag.offset).prefix { $0 != 0 }
        var scalars = String.UnicodeScalarView()
        var k = bytes.startIndex
        while k < bytes.endIndex {
            if let (scalar, end) = Self.reference(bytes, k) {
                scalars.append(scalar)
                k = end
            } else {
                scalars.append(Unicode.Scalar(bytes[k]))
                k += 1
            }
        }
        return String(scalars)
    }

    /// A decimal character reference at a place, and the place behind it.
    private static func reference(_ bytes: ArraySlice<UInt8>, _ start: Int) -> (Unicode.Scalar, Int)? {
        guard bytes[start...].starts(with: [0x26, 0x23]) else { return nil }
        let digits = bytes[(start + 2)...].prefix(7).prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, digits.endIndex < bytes.endIndex, bytes[digits.endIndex] == 0x3B,
            let scalar = Unicode.Scalar(digits.reduce(UInt32(0)) { 10 * $0 + UInt32($1 - 0x30) }), scalar.value > 0xFF
        else { return nil }
        return (scalar, digits.endIndex + 1)
    }

    /// Names with colons between them; none where there is no such tag or it is empty.
    func names(_ kind: Int32, in block: Int) throws(InputError) -> [String] {
        guard let text = try string(kind, in: block), !text.isEmpty else { return [] }
        return text.split(separator: ":", omittingEmptySubsequences: false).map {
            String($0).replacing("{COLON}", with: ":")
        }
    }

    /// All transforms directly in a block; their numbers may be NaN.
    func transforms(in block: Int) throws(InputError) -> [FIFTransform] {
        var transforms: [FIFTransform] = []
        for tag in blocks[block].tags where tag.kind == FIFKind.coordinateTransform {
            guard tag.type == 35, tag.size >= 56 else {
                throw InputError(
                    place(tag), found: "\(tag.size) bytes of type \(tag.type)", expected: "a coordinate transform")
            }
            let bytes = try source.read(56, at: tag.offset)
            let values = (0..<12).map { FIFNumbers.float32(bytes, at: 8 + 4 * $0) }
            transforms.append(
                FIFTransform(
                    from: FIFNumbers.int32(bytes, at: 0), to: FIFNumbers.int32(bytes, at: 4),
                    rotation: (0..<3).map { SIMD3(values[3 * $0], values[3 * $0 + 1], values[3 * $0 + 2]) },
                    translation: SIMD3(values[9], values[10], values[11])))
        }
        return transforms
    }

    /// A tag as messages name it.
    func place(_ tag: FIFTag) -> String { "tag \(tag.kind) at byte \(tag.offset - FIFTag.headerSize)" }

    /// The error of a tag that is not there.
    func missing(_ kind: Int32, _ what: String) -> InputError {
        InputError(what, found: "not in the file (tag \(kind))", expected: "a file as MNE or MEGIN write it")
    }
}
