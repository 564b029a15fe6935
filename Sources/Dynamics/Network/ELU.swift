import LinearAlgebra

/// The exponential linear unit, x where x > 0 and eˣ − 1 below (Clevert, Unterthiner & Hochreiter 2016).
enum ELU {
    /// x ← ELU(x + bias).
    static func replace(_ values: UnsafeMutablePointer<Double>, bias: Double, _ count: Int) {
        let whole = count & ~1
        let offset = SIMD2<Double>(repeating: bias)
        var k = 0
        while k < whole {
            let place = UnsafeMutableRawPointer(values + k)
            let x = place.loadUnaligned(as: SIMD2<Double>.self) + offset
            place.storeBytes(of: of(x), as: SIMD2<Double>.self)
            k += 2
        }
        if k < count { values[k] = of(SIMD2(repeating: values[k] + bias))[0] }
    }

    @inline(__always)
    private static func of(_ x: SIMD2<Double>) -> SIMD2<Double> {
        let isBelow = x .< 0
        let low = Exponential.of(x.replacing(with: 0, where: .!isBelow)) - 1
        return x.replacing(with: low, where: isBelow)
    }

    /// d ← d·ELU′, from what the unit gave: 1 where that is positive, itself + 1 below.
    static func multiply(
        _ deltas: UnsafeMutablePointer<Double>, _ outputs: UnsafePointer<Double>, _ count: Int
    ) {
        for k in 0..<count { deltas[k] *= min(outputs[k], 0) + 1 }
    }
}
