import SourceImaging
import Testing

@Suite("Plausibility of values")
struct PlausibilityTests {
    private func recording(_ kind: SensorKind, scale: Double, flat: Bool = false) throws -> Recording {
        var random = SeededGenerator(seed: 3)
        var data = random.normal(rows: 4, columns: 50) * scale
        if flat { for t in 0..<50 { data[2, t] = 0 } }
        let sensors = try Sensors(names: ["a", "b", "c", "d"], kinds: [SensorKind](repeating: kind, count: 4))
        return try Recording(epochs: [data], samplingFrequency: 100, firstTime: 0, sensors: sensors)
    }

    @Test(
        "Usual amplitudes pass; a wrong unit is named",
        arguments: [
            (SensorKind.eeg, 1e-5, 10.0, "µV"), (.mag, 1e-13, 100.0, "fT"), (.grad, 1e-11, 100.0, "fT"),
        ])
    func units(kind: SensorKind, usual: Double, wrong: Double, unit: String) throws {
        #expect(try recording(kind, scale: usual).plausibilityWarnings().isEmpty)
        let warnings = try recording(kind, scale: wrong).plausibilityWarnings()
        #expect(warnings.count == 1 && warnings[0].contains(unit) && warnings[0].contains(kind.plural))
    }

    @Test("Flat channels are named, and a recording of nothing but zeros")
    func flat() throws {
        let warnings = try recording(.eeg, scale: 1e-5, flat: true).plausibilityWarnings()
        #expect(warnings == ["flat channels, not marked bad: c"])
        let zero = try recording(.eeg, scale: 0).plausibilityWarnings()
        #expect(zero.count == 1 && zero[0].contains("every channel is flat"))
    }

    @Test("A gain of an unusual size, silent channels and unseen sources are named")
    func gains() throws {
        let sensors = try Sensors(names: ["a", "b"], kinds: [.eeg, .eeg])
        let sources = try SourceSpace(positions: [[0, 0, 0.07], [0, 0.07, 0]], frame: .head)
        func warnings(_ gain: [Double]) throws -> [String] {
            try Forward(
                gain: Matrix(rows: 2, columns: 2, elements: gain), orientations: 1, sensors: sensors, sources: sources
            ).plausibilityWarnings()
        }
        #expect(try warnings([100, 200, 50, 80]).isEmpty)
        #expect(try warnings([1e8, 2e8, 5e7, 8e7]).contains { $0.contains("unusually large") })
        #expect(try warnings([100, 0, 50, 0]).contains { $0.contains("gain of zero for every source: b") })
        #expect(try warnings([100, 200, 0, 0]).contains { $0.contains("1 of 2 sources") })
    }

    @Test("A covariance with too few samples, no noise or correlations above 1 is named")
    func covariances() throws {
        let sensors = try Sensors(names: ["a", "b"], kinds: [.eeg, .eeg])
        func warnings(_ matrix: [Double], samples: Int = 0) throws -> [String] {
            try NoiseCovariance(
                matrix: Matrix(rows: 2, columns: 2, elements: matrix), samples: samples, sensors: sensors
            ).plausibilityWarnings()
        }
        #expect(try warnings([1e-12, 0, 0, 1e-12], samples: 1000).isEmpty)
        #expect(try warnings([1e-12, 0, 0, 1e-12], samples: 3).contains { $0.contains("only 3 samples") })
        #expect(try warnings([1e-12, 0, 0, 0]).contains { $0.contains("variance 0") })
        #expect(try warnings([1e-12, 2e-12, 2e-12, 1e-12]).contains { $0.contains("a–b") })
        #expect(try warnings([1, 0, 0, 1]).contains { $0.contains("µV") })
    }
}
