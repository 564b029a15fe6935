import Foundation
import Testing

@testable import Simulation
@testable import SourceImaging

@Suite("Simulated recordings")
struct SimulationTests {
    /// 75 + 24 channels, 200 sources: fast, with everything in it.
    static func small(_ change: (inout SimulationSettings) -> Void = { _ in }) -> SimulationSettings {
        var settings = SimulationSettings(
            sourceCount: 200, activeCount: 2, megSites: 25, eegElectrodes: 24, samplingFrequency: 300,
            covarianceSamples: 0)
        change(&settings)
        return settings
    }

    /// W with W·C·Wᵀ = 1 on what the projectors leave, from eigenvalues; rank × sensors.
    static func whitener(_ recording: SimulatedRecording, averages: Int) throws -> Matrix {
        let sensors = recording.covariance.sensors.count
        // Scaled to unit diagonal first: eigenvalues of T² and V² side by side would be lost in rounding.
        let scale = (0..<sensors).map { 1 / recording.covariance.matrix[$0, $0].squareRoot() }
        var projector = Matrix.identity(sensors)
        let directions = recording.recording.projectors
        projector = projector - Matrix.product(directions, transposed: true, directions, transposed: false)
        let scaled = Matrix.diagonal(scale) * projector
        let covariance = scaled * recording.covariance.matrix * scaled.transposed
        let eigen = try SymmetricEigen(covariance)
        let kept = eigen.values.indices.filter { eigen.values[$0] > 1e-9 * (eigen.values.last ?? 0) }
        let vectors = eigen.vectors.columns(kept)
        let roots = kept.map { (Double(averages) / eigen.values[$0]).squareRoot() }
        return Matrix.diagonal(roots) * vectors.transposed * scaled
    }

    /// The noiseless field of the true sources, sensors × samples.
    static func signal(_ simulated: SimulatedRecording) -> Matrix {
        let forward = simulated.forward
        var field = Matrix(rows: forward.sensors.count, columns: simulated.truth.times.count)
        for source in simulated.truth.sources {
            let direction = Matrix(
                rows: 3, columns: 1, elements: [source.direction.x, source.direction.y, source.direction.z])
            let column = forward.gain.columns((3 * source.index)..<(3 * source.index + 3)) * direction
            field = field + column * Matrix(rows: 1, columns: source.waveform.count, elements: source.waveform)
        }
        return field
    }

    // MARK: - Signal

    @Test("the signal-to-noise ratio is what was asked", arguments: [(-20.0, 1), (0, 2), (6, 3), (20, 1)], [1, 7])
    func signalToNoise(setting: (snr: Double, active: Int), seed: Int) throws {
        let simulated = try Simulation.run(
            Self.small {
                $0.snr = setting.snr
                $0.activeCount = setting.active
                $0.seed = UInt64(seed)
                $0.averages = 30
            })
        let whitener = try Self.whitener(simulated, averages: 30)
        #expect(whitener.rows == simulated.forward.sensors.count - 1)
        let window = simulated.truth.times.indices.filter {
            simulated.truth.times[$0] > 0.05 - 1e-9 && simulated.truth.times[$0] < 0.15 + 1e-9
        }
        #expect(window.count == 31)
        let energy = (whitener * Self.signal(simulated).columns(window)).squaredNorm
        let ratio = 10 * log10(energy / Double(whitener.rows * window.count))
        #expect(abs(ratio - setting.snr) < 1e-4)
    }

    @Test("recording = field of the true sources + the noise of the same seed")
    func decomposition() throws {
        let simulated = try Simulation.run(Self.small { $0.activeCount = 3 })
        let noise = try Simulation.run(Self.small { $0.activeCount = 0 })
        #expect(noise.truth.sources.isEmpty)
        let difference = simulated.recording.average - Self.signal(simulated)
        #expect((difference - noise.recording.average).squaredNorm < 1e-24 * noise.recording.average.squaredNorm)
    }

    @Test("active sources are apart, on both sides, on the grid and can be seen", arguments: 1...12)
    func activeSources(seed: Int) throws {
        let count = 1 + seed % 4
        let simulated = try Simulation.run(
            Self.small {
                $0.activeCount = count
                $0.seed = UInt64(seed)
            })
        let sources = simulated.truth.sources
        let space = simulated.forward.sources
        #expect(sources.count == count)
        for (i, source) in sources.enumerated() {
            #expect(space.positions[source.index] == source.position)
            #expect(space.normals?[source.index] == source.direction)
            #expect(sources.prefix(i).allSatisfy { ($0.position - source.position).length >= 0.035 })
        }
        let left = sources.count { space.hemispheres?[$0.index] == .left }
        #expect(abs(2 * left - count) <= 1)
        // Tangential enough for MEG: a dipole along the normal is measured at least as well as most.
        let meg = simulated.forward.sensors.kinds.indices.filter { simulated.forward.sensors.kinds[$0] != .eeg }
        let c = simulated.covariance.matrix.rows(meg).columns(meg)
        let cholesky = try Cholesky(c)
        let norms = space.positions.indices.map { j in
            let n = space.normals?[j] ?? .zero
            let g = simulated.forward.gain.columns((3 * j)..<(3 * j + 3)).rows(meg)
            let field = g * Matrix(rows: 3, columns: 1, elements: [n.x, n.y, n.z])
            return Matrix.product(field, transposed: true, cholesky.solve(field), transposed: false)[0, 0]
        }
        let median = norms.sorted()[norms.count / 2]
        for source in sources { #expect(norms[source.index] >= median * (1 - 1e-9)) }
    }

    @Test("waveforms are silent before the event, peak in the window, each at a time of its own")
    func waveforms() throws {
        let simulated = try Simulation.run(Self.small { $0.activeCount = 4 })
        var peaks: [Double] = []
        for source in simulated.truth.sources {
            let peak = try #require(source.waveform.indices.max { abs(source.waveform[$0]) < abs(source.waveform[$1]) })
            peaks.append(simulated.truth.times[peak])
            for (time, value) in zip(simulated.truth.times, source.waveform) where time <= 0 { #expect(value == 0) }
            // Smooth: no sample jumps by more than a third of the peak.
            let jumps = zip(source.waveform, source.waveform.dropFirst()).map { abs($1 - $0) }
            #expect((jumps.max() ?? 1) < 0.34 * abs(source.waveform[peak]))
            #expect((1e-9...1e-6).contains(abs(source.waveform[peak])))
        }
        #expect(peaks.allSatisfy { $0 > 0.05 && $0 < 0.15 })
        #expect(Set(peaks).count == 4)
    }

    // MARK: - Noise

    @Test("the whitened baseline of the average has unit covariance", arguments: [1, 50])
    func baseline(averages: Int) throws {
        let simulated = try Simulation.run(
            Self.small {
                $0.averages = averages
                $0.firstTime = -8
            })
        let before = simulated.truth.times.indices.filter { simulated.truth.times[$0] < 0 }
        #expect(before.count == 2400)
        let white = try Self.whitener(simulated, averages: averages) * simulated.recording.average.columns(before)
        let n = Double(before.count)
        // The mean square of N values has standard deviation √(2/N); five of them.
        let values = Double(white.elements.count)
        #expect(abs(white.squaredNorm / values - 1) < 5 * (2 / values).squareRoot())
        // All eigenvalues within the law of Marchenko and Pastur, with a little room at its edges.
        let sample = Matrix.product(white, transposed: false, white, transposed: true) * (1 / n)
        let eigen = try SymmetricEigen(sample)
        let root = (Double(white.rows) / n).squareRoot()
        #expect((eigen.values.first ?? 0) > (1 - root) * (1 - root) - 0.05)
        #expect((eigen.values.last ?? 9) < (1 + root) * (1 + root) + 0.05)
    }

    @Test("an estimated covariance converges to the exact one and says how many samples it has")
    func estimatedCovariance() throws {
        let exact = try Simulation.run(Self.small())
        #expect(exact.covariance.samples == 0)
        let whitener = try Self.whitener(exact, averages: 1)
        var errors: [Double] = []
        for samples in [500, 5000] {
            let estimated = try Simulation.run(Self.small { $0.covarianceSamples = samples })
            #expect(estimated.covariance.samples == samples)
            // The recording does not depend on how the covariance was made.
            #expect(estimated.recording.epochs == exact.recording.epochs)
            let white = whitener * estimated.covariance.matrix * whitener.transposed
            errors.append((white - .identity(white.rows)).squaredNorm)
            // E‖Ĉ − 1‖² = r(r+1)/N for r dimensions.
            let r = Double(white.rows)
            #expect(abs((errors.last ?? 0) * Double(samples) / (r * (r + 1)) - 1) < 0.15)
        }
        #expect(errors[1] < 0.2 * errors[0])
    }

    @Test("noise has the levels of real recordings and correlates sensors")
    func levels() throws {
        let simulated = try Simulation.run(SimulationSettings(sourceCount: 300, covarianceSamples: 0))
        let sensors = simulated.covariance.sensors
        let c = simulated.covariance.matrix
        let expected: [SensorKind: ClosedRange<Double>] = [
            .mag: 1e-13...1e-12, .grad: 3e-12...2e-11, .eeg: 4e-6...2e-5,
        ]
        for (kind, range) in expected {
            let deviations = sensors.kinds.indices.filter { sensors.kinds[$0] == kind }.map { c[$0, $0].squareRoot() }
            #expect(range.contains(deviations.sorted()[deviations.count / 2]))
        }
        let mags = sensors.kinds.indices.filter { sensors.kinds[$0] == .mag }
        let strong = mags.flatMap { i in
            mags.filter { $0 < i }.map { abs(c[i, $0]) / (c[i, i] * c[$0, $0]).squareRoot() }
        }
        #expect(strong.contains { $0 > 0.5 })
        _ = try Cholesky(c)
    }

    @Test("pink noise has unit variance, and power falling with frequency")
    func pinkNoise() {
        var generator = SeededGenerator(seed: 3)
        let (count, runs) = (360, 400)
        var variance = 0.0
        var powers = [8: 0.0, 64: 0.0]
        for _ in 0..<runs {
            let x = SensorNoise.pinkNoise(count, samplingFrequency: 360, &generator)
            #expect(x.count == count)
            variance += x.reduce(0) { $0 + $1 * $1 } / Double(count * runs)
            for bin in powers.keys {
                // One Fourier coefficient under a Hann window, which keeps the strong low frequencies out of high bins.
                var (re, im) = (0.0, 0.0)
                for (t, value) in x.enumerated() {
                    let turn = 2 * Double.pi * Double(t) / Double(count)
                    re += value * (1 - cos(turn)) * cos(turn * Double(bin))
                    im += value * (1 - cos(turn)) * sin(turn * Double(bin))
                }
                powers[bin, default: 0] += re * re + im * im
            }
        }
        #expect(abs(variance - 1) < 0.1)
        // 1/f: eight times the frequency, an eighth of the power; each power has a relative deviation of 1/√runs.
        #expect(abs((powers[8] ?? 0) / (powers[64] ?? 1) / 8 - 1) < 0.35)
    }

    @Test("pink recordings keep the covariance")
    func pinkRecording() throws {
        let simulated = try Simulation.run(
            Self.small {
                $0.noiseSpectrum = .pink
                $0.firstTime = -20
            })
        let before = simulated.truth.times.indices.filter { simulated.truth.times[$0] < 0 }
        let white = try Self.whitener(simulated, averages: 50) * simulated.recording.average.columns(before)
        #expect(abs(white.squaredNorm / Double(white.elements.count) - 1) < 0.05)
        // Neighbouring samples are alike, which white noise is not.
        let ahead = white.columns(1..<white.columns)
        let behind = white.columns(0..<(white.columns - 1))
        let lagged = zip(ahead.elements, behind.elements).reduce(0) { $0 + $1.0 * $1.1 } / white.squaredNorm
        #expect(lagged > 0.3)
    }

    @Test("energy after projection and whitening agrees with eigenvalues", arguments: [0, 1, 3])
    func projectedPrecision(removed: Int) throws {
        var generator = SeededGenerator(seed: 8)
        let n = 12
        let root = generator.normal(rows: n, columns: 2 * n)
        let covariance = Matrix.product(root, transposed: false, root, transposed: true)
        let projectors = generator.normal(rows: removed, columns: n)
        let x = generator.normal(rows: n, columns: 4)
        // An orthonormal basis of what the projectors leave: null vectors of UᵀU.
        let eigen = try SymmetricEigen(Matrix.product(projectors, transposed: true, projectors, transposed: false))
        let basis = eigen.vectors.columns(0..<(n - removed))
        let inside = basis.transposed * covariance * basis
        let y = basis.transposed * x
        let expected = Matrix.product(y, transposed: true, try Cholesky(inside).solve(y), transposed: false)
        let precision = try ProjectedPrecision(covariance, projectors: projectors)
        #expect(precision.rank == n - removed)
        for (j, energy) in precision.columnEnergies(x).enumerated() {
            #expect(abs(energy - expected[j, j]) < 1e-9 * expected[j, j])
        }
    }

    // MARK: - The whole

    @Test("the same seed gives the same bits, on any number of threads; another seed another recording")
    func reproducible() throws {
        let one = try Simulation.run(Self.small { $0.covarianceSamples = 100 }, parallelism: .serial)
        let two = try Simulation.run(Self.small { $0.covarianceSamples = 100 }, parallelism: Parallelism(threads: 4))
        #expect(one.forward.gain == two.forward.gain)
        #expect(one.recording.epochs == two.recording.epochs)
        #expect(one.covariance.matrix == two.covariance.matrix)
        #expect(one.truth.sources == two.truth.sources)
        let other = try Simulation.run(Self.small { $0.seed = 2 })
        #expect(other.forward.gain == one.forward.gain)
        #expect(other.recording.epochs != one.recording.epochs)
        let head = try Simulation.run(Self.small { $0.anatomySeed = 2 })
        #expect(head.forward.gain != one.forward.gain)
    }

    @Test("shapes, names, times and projectors fit together")
    func shapes() throws {
        let simulated = try Simulation.run(Self.small())
        #expect(simulated.forward.orientations == 3)
        #expect(simulated.forward.gain.columns == 600)
        #expect(simulated.forward.sensors == simulated.recording.sensors)
        #expect(simulated.forward.sensors == simulated.covariance.sensors)
        #expect(simulated.forward.sensors.countByKind == [.mag: 25, .grad: 50, .eeg: 24])
        #expect(simulated.recording.sampleCount == 181)
        #expect(simulated.truth.times.count == 181)
        #expect(abs(simulated.recording.time(60)) < 1e-12)
        #expect(simulated.recording.averages == 50)
        #expect(!simulated.recording.isProjected)
        let projectors = simulated.recording.projectors
        #expect(projectors.rows == 1)
        #expect(abs(projectors.squaredNorm - 1) < 1e-12)
        for (i, kind) in simulated.recording.sensors.kinds.enumerated() {
            #expect((projectors[0, i] != 0) == (kind == .eeg))
        }
        #expect(Dictionary(uniqueKeysWithValues: simulated.truth.settings.map { ($0.name, $0.value) })["seed"] == "1")
    }

    @Test("MEG alone and EEG alone", arguments: [(20, 0), (0, 32)])
    func oneModality(sites: Int, electrodes: Int) throws {
        let simulated = try Simulation.run(
            Self.small {
                $0.megSites = sites
                $0.eegElectrodes = electrodes
            })
        #expect(simulated.forward.sensors.count == 3 * sites + electrodes)
        #expect(simulated.recording.projectors.rows == (electrodes > 0 ? 1 : 0))
        #expect(simulated.truth.sources.count == 2)
    }

    @Test("the gain is the physics at the sensors' own positions")
    func gain() throws {
        let forward = try Simulation.forward(Self.small())
        let head = HeadModel.adult
        let locations = try #require(forward.sensors.locations)
        let conductor = SphericalConductor(centre: head.centre)
        let shells = try ThreeShellSphere(head)
        func triple(_ row: Int, _ first: Int) -> SIMD3<Double> {
            SIMD3(locations[row, first], locations[row, first + 1], locations[row, first + 2])
        }
        for j in [0, 57, 199] {
            let position = forward.sources.positions[j]
            for (row, kind) in forward.sensors.kinds.enumerated() {
                let found = SIMD3(forward.gain[row, 3 * j], forward.gain[row, 3 * j + 1], forward.gain[row, 3 * j + 2])
                let expected: SIMD3<Double>
                switch kind {
                case .eeg:
                    expected = try shells.leadField(
                        source: position, electrodes: [(triple(row, 0) - head.centre).unit])[0]
                    #expect((found - expected).length < 1e-10 * expected.length)
                case .grad:
                    let ends = [0.5, -0.5].map { triple(row, 0) + $0 * 0.0168 * triple(row, 3) }
                    let fields = ends.map {
                        conductor.leadField(source: position, point: $0, direction: triple(row, 9))
                    }
                    expected = (fields[0] - fields[1]) / 0.0168
                    #expect((found - expected).length < 1e-9 * fields[0].length / 0.0168)
                case .mag:
                    let corners = [(1.0, 1.0), (1, -1), (-1, 1), (-1, -1)].map { (a, b) in
                        triple(row, 0) + 0.00525 * (a * triple(row, 3) + b * triple(row, 6))
                    }
                    expected = corners.reduce(.zero) {
                        $0 + conductor.leadField(source: position, point: $1, direction: triple(row, 9)) / 4
                    }
                    #expect((found - expected).length < 1e-10 * expected.length)
                }
            }
        }
    }

    @Test("the embedded sample is small on disk")
    func embeddedSample() {
        let settings = SimulationSettings.embeddedSample
        #expect(throws: Never.self) { try settings.check() }
        let values = settings.sensorCount * (3 * settings.sourceCount + settings.sensorCount + settings.sampleCount)
        #expect(4 * values < 4_000_000)
        #expect(settings.sensorCount == 366)
    }

    static let impossible: [(place: String, settings: SimulationSettings)] = [
        ("candidate sources", small { $0.sourceCount = 49 }), ("candidate sources", small { $0.sourceCount = 50_001 }),
        ("active sources", small { $0.activeCount = -1 }), ("active sources", small { $0.activeCount = 51 }),
        ("signal-to-noise ratio (dB)", small { $0.snr = .nan }),
        ("signal-to-noise ratio (dB)", small { $0.snr = 1000 }),
        ("MEG sites", small { $0.megSites = -1 }), ("EEG electrodes", small { $0.eegElectrodes = 3 }),
        ("sensors", small { ($0.megSites, $0.eegElectrodes) = (0, 0) }),
        ("averages", small { $0.averages = 0 }),
        ("sampling frequency (Hz)", small { $0.samplingFrequency = 0 }),
        ("first time (s)", small { $0.firstTime = 0.06 }), ("last time (s)", small { $0.lastTime = .infinity }),
        ("covariance samples", small { $0.covarianceSamples = -1 }),
        ("minimum distance (m)", small { $0.minimumDistance = 35 }),
        (
            "recording",
            small { ($0.samplingFrequency, $0.firstTime, $0.lastTime, $0.megSites) = (5000, -60, 60, 500) }
        ),
        ("active sources", small { ($0.activeCount, $0.minimumDistance) = (40, 0.06) }),
    ]

    @Test("settings out of range are errors that name them", arguments: impossible)
    func errors(place: String, settings: SimulationSettings) {
        let error = #expect(throws: InputError.self) { try Simulation.run(settings) }
        #expect(error?.place == .named(place))
        #expect(error?.description.contains("\n") == false)
    }
}
