/// A number that tells settings and data apart: after FNV-1a (Fowler, Noll & Vo), a word at a time. The same in every process,
/// unlike Swift's own hashes; not for cryptography.
public struct Fingerprint: Sendable {
    /// The number so far.
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    /// That of nothing.
    public init() {}

    /// Takes in a word. A product carries upward alone; the upper half is folded down, or signs would cancel in pairs.
    public mutating func absorb(_ word: UInt64) {
        value = (value ^ word) &* 0x100_0000_01b3
        value ^= value >> 32
    }

    /// Takes in a text, a byte at a time.
    public mutating func absorb(_ text: String) { for byte in text.utf8 { absorb(UInt64(byte)) } }

    /// Takes in the bits of numbers.
    public mutating func absorb(_ values: [Double]) { for value in values { absorb(value.bitPattern) } }
}
