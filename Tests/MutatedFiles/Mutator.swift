/// Damages bytes as disks, networks and attackers do, the same way for the same seed.
struct Mutator {
    private var state: UInt64

    /// Order of bytes in the numbers of the file at hand.
    private var isBigEndian = false

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    /// A number below a bound.
    mutating func random(_ bound: Int) -> Int {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return Int((state &* 0x2545_F491_4F6C_DD1D) >> 33) % max(1, bound)
    }

    /// Damaged bytes: one to six changes, rarely a file cut off.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        guard result.count > 16 else { return result }
        isBigEndian = result.starts(with: [0, 0, 0, 100])
        if random(20) == 0 { result.removeLast(random(result.count - 1)) }
        if bytes.allSatisfy({ $0 < 0x80 }), random(8) > 0 {
            for _ in 0...random(4) { character(&result) }
            return result
        }
        for _ in 0...random(6) { change(&result) }
        return result
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let count = bytes.count
        guard count > 16 else { return }
        if isBigEndian, random(2) == 0, tag(&bytes) { return }
        switch random(8) {
        case 0, 1: bytes[random(count)] ^= UInt8(1 << random(8))
        case 2: bytes[random(count)] = [0, 1, 0x7F, 0x80, 0xFF, 0x20][random(6)]
        case 3, 4: word(&bytes)
        case 5:
            // A word from elsewhere: addresses change places, references go in circles.
            let (from, to) = (random(count - 8), random(count - 8))
            let width = [2, 4, 8][random(3)]
            bytes.replaceSubrange(to..<(to + width), with: Array(bytes[from..<(from + width)]))
        case 6:
            // A whole piece from elsewhere.
            let length = min(1 + random(64), count / 2)
            let (from, to) = (random(count - length), random(count - length))
            bytes.replaceSubrange(to..<(to + length), with: Array(bytes[from..<(from + length)]))
        default:
            // An address: eight aligned bytes that hold a place in the file now hold another.
            for _ in 0..<64 {
                let place = random(count / 8) * 8
                guard place + 8 <= count else { continue }
                let value = bytes[place..<(place + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
                guard value > 0, value < UInt64(count) else { continue }
                store(UInt64(random(count)) & ~7, 8, at: place, in: &bytes)
                break
            }
        }
    }

    /// Puts a character of numbers and tables in the place of another, or before it.
    private mutating func character(_ bytes: inout [UInt8]) {
        let characters = Array("0123456789-+.eEnaifx/#%\t\r\n ".utf8)
        let place = random(bytes.count)
        let replaced = random(2)
        bytes.replaceSubrange(
            place..<min(place + replaced, bytes.count),
            with: (0...random(random(8) == 0 ? 30 : 2)).map { _ in characters[random(characters.count)] })
    }

    /// Damages the header of a tag of a FIF file: its kind, type, size or the place of the next.
    private mutating func tag(_ bytes: inout [UInt8]) -> Bool {
        var starts = [0]
        while let last = starts.last, last + 32 <= bytes.count, starts.count < 1 << 16 {
            let size = bytes[(last + 8)..<(last + 12)].reduce(0) { $0 << 8 | Int($1) }
            guard size <= bytes.count - last - 32 else { break }
            starts.append(last + 16 + size)
        }
        let (one, other) = (starts[random(starts.count)], starts[random(starts.count)])
        guard one + 16 <= bytes.count, other + 16 <= bytes.count else { return false }
        let field = [0, 4, 8, 12][random(4)]
        switch random(4) {
        case 0:
            bytes.replaceSubrange((one + field)..<(one + field + 4), with: bytes[(other + field)..<(other + field + 4)])
        case 1: store(UInt64(other), 4, at: one + 12, in: &bytes)
        case 2:
            // Where a tag ends with its dimensions or begins with its numbers.
            let place = random(2) == 0 ? one + 16 + 4 * random(4) : max(0, other - 4 * random(5))
            guard place + 4 <= bytes.count else { return false }
            store([0, 1, 3, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x1_0000][random(6)], 4, at: place, in: &bytes)
        default:
            let values: [UInt64] = [
                0, 1, 3, 4, 5, 10, 23, 30, 0x4000_0003, 0x4000_0004, 0x4000_0005, 0x4010_0004, 104, 105, 0x7FFF_FFFF,
                0x8000_0000, 0xFFFF_FFFF, UInt64(bytes.count),
            ]
            store(values[random(values.count)], 4, at: one + field, in: &bytes)
        }
        return true
    }

    /// A number of two, four or eight bytes that is at the edge of something.
    private mutating func word(_ bytes: inout [UInt8]) {
        let width = [2, 4, 8][random(3)]
        let place = random(bytes.count - 8)
        let size = UInt64(bytes.count)
        let values: [UInt64] = [
            0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 40, 1 << 50, 1 << 62, UInt64.max >> 1,
            UInt64.max, UInt64.max - 7, size, size - 1, size + 1, size - 8, size / 2,
        ]
        store(values[random(values.count)], width, at: place, in: &bytes)
    }

    private func store(_ value: UInt64, _ width: Int, at place: Int, in bytes: inout [UInt8]) {
        for k in 0..<width { bytes[place + k] = UInt8(truncatingIfNeeded: value >> UInt64(8 * k)) }
        // FIF has the highest byte first, HDF5 the lowest.
        if isBigEndian { bytes[place..<(place + width)].reverse() }
    }
}
