import Glibc
import Testing

@testable import TimeFrequency

@Suite("Coefficients as spectra")
struct SpectrumTests {
    static let windows: [[GaborFrame.Window]] = [
        [.init(length: 16, step: 4)], [.init(length: 4, step: 1), .init(length: 12, step: 3)],
        [.init(length: 2, step: 1)],
    ]

    @Test("Spectra hold all coefficients, and as much energy as the time course", arguments: windows, [1, 7, 50])
    func roundTrip(_ windows: [GaborFrame.Window], samples: Int) throws {
        let frame = try GaborFrame(windows, samples: samples)
        var random = SeededGenerator(seed: 1)
        let course = random.normal(rows: samples, columns: 1)
        let coefficients = frame.analysis(course).elements
        let spectra = windows.indices.map { frame.spectrum(coefficients, of: $0) }
        #expect(frame.coefficients(of: spectra) == coefficients)
        let energy = spectra.reduce(0) { $0 + $1.real.squaredNorm + $1.imaginary.squaredNorm }
        #expect(abs(energy - course.squaredNorm) < 1e-12 * course.squaredNorm)
        #expect(frame.coefficients(of: Array(spectra.dropLast())) == nil)
        for (k, window) in windows.enumerated() {
            #expect(frame.frequencies(of: k) == (0...(window.length / 2)).map { Double($0) / Double(window.length) })
            #expect(frame.centres(of: k).count == spectra[k].real.columns)
        }
    }

    @Test(
        "Windows that make no frame are refused before anything is made",
        arguments: [(3, 1), (4, 3), (4, 4), (4, 0), (1 << 40, 4), (0, Int.max), (Int.min, -1)])
    func impossible(length: Int, step: Int) {
        #expect(throws: GaborFrame.Invalid.window(.init(length: length, step: step))) {
            try GaborFrame([.init(length: 16, step: 4), .init(length: length, step: step)], samples: 8)
        }
    }

    @Test("A tone is strongest at its frequency, a click in the window about it")
    func places() throws {
        let frame = try GaborFrame([.init(length: 16, step: 4)], samples: 64)
        let tone = Matrix(rows: 64, columns: 1) { t, _ in cos(2 * .pi * 0.25 * Double(t)) }
        let click = Matrix(rows: 64, columns: 1) { t, _ in t == 33 ? 1 : 0 }
        func powers(_ course: Matrix) -> Matrix {
            let parts = frame.spectrum(frame.analysis(course).elements, of: 0)
            return Matrix(rows: parts.real.rows, columns: parts.real.columns) {
                parts.real[$0, $1] * parts.real[$0, $1] + parts.imaginary[$0, $1] * parts.imaginary[$0, $1]
            }
        }
        let (steady, short) = (powers(tone), powers(click))
        let middle = steady.columns / 2
        let row = steady.column(middle).indices.max { steady[$0, middle] < steady[$1, middle] }
        #expect(row.map { frame.frequencies(of: 0)[$0] } == 0.25)
        let sums = (0..<short.columns).map { short.column($0).reduce(0, +) }
        let place = sums.indices.max { sums[$0] < sums[$1] } ?? 0
        #expect(abs(frame.centres(of: 0)[place] - 33) <= 2)
    }
}
