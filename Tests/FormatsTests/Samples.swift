import Foundation

@testable import Formats
@testable import SourceImaging

/// Small values with every optional part, for round trips.
enum Samples {
    static func sensors(_ count: Int = 5, bad: Int? = 1) throws -> Sensors {
        try Sensors(
            names: (0..<count).map { "CH \($0)" }, kinds: (0..<count).map { SensorKind.allCases[$0 % 3] },
            bad: (0..<count).map { $0 == bad },
            locations: Matrix(rows: count, columns: 12) { Double($0) * 0.01 + Double($1) * 1e-4 },
            compensations: (0..<count).map { $0 % 3 == 2 ? "none" : "grade 3" })
    }

    static func acquisition() throws -> Acquisition {
        var acquisition = Acquisition()
        acquisition.deviceToHead = try RigidTransform(
            rotation: [[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]], translation: [0.001, -0.002, 0.04])
        acquisition.maxwellRank = 70
        acquisition.subject = "Zoë"
        acquisition.notes = ["12 of 60 epochs rejected", "a second decision"]
        return acquisition
    }

    static func forward(orientations: Int = 3) throws -> Forward {
        var random = SeededGenerator(seed: 7)
        let count = 4
        var sources = try SourceSpace(
            positions: (0..<count).map { SIMD3(Double($0) * 0.01, 0.05, -0.02) },
            normals: (0..<count).map { _ in SIMD3(0, 0, 1) }, hemispheres: [.left, .right, .volume, .left],
            vertices: [10, 20, 30, 1 << 40], frame: .mri)
        sources.triangles = [[0, 1, 3], [3, 1, 2]]
        var forward = try Forward(
            subject: "Zoë", gain: random.normal(rows: 5, columns: count * orientations) * 1e-7,
            orientations: orientations, sensors: sensors(), sources: sources)
        forward.acquisition = try acquisition()
        return forward
    }

    static func recording(epochs: Int = 1) throws -> Recording {
        var random = SeededGenerator(seed: 8)
        var recording = try Recording(
            epochs: (0..<epochs).map { _ in random.normal(rows: 5, columns: 30) * 1e-12 },
            samplingFrequency: 600.614990234375,
            firstTime: -0.19979521315838786, averages: 55, condition: "left/auditory", isProjected: true,
            sensors: sensors(), projectors: random.normal(rows: 2, columns: 5))
        recording.acquisition = try acquisition()
        return recording
    }

    static func covariance() throws -> NoiseCovariance {
        var random = SeededGenerator(seed: 9)
        let root = random.normal(rows: 5, columns: 20)
        var matrix = (root * root.transposed) * 1e-24
        matrix.mirrorLowerTriangle()
        return try NoiseCovariance(
            matrix: matrix, samples: 2904, sensors: sensors(), projectors: random.normal(rows: 1, columns: 5))
    }

    static func truth() -> Truth {
        Truth(
            sources: [
                .init(index: 3, position: [0.01, 0.02, 0.03], direction: [0, 1, 0], waveform: [0, 1e-8, 2e-8]),
                .init(index: -1, position: [0.04, 0.02, 0.03], direction: [1, 0, 0], waveform: [3e-8, 0, -1e-8]),
            ], times: [0, 0.01, 0.02], frame: .head,
            settings: [Setting("snr", "3 dB"), Setting("seed", "42"), Setting("depth", "0.8")])
    }

    /// Candidates without normals, the first half left, with a strip of triangles.
    static func candidates(_ count: Int) throws -> SourceSpace {
        var candidates = try SourceSpace(
            positions: (0..<count).map { SIMD3(Double($0) * 1e-4 / 3, 0.05, -0.02) },
            hemispheres: (0..<count).map { 2 * $0 < count ? .left : .right }, vertices: (0..<count).map { 7 * $0 },
            frame: .head)
        candidates.triangles = (2..<Int32(count)).map { SIMD3($0, $0 - 1, $0 - 2) }
        return candidates
    }

    /// An estimate whose sources have one, two and three axes, or none when `empty`.
    static func estimate(empty: Bool = false, seconds: Double = 1.5, isRefined: Bool = true) throws -> Estimate {
        var random = SeededGenerator(seed: 10)
        let axes: [SIMD3<Double>] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        let sources = (1...3).map { (width: Int) -> EstimatedSource in
            let w = Double(width)
            let amplitudes = random.normal(rows: width, columns: 4) * 1e-8
            var source = EstimatedSource(
                index: 100 * width, position: SIMD3(0.01 * w, 0.02, 0.03), hemisphere: width == 2 ? nil : .right,
                vertex: width == 3 ? nil : 7 * width, amplitudes: amplitudes,
                axes: width == 1 ? nil : Array(axes.prefix(width)), field: 10 / w, share: 0.5 / w,
                extent: isRefined && width != 3 ? 0.004 * (w - 1) : nil, timesNoise: isRefined ? 9 / w : nil,
                stability: Stability.Source(distances: [0.001, nil], amplitudes: [1e-8 * w, nil]))
            if isRefined { addErrorBars(to: &source, width) }
            return source
        }
        let points = (0..<3).map { (k: Int) -> SelectionPoint in
            let x = Double(k)
            return SelectionPoint(
                lambda: 8 / (x + 1), ratio: 0.8 / (x + 1), criterion: 100 - x, degreesOfFreedom: x,
                squaredResidual: 50 - x, activeCount: k, relativeGap: 1e-7, seconds: seconds / (x + 1))
        }
        var estimate = Estimate(
            sources: empty ? [] : sources, times: [0.05, 0.06, 0.07, 0.08], frame: .head,
            selection: SelectionCurve(
                origin: .search("adam", over: .evaluation), criterion: "SURE", estimatesRisk: true, points: points,
                chosenIndex: 1, atGridEdge: true),
            preparation: PreparationReport(
                channels: [.mag: 2, .eeg: 1], rank: 3, baselineDeviation: nil, noiseDeviation: 1.02,
                noiseSource: "covariance.h5", averages: 55),
            certificate: EstimateCertificate(relativeGap: 1e-7, tolerance: 1e-6, epochs: 900, fullPasses: 12))
        estimate.preparation.epochs = 55
        estimate.subject = "s01"
        estimate.condition = "left"
        estimate.candidateCount = 400
        estimate.candidates = try candidates(400)
        estimate.sensorData = SensorData(
            sensors: try sensors(), measured: random.normal(rows: 5, columns: 4),
            explained: random.normal(rows: 5, columns: 4))
        estimate.goodnessOfFit = 0.75
        estimate.settings = [Setting("window", "0.05 0.08"), Setting("depth", "0.8"), Setting("lambda", "auto")]
        estimate.warnings = ["λ lies at the edge of the grid"]
        estimate.seconds = StageSeconds(load: seconds, prepare: 2 * seconds, solve: 3 * seconds, total: 6 * seconds)
        estimate.stability = Stability(
            method: .sensors, radius: 0.01,
            others: [Stability.Other(index: 7, position: SIMD3(0.01, 0, 0), found: 0.5, positionSpread: 0.002)],
            counts: [2, 1], ratios: [0.1, 0.2])
        if isRefined {
            estimate.refinement = Refinement(
                charge: NoiseCharge(value: 359.5, stretches: 3, length: 61), objectives: [500.25, 499.5],
                isSettled: true, looks: 42, gainError: 0.05, falsePositiveRate: nil, chargeUncertainty: 12.25,
                heldOut: 0.375)
        }
        // Two windows, one of them longer than the step needs.
        let frame = try GaborFrame(
            [GaborFrame.Window(length: 4, step: 1), GaborFrame.Window(length: 2, step: 1)], samples: 4)
        estimate.timeFrequency = TimeFrequencyRecord(frame: frame, samplingFrequency: 100, firstTime: 0.05, rho: 0.3)
        for s in estimate.sources.indices {
            estimate.sources[s].coefficients = random.normal(
                rows: frame.size, columns: estimate.sources[s].amplitudes.rows)
        }
        estimate.selection.notes = ["ρ 0.10", "ρ 0.30", "ρ 0.60"]
        return estimate
    }

    /// Error bars of the source of so many axes: that of two has no region, that of three neither an upper bound of its
    /// extent nor any of its peak.
    private static func addErrorBars(to source: inout EstimatedSource, _ width: Int) {
        let w = Double(width)
        source.probability = 1 - 0.1 * w
        source.latencyInterval = (0.05 + 0.001 * w)...0.07
        source.amplitudeInterval = width == 3 ? nil : (1e-8 * w)...(3e-8 * w)
        source.extentInterval = 0.002...(width == 3 ? .infinity : 0.01)
        guard width != 2 else { return }
        source.region = SourceRegion(
            vertices: (0...width).map { 100 * width + $0 }, centre: source.position + SIMD3(0.001, -1e-4 / 3, 0),
            axes: [SIMD3(0.012, 0, 1e-3 / w), SIMD3(0, 0.008, 0), SIMD3(-1e-4, 0, 0.004)], volume: 2.5e-6 / w)
    }
}
