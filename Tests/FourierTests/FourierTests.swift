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
}
