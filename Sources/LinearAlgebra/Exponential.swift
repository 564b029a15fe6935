/// Exponentials of many numbers at once.
public enum Exponential {
    /// x ← eˣ, to about 2 units in the last place; what lies below −700 or above 700 is taken for that.
    ///
    /// Written so that it needs no table and no branch: the C library's takes one number at a time.
    @inlinable @inline(__always)
    public static func replace(_ values: UnsafeMutablePointer<Double>, _ count: Int) {
        let whole = count & ~1
        var k = 0
        while k < whole {
            let place = UnsafeMutableRawPointer(values + k)
            let x = place.loadUnaligned(as: SIMD2<Double>.self)
            place.storeBytes(of: of(x), as: SIMD2<Double>.self)
            k += 2
        }
        while k < count {
            values[k] = of(SIMD2(repeating: values[k]))[0]
            k += 1
        }
    }

    /// Two exponentials, as ``replace(_:_:)``.
    @inlinable @inline(__always)
    public static func of(_ x: SIMD2<Double>) -> SIMD2<Double> {
        let x = x.replacing(with: -700, where: x .< -700).replacing(with: 700, where: x .> 700)
        // x = k·ln 2 + r with |r| ≤ ½ ln 2: adding 1.5·2⁵² rounds to a whole number, whose bits are then the lowest.
        let shifted = x * 1.4426950408889634 + 0x1.8p52
        let k = shifted - 0x1.8p52
        let r = (x - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33
        // Taylor's polynomial of degree 12, its terms paired: 2e-16 at the ends.
        let r2 = r * r
        let r4 = r2 * r2
        let a: SIMD2<Double> = pair(r, 1, 1) + r2 * pair(r, 1 / 6, 1 / 2)
        let b: SIMD2<Double> = pair(r, 1 / 120, 1 / 24) + r2 * pair(r, 1 / 5040, 1 / 720)
        let c: SIMD2<Double> = pair(r, 1 / 362_880, 1 / 40_320) + r2 * pair(r, 1 / 39_916_800, 1 / 3_628_800)
        let d: SIMD2<Double> = c + r4 * (1 / 479_001_600)
        let p: SIMD2<Double> = a + r4 * (b + r4 * d)
        // 2ᵏ by way of the exponent's bits.
        func scaled(_ lane: Int) -> Double { Double(bitPattern: p[lane].bitPattern &+ shifted[lane].bitPattern &<< 52) }
        return SIMD2(scaled(0), scaled(1))
    }

    @inlinable @inline(__always)
    static func pair(_ r: SIMD2<Double>, _ slope: Double, _ constant: Double) -> SIMD2<Double> {
        r * slope + constant
    }
}
