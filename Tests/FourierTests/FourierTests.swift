import Glibc
import Fourier
import Testing

@Suite("Fourier filters")
struct FourierTests {
    @Test(
        "a filter of gain one changes nothing, of gain zero leaves nothing, and it separates two tones",
        arguments: [64, 75])
    func filter(_ n: Int) {
        let slow = (0..<n).map { cos(2 * .pi * 3 * Double($0) / Double(n)) }
        let fast = (0..<n).map { cos(2 * .pi * 20 * Double($0) / Double(n)) }
        let sum = zip(slow, fast).map { $0 + $1 }
        func distance(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } }
        #expect(distance(Fourier.filter(sum) { _ in 1 }, sum) < 1e-11)
        #expect(distance(Fourier.filter(sum) { _ in 0 }, sum.map { _ in 0 }) == 0)
        #expect(distance(Fourier.filter(sum) { $0 < 10 / Double(n) ? 1 : 0 }, slow) < 1e-11)
    }

    @Test("transforms of several signals are those of the definition, and backward they sum again", arguments: [8, 15])
    func transforms(_ n: Int) throws {
        let transforms = try #require(RealTransforms(length: n, count: 3))
        let signals = (0..<(3 * n)).map { sin(Double($0 * $0)) }
        for (i, value) in signals.enumerated() { transforms.signals[i] = value }
        transforms.forward()
        let bins = n / 2 + 1
        for k in 0..<3 {
            for f in 0..<bins {
                let angle = 2 * Double.pi * Double(f) / Double(n)
                let real = (0..<n).reduce(0) { $0 + signals[k * n + $1] * cos(angle * Double($1)) }
                let imaginary = (0..<n).reduce(0) { $0 - signals[k * n + $1] * sin(angle * Double($1)) }
                #expect(abs(transforms.spectra[2 * (k * bins + f)] - real) < 1e-12)
                #expect(abs(transforms.spectra[2 * (k * bins + f) + 1] - imaginary) < 1e-12)
            }
        }
        transforms.backward()
        for (i, value) in signals.enumerated() { #expect(abs(transforms.signals[i] - Double(n) * value) < 1e-11) }
    }
}
