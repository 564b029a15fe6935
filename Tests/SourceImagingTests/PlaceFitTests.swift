import Foundation
import Testing

@testable import SourceImaging

@Suite("Amplitudes at fixed places")
struct PlaceFitTests {
    /// White sensors, fields of three places that overlap, and slow or white noise before time 0.
    struct Case {
        var random: SeededGenerator
        let widths: [Int]
        let fields: Matrix
        let noise: TemporalNoise
        /// Of slow noise: what is left of a sample at the next.
        let memory: Double
        static let samples = 30

        init(seed: UInt64, widths: [Int], overlap: Double = 0.5, memory: Double = 0) {
            random = SeededGenerator(seed: seed)
            self.widths = widths
            self.memory = memory
            let columns = widths.reduce(0, +)
            let common = random.normal(rows: 25, columns: 1)
            let own = random.normal(rows: 25, columns: columns)
            // 1 A·m makes large numbers: places have nA·m.
            fields = Matrix(rows: 25, columns: columns) { 1e8 * (overlap * common[$0, 0] + own[$0, $1]) }
            var generator = SeededGenerator(seed: seed + 1)
            noise = TemporalNoise(Self.noise(25, 4000, memory, &generator))
        }

        /// Noise of variance one.
        static func noise(
            _ rows: Int, _ samples: Int, _ memory: Double, _ random: inout SeededGenerator
        ) -> Matrix {
            var noise = random.normal(rows: rows, columns: samples)
            let fresh = (1 - memory * memory).squareRoot()
            for t in 1..<samples {
                for i in 0..<rows { noise[i, t] = memory * noise[i, t - 1] + fresh * noise[i, t] }
            }
            return noise
        }

        func recording(_ response: Matrix, gain: Double = 1, variance: Double = 1) -> PlaceRecording {
            PlaceRecording(
                times: (0..<Self.samples).map { 0.1 + Double($0) / 100 }, widths: widths, fields: fields * gain,
                priors: [Double](repeating: 1, count: fields.columns), axes: widths.map { _ in nil },
                response: response, noiseVariance: variance, noise: noise, knowsNoiseInTime: true)
        }
    }

    /// Amplitudes over time, A·m.
    static func courses(_ places: Int, scale: Double = 1e-8) -> Matrix {
        Matrix(rows: places, columns: Case.samples) { p, t in
            scale * Double(p + 1) * sin(0.3 * Double(t + 2 * p))
        }
    }

    @Test("without noise amplitudes are exact", arguments: [1, 3])
    func exact(_ width: Int) throws {
        let setup = Case(seed: 3, widths: [width, width, width])
        // Far above the noise, so that what draws directions toward the expected ones draws nothing.
        let truth = Self.courses(3, scale: width == 1 ? 1e-8 : 1e-2)
        let directions = (0..<3).map { p in
            (0..<width).map { k in width == 1 ? 1 : [0.6, 0.0, 0.8, 0.6, 0.0][k + p] }
        }
        let recording = setup.recording(Matrix(rows: 25, columns: Case.samples))
        let response = recording.fields(along: directions) * truth
        let (fits, mergers) = try PlaceFit.fit([setup.recording(response), setup.recording(response * -2, gain: 2)])
        #expect(mergers.isEmpty && fits.count == 2)
        for (fit, factor) in zip(fits, [1.0, -1.0]) {
            for place in 0..<3 {
                let found = fit.courses.row(place).map { $0 * factor }
                let expected = truth.row(place)
                let size = sqrt(expected.reduce(0) { $0 + $1 * $1 })
                let difference = [1.0, -1.0].map { sign in
                    sqrt(zip(found, expected).reduce(0) { $0 + pow($1.0 - sign * $1.1, 2) }) / size
                }
                // The sign is settled later, over all recordings of a subject.
                #expect(difference.min() ?? 1 < (width == 1 ? 1e-12 : 1e-7))
            }
        }
    }

    @Test(
        "the covariance is that of repeated noise, white or slow, cross-talk included", arguments: [0.0, 0.8], [1, 3])
    func covariance(_ memory: Double, _ width: Int) throws {
        let setup = Case(seed: 11, widths: [width, width, width], overlap: 1, memory: memory)
        let truth = Self.courses(3, scale: 1e-6)
        let clean =
            setup.recording(Matrix(rows: 25, columns: Case.samples)).fields(
                along: (0..<3).map { _ in [Double](repeating: 1 / Double(width).squareRoot(), count: width) }) * truth
        let rows = [
            [Double](repeating: 1 / 30, count: 30), (0..<30).map { $0 < 10 ? 0.1 : 0 },
            (0..<30).map { $0 == 9 ? 1 : 0 },
        ]
        var generator = SeededGenerator(seed: 5)
        var values: [[Double]] = []
        var expected = Matrix(rows: 3, columns: 3)
        for _ in 0..<3000 {
            let noise = Case.noise(25, Case.samples, memory, &generator)
            // Variance 1.44 of the whitened noise.
            let (fits, _) = try PlaceFit.fit([setup.recording(clean + noise * 1.2, variance: 1.44)])
            var means = fits[0].means(rows)
            for place in 0..<3
            where means.amplitudes[place]
                * (rows[place].enumerated().reduce(0) { $0 + $1.element * truth[place, $1.offset] }) < 0
            {
                means.amplitudes[place] *= -1
                for other in 0..<3 where other != place {
                    means.covariance[place, other] *= -1
                    means.covariance[other, place] *= -1
                }
            }
            values.append(means.amplitudes)
            expected = means.covariance
        }
        let mean = (0..<3).map { p in values.reduce(0) { $0 + $1[p] } / Double(values.count) }
        for p in 0..<3 {
            for q in 0..<3 {
                let found = values.reduce(0) { $0 + ($1[p] - mean[p]) * ($1[q] - mean[q]) } / Double(values.count - 1)
                let scale = (expected[p, p] * expected[q, q]).squareRoot()
                // Of 3000 draws a variance is known to 2.6 %; the correlation in time is estimated, too.
                #expect(
                    abs(found - expected[p, q]) < 0.1 * scale, "\(p) \(q): \(found / scale), \(expected[p, q] / scale)")
            }
        }
        let truths = (0..<3).map { p in rows[p].enumerated().reduce(0) { $0 + $1.element * truth[p, $1.offset] } }
        for p in 0..<3 {
            #expect(abs(mean[p] - truths[p]) < 4 * (expected[p, p] / 3000).squareRoot() + 1e-3 * abs(truths[p]))
        }
        // Slow noise leaves more in a mean of 30 samples than white noise does; places have fields of like size.
        let ratio = expected[0, 0] / expected[2, 2]
        #expect(memory > 0 ? ratio > 0.1 : ratio < 0.2)
    }

    @Test("unequal averages: variances go with one over their number")
    func averages() throws {
        let world = try SmallWorld(sources: 40)
        var settings = PreparationSettings()
        settings.orientation = .fixed
        func fit(_ averages: Double) throws -> PlaceFit {
            settings.averages = averages
            let prepared = try PreparedProblem(
                recording: world.recording, forward: world.forward, covariance: world.covariance, settings: settings)
            return try PlaceFit.fit([PlaceRecording(prepared, candidates: [3, 20])]).fits[0]
        }
        let (few, many) = (try fit(4), try fit(36))
        for p in 0..<2 {
            for q in 0..<2 { #expect(abs(few.covariance[p, q] / many.covariance[p, q] - 9) < 1e-9) }
            // The amplitudes themselves do not depend on it.
            #expect(zip(few.courses.row(p), many.courses.row(p)).allSatisfy { abs($0 - $1) < 1e-9 * abs($1) + 1e-16 })
            // 4e-8 A·m times a sine of one or two periods, with noise of some nA·m.
            let truth = (0..<40).map { 4e-8 * sin(2 * .pi * Double($0) * Double(p + 1) / 40) }
            let error = (few.covariance[p, p]).squareRoot()
            let distance = sqrt(zip(few.courses.row(p), truth).reduce(0) { $0 + pow($1.0 - $1.1, 2) } / 40)
            #expect(error < 2e-8 && distance < 2 * error && distance > 0.3 * error)
        }
    }

    @Test("cross-talk: both places together are right where each alone is wrong")
    func crossTalk() throws {
        let setup = Case(seed: 21, widths: [1, 1], overlap: 2)
        let truth = Matrix(rows: 2, columns: Case.samples) { p, _ in p == 0 ? 1e-8 : 0 }
        let response = setup.fields * truth
        let both = try PlaceFit.fit([setup.recording(response)]).fits[0]
        #expect(abs(both.courses[1, 0]) < 1e-20 && both.covariance[0, 1] < 0)
        let correlation = both.covariance[0, 1] / (both.covariance[0, 0] * both.covariance[1, 1]).squareRoot()
        #expect(correlation < -0.5)
        let alone = PlaceRecording(
            times: setup.recording(response).times, widths: [1], fields: setup.fields.columns([1]), priors: [1],
            axes: [nil], response: response, noiseVariance: 1, noise: .white, knowsNoiseInTime: false)
        #expect(try abs(PlaceFit.fit([alone]).fits[0].courses[0, 0]) > 3e-9)
    }

    @Test("a place whose field another has is left out and told; one that is not seen is left out")
    func mergers() throws {
        let setup = Case(seed: 31, widths: [1, 1, 1])
        let fields = setup.fields.columns([0, 1, 0])
        let response = setup.fields * Self.courses(3)
        func recording(_ widths: [Int], _ fields: Matrix) -> PlaceRecording {
            PlaceRecording(
                times: (0..<Case.samples).map(Double.init), widths: widths, fields: fields,
                priors: [Double](repeating: 1, count: fields.columns), axes: widths.map { _ in nil },
                response: response,
                noiseVariance: 1, noise: .white, knowsNoiseInTime: true)
        }
        let (fits, mergers) = try PlaceFit.fit([recording([1, 1, 1], fields)])
        #expect(mergers == [.init(place: 2, other: 0)])
        #expect(fits[0].courses[2, 0].isNaN && fits[0].covariance[2, 1].isNaN && fits[0].covariance[0, 1].isFinite)
        let unseen = try PlaceFit.fit([recording([1, 0, 1], setup.fields.columns([0, 1]))])
        #expect(unseen.mergers.isEmpty && unseen.fits[0].courses[1, 0].isNaN && unseen.fits[0].courses[2, 0].isFinite)
        let none = try PlaceFit.fit([recording([0], setup.fields.columns([]))])
        #expect(none.fits[0].courses[0, 0].isNaN)
        #expect(throws: InputError.self) {
            try PlaceFit.fit([recording([1, 1, 1], fields), recording([1, 0, 1], setup.fields.columns([0, 1]))])
        }
        #expect(try PlaceFit.fit([]).fits.isEmpty)
    }

    @Test("a source that the forward does not have is told")
    func outside() throws {
        let world = try SmallWorld(sources: 40)
        let prepared = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: world.covariance,
            settings: PreparationSettings())
        let error = #expect(throws: InputError.self) { try PlaceRecording(prepared, candidates: [3, 40]) }
        #expect(error?.description.contains("no source 40") ?? false)
        let recording = try PlaceRecording(prepared, candidates: [3, nil, 20])
        #expect(recording.widths == [3, 0, 3] && recording.count == 3)
        #expect(recording.knowsNoiseInTime)
    }
}
