import CAllocationCount
import Fourier
import Glibc
import Testing

@testable import TimeFrequency

@Suite("Gabor frames")
struct GaborFrameTests {
    static let sets: [[GaborFrame.Window]] = [
        [(2, 1)], [(4, 2)], [(4, 1)], [(16, 4)], [(6, 3)], [(10, 5)], [(64, 16)], [(4, 2), (16, 4)],
        [(6, 1), (8, 4), (32, 8)],
    ].map { $0.map { GaborFrame.Window(length: $0.0, step: $0.1) } }

    @Test("synthesis undoes analysis and is its transpose", arguments: sets, [1, 2, 3, 7, 53, 100, 241])
    func tight(_ windows: [GaborFrame.Window], _ samples: Int) throws {
        let frame = try GaborFrame(windows, samples: samples)
        var random = SeededGenerator(seed: 1)
        let courses = random.normal(rows: samples, columns: 3)
        let coefficients = frame.analysis(courses)
        #expect((frame.synthesis(coefficients) - courses).elements.allSatisfy { abs($0) < 1e-13 })
        let other = random.normal(rows: frame.size, columns: 3)
        let products = zip(coefficients.elements, other.elements).reduce(0) { $0 + $1.0 * $1.1 }
        let transposed = zip(courses.elements, frame.synthesis(other).elements).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(products - transposed) < 1e-11)
        #expect(abs(coefficients.squaredNorm - courses.squaredNorm) < 1e-12 * courses.squaredNorm)
    }

    @Test("coefficients are those of the definition, by matrix products and by FFTW", arguments: sets, [2, 1000])
    func definition(_ windows: [GaborFrame.Window], _ longWindow: Int) throws {
        let samples = 41
        let frame = try GaborFrame(windows, samples: samples, transforms: .fftw, longWindow: longWindow)
        var random = SeededGenerator(seed: 2)
        let course = random.normal(rows: samples, columns: 1)
        var expected: [Double] = []
        for window in windows {
            let (w, t) = (window.length, window.step)
            let frames = (samples + t - 1) / t
            func shape(_ m: Int) -> Double {
                m >= 0 && m < w ? sin(Double.pi * (Double(m) + 0.5) / Double(w)) : 0
            }
            for i in 0..<frames {
                let windowed = (0..<w).map { m in
                    let place = i * t + m
                    let sample = place - (w - t) / 2
                    let sum = (0..<frames).reduce(0) { $0 + shape(place - $1 * t) * shape(place - $1 * t) }
                    return sample >= 0 && sample < samples ? course[sample, 0] * shape(m) / sum.squareRoot() : 0
                }
                for f in 0...(w / 2) {
                    let isSingle = f == 0 || f == w / 2
                    let factor = ((isSingle ? 1 : 2) / Double(w * windows.count)).squareRoot()
                    let angle = 2 * Double.pi * Double(f) / Double(w)
                    let parts = windowed.enumerated().reduce((0.0, 0.0)) {
                        ($0.0 + $1.1 * cos(angle * Double($1.0)), $0.1 - $1.1 * sin(angle * Double($1.0)))
                    }
                    expected.append(factor * parts.0)
                    if !isSingle { expected.append(factor * parts.1) }
                }
            }
        }
        let found = frame.analysis(course)
        #expect(found.elements.count == expected.count)
        #expect(zip(found.elements, expected).allSatisfy { abs($0 - $1) < 1e-13 })
        #expect(frame.groupOffsets.count == frame.groupCount + 1)
        #expect(abs(frame.groupWeights.reduce(0) { $0 + $1 * $1 } - Double(frame.size)) < 1e-9)
        let back = frame.synthesis(found)
        #expect((back - course).elements.allSatisfy { abs($0) < 1e-13 })
    }

    @Test("some groups are those of all, few of them or many", arguments: Self.sets, [0.02, 0.2, 0.7])
    func someGroups(_ windows: [GaborFrame.Window], _ part: Double) throws {
        let frame = try GaborFrame(windows, samples: 53, transforms: .fftw)
        let transform = FrameTransform(frame, AllocationCount())
        var random = SeededGenerator(seed: 2)
        let courses = random.normal(rows: 53, columns: 3)
        let groups = (0..<frame.groupCount).filter { _ in random.uniform() < part }
        let places = groups.flatMap { g in
            (0..<3).flatMap { c in (frame.groupOffsets[g]..<frame.groupOffsets[g + 1]).map { ($0, c) } }
        }
        let all = frame.analysis(courses)
        var values = [Double](repeating: 0, count: places.count)
        var back = [Double](repeating: 0, count: 3 * 53)
        groups.map(Int32.init).withUnsafeBufferPointer {
            transform.analyze(3, courses.elements, scale: 2, groups: $0, into: &values)
            transform.synthesize(3, values, groups: $0, into: &back)
        }
        #expect(zip(places, values).allSatisfy { abs(2 * all[$0.0, $0.1] - $1) < 1e-12 })
        var sparse = Matrix(rows: frame.size, columns: 3)
        for (place, value) in zip(places, values) { sparse[place.0, place.1] = value }
        #expect(zip(frame.synthesis(sparse).elements, back).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test("a call allocates nothing")
    func allocations() throws {
        let frame = try GaborFrame(Self.sets[8], samples: 100, transforms: .fftw)
        let transform = FrameTransform(frame, AllocationCount())
        let courses = [Double](repeating: 1, count: 200)
        var (coefficients, back) = ([Double](repeating: 0, count: 2 * frame.size), courses)
        // The first calls make the libraries ready.
        transform.analyze(2, courses, into: &coefficients)
        transform.synthesize(2, coefficients, into: &back)
        allocation_count_begin()
        for _ in 0..<3 {
            transform.analyze(2, courses, into: &coefficients)
            transform.synthesize(2, coefficients, into: &back)
        }
        #expect(allocation_count_end() == 0)
        #expect(zip(back, courses).allSatisfy { abs($0 - $1) < 1e-13 })
    }

    @Test("impossible windows are told")
    func refusals() throws {
        func refused(_ windows: [(Int, Int)], _ samples: Int, _ expected: GaborFrame.Invalid) {
            #expect(throws: expected) {
                try GaborFrame(windows.map { GaborFrame.Window(length: $0.0, step: $0.1) }, samples: samples)
            }
            #expect(!expected.description.isEmpty)
        }
        refused([], 10, .noWindow)
        refused([(4, 2)], 0, .noSample)
        for (length, step) in [(5, 1), (4, 4), (12, 5), (0, 0), (4, 0), (-4, -2)] {
            refused([(8, 2), (length, step)], 10, .window(.init(length: length, step: step)))
        }
    }
}
