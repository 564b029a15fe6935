/// The bytes of an open file, read in pages of which the last used are kept.
struct FileBytes {
    /// What ends a check: the file contradicts itself here.
    struct Damage: Error {
        /// What was found, for the user.
        let found: String
        /// Whether the file is shorter than it says.
        var isCutOff = false
    }

    private static let pageSize = 4096
    private static let slotCount = 512

    private let input: InputFile
    /// Where the HDF5 part begins: addresses count from here.
    let base: Int
    /// Bytes of the HDF5 part.
    let count: Int
    private var pages: [[UInt8]]
    private var numbers: [Int]

    init(_ input: InputFile, base: Int) {
        self.input = input
        self.base = base
        count = input.byteCount - base
        pages = Array(repeating: [], count: Self.slotCount)
        numbers = Array(repeating: -1, count: Self.slotCount)
    }

    /// Throws unless a piece lies within the file.
    func require(_ address: UInt64, _ length: UInt64, _ what: String) throws(Damage) {
        guard address <= UInt64(count), length <= UInt64(count) - address else {
            throw Damage(found: "\(what) beyond the end of the file")
        }
    }

    /// One byte.
    mutating func byte(_ address: UInt64) throws(Damage) -> UInt8 {
        guard address < UInt64(count) else { throw Damage(found: "an address beyond the end of the file") }
        let place = base + Int(address)
        let number = place / Self.pageSize
        let slot = number % Self.slotCount
        if numbers[slot] != number {
            let start = number * Self.pageSize
            guard let page = try? input.bytes(min(Self.pageSize, input.byteCount - start), at: start) else {
                throw Damage(found: "a part that cannot be read")
            }
            pages[slot] = page
            numbers[slot] = number
        }
        return pages[slot][place % Self.pageSize]
    }

    /// An unsigned number of 1 to 8 bytes, lowest first.
    mutating func number(_ address: UInt64, _ size: Int) throws(Damage) -> UInt64 {
        var value: UInt64 = 0
        for k in 0..<size {
            let (place, overflow) = address.addingReportingOverflow(UInt64(k))
            guard !overflow else { throw Damage(found: "an address beyond the end of the file") }
            value |= UInt64(try byte(place)) << UInt64(8 * k)
        }
        return value
    }

    /// Whether four letters stand at an address.
    mutating func has(_ signature: StaticString, _ address: UInt64) throws(Damage) -> Bool {
        for k in 0..<4 where try byte(address &+ UInt64(k)) != signature.utf8Start[k] { return false }
        return true
    }
}
