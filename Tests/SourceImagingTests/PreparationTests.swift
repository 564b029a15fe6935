import Foundation
import Testing

@testable import SourceImaging

/// A small recording with every kind of sensor, made of random numbers in SI-like scales; the noise of neighbouring samples
/// is correlated by its slowness.
struct SmallWorld {
    var sensors: Sensors
    var forward: Forward
    var recording: Recording
    var covariance: NoiseCovariance

    init(
        magnetometers: Int = 8, gradiometers: Int = 12, electrodes: Int = 10, sources: Int = 40, averages: Double = 4,
        seed: UInt64 = 1, active: [Int] = [3, 20], amplitude: Double = 4, order: [Int]? = nil, bad: Set<Int> = [],
        scale: Double = 1, slowness: Double = 0
    ) throws {
        var random = SeededGenerator(seed: seed)
        let kinds =
            [SensorKind](repeating: .mag, count: magnetometers) + [SensorKind](repeating: .grad, count: gradiometers)
            + [SensorKind](repeating: .eeg, count: electrodes)
        let n = kinds.count
        let units: [Double] = kinds.map { $0 == .mag ? 1e-13 : ($0 == .grad ? 4e-12 : 5e-6) }
        // One epoch's noise: a random well-conditioned covariance inside MEG and inside EEG.
        let root = Matrix(rows: n, columns: n) { i, j in
            let apart = (kinds[i] == .eeg) != (kinds[j] == .eeg)
            return apart ? 0 : units[i] * ((i == j ? 1 : 0) + 0.3 * random.normal() / Double(n).squareRoot())
        }
        let noise = Matrix.product(root, transposed: false, root, transposed: true)
        let gain = Matrix(rows: n, columns: 3 * sources) { i, _ in units[i] * 1e8 * random.normal() }
        let positions = (0..<sources).map { _ in
            SIMD3(random.normal(), random.normal(), random.normal()) * 0.03
        }
        let normals = (0..<sources).map { _ in SIMD3(random.normal(), random.normal(), random.normal()) }
        let (before, after, rate) = (60, 40, 200.0)
        var clean = Matrix(rows: n, columns: before + after)
        let space = try SourceSpace(
            positions: positions, normals: normals, hemispheres: positions.map { $0.x < 0 ? .left : .right },
            vertices: Array(0..<sources), frame: .head)
        for (k, source) in active.enumerated() {
            let normal = try #require(space.normals)[source]
            for t in before..<(before + after) {
                let course = amplitude * 1e-8 * sin(2 * .pi * Double(t - before) * Double(k + 1) / Double(after))
                for i in 0..<n {
                    for d in 0..<3 { clean[i, t] += gain[i, 3 * source + d] * normal[d] * course }
                }
            }
        }
        var white = random.normal(rows: n, columns: before + after)
        for t in 1..<(before + after) {
            for i in 0..<n {
                white[i, t] = slowness * white[i, t - 1] + (1 - slowness * slowness).squareRoot() * white[i, t]
            }
        }
        let noisy = clean + root * white * (1 / averages.squareRoot())
        let names = (0..<n).map { "CH \($0)" }
        let order = order ?? Array(0..<n)
        let eeg = kinds.map { $0 == .eeg ? 1 / Double(max(1, electrodes)).squareRoot() : 0 }
        sensors = try Sensors(names: names, kinds: kinds)
        forward = try Forward(gain: gain, orientations: 3, sensors: sensors, sources: space)
        recording = try Recording(
            epochs: [noisy.rows(order) * scale], samplingFrequency: rate, firstTime: -Double(before) / rate,
            averages: averages,
            sensors: try Sensors(
                names: order.map { names[$0] }, kinds: order.map { kinds[$0] }, bad: order.map { bad.contains($0) }),
            projectors: electrodes > 1 ? Matrix(rows: 1, columns: n) { eeg[order[$1]] } : nil)
        covariance = try NoiseCovariance(matrix: noise, samples: 5000, sensors: sensors)
    }
}

@Suite("Preparing a recording")
struct PreparationTests {
    @Test("the whitener makes the covariance the identity on the subspace that is left", arguments: [0, 10])
    func whitening(_ electrodes: Int) throws {
        let world = try SmallWorld(electrodes: electrodes)
        let vectors: [[Double]] =
            electrodes > 0
            ? [world.recording.projectors.row(0), (0..<world.sensors.count).map { $0 < 8 ? 1 : 0 }] : []
        let projection = Projection(vectors, sensorCount: world.sensors.count)
        let whitener = try Whitener(covariance: world.covariance.matrix, sensors: world.sensors, projection: projection)
        #expect(whitener.rank == world.sensors.count - vectors.count)
        let identity = Matrix.product(
            whitener.matrix * world.covariance.matrix, transposed: false, whitener.matrix, transposed: true)
        #expect((identity - .identity(whitener.rank)).squaredNorm.squareRoot() < 1e-8)
        // Sensors that err by the variance of the median of their kind, independently, make the rows err so.
        let diagonal = (0..<world.sensors.count).map { world.covariance.matrix[$0, $0] }
        for row in 0..<whitener.rank where vectors.isEmpty {
            let expected = zip(world.sensors.kinds, whitener.matrix.row(row)).reduce(0) { sum, sensor in
                let alike = zip(world.sensors.kinds, diagonal).filter { $0.0 == sensor.0 }.map(\.1).sorted()
                return sum + sensor.1 * sensor.1 * alike[alike.count / 2]
            }
            #expect(abs(whitener.sensorVariances[row] - expected) < 1e-9 * expected)
        }
        // What is projected out is not seen.
        for vector in vectors {
            let column = Matrix(rows: vector.count, columns: 1, elements: vector)
            let scale = world.covariance.matrix.squaredNorm.squareRoot().squareRoot()
            #expect(
                (whitener.matrix * column).squaredNorm.squareRoot() * scale < 1e-6 * column.squaredNorm.squareRoot())
        }
    }

    @Test("a covariance that lost directions gives the rank that is left")
    func rank() throws {
        let world = try SmallWorld(electrodes: 0)
        let removed = Projection([(0..<20).map { Double($0 % 3) }, (0..<20).map { Double($0 % 5) }], sensorCount: 20)
        let deficient = removed.apply(removed.apply(world.covariance.matrix).transposed)
        let none = Projection([], sensorCount: 20)
        #expect(try Whitener(covariance: deficient, sensors: world.sensors, projection: none).rank == 18)
    }

    @Test("impossible covariances are told in one line")
    func badCovariance() throws {
        let world = try SmallWorld(electrodes: 0)
        let none = Projection([], sensorCount: 20)
        var negative = world.covariance.matrix
        for j in 0..<20 where j != 4 {
            negative[4, j] *= 40
            negative[j, 4] *= 40
        }
        let error = #expect(throws: InputError.self) {
            try Whitener(covariance: negative, sensors: world.sensors, projection: none)
        }
        #expect(error?.description.contains("positive semidefinite") == true)
        #expect(throws: InputError.self) {
            try Whitener(covariance: Matrix(rows: 20, columns: 20), sensors: world.sensors, projection: none)
        }
        var flat = world.covariance.matrix
        for j in 0..<20 {
            flat[7, j] = 0
            flat[j, 7] = 0
        }
        let whitener = try Whitener(covariance: flat, sensors: world.sensors, projection: none)
        #expect(whitener.rank == 19)
        let largest = whitener.matrix.elements.map(abs).max() ?? 0
        #expect(whitener.matrix.column(7).allSatisfy { abs($0) < 1e-12 * largest })
    }

    @Test("the noise of an average is the covariance over the number of averages", arguments: [1, 2.5, 9])
    func averages(_ averages: Double) throws {
        let world = try SmallWorld(averages: averages, seed: 7)
        let prepared = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: world.covariance, settings: .init())
        let deviation = try #require(prepared.report.baselineDeviation)
        // 29 directions × 60 samples of unit variance.
        #expect(abs(deviation - 1) < 5 / (2.0 * 29 * 60).squareRoot())
        #expect(prepared.report.rank == 29 && prepared.report.averages == averages)
        #expect(prepared.warnings.isEmpty)
    }

    @Test("a covariance that is wrong by far is warned of")
    func wrongCovariance() throws {
        let world = try SmallWorld()
        let wrong = try NoiseCovariance(matrix: world.covariance.matrix * 100, samples: 5000, sensors: world.sensors)
        let prepared = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: wrong, settings: .init())
        #expect(prepared.warnings.contains { $0.contains("whitened baseline") })
    }

    @Test("without a covariance the noise is estimated before time 0, and said so")
    func baseline() throws {
        let world = try SmallWorld(magnetometers: 4, gradiometers: 4, electrodes: 4)
        let prepared = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: nil, settings: .init())
        #expect(prepared.warnings.contains { $0.contains("before time 0") })
        #expect(prepared.noiseVariance > 1 && prepared.noiseVariance < 2)
        // Ledoit–Wolf with ever more samples leaves the sample covariance as it is.
        var random = SeededGenerator(seed: 3)
        let many = random.normal(rows: 12, columns: 20_000)
        var skewed = many
        for j in 0..<20_000 { skewed[0, j] = many[0, j] + many[1, j] }
        let estimate = try EstimatedCovariance(
            skewed, sensors: Sensors(names: (0..<12).map { "\($0)" }, kinds: .init(repeating: .mag, count: 12)),
            projection: Projection([], sensorCount: 12))
        #expect(estimate.shrinkage < 0.01)
        #expect(abs(estimate.matrix[0, 1] - 1) < 0.05 && abs(estimate.heldOutVariance - 1) < 0.02)
        let short = try Recording(
            epochs: [Matrix(rows: 12, columns: 20, repeating: 1)], samplingFrequency: 100, firstTime: -0.05,
            sensors: world.sensors)
        let error = #expect(throws: InputError.self) {
            try PreparedProblem(recording: short, forward: world.forward, covariance: nil, settings: .init())
        }
        #expect(error?.place == .input(.recording))
        #expect(error?.text { "--\($0.rawValue)" }.hasSuffix("give a noise covariance with --covariance") == true)
        #expect(error?.description.hasSuffix("give a noise covariance with covariance") == true)
    }

    @Test("orientations: names, frames, columns")
    func orientations() throws {
        for name in ["fixed", "free", "loose:0.2", "loose:1.0"] { #expect(try Orientation(name: name).name == name) }
        for name in ["", "loose:0", "loose:1.5", "loose:x", "tight", "fixed:1"] {
            #expect(throws: InputError.self) { try Orientation(name: name) }
        }
        var random = SeededGenerator(seed: 2)
        for k in 0..<200 {
            var normal = SIMD3(random.normal(), random.normal(), random.normal())
            if k == 0 { normal = SIMD3(0, 0, -1) }
            normal /= (normal * normal).sum().squareRoot()
            let (a, b) = Orientation.tangents(of: normal)
            for (u, v, expected) in [(a, a, 1.0), (b, b, 1), (a, b, 0), (a, normal, 0), (b, normal, 0)] {
                #expect(abs((u * v).sum() - expected) < 1e-14)
            }
        }
        let world = try SmallWorld()
        var settings = PreparationSettings()
        settings.orientation = .fixed
        let fixed = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: world.covariance, settings: settings)
        #expect(fixed.problem.design.columns == 40)
        settings.orientation = .loose(1)
        let loose = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: world.covariance, settings: settings)
        settings.orientation = .free
        let free = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: world.covariance, settings: settings)
        // Loose 1 is free in another frame: the same λ_max.
        #expect(abs(loose.problem.largestLambda() / free.problem.largestLambda() - 1) < 1e-12)
    }

    @Test("windows: samples, edges, and one line for what is impossible")
    func windows() throws {
        let world = try SmallWorld()
        func samples(_ window: ClosedRange<Double>?) throws -> [Double] {
            var settings = PreparationSettings()
            settings.window = window
            return try PreparedProblem(
                recording: world.recording, forward: world.forward, covariance: world.covariance, settings: settings
            ).times
        }
        #expect(try samples(nil).count == 40)
        #expect(try samples(0.05...0.15).count == 21)
        #expect(try samples(0.05...0.05).count == 1)
        for window in [0.051...0.0515, 0.1...0.5, -1.0...0.1] {
            let error = #expect(throws: InputError.self) { try samples(window) }
            #expect(error?.description.contains("window") == true)
        }
    }

    @Test("channels: bad ones stay out, unknown ones are counted, none in common is an error")
    func channels() throws {
        let world = try SmallWorld(bad: [0, 9])
        let prepared = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: world.covariance, settings: .init())
        #expect(prepared.sensors.count == 28 && !prepared.sensors.names.contains("CH 9"))
        var settings = PreparationSettings()
        settings.sensors = .meg
        let meg = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: world.covariance, settings: settings)
        #expect(meg.report.channels == [.mag: 7, .grad: 11] && meg.report.rank == 18)
        let renamed = try NoiseCovariance(
            matrix: world.covariance.matrix, samples: 0,
            sensors: Sensors(names: world.sensors.names.map { "X" + $0 }, kinds: world.sensors.kinds))
        let error = #expect(throws: InputError.self) {
            try PreparedProblem(
                recording: world.recording, forward: world.forward, covariance: renamed, settings: .init())
        }
        #expect(error?.description.contains("no channels in common") == true)
        let only = try SmallWorld(electrodes: 0)
        settings.sensors = .eeg
        #expect(throws: InputError.self) {
            try PreparedProblem(
                recording: only.recording, forward: only.forward, covariance: only.covariance, settings: settings)
        }
    }

    @Test("EEG without an average reference gets one, and is told")
    func averageReference() throws {
        let world = try SmallWorld()
        let bare = try Recording(
            epochs: world.recording.epochs, samplingFrequency: 200, firstTime: -0.3, averages: 4,
            sensors: world.recording.sensors)
        let prepared = try PreparedProblem(
            recording: bare, forward: world.forward, covariance: world.covariance, settings: .init())
        #expect(prepared.report.rank == 29)
        #expect(prepared.warnings.contains { $0.contains("average reference") })
        let electrodes = prepared.sensors.kinds.indices.filter { prepared.sensors.kinds[$0] == .eeg }
        for t in 0..<prepared.measured.columns {
            #expect(abs(electrodes.reduce(0) { $0 + prepared.measured[$1, t] }) < 1e-16)
        }
    }

    @Test("depth weights: none at 0, equal fields at 1, nothing for what no sensor sees")
    func depth() {
        #expect(WhitenedGain.depthWeights([1, 2, 4], exponent: 0) == [1, 1, 1])
        let weights = WhitenedGain.depthWeights([1, 2, 4, 0], exponent: 1)
        #expect(zip(weights, [1.0, 2, 4, 0]).map { $0 * $1 } == [2, 2, 2, 0])
    }

    @Test(
        "a baseline of any length from the fewest samples on is split into parts", arguments: [10, 11, 12, 13, 14, 16])
    func shortBaselines(_ count: Int) throws {
        var random = SeededGenerator(seed: 4)
        let sensors = try Sensors(names: ["a", "b", "c"], kinds: [.mag, .mag, .mag])
        let estimate = try EstimatedCovariance(
            random.normal(rows: 3, columns: count), sensors: sensors, projection: Projection([], sensorCount: 3))
        #expect(estimate.heldOutVariance > 0.1 && estimate.heldOutVariance < 10)
        #expect(throws: InputError.self) {
            try EstimatedCovariance(
                Matrix(rows: 3, columns: count, repeating: 0.1), sensors: sensors,
                projection: Projection([], sensorCount: 3))
        }
    }

    @Test("absurd numbers of averages are refused before they overflow", arguments: [0, -1, 1e300, .infinity, .nan])
    func absurdAverages(_ averages: Double) throws {
        let world = try SmallWorld()
        let error = #expect(throws: InputError.self) {
            try Recording(
                epochs: [Matrix](repeating: world.recording.average, count: 4), samplingFrequency: 100, firstTime: 0,
                averages: averages, sensors: world.recording.sensors)
        }
        #expect(error?.place == .named("averages"))
    }

    @Test("NaN in channels marked bad is not read, in any of the three")
    func badChannels() throws {
        let world = try SmallWorld()
        let bad = world.sensors.names.indices.map { $0 == 5 }
        let marked = try Sensors(names: world.sensors.names, kinds: world.sensors.kinds, bad: bad)
        func spoiled(_ matrix: Matrix, columnsToo: Bool = false) -> Matrix {
            Matrix(rows: matrix.rows, columns: matrix.columns) {
                $0 == 5 || (columnsToo && $1 == 5) ? .nan : matrix[$0, $1]
            }
        }
        let recording = try Recording(
            epochs: [spoiled(world.recording.average)], samplingFrequency: 200, firstTime: -0.3, averages: 4,
            sensors: marked, projectors: world.recording.projectors)
        let forward = try Forward(
            gain: spoiled(world.forward.gain), orientations: 3, sensors: marked, sources: world.forward.sources)
        let covariance = try NoiseCovariance(
            matrix: spoiled(world.covariance.matrix, columnsToo: true), samples: 0, sensors: marked)
        let prepared = try PreparedProblem(
            recording: recording, forward: forward, covariance: covariance, settings: .init())
        let clean = try PreparedProblem(
            recording: try SmallWorld(bad: [5]).recording, forward: world.forward, covariance: world.covariance,
            settings: .init())
        #expect(prepared.problem.design == clean.problem.design && prepared.problem.response == clean.problem.response)
    }

    @Test("projectors count by their direction, whatever their scale", arguments: [1e-12, 1, 1e12, 1e200])
    func projectorScale(_ scale: Double) throws {
        let world = try SmallWorld(electrodes: 0)
        let recording = try Recording(
            epochs: world.recording.epochs, samplingFrequency: 200, firstTime: -0.3, averages: 4,
            sensors: world.recording.sensors,
            projectors: Matrix(rows: 2, columns: 20) { scale * (($0 == 0) == ($1 < 8) ? 1 : 0) })
        let prepared = try PreparedProblem(
            recording: recording, forward: world.forward, covariance: world.covariance, settings: .init())
        #expect(prepared.report.rank == 18)
    }

    @Test("what leaves nothing to work with is told for what it is")
    func nothingLeft() throws {
        let world = try SmallWorld(electrodes: 0)
        let all = try Recording(
            epochs: world.recording.epochs, samplingFrequency: 200, firstTime: -0.3, averages: 4,
            sensors: world.recording.sensors, projectors: .identity(20))
        let projected = #expect(throws: InputError.self) {
            try PreparedProblem(
                recording: all, forward: world.forward, covariance: world.covariance, settings: .init())
        }
        #expect(projected?.description.contains("rank 0 after projection") == true)
        let bad = #expect(throws: InputError.self) {
            try PreparedProblem(
                recording: SmallWorld(electrodes: 0, bad: Set(0..<20)).recording, forward: world.forward,
                covariance: world.covariance, settings: .init())
        }
        #expect(bad?.description.contains("marked bad") == true)
    }

    @Test("a channel's name is text, never a format")
    func percentSigns() throws {
        let names = ["a", "b", "%s%n%@ 100%", "d"]
        let sensors = try Sensors(names: names, kinds: .init(repeating: .mag, count: 4))
        let error = #expect(throws: InputError.self) {
            try Whitener(
                covariance: .diagonal([1, 1, 1e12, 1]), sensors: sensors, projection: Projection([], sensorCount: 4))
        }
        #expect(error?.found.contains("channel '%s%n%@ 100%' has 1e+12 times") == true)
    }

    @Test("one channel of absurd variance does not silence the others", arguments: [1e280, 1e-300])
    func absurdVariance(_ variance: Double) throws {
        let world = try SmallWorld(electrodes: 0)
        var matrix = world.covariance.matrix
        for j in 0..<20 {
            matrix[9, j] = 0
            matrix[j, 9] = 0
        }
        matrix[9, 9] = variance
        let none = Projection([], sensorCount: 20)
        if variance > 1 {
            let error = #expect(throws: InputError.self) {
                try Whitener(covariance: matrix, sensors: world.sensors, projection: none)
            }
            #expect(error?.description.contains("CH 9") == true)
        } else {
            let whitener = try Whitener(covariance: matrix, sensors: world.sensors, projection: none)
            #expect(whitener.rank == 19)
        }
    }
}
