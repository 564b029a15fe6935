import Foundation
import Testing

@testable import SourceImaging

@Suite("What is used of the values: references, flat channels, NaN, offsets, times")
struct UsedValuesTests {
    private func prepare(
        _ recording: Recording, _ world: SmallWorld, covariance: NoiseCovariance?? = .none,
        forward: Forward? = nil, _ change: (inout PreparationSettings) -> Void = { _ in }
    ) throws -> PreparedProblem {
        var settings = PreparationSettings()
        change(&settings)
        return try PreparedProblem(
            recording: recording, forward: forward ?? world.forward, covariance: covariance ?? world.covariance,
            settings: settings)
    }

    /// A recording with other data.
    private func changed(
        _ recording: Recording, projectors: Bool = true, firstTime: Double? = nil, _ value: (Int, Int, Double) -> Double
    ) throws -> Recording {
        let data = recording.average
        return try Recording(
            epochs: [Matrix(rows: data.rows, columns: data.columns) { value($0, $1, data[$0, $1]) }],
            samplingFrequency: recording.samplingFrequency, firstTime: firstTime ?? recording.firstTime,
            averages: recording.averages, sensors: recording.sensors,
            projectors: projectors ? recording.projectors : nil)
    }

    private func difference(_ a: PreparedProblem, _ b: PreparedProblem) -> Double {
        let (x, y) = (a.problem.response, b.problem.response)
        guard x.rows == y.rows, x.columns == y.columns else { return .infinity }
        // Whitened rows may be turned against each other: energies do not turn.
        let energies = { (m: Matrix) in (0..<m.columns).map { t in (0..<m.rows).reduce(0) { $0 + m[$1, t] * m[$1, t] } }
        }
        return zip(energies(x), energies(y)).map { abs($0 / $1 - 1) }.max() ?? 0
    }

    // MARK: References

    @Test("a reference electrode kept as zeros is a channel like any other", arguments: [20, 24, 29])
    func referenceElectrode(_ reference: Int) throws {
        let world = try SmallWorld()
        let average = try prepare(world.recording, world)
        let data = world.recording.average
        let relative = try changed(world.recording, projectors: false) { i, t, value in
            i >= 20 ? value - data[reference, t] : value
        }
        let matrix = world.covariance.matrix
        let isElectrode = { (i: Int) in i >= 20 }
        let noise = try NoiseCovariance(
            matrix: Matrix(rows: 30, columns: 30) { i, j in
                guard isElectrode(i), isElectrode(j) else { return matrix[i, j] }
                return matrix[i, j] - matrix[reference, j] - matrix[i, reference] + matrix[reference, reference]
            }, samples: 5000, sensors: world.sensors)
        let prepared = try prepare(relative, world, covariance: noise)
        #expect(prepared.report.rank == 29 && prepared.sensors.count == 30)
        #expect(difference(prepared, average) < 1e-8)
        #expect(prepared.report.checks.contains { $0.finding.contains("'CH \(reference)' is zero") })
        #expect(!prepared.warnings.contains { $0.contains("flat") || $0.contains("do not vary") })
    }

    @Test("no constant that the potentials of a source carry changes anything", arguments: [1.0, -30, 1e3])
    func constants(_ size: Double) throws {
        let world = try SmallWorld()
        var random = SeededGenerator(seed: 5)
        let gain = world.forward.gain
        let constants = (0..<gain.columns).map { _ in size * 500 * random.normal() }
        let shifted = try Forward(
            gain: Matrix(rows: 30, columns: gain.columns) { gain[$0, $1] + ($0 >= 20 ? constants[$1] : 0) },
            orientations: 3, sensors: world.sensors, sources: world.forward.sources)
        for covariance in [world.covariance, nil] {
            let plain = try prepare(world.recording, world, covariance: .some(covariance))
            let other = try prepare(world.recording, world, covariance: .some(covariance), forward: shifted)
            let (a, b) = (plain.problem.design.columns, other.problem.design.columns)
            #expect(a == b && plain.report.noiseDeviation / other.report.noiseDeviation - 1 < 1e-9)
            let whitener = other.noise.whitener.matrix
            let largest = whitener.elements.map(abs).max() ?? 0
            for row in 0..<whitener.rows {
                #expect(abs((20..<30).reduce(0) { $0 + whitener[row, $1] }) < 1e-11 * largest)
            }
            #expect(plain.report.checks.map(\.finding) == other.report.checks.map(\.finding))
        }
    }

    @Test("a dead electrode among average-referenced ones, two of zeros, and any flat MEG channel are left out")
    func dead() throws {
        let world = try SmallWorld()
        let electrodes = (0..<30).map { $0 >= 20 ? 1.0 : 0 }
        for flat in [[4], [24], [3, 24], [22, 27], [8]] {
            // The reference is that of the electrodes that live.
            let living = electrodes.enumerated().map { flat.contains($0) ? 0 : $1 }
            let referenced = Projection([living], sensorCount: 30).apply(world.recording.average)
            let data = try changed(world.recording) { i, t, _ in
                flat.contains(i) ? (i == 8 ? 3e-12 : 0) : referenced[i, t]
            }
            let prepared = try prepare(data, world)
            #expect(prepared.sensors.count == 30 - flat.count)
            let marked = try prepare(try SmallWorld(bad: Set(flat)).recording, world)
            #expect(prepared.report.rank == marked.report.rank && difference(prepared, marked) < 1e-9)
            #expect(flat.allSatisfy { i in prepared.warnings.contains { $0.contains("'CH \(i)'") } })
        }
        // Of two electrodes of zeros one may be the reference: neither is used.
        let relative = try changed(world.recording, projectors: false) { i, t, value in
            i == 26 ? 0 : i >= 20 ? value - world.recording.average[22, t] : value
        }
        #expect(try prepare(relative, world).sensors.count == 28)
    }

    @Test(
        "a channel that is far quieter than others is told of, or left out", arguments: [3, 24],
        [0.1, 0.02, 0.005, 1e-4])
    func quiet(_ channel: Int, _ factor: Double) throws {
        let world = try SmallWorld()
        let electrodes = (0..<30).map { $0 >= 20 ? 1.0 : 0 }
        let referenced = Projection([electrodes], sensorCount: 30).apply(world.recording.average)
        let data = try changed(world.recording) { i, t, _ in referenced[i, t] * (i == channel ? factor : 1) }
        let matrix = world.covariance.matrix
        let noise = try NoiseCovariance(
            matrix: Matrix(rows: 30, columns: 30) {
                matrix[$0, $1] * ($0 == channel ? factor : 1) * ($1 == channel ? factor : 1)
            }, samples: 5000, sensors: world.sensors)
        for covariance in [noise, nil] {
            let prepared = try prepare(data, world, covariance: .some(covariance))
            #expect(prepared.sensors.count == (factor < 0.01 ? 29 : 30))
            #expect(prepared.warnings.contains { $0.contains("'CH \(channel)'") } == (factor < 0.1))
        }
    }

    @Test("a covariance whose reference is a channel of zeros keeps it")
    func referenceOfCovariance() throws {
        let world = try SmallWorld()
        let matrix = world.covariance.matrix
        let noise = try NoiseCovariance(
            matrix: Matrix(rows: 30, columns: 30) { i, j in
                guard i >= 20, j >= 20 else { return matrix[i, j] }
                return i == 27 || j == 27 ? 0 : matrix[i, j] - (matrix[27, j] + matrix[i, 27]) + matrix[27, 27]
            }, samples: 5000, sensors: world.sensors)
        let (plain, relative) = (
            try prepare(world.recording, world), try prepare(world.recording, world, covariance: noise)
        )
        #expect(relative.report.rank == 29 && difference(relative, plain) < 1e-8)
    }

    // MARK: NaN and infinity

    @Test("NaN and infinity count where they are used alone", arguments: [Double.nan, .infinity, -.infinity])
    func unused(_ wrong: Double) throws {
        let world = try SmallWorld()
        let window = { (settings: inout PreparationSettings) in settings.window = 0.05...0.15 }
        let clean = try prepare(world.recording, world, window)
        // Behind the window.
        let late = try changed(world.recording) { _, t, value in t > 95 ? wrong : value }
        #expect(difference(try prepare(late, world, window), clean) == 0)
        // In a kind that is not chosen.
        let meg = { (settings: inout PreparationSettings) in settings.sensors = .meg }
        let electrode = try changed(world.recording) { i, t, value in i == 25 && t == 70 ? wrong : value }
        #expect(difference(try prepare(electrode, world, meg), try prepare(world.recording, world, meg)) == 0)
        // In a channel that the forward, or the covariance, does not have or marks bad.
        let one = try changed(world.recording) { i, t, value in i == 5 && t > 20 ? wrong : value }
        let without = try prepare(try SmallWorld(bad: [5]).recording, world, window)
        let rest = (0..<30).filter { $0 != 5 }
        let fewer = try Forward(
            gain: world.forward.gain.rows(rest), orientations: 3, sensors: world.sensors.rows(rest),
            sources: world.forward.sources)
        #expect(difference(try prepare(one, world, forward: fewer, window), without) == 0)
        let bad = try Forward(
            gain: world.forward.gain, orientations: 3,
            sensors: Sensors(names: world.sensors.names, kinds: world.sensors.kinds, bad: (0..<30).map { $0 == 5 }),
            sources: world.forward.sources)
        #expect(difference(try prepare(one, world, forward: bad, window), without) == 0)
        // In rows of gain and covariance that the recording marks bad.
        let gain = world.forward.gain
        let spoiled = try Forward(
            gain: Matrix(rows: 30, columns: gain.columns) { $0 == 5 ? wrong : gain[$0, $1] }, orientations: 3,
            sensors: world.sensors, sources: world.forward.sources)
        let matrix = world.covariance.matrix
        let noise = try NoiseCovariance(
            matrix: Matrix(rows: 30, columns: 30) { $0 == 5 || $1 == 5 ? wrong : matrix[$0, $1] }, samples: 5000,
            sensors: world.sensors)
        let marked = try SmallWorld(bad: [5]).recording
        #expect(difference(try prepare(marked, world, covariance: noise, forward: spoiled, window), without) == 0)
    }

    @Test("NaN that is used is refused with the channel and the time")
    func used() throws {
        let world = try SmallWorld()
        func refusal(_ recording: Recording? = nil, _ noise: NoiseCovariance? = nil, _ forward: Forward? = nil)
            -> String
        {
            let error = #expect(throws: InputError.self) {
                try prepare(
                    recording ?? world.recording, world, covariance: noise ?? world.covariance, forward: forward)
            }
            return error?.description ?? ""
        }
        let inWindow = refusal(try changed(world.recording) { $0 == 7 && $1 == 80 ? .nan : $2 })
        #expect(inWindow.contains("nan in channel 'CH 7' at sample 80 (0.1 s)"))
        let inBaseline = refusal(try changed(world.recording) { $0 == 7 && $1 == 10 ? .infinity : $2 })
        #expect(inBaseline.contains("inf in channel 'CH 7' at sample 10"))
        let matrix = world.covariance.matrix
        let noise = try NoiseCovariance(
            matrix: Matrix(rows: 30, columns: 30) { $0 == 5 && $1 == 9 ? .nan : matrix[$0, $1] }, samples: 0,
            sensors: world.sensors)
        #expect(refusal(nil, noise).hasPrefix("covariance: nan between channels 'CH 5' and 'CH 9'"))
        let gain = world.forward.gain
        let forward = try Forward(
            gain: Matrix(rows: 30, columns: gain.columns) { $0 == 6 && $1 == 31 ? .nan : gain[$0, $1] },
            orientations: 3, sensors: world.sensors, sources: world.forward.sources)
        #expect(refusal(nil, nil, forward).hasPrefix("forward: nan at source 10 of channel 'CH 6'"))
        let epochs = try Recording(
            epochs: [
                world.recording.average, (try changed(world.recording) { $0 == 2 && $1 == 70 ? .nan : $2 }).average,
            ],
            samplingFrequency: 200, firstTime: -0.3, averages: 2, sensors: world.recording.sensors)
        #expect(refusal(epochs).contains("epoch 1"))
    }

    @Test("samples before time 0 at which trials of other lengths end are left out of the baseline")
    func shorterTrials() throws {
        let world = try SmallWorld()
        let ragged = try changed(world.recording) { _, t, value in t < 15 ? .nan : value }
        let cut = try Recording(
            epochs: [world.recording.average.columns(Array(15..<100))], samplingFrequency: 200, firstTime: -0.225,
            averages: 4, sensors: world.recording.sensors, projectors: world.recording.projectors)
        let (a, b) = (try prepare(ragged, world), try prepare(cut, world))
        #expect(difference(a, b) == 0 && a.report.baselineDeviation == b.report.baselineDeviation)
        #expect(a.report.checks.contains { $0.finding.contains("15 samples of the baseline, which are left out") })
    }

    // MARK: Offsets

    @Test("an offset that no noise makes is corrected, or told", arguments: [2.0, 30, 1e4])
    func offset(_ size: Double) throws {
        let world = try SmallWorld()
        var random = SeededGenerator(seed: 9)
        let offsets = (0..<30).map {
            size * world.covariance.matrix[$0, $0].squareRoot() / 2 * (random.normal() > 0 ? 1 : -1)
        }
        let shifted = try changed(world.recording) { i, _, value in value + offsets[i] }
        let wanted = try prepare(world.recording, world) { $0.baseline = .times(-0.3 ... -0.005) }
        let automatic = try prepare(shifted, world)
        #expect(difference(automatic, wanted) < 1e-6)
        #expect(automatic.warnings.contains { $0.contains("baseline had an offset, which was corrected") })
        let kept = try prepare(shifted, world) { $0.baseline = .none }
        #expect(kept.warnings.contains { $0.contains("baseline has an offset, which counts as noise") })
        #expect((kept.report.baselineDeviation ?? 0) > 1.2)
        let epochs = try Recording(
            epochs: [shifted.average, shifted.average], samplingFrequency: 200, firstTime: -0.3, averages: 2,
            sensors: shifted.sensors, projectors: shifted.projectors)
        let replicated = try PreparedProblem(
            recording: epochs, forward: world.forward, covariance: world.covariance, settings: .init(),
            keepsEpochs: true)
        // Each epoch is corrected as their mean is: whitened, it has the energy of the problem's data.
        let replicates = try #require(replicated.replicates)
        let mean = try #require(replicates.mean(of: [0, 1]))
        #expect(abs(mean.squaredNorm / replicated.problem.squaredResponseNorm - 1) < 1e-9)
    }

    @Test("noise is no offset, slow or white, of few samples or many", arguments: [12, 20, 60, 400], [1.0, 8, 25])
    func noOffset(_ samples: Int, _ width: Double) {
        var found = 0
        for seed in 1...20 {
            var random = SeededGenerator(seed: UInt64(seed))
            let white = random.normal(rows: 30, columns: samples + 100)
            let slow = Matrix(rows: 30, columns: samples) { i, t in
                (0..<100).reduce(0) { $0 + white[i, t + $1] * exp(-0.5 * pow((Double($1) - 50) / width, 2)) }
            }
            if BaselineOffset(slow)?.isCertain == true { found += 1 }
        }
        // Of noise that stays the same over a stretch, a fifth of the baseline, nothing tells its mean from an offset.
        #expect(found == 0 || 2 * width > Double(samples) / 5)
    }

    // MARK: Times

    @Test("a recording that ends before time 0 is analysed as a whole, and what is analysed is no baseline")
    func beforeTheEvent() throws {
        let world = try SmallWorld()
        let early = try changed(world.recording, firstTime: -0.6) { $2 }
        let prepared = try prepare(early, world)
        #expect(prepared.times.count == 100 && prepared.report.baselineDeviation == nil)
        #expect(prepared.warnings.contains { $0.contains("ends before time 0: all of it is analysed") })
        let error = #expect(throws: InputError.self) { try prepare(early, world, covariance: .some(nil)) }
        #expect(error?.place != .setting(.window))
        let windowed = try prepare(early, world, covariance: .some(nil)) {
            $0.window = -0.3 ... -0.11
            $0.baseline = .times(-0.6 ... -0.31)
        }
        #expect(windowed.times.count == 39 && windowed.baseline.columns == 59)
        let overlapping = try prepare(world.recording, world) { $0.window = -0.1...0.1 }
        #expect(overlapping.baseline.columns == 40)
        let outside = #expect(throws: InputError.self) { try prepare(early, world) { $0.baseline = .times(0...0.1) } }
        #expect(outside?.place == .setting(.baseline))
    }

    // MARK: Averages

    @Test("averages: given, of the window, from the baseline, or asked for")
    func averages() throws {
        let world = try SmallWorld(averages: 9, seed: 7)
        let own = try prepare(world.recording, world)
        let given = try prepare(world.recording, world) { $0.averages = 2.25 }
        #expect(given.report.averages == 2.25)
        #expect(abs((own.report.baselineDeviation ?? 0) / (given.report.baselineDeviation ?? 1) - 2) < 1e-9)
        #expect(given.warnings.contains { $0.contains("averages (2.25; ") && $0.contains("rank") })
        let unknown = try Recording(
            epochs: world.recording.epochs, samplingFrequency: 200, firstTime: -0.3, averages: nil,
            sensors: world.recording.sensors, projectors: world.recording.projectors)
        let told = try prepare(unknown, world)
        #expect(abs((told.report.averages ?? 0) / 9 - 1) < 0.15 && abs((told.report.baselineDeviation ?? 0) - 1) < 1e-9)
        #expect(told.warnings.contains { $0.contains("does not say how many trials") })
        #expect(try prepare(unknown, world, covariance: .some(nil)).report.averages == nil)
        let cropped = try Recording(
            epochs: [world.recording.average.columns(Array(60..<100))], samplingFrequency: 200, firstTime: 0,
            averages: nil, sensors: world.recording.sensors)
        let error = #expect(throws: InputError.self) { try prepare(cropped, world) }
        #expect(error?.text { "--\($0.rawValue)" }.contains("give it with --averages") == true)
        for wrong in [0, -1, .nan, .infinity] {
            let error = #expect(throws: InputError.self) { try prepare(world.recording, world) { $0.averages = wrong } }
            #expect(error?.place == .setting(.averages))
        }
        var ragged = world.recording
        ragged.acquisition.averagesBySample = (0..<100).map { $0 < 90 ? ($0 < 70 ? 9 : 6.5) : 2 }
        let early = try prepare(ragged, world) { $0.window = 0...0.04 }
        #expect(early.report.averages == 9)
        let late = try prepare(ragged, world) { $0.window = 0.06...0.12 }
        #expect(late.report.averages == 6.5)
        #expect(
            try prepare(ragged, world).warnings.contains { $0.contains("averages 2 to 9 trials: the fewest count") })
    }

    @Test("several averages are one, weighted by their trials; epochs stand side by side")
    func union() throws {
        let world = try SmallWorld()
        func part(_ factor: Double, _ averages: Double?, epochs: Int = 1) throws -> Recording {
            try Recording(
                epochs: [Matrix](repeating: world.recording.average * factor, count: epochs), samplingFrequency: 200,
                firstTime: -0.3, averages: averages, condition: "c\(factor)", sensors: world.recording.sensors)
        }
        let both = try Recording.union(of: [part(1, 30), part(4, 10)])
        #expect(both.averages == 40 && both.condition == "c1.0 + c4.0")
        #expect((both.average - world.recording.average * 1.75).squaredNorm < 1e-24 * both.average.squaredNorm)
        let epochs = try Recording.union(of: [part(1, 1, epochs: 3), part(2, 1, epochs: 2)])
        #expect(epochs.epochs.count == 5 && epochs.trialCount == 5)
        #expect(throws: InputError.self) { try Recording.union(of: [part(1, 30), part(1, nil)]) }
        #expect(throws: InputError.self) { try Recording.union(of: []) }
        // Positions that are not known are NaN, which equals nothing; they are the same all the same.
        let located = try Sensors(
            names: world.sensors.names, kinds: world.sensors.kinds,
            locations: Matrix(rows: 30, columns: 12, repeating: .nan))
        let two = try (0..<2).map { _ in
            try Recording(
                epochs: [world.recording.average], samplingFrequency: 200, firstTime: -0.3, averages: 5,
                sensors: located)
        }
        #expect(try Recording.union(of: two).averages == 10)
    }
}
