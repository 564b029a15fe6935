import Foundation
import Testing

@testable import SourceImaging

/// A recording of `channels` sensors of one kind whose data lie in `rank` directions, with the noise of them alone.
struct ReducedWorld {
    let clean: SmallWorld
    /// What was done to the data: an oblique projection, as removing components is.
    let operation: Matrix
    let recording: Recording
    /// Covariance of the reduced data.
    let covariance: NoiseCovariance

    init(
        kind: SensorKind = .mag, channels: Int = 24, lost: Int = 7, samples: Int? = nil, seed: UInt64 = 1,
        isSingle: Bool = false
    ) throws {
        let electrodes = kind == .eeg ? channels : 0
        clean = try SmallWorld(
            magnetometers: kind == .mag ? channels : 0, gradiometers: 0, electrodes: electrodes, seed: seed,
            amplitude: 8)
        var random = SeededGenerator(seed: seed + 100)
        let (taken, weights) = (
            random.normal(rows: channels, columns: lost), random.normal(rows: lost, columns: channels)
        )
        // I − A(BA)⁻¹B takes the span of A away and is no orthogonal projection.
        let inner = try Cholesky(Matrix.product(weights * taken, transposed: true, weights * taken, transposed: false))
        let inverse = inner.solve(Matrix.product(weights * taken, transposed: true, weights))
        operation = Matrix.identity(channels) - taken * inverse
        let whole = operation * clean.recording.average
        let kept = samples.map { whole.columns(60..<(60 + $0)) } ?? whole
        func stored(_ matrix: Matrix) -> Matrix {
            isSingle ? Matrix(rows: matrix.rows, columns: matrix.columns) { Double(Float(matrix[$0, $1])) } : matrix
        }
        recording = try Recording(
            epochs: [stored(kept)], samplingFrequency: 200, firstTime: samples == nil ? -0.3 : 0, averages: 4,
            sensors: clean.recording.sensors)
        let noise = operation * Matrix.product(clean.covariance.matrix, transposed: false, operation, transposed: true)
        let symmetric = Matrix(rows: channels, columns: channels) { 0.5 * (noise[$0, $1] + noise[$1, $0]) }
        covariance = try NoiseCovariance(matrix: stored(symmetric), samples: 5000, sensors: clean.sensors)
    }

    /// The covariance with white noise of a tenth of its power, as regularization makes it.
    func regularized() throws -> NoiseCovariance {
        var matrix = covariance.matrix
        let level = 0.1 * (0..<matrix.rows).reduce(0) { $0 + matrix[$1, $1] } / Double(matrix.rows)
        for i in 0..<matrix.rows { matrix[i, i] += level }
        return try NoiseCovariance(matrix: matrix, samples: 5000, sensors: covariance.sensors)
    }

    func prepare(
        _ covariance: NoiseCovariance?, maxwell: Int? = nil, rank: RankChoice = .automatic
    ) throws -> PreparedProblem {
        var recording = recording
        recording.acquisition.maxwellRank = maxwell
        var settings = PreparationSettings()
        settings.rank = rank
        return try PreparedProblem(
            recording: recording, forward: clean.forward, covariance: covariance, settings: settings)
    }
}

@Suite("The rank of the data")
struct DataRankTests {
    static let kinds: [SensorKind] = [.mag, .eeg]

    @Test("data that lost directions have the rank that is left, whatever the covariance claims", arguments: kinds)
    func ofData(_ kind: SensorKind) throws {
        let world = try ReducedWorld(kind: kind)
        let rank = 17
        let own = try world.prepare(world.covariance)
        #expect(own.report.rank == rank)
        // Regularized, diagonal, of data that were not reduced, or of the baseline: all the same directions.
        let diagonal = try NoiseCovariance(
            matrix: .diagonal((0..<24).map { world.covariance.matrix[$0, $0] }), samples: 0,
            sensors: world.clean.sensors)
        for covariance in [try world.regularized(), diagonal, world.clean.covariance, nil] {
            let prepared = try world.prepare(covariance)
            #expect(prepared.report.rank == rank)
            let difference =
                prepared.projection.removed - own.projection.removed
                * Matrix.product(
                    own.projection.removed, transposed: true, prepared.projection.removed)
            #expect(difference.squaredNorm < 1e-8)
        }
    }

    @Test("no whitened gain nor data is left in a direction that the data have lost", arguments: kinds)
    func nullDirections(_ kind: SensorKind) throws {
        let world = try ReducedWorld(kind: kind)
        let prepared = try world.prepare(try world.regularized())
        // What the operation takes away: v with vᵀ·operation = 0 is what data never show.
        let reference = Projection(kind == .eeg ? [[Double](repeating: 1, count: 24)] : [], sensorCount: 24)
        let done = reference.apply(world.operation)
        let eigen = try SymmetricEigen(Matrix.product(done, transposed: false, done, transposed: true))
        let lost = eigen.vectors.columns(Array(0..<7))
        let whitener = prepared.noise.whitener.matrix
        let scale = whitener.squaredNorm.squareRoot()
        #expect((whitener * lost).squaredNorm.squareRoot() < 1e-6 * scale)
        #expect(prepared.report.checks.contains { $0.name == "rank" && $0.mark == .look })
    }

    @Test("data of full rank keep it: short averages, slow ones, and few samples say nothing", arguments: [12, 30, 90])
    func fullRank(_ samples: Int) throws {
        let world = try SmallWorld(electrodes: 0)
        var random = SeededGenerator(seed: 8)
        // A moving average of white noise: neighbouring samples say nearly the same.
        let white = random.normal(rows: 20, columns: samples + 40)
        let slow = Matrix(rows: 20, columns: samples) { i, t in
            (0..<40).reduce(0) { $0 + white[i, t + $1] * exp(-0.5 * pow((Double($1) - 20) / 6, 2)) } * 1e-13
        }
        let recording = try Recording(
            epochs: [slow], samplingFrequency: 200, firstTime: 0, averages: 4, sensors: world.recording.sensors)
        let prepared = try PreparedProblem(
            recording: recording, forward: world.forward, covariance: world.covariance, settings: .init())
        #expect(prepared.report.rank == 20)
    }

    @Test("the processing history counts where samples are too few to show the rank", arguments: [10, 14])
    func history(_ samples: Int) throws {
        let world = try ReducedWorld(samples: samples)
        let covariance = try world.regularized()
        let blind = try world.prepare(covariance)
        #expect(blind.report.rankSource == "MEG 17 of 24 by covariance before it was regularized")
        let told = try world.prepare(covariance, maxwell: 17)
        #expect(told.report.rank == 17 && told.report.rankSource == "MEG 17 of 24 by processing history")
        // The directions of most noise are those of the data: the covariance was only regularized.
        let inside = told.projection.apply(world.recording.average)
        #expect((inside - world.recording.average).squaredNorm < 1e-10 * world.recording.average.squaredNorm)
        #expect(told.warnings.contains { $0.contains("the covariance claims noise in 7 directions") })
        // A projector on top takes one more.
        var projected = try Recording(
            epochs: world.recording.epochs, samplingFrequency: 200, firstTime: 0, averages: 4,
            sensors: world.recording.sensors,
            projectors: Matrix(rows: 1, columns: 24, elements: [Double](repeating: 1, count: 24)))
        projected.acquisition.maxwellRank = 17
        let prepared = try PreparedProblem(
            recording: projected, forward: world.clean.forward, covariance: covariance, settings: .init())
        #expect(prepared.report.rank == 16)
    }

    @Test(
        "a covariance of seven digits has the rank of the same one with sixteen", arguments: kinds,
        [1, 2, 3] as [UInt64])
    func singlePrecision(_ kind: SensorKind, _ seed: UInt64) throws {
        // Too few samples to tell the rank from the data: the covariance alone says it.
        let exact = try ReducedWorld(kind: kind, samples: 12, seed: seed)
        let single = try ReducedWorld(kind: kind, samples: 12, seed: seed, isSingle: true)
        #expect(single.covariance.isSinglePrecision && !exact.covariance.isSinglePrecision)
        let (a, b) = (try exact.prepare(exact.covariance), try exact.prepare(single.covariance))
        #expect(a.report.rank == 17 && b.report.rank == a.report.rank)
        let (x, y) = (a.problem.response.squaredNorm, b.problem.response.squaredNorm)
        #expect(abs(x / y - 1) < 1e-3)
    }

    @Test("a rank that is asked for is used, or refused with what there is")
    func asked() throws {
        let world = try ReducedWorld()
        let covariance = try world.regularized()
        for (name, rank) in [("10", 10), ("meg:17", 17), ("full", 24), ("data", 17), ("info", 24)] {
            #expect(try world.prepare(covariance, rank: RankChoice(name: name)).report.rank == rank)
        }
        #expect(try world.prepare(covariance, maxwell: 15, rank: .info).report.rank == 15)
        // What noise has not cannot be used.
        #expect(try world.prepare(world.covariance, rank: RankChoice(name: "20")).report.rank == 17)
        let error = #expect(throws: InputError.self) { try world.prepare(covariance, rank: RankChoice(name: "25")) }
        #expect(error?.place == .setting(.rank) && error?.expected.contains("at most 24") == true)
        let both = try SmallWorld()
        var settings = PreparationSettings()
        settings.rank = try RankChoice(name: "20")
        let ambiguous = #expect(throws: InputError.self) {
            try PreparedProblem(
                recording: both.recording, forward: both.forward, covariance: both.covariance, settings: settings)
        }
        #expect(ambiguous?.expected.contains("meg:70,eeg:59") == true)
        settings.rank = try RankChoice(name: "meg:15,eeg:6")
        let prepared = try PreparedProblem(
            recording: both.recording, forward: both.forward, covariance: both.covariance, settings: settings)
        #expect(prepared.report.rank == 21 && prepared.rowLabels.count { $0 == 1 } == 6)
    }

    @Test("names of ranks are read and written back", arguments: ["auto", "info", "data", "full", "12", "meg:7,eeg:5"])
    func names(_ name: String) throws {
        #expect(try RankChoice(name: name).name == name)
    }

    @Test(
        "other names are refused",
        arguments: ["", "0", "-3", "1.5", "meg:0", "meg:3,meg:4", "ecg:5", "3,4", "meg", "none"])
    func badNames(_ name: String) {
        #expect(throws: InputError.self) { try RankChoice(name: name) }
    }

    @Test("MEG and EEG have ranks of their own")
    func blocks() throws {
        let world = try SmallWorld()
        let meg = (0..<30).map { $0 < 20 ? Double($0 % 4) + 1 : 0 }
        let projection = Projection([meg], sensorCount: 30)
        let recording = try Recording(
            epochs: [projection.apply(world.recording.average)], samplingFrequency: 200, firstTime: -0.3, averages: 4,
            sensors: world.recording.sensors, projectors: world.recording.projectors)
        let prepared = try PreparedProblem(
            recording: recording, forward: world.forward, covariance: world.covariance, settings: .init())
        #expect(prepared.report.rank == 28)
        #expect(prepared.report.rankSource == "MEG 19 of 20 by data, EEG 9 of 10 by projectors")
        #expect(prepared.projection.remainder(of: meg) < 1e-6)
    }

    @Test("a baseline estimate lives in the directions of the data", arguments: kinds)
    func estimated(_ kind: SensorKind) throws {
        let world = try ReducedWorld(kind: kind)
        let prepared = try world.prepare(nil)
        #expect(prepared.report.rank == 17)
        // Its shrinkage fills no direction that the data have lost.
        let deviation = try #require(prepared.report.baselineDeviation)
        #expect(deviation > 0.7 && deviation < 1.6)
        for fold in prepared.noise.folds { #expect(fold.whitener.rows == prepared.report.rank) }
    }

    @Test("noise-free data have as many directions as sources, and those are no rank", arguments: [true, false])
    func noiseFree(_ hasBaseline: Bool) throws {
        let world = try SmallWorld(electrodes: 0)
        let normals = try #require(world.forward.sources.normals)
        let data = Matrix(rows: 20, columns: 100) { i, t in
            guard t >= 60 else { return 0 }
            return [3, 20].enumerated().reduce(0.0) { sum, one in
                let field = (0..<3).reduce(0.0) {
                    $0 + world.forward.gain[i, 3 * one.element + $1] * normals[one.element][$1]
                }
                return sum + field * 4e-8 * sin(0.1 * Double(t - 60) * Double(one.offset + 1))
            }
        }
        let recording = try Recording(
            epochs: [hasBaseline ? data : data.columns(Array(60..<100))], samplingFrequency: 200,
            firstTime: hasBaseline ? -0.3 : 0, averages: 4, sensors: world.recording.sensors)
        let prepared = try PreparedProblem(
            recording: recording, forward: world.forward, covariance: world.covariance, settings: .init())
        #expect(prepared.report.rank == 20)
    }

    @Test(
        "signals of few frequencies do not limit the rank, offsets of any size do not hide it",
        arguments: [0, 1e-3, 1e-2])
    func roundedOffsets(_ offset: Double) throws {
        // Averages in single precision of 4 µV with offsets of up to 10 mV, four electrodes interpolated.
        let world = try SmallWorld(magnetometers: 0, gradiometers: 0, electrodes: 24, seed: 4)
        var random = SeededGenerator(seed: 6)
        let mixing = Matrix(rows: 24, columns: 24) { i, j in
            i < 4 ? (j < 4 ? 0 : abs(random.normal()) / 16) : i == j ? 1 : 0
        }
        let offsets = mixing * random.normal(rows: 24, columns: 1) * offset
        let data = mixing * world.recording.average
        let stored = Matrix(rows: 24, columns: 100) { Double(Float(data[$0, $1] + offsets[$0, 0])) }
        let recording = try Recording(
            epochs: [stored], samplingFrequency: 200, firstTime: -0.3, averages: 4, sensors: world.recording.sensors)
        let prepared = try PreparedProblem(
            recording: recording, forward: world.forward, covariance: world.covariance, settings: .init())
        // The average reference takes a direction of the 20 only where the mean of all is one of them: never here.
        #expect(prepared.report.rank == 20 || prepared.report.rank == 19)
        #expect(prepared.report.rankSource.hasSuffix("by data"))
        // Nine frequencies make 18 directions of time.
        let brick = Matrix(rows: 24, columns: 60) { i, t in
            (1...9).reduce(0.0) { sum, k in
                let angle = 2 * .pi * Double(k * t) / 60
                return sum + sin(angle + Double(i * k * k)) + cos(2 * angle / 2 + Double(i * i * k))
            } * 1e-6
        }
        let few = try Recording(
            epochs: [brick], samplingFrequency: 200, firstTime: 0, averages: 4, sensors: world.recording.sensors)
        let whole = try PreparedProblem(
            recording: few, forward: world.forward, covariance: world.covariance, settings: .init())
        #expect(whole.report.rank == 23)
    }

    @Test("zeros that white noise was added to are equal, and counted where data cannot tell", arguments: [2, 5, 14])
    func plateau(_ lost: Int) throws {
        let world = try ReducedWorld(lost: lost, samples: 9)
        let prepared = try world.prepare(try world.regularized())
        // More equal ones than others are as likely a model of white noise: told, not taken.
        #expect(prepared.report.rank == (lost <= 12 ? 24 - lost : 24))
        #expect(
            prepared.warnings.contains { $0.contains("rank \(24 - lost)") || $0.contains("regularized \(24 - lost)") })
        #expect(
            try world.prepare(world.clean.covariance).report.checks.allSatisfy { $0.name != "rank" || $0.mark == .ok })
    }
}
