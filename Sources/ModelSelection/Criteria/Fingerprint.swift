/// A number that tells settings and data apart: FNV-1a (Fowler, Noll & Vo), a word at a time. The same in every process,
/// unlike Swift's own hashes; not for cryptography.
public struct Fingerprint: Sendable {
    /// The number so far.
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    /// Takes in a word.
    public mutating func absorb(_ word: UInt64) { value = (value ^ word) &* 0x100_0000_01b3 }

    /// Takes in a text, a byte at a time.
    public mutating func absorb(_ text: String) { for byte in text.utf8 { absorb(UInt64(byte)) } }

    /// Takes in the bits of numbers.
    public mutating func absorb(_ values: [Double]) { for value in values { absorb(value.bitPattern) } }
}
