import Foundation
import Simulation
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Noise estimated from epochs")
struct EpochNoiseTests {
    /// A head with two sources, and epochs whose noise has a covariance that is known.
    private struct World {
        let simulated: SimulatedRecording
        let epochs: Recording
        var covariance: NoiseCovariance { simulated.covariance }

        init(epochs count: Int, firstTime: Double = -0.2, seed: UInt64 = 3) throws {
            simulated = try Simulation.run(
                SimulationSettings(
                    sourceCount: 300, activeCount: 2, snr: 10, megSites: 10, eegElectrodes: 16, averages: count,
                    samplingFrequency: 200, firstTime: firstTime, covarianceSamples: 0))
            // In units of each kind of sensor: beside electrodes in volts the noise of magnetometers is rounding.
            let (average, noise) = (simulated.recording, simulated.covariance.matrix)
            let scales = Whitener.scales(noise, average.sensors)
            func recording(_ epochs: [Matrix], averages: Double) throws -> Recording {
                try Recording(
                    epochs: epochs, samplingFrequency: 200, firstTime: firstTime, averages: averages,
                    sensors: average.sensors, projectors: average.projectors)
            }
            let scaled = Matrix(rows: noise.rows, columns: noise.rows) { scales[$0] * noise[$0, $1] * scales[$1] }
            let mean = average.average
            let data = Matrix(rows: mean.rows, columns: mean.columns) { scales[$0] * mean[$0, $1] }
            let made = try recording([data], averages: Double(count)).singleEpochs(noise: scaled, seed: seed)
            epochs = try recording(
                made.epochs.map { epoch in
                    Matrix(rows: epoch.rows, columns: epoch.columns) { epoch[$0, $1] / scales[$0] }
                }, averages: 1)
        }

        func settings(_ noise: NoiseSource?, _ window: ClosedRange<Double> = 0.05...0.25) -> PreparationSettings {
            var settings = PreparationSettings()
            settings.window = window
            settings.noise = noise
            return settings
        }

        func prepare(
            _ noise: NoiseSource?, _ window: ClosedRange<Double> = 0.05...0.25, of recording: Recording? = nil,
            given: NoiseCovariance? = nil, threads: Int = 1
        ) throws -> PreparedProblem {
            try PreparedProblem(
                recording: recording ?? epochs, forward: simulated.forward, covariance: given,
                settings: settings(noise, window), parallelism: Parallelism(threads: threads))
        }

        /// All channels, electrodes of average reference.
        var projection: Projection {
            Projection(
                [epochs.sensors.kinds.map { $0 == .eeg ? 1 : 0 }], sensorCount: epochs.sensors.count)
        }

        /// What differs between some epochs, in so many samples of the window.
        func residuals(_ count: Int, samples: Int) -> EpochResiduals {
            EpochResiduals(
                epochs.epochs.prefix(count).map { projection.apply($0.columns(50..<(50 + samples))) }, trials: 1)
        }
    }

    private static let thirty = Result { try World(epochs: 30) }

    private func isFromEpochs(_ prepared: PreparedProblem) -> Bool {
        prepared.report.noiseSource.contains("epochs of")
    }

    private func deviation(_ prepared: PreparedProblem, _ noise: Matrix, averages: Double) -> Double {
        let whitener = prepared.noise.whitener.matrix
        let left = Matrix.product(whitener * noise, transposed: false, whitener, transposed: true)
        return ((0..<left.rows).reduce(0) { $0 + left[$1, $1] } / Double(left.rows) / averages).squareRoot()
    }

    @Test("the noise of the average, whitened by what differs between epochs, deviates by one")
    func known() throws {
        let world = try Self.thirty.get()
        for noise in [NoiseSource.epochs, .automatic] {
            let prepared = try world.prepare(noise)
            #expect(isFromEpochs(prepared))
            let own = deviation(prepared, world.covariance.matrix, averages: 30)
            #expect(abs(own - 1) < 0.05, "\(own)")
            #expect(prepared.noiseVariance == 1 && prepared.report.averages == 30)
        }
        // Epochs that average trials themselves have the noise of an average.
        let pairs = try Recording(
            epochs: world.epochs.epochs, samplingFrequency: 200, firstTime: -0.2, averages: 2,
            sensors: world.epochs.sensors, projectors: world.epochs.projectors)
        let prepared = try world.prepare(.epochs, of: pairs)
        #expect(prepared.report.averages == 60)
        #expect(abs(deviation(prepared, world.covariance.matrix, averages: 30) - 1) < 0.05)
        #expect(
            (0..<10).allSatisfy {
                let noise = prepared.noise.ofOneTrial ?? .identity(1)
                return abs(noise[$0, $0] / world.covariance.matrix[$0, $0] / 2 - 1) < 0.3
            })
    }

    @Test("moments are over one epoch fewer than there are, and what all epochs hold alike is in none of them")
    func moments() throws {
        let world = try Self.thirty.get()
        let residuals = world.residuals(7, samples: 30)
        let other = EpochResiduals(
            world.epochs.epochs.prefix(7).map {
                let own = world.projection.apply($0.columns(50..<80))
                return own + world.projection.apply(world.epochs.epochs[9].columns(50..<80)) * 20
            }, trials: 1)
        let sensors = world.epochs.sensors
        let (whole, parts) = try residuals.moments(.identity, sensors)
        #expect(parts.count == 5)
        let scales = Whitener.scales(whole.covariance, sensors)
        func distance(_ a: Matrix, _ b: Matrix) -> Double {
            zip(a.elements, b.elements).enumerated().reduce(0) { most, pair in
                let scale = scales[pair.offset % a.rows] * scales[pair.offset / a.rows % a.rows]
                return max(most, abs(pair.element.0 - pair.element.1) * scale)
            }
        }
        func moment(_ epochs: [Matrix], _ mean: Matrix) -> Matrix {
            epochs.reduce(Matrix(rows: sensors.count, columns: sensors.count)) {
                $0 + Matrix.product($1 - mean, transposed: false, $1 - mean, transposed: true)
            }
        }
        func mean(_ epochs: [Matrix]) -> Matrix {
            epochs.dropFirst().reduce(epochs[0], +) * (1 / Double(epochs.count))
        }
        let epochs = world.epochs.epochs.prefix(7).map { world.projection.apply($0.columns(50..<80)) }
        #expect(distance(whole.covariance, moment(epochs, mean(epochs)) * (1 / (6.0 * 30))) < 1e-10)
        #expect(distance(try other.moments(.identity, sensors).whole.covariance, whole.covariance) < 1e-9)
        for (k, part) in parts.enumerated() {
            let (held, rest) = (epochs.indices.filter { $0 % 5 == k }, epochs.indices.filter { $0 % 5 != k })
            let others = rest.map { epochs[$0] }
            let n = Double(others.count)
            #expect(distance(part.covariance, moment(others, mean(others)) * (1 / ((n - 1) * 30))) < 1e-10)
            let test = moment(held.map { epochs[$0] }, mean(others)) * (n / (n + 1) / Double(30 * held.count))
            let own = Matrix.product(part.test, transposed: false, part.test, transposed: true)
            #expect(distance(own * (1 / Double(part.test.columns)), test) < 1e-10)
        }
    }

    @Test("the held-out likelihood is that of every sample by the Gaussian density")
    func likelihood() throws {
        let world = try Self.thirty.get()
        let sensors = world.epochs.sensors
        let residuals = world.residuals(10, samples: 20)
        let estimate = try EstimatedCovariance(residuals, sensors: sensors, projection: world.projection)
        let scales = Whitener.scales(try residuals.moments(.identity, sensors).whole.covariance, sensors)
        let epochs = world.epochs.epochs.prefix(10).map { world.projection.apply($0.columns(50..<70)) }
        func bruteForce(_ covariance: (Int) -> Matrix) throws -> Double {
            var total = 0.0
            for k in 0..<5 {
                let rest = epochs.indices.filter { $0 % 5 != k }
                let mean = rest.dropFirst().reduce(epochs[rest[0]]) { $0 + epochs[$1] } * (1 / 8.0)
                var (sum, count) = (0.0, 0)
                for l in [k, k + 5] {
                    let own = (epochs[l] - mean) * (8.0 / 9).squareRoot()
                    for t in 0..<20 { (sum, count) = (sum + (try density(own.column(t), covariance(k))), count + 1) }
                }
                total += sum / Double(count) / 5
            }
            return total
        }
        /// Of a sample, in the directions that the reference leaves.
        func density(_ sample: [Double], _ covariance: Matrix) throws -> Double {
            var sum = 0.0
            for isElectrode in [false, true] {
                let rows = sensors.kinds.indices.filter { (sensors.kinds[$0] == .eeg) == isElectrode }
                let n = rows.count
                let eigen = try SymmetricEigen(
                    Matrix(rows: n, columns: n) {
                        scales[rows[$0]] * covariance[rows[$0], rows[$1]] * scales[rows[$1]]
                    })
                for k in 0..<n where eigen.values[k] > 1e-9 * (eigen.values.last ?? 0) {
                    let along = (0..<n).reduce(0) { $0 + eigen.vectors[$1, k] * sample[rows[$1]] * scales[rows[$1]] }
                    sum -= 0.5 * (log(2 * .pi * eigen.values[k]) + along * along / eigen.values[k])
                }
            }
            return sum
        }
        let truth = world.projection.applyBothSides(world.covariance.matrix)
        #expect(abs(estimate.logLikelihood(truth) - (try bruteForce { _ in truth })) < 1e-7)
        let own = try bruteForce { estimate.folds[$0].matrix * estimate.heldOutVariance }
        #expect(abs(estimate.logLikelihood() - own) < 1e-7, "\(estimate.logLikelihood()) \(own)")
        // The truth is the likeliest, the level that was held out likelier than any other.
        #expect(estimate.logLikelihood(truth) > estimate.logLikelihood())
        #expect(estimate.logLikelihood(truth * 1.2) < estimate.logLikelihood(truth))
    }

    @Test("epochs are chosen where the baseline is short or has other noise, and not where they are few")
    func choice() throws {
        let world = try Self.thirty.get()
        let recording = world.epochs
        func changed(_ change: (Matrix) -> Matrix, firstTime: Double = -0.2) throws -> Recording {
            try Recording(
                epochs: recording.epochs.map(change), samplingFrequency: 200, firstTime: firstTime,
                sensors: recording.sensors, projectors: recording.projectors)
        }
        let short = try world.prepare(nil, of: changed({ $0.columns(28..<$0.columns) }, firstTime: -0.06))
        #expect(isFromEpochs(short))
        let loud = try world.prepare(
            nil,
            of: changed { epoch in
                Matrix(rows: epoch.rows, columns: epoch.columns) { epoch[$0, $1] * ($1 < 40 && $0 % 3 == 0 ? 3 : 1) }
            })
        #expect(isFromEpochs(loud))
        let check = try #require(loud.report.checks.first { $0.name == "noise" && $0.finding.contains("likelihood") })
        #expect(check.finding.hasPrefix("from 30 epochs") && check.finding.hasSuffix("better than the baseline's)"))
        // Without a baseline there is nothing else.
        #expect(isFromEpochs(try world.prepare(nil, of: changed({ $0.columns(40..<$0.columns) }, firstTime: 0))))
        // Four epochs of 16 samples beside a baseline of two seconds.
        let few = try World(epochs: 4, firstTime: -2)
        let prepared = try few.prepare(nil, 0.05...0.125)
        #expect(prepared.report.noiseSource.contains("400 samples before time 0"), "\(prepared.report.noiseSource)")
        #expect(
            prepared.report.checks.contains { $0.finding.hasPrefix("not from 4 epochs (") && $0.mark == .ok },
            "\(prepared.report.checks)")
        #expect(isFromEpochs(try few.prepare(.epochs, 0.05...0.125)))
        #expect(!isFromEpochs(try world.prepare(.baseline)))
    }

    @Test(
        "a covariance that is given stays unless asked otherwise; then it is compared, and given up where it is wrong")
    func given() throws {
        let world = try Self.thirty.get()
        let wrong = try NoiseCovariance(
            matrix: .diagonal((0..<world.covariance.matrix.rows).map { 4 * world.covariance.matrix[$0, $0] }),
            samples: 0, sensors: world.covariance.sensors)
        for covariance in [world.covariance, wrong] {
            for noise in [nil, NoiseSource.covariance] {
                let prepared = try world.prepare(noise, given: covariance)
                #expect(prepared.report.noiseSource == "covariance of one epoch, divided by 30 averages")
            }
            #expect(isFromEpochs(try world.prepare(.epochs, given: covariance)))
            #expect(try world.prepare(.baseline, given: covariance).report.noiseSource.contains("before time 0"))
        }
        #expect(isFromEpochs(try world.prepare(.automatic, given: wrong)))
        #expect(!isFromEpochs(try world.prepare(.automatic, given: world.covariance)))
    }

    @Test("averages know nothing of it: the problem is the same to the bit")
    func averages() throws {
        let world = try Self.thirty.get()
        let average = world.simulated.recording
        for (covariance, sources) in [(nil, [.automatic, .baseline]), (world.covariance, [.automatic, .covariance])]
            as [(NoiseCovariance?, [NoiseSource])]
        {
            let usual = try world.prepare(nil, of: average, given: covariance)
            for source in sources {
                let prepared = try world.prepare(source, of: average, given: covariance)
                #expect(prepared.problem.response.elements == usual.problem.response.elements)
                #expect(prepared.noiseVariance == usual.noiseVariance)
                #expect(prepared.report.noiseSource == usual.report.noiseSource)
            }
        }
    }

    @Test("no number of threads changes a bit")
    func threads() throws {
        let world = try Self.thirty.get()
        let (one, four) = (try world.prepare(.automatic), try world.prepare(.automatic, threads: 4))
        #expect(one.problem.response.elements == four.problem.response.elements)
        #expect(one.columnWeights == four.columnWeights && one.report == four.report)
    }

    @Test("samples that are alike in time count as fewer")
    func independentSamples() throws {
        let (rows, columns, memory) = (12, 50, 0.8)
        var random = SeededGenerator(seed: 5)
        func epochs(_ memory: Double) -> EpochResiduals {
            EpochResiduals(
                (0..<20).map { _ in
                    var noise = random.normal(rows: rows, columns: columns)
                    for t in 1..<columns {
                        for i in 0..<rows {
                            noise[i, t] = memory * noise[i, t - 1] + (1 - memory * memory).squareRoot() * noise[i, t]
                        }
                    }
                    return noise
                }, trials: 1)
        }
        #expect(try epochs(0).independentSamples(.identity, rank: rows) == 19 * columns)
        let squares = (0..<columns).reduce(0.0) { sum, s in
            (0..<columns).reduce(sum) { $0 + pow(memory, 2 * Double(abs($1 - s))) }
        }
        let expected = 19 * Double(columns * columns) / squares
        let found = Double(try epochs(memory).independentSamples(.identity, rank: rows))
        #expect(abs(found / expected - 1) < 0.2, "\(found) \(expected)")
    }

    @Test("what cannot be had is refused with the numbers")
    func refusals() throws {
        let world = try Self.thirty.get()
        func refusal(_ noise: NoiseSource, _ window: ClosedRange<Double>, _ recording: Recording) -> InputError? {
            #expect(throws: InputError.self) { try world.prepare(noise, window, of: recording) }
        }
        #expect(refusal(.covariance, 0.05...0.25, world.epochs)?.place == .setting(.noise))
        let average = refusal(.epochs, 0.05...0.25, world.simulated.recording)
        #expect(average?.place == .setting(.noise) && average?.found.contains("one average") == true)
        // One sample of 30 epochs for 46 − 1 directions is enough; of 20 it is not.
        #expect(isFromEpochs(try world.prepare(.epochs, 0.1...0.1)))
        let twenty = try Recording(
            epochs: Array(world.epochs.epochs.prefix(20)), samplingFrequency: 200, firstTime: -0.2,
            sensors: world.epochs.sensors, projectors: world.epochs.projectors)
        let few = refusal(.epochs, 0.1...0.1, twenty)
        #expect(few?.found == "20 epochs of 1 samples, which count as 19 independent ones", "\(few?.found ?? "")")
        #expect(few?.expected.hasSuffix("23 such samples for 45 directions of the data") == true)
        let prepared = try world.prepare(nil, 0.1...0.1, of: twenty)
        #expect(!isFromEpochs(prepared))
        #expect(
            prepared.report.checks.contains { $0.finding.hasPrefix("not from 20 epochs of 1 samples, which count") })
    }

    @Test(
        "the covariance that was reckoned with, given, finds the same sources",
        arguments: [SourceWeights.shared, .reweighted, .refined])
    func roundTrip(_ weights: SourceWeights) throws {
        let world = try Self.thirty.get()
        func localize(_ noise: NoiseSource?, _ recording: Recording, _ covariance: NoiseCovariance?) throws -> Estimate
        {
            var settings = LocalizationSettings()
            settings.preparation = world.settings(noise)
            settings.selection.weights = weights
            return try Localization(settings).run(
                recording: recording, forward: world.simulated.forward, covariance: covariance)
        }
        let average = world.simulated.recording
        for (noise, recording, given) in [
            (.epochs, world.epochs, nil), (nil, average, world.covariance), (.baseline, average, nil),
        ] as [(NoiseSource?, Recording, NoiseCovariance?)] {
            // The noise before time 0 is correlated in time, which no covariance says.
            if noise == .baseline, weights == .refined { continue }
            let first = try localize(noise, recording, given)
            let data = try #require(first.sensorData)
            let used = try NoiseCovariance(matrix: try #require(data.noise), samples: 0, sensors: data.sensors)
            let second = try localize(.covariance, recording, used)
            #expect(!first.sources.isEmpty)
            #expect(first.sources.map(\.index) == second.sources.map(\.index))
            for (a, b) in zip(first.sources, second.sources) {
                let error = (a.amplitudes - b.amplitudes).squaredNorm / a.amplitudes.squaredNorm
                #expect(error < 1e-6, "\(error)")
            }
        }
    }
}
