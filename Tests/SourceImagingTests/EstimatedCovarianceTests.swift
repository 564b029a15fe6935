import Foundation
import LinearAlgebra
import Simulation
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Noise estimated from a baseline")
struct EstimatedCovarianceTests {
    /// A head with noise of its brain and of its sensors.
    private struct Noise {
        let forward: Forward
        let sensors: Sensors
        let root: Matrix
        let units: [Double]

        init(megSites: Int, eegElectrodes: Int) throws {
            let simulated = try Simulation.run(
                SimulationSettings(
                    sourceCount: 500, activeCount: 0, megSites: megSites, eegElectrodes: eegElectrodes,
                    samplingFrequency: 300, covarianceSamples: 0))
            forward = simulated.forward
            sensors = simulated.forward.sensors
            let scales = Whitener.scales(simulated.covariance.matrix, simulated.forward.sensors)
            units = scales.map { 1 / $0 }
            // Fields of a hundred sources, each as strong as the sensors' own noise.
            var root = Matrix(rows: sensors.count, columns: 100)
            for k in 0..<100 {
                var field = forward.gain.column(15 * k)
                let norm = zip(field, scales).reduce(0) { $0 + $1.0 * $1.0 * $1.1 * $1.1 }.squareRoot()
                for i in field.indices { field[i] *= 0.3 * Double(field.count).squareRoot() / norm }
                for i in field.indices { root[i, k] = field[i] }
            }
            self.root = root
        }

        /// Slow noise of the brain and white noise of the sensors, sensors × samples.
        func samples(_ count: Int, seed: UInt64) -> Matrix {
            var random = SeededGenerator(seed: seed)
            var courses = random.normal(rows: root.columns, columns: count)
            let memory = 0.9
            for t in 1..<count {
                for k in 0..<root.columns {
                    courses[k, t] = memory * courses[k, t - 1] + (1 - memory * memory).squareRoot() * courses[k, t]
                }
            }
            let white = random.normal(rows: sensors.count, columns: count)
            return root * courses + Matrix(rows: sensors.count, columns: count) { units[$0] * white[$0, $1] }
        }
    }

    private static let magnetic = Result { try Noise(megSites: 30, eegElectrodes: 0) }
    private static let both = Result { try Noise(megSites: 20, eegElectrodes: 30) }

    /// Standard deviation, whitened by a covariance, of samples that it has not seen.
    private func deviation(_ covariance: Matrix, _ noise: Noise, _ projection: Projection, seed: UInt64) throws
        -> Double
    {
        let whitener = try Whitener(covariance: covariance, sensors: noise.sensors, projection: projection)
        let fresh = projection.apply(noise.samples(3000, seed: seed))
        let whitened = whitener.matrix * fresh
        return (whitened.squaredNorm / Double(whitened.elements.count)).squareRoot()
    }

    /// Ledoit & Wolf 2004, of kinds of sensors scaled alike.
    private func ledoitWolf(_ baseline: Matrix, _ noise: Noise) -> Matrix {
        let (p, n) = (baseline.rows, baseline.columns)
        let means = baseline.rowMeans
        let x = Matrix(rows: p, columns: n) { (baseline[$0, $1] - means[$0]) / noise.units[$0] }
        let s = Matrix.product(x, transposed: false, x, transposed: true) * (1 / Double(n))
        let level = (0..<p).reduce(0) { $0 + s[$1, $1] } / Double(p)
        let spread = (s - .identity(p) * level).squaredNorm
        let error =
            (0..<n).reduce(0.0) { sum, t in
                let column = Matrix(rows: p, columns: 1, elements: x.column(t))
                return sum + (Matrix.product(column, transposed: false, column, transposed: true) - s).squaredNorm
            } / Double(n * n)
        let alpha = min(error, spread) / spread
        let shrunk = s * (1 - alpha) + .identity(p) * (alpha * level)
        return Matrix(rows: p, columns: p) { shrunk[$0, $1] * noise.units[$0] * noise.units[$1] }
    }

    @Test(
        "slow noise of the brain, whitened by 120 samples of it, deviates by one where it is new, and says so",
        arguments: [1, 2, 3, 4])
    func heldOut(_ seed: UInt64) throws {
        let noise = try Self.magnetic.get()
        let none = Projection([], sensorCount: noise.sensors.count)
        let baseline = noise.samples(120, seed: seed)
        let estimate = try EstimatedCovariance(
            baseline, sensors: noise.sensors, projection: none, gain: noise.forward.gain)
        let told = estimate.heldOutVariance.squareRoot()
        #expect(told > 0.9 && told < 1.15, "\(told)")
        let plain = try deviation(ledoitWolf(baseline, noise), noise, none, seed: seed + 100)
        #expect(plain > 1.25, "\(plain)")
        #expect(estimate.shrinkage > 0.1 && estimate.brainPart > 0)
    }

    @Test("noise of another time deviates by one as well, over several baselines")
    func anotherTime() throws {
        // A memory of 0.9 leaves some six independent samples of 120: one baseline may miss by a sixth.
        let noise = try Self.magnetic.get()
        let none = Projection([], sensorCount: noise.sensors.count)
        var squares: [Double] = []
        for seed in 1...8 as ClosedRange<UInt64> {
            let estimate = try EstimatedCovariance(
                noise.samples(120, seed: seed), sensors: noise.sensors, projection: none, gain: noise.forward.gain)
            squares.append(pow(try deviation(estimate.matrix, noise, none, seed: seed + 100), 2))
        }
        let mean = (squares.reduce(0, +) / Double(squares.count)).squareRoot()
        #expect(mean > 0.9 && mean < 1.15, "\(squares.map { $0.squareRoot() })")
    }

    @Test("projectors take nothing from that, whatever they remove", arguments: [1, 3])
    func projectors(_ count: Int) throws {
        let noise = try Self.magnetic.get()
        var random = SeededGenerator(seed: 17)
        let projection = Projection(
            (0..<count).map { _ in
                let vector = noise.units.map { $0 * random.normal() }
                let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return vector.map { $0 / length }
            }, sensorCount: noise.sensors.count)
        let baseline = projection.apply(noise.samples(120, seed: 5))
        let estimate = try EstimatedCovariance(
            baseline, sensors: noise.sensors, projection: projection, gain: noise.forward.gain)
        let whitener = try Whitener(covariance: estimate.matrix, sensors: noise.sensors, projection: projection)
        #expect(whitener.rank == noise.sensors.count - count)
        let own = try deviation(estimate.matrix, noise, projection, seed: 105)
        #expect(own > 0.9 && own < 1.15, "\(own)")
        let told = estimate.heldOutVariance.squareRoot()
        #expect(told > 0.9 && told < 1.15, "\(told)")
    }

    @Test("electrodes and other sensors are estimated apart: neither knows of the other")
    func apart() throws {
        let noise = try Self.both.get()
        let none = Projection([], sensorCount: noise.sensors.count)
        let isElectrode = noise.sensors.kinds.map { $0 == .eeg }
        let baseline = noise.samples(120, seed: 8)
        let estimate = try EstimatedCovariance(
            baseline, sensors: noise.sensors, projection: none, gain: noise.forward.gain)
        for i in 0..<noise.sensors.count {
            for j in 0..<noise.sensors.count where isElectrode[i] != isElectrode[j] {
                #expect(estimate.matrix[i, j] == 0)
            }
        }
        let own = try deviation(estimate.matrix, noise, none, seed: 108)
        #expect(own > 0.9 && own < 1.15, "\(own)")
        // Electrodes ten times as loud change nothing of the others.
        let louder = Matrix(rows: baseline.rows, columns: baseline.columns) {
            baseline[$0, $1] * (isElectrode[$0] ? 10 : 1)
        }
        let other = try EstimatedCovariance(
            louder, sensors: noise.sensors, projection: none, gain: noise.forward.gain)
        let magnetic = noise.sensors.kinds.indices.filter { !isElectrode[$0] }
        let (a, b) = (
            estimate.matrix.rows(magnetic).columns(magnetic), other.matrix.rows(magnetic).columns(magnetic)
        )
        #expect((a - b).squaredNorm <= 1e-24 * a.squaredNorm)
    }

    @Test("a flat channel keeps a variance of zero, in the whole and in every fold; the others are as without it")
    func flat() throws {
        let noise = try Self.magnetic.get()
        let none = Projection([], sensorCount: noise.sensors.count)
        var baseline = noise.samples(120, seed: 9)
        for t in 0..<120 { baseline[7, t] = 3e-14 }
        let estimate = try EstimatedCovariance(
            baseline, sensors: noise.sensors, projection: none, gain: noise.forward.gain)
        for matrix in [estimate.matrix] + estimate.folds.map(\.matrix) {
            #expect((0..<noise.sensors.count).allSatisfy { matrix[7, $0] == 0 && matrix[$0, 7] == 0 })
            #expect(noise.sensors.names.indices.allSatisfy { $0 == 7 || matrix[$0, $0] > 0 })
        }
        let whitener = try Whitener(covariance: estimate.matrix, sensors: noise.sensors, projection: none)
        #expect(whitener.rank == noise.sensors.count - 1)
        let told = estimate.heldOutVariance.squareRoot()
        #expect(told > 0.9 && told < 1.15, "\(told)")
    }

    @Test("the folds are fifths that cover the baseline, each with the covariance of the rest", arguments: [50, 53])
    func folds(_ count: Int) throws {
        let noise = try Self.magnetic.get()
        let none = Projection([], sensorCount: noise.sensors.count)
        let estimate = try EstimatedCovariance(
            noise.samples(count, seed: 3), sensors: noise.sensors, projection: none, gain: noise.forward.gain)
        #expect(estimate.folds.count == 5 && estimate.origin == "\(count) samples before time 0")
        #expect(estimate.folds.flatMap { Array($0.heldOut) } == Array(0..<count))
        #expect(Set(estimate.folds.map { $0.matrix[0, 0] }).count == 5)
    }

    /// log det C + tr(C⁻¹Σ), smallest at C = Σ.
    private func divergence(_ covariance: Matrix, _ truth: Matrix) throws -> Double {
        let factor = try Cholesky(covariance)
        let solved = factor.solve(truth)
        return factor.logDeterminant + (0..<truth.rows).reduce(0) { $0 + solved[$1, $1] }
    }

    @Test("few sources and sensor noise are told from fewer samples than sensors, far better than by shrinkage")
    func modelled() throws {
        let noise = try Self.magnetic.get()
        let n = noise.sensors.count
        let scales = noise.units.map { 1 / $0 }
        var fields = Matrix(rows: n, columns: noise.forward.gain.columns) { noise.forward.gain[$0, $1] * scales[$0] }
        for j in 0..<fields.columns {
            let length = fields.column(j).reduce(0) { $0 + $1 * $1 }.squareRoot()
            for i in 0..<n { fields[i, j] /= max(length, 1e-300) }
        }
        // Five sources, each fifty times as strong as a sensor is noisy.
        let chosen = (0..<5).map { fields.column(41 + 230 * $0) }
        let root = Matrix(rows: n, columns: 5, elements: chosen.flatMap { $0.map { $0 * 50.0.squareRoot() } })
        let truth = Matrix.identity(n) + Matrix.product(root, transposed: false, root, transposed: true)
        var random = SeededGenerator(seed: 11)
        let samples = root * random.normal(rows: 5, columns: 40) + random.normal(rows: n, columns: 40)
        let model = BrainNoise(fields, rank: n)
        let found = try #require(model.covariance(of: samples))
        let best = try divergence(truth, truth)
        let own = try divergence(found.matrix, truth) - best
        let sample = Matrix.product(samples, transposed: false, samples, transposed: true) * (1.0 / 40)
        let level = (0..<n).reduce(0) { $0 + sample[$1, $1] } / Double(n)
        let shrunk = try stride(from: 0.05, through: 1, by: 0.05).map { alpha in
            try divergence(sample * (1 - alpha) + .identity(n) * (alpha * level), truth) - best
        }
        #expect(own > 0 && own < 0.5 * (shrunk.min() ?? 0), "\(own), \(shrunk.min() ?? 0)")
        #expect(abs(found.white - 1) < 0.15 && abs(found.brainPart - 250 / (250 + Double(n))) < 0.2)
        // Twice the noise is four times the covariance; no noise, or no brain, is none.
        let louder = try #require(model.covariance(of: samples * 2))
        #expect((louder.matrix - found.matrix * 4).squaredNorm < 1e-16 * louder.matrix.squaredNorm)
        #expect(model.covariance(of: samples * 0) == nil)
        #expect(BrainNoise(fields * 0, rank: n).covariance(of: samples) == nil)
        // Of more fields than it takes, those along every axis: here the first one of three is silent.
        let turning = Matrix(rows: n, columns: 3000) { $1 % 3 == 0 ? 0 : fields[$0, $1 % fields.columns] }
        #expect(BrainNoise(turning, rank: n).covariance(of: samples) != nil)
    }

    @Test("that model is chosen where it predicts the noise better, and leaves removed directions empty")
    func chosenModel() throws {
        let noise = try Self.magnetic.get()
        let n = noise.sensors.count
        var random = SeededGenerator(seed: 19)
        let projection = Projection(
            [noise.units.map { $0 / noise.units.reduce(0) { $0 + $1 * $1 }.squareRoot() }], sensorCount: n)
        let few = noise.root.columns(0..<4) * 2
        func samples(_ isFew: Bool) -> Matrix {
            let white = random.normal(rows: n, columns: 60)
            let sensors = Matrix(rows: n, columns: 60) { noise.units[$0] * white[$0, $1] }
            return projection.apply(isFew ? few * random.normal(rows: 4, columns: 60) + sensors : sensors)
        }
        func estimate(_ baseline: Matrix) throws -> EstimatedCovariance {
            try EstimatedCovariance(baseline, sensors: noise.sensors, projection: projection, gain: noise.forward.gain)
        }
        let modelled = try estimate(samples(true))
        #expect(modelled.isModelled && modelled.brainPart > 0.3)
        for matrix in [modelled.matrix] + modelled.folds.map(\.matrix) {
            let removed = projection.removed.column(0)
            let variance =
                (Matrix(rows: 1, columns: n, elements: removed) * matrix
                * Matrix(rows: n, columns: 1, elements: removed)).elements[0]
            let total = (0..<n).reduce(0) { $0 + matrix[$1, $1] }
            #expect(abs(variance) < 1e-9 * total)
        }
        #expect(!(try estimate(samples(false))).isModelled)
    }

    @Test(
        "a covariance of few samples is shrunk nearer to the truth, kinds of sensors apart, one of many is left alone")
    func fewSamples() throws {
        let noise = try Self.both.get()
        let sensors = noise.sensors
        let white = noise.units.map { $0 * $0 }
        let truth =
            Matrix.product(noise.root, transposed: false, noise.root, transposed: true) + Matrix.diagonal(white)
        var random = SeededGenerator(seed: 5)
        let count = 60
        let draws = random.normal(rows: sensors.count, columns: count)
        let samples =
            noise.root * random.normal(rows: noise.root.columns, columns: count)
            + Matrix(rows: sensors.count, columns: count) { noise.units[$0] * draws[$0, $1] }
        let covariance = Matrix.product(samples, transposed: false, samples, transposed: true) * (1 / Double(count))
        // Electrodes and other sensors are told apart.
        func error(_ matrix: Matrix) throws -> Double {
            try [true, false].reduce(0) { sum, isElectrode in
                let rows = sensors.kinds.indices.filter { (sensors.kinds[$0] == .eeg) == isElectrode }
                func scaled(_ matrix: Matrix) -> Matrix {
                    Matrix(rows: rows.count, columns: rows.count) {
                        matrix[rows[$0], rows[$1]] / (noise.units[rows[$0]] * noise.units[rows[$1]])
                    }
                }
                return sum + (try divergence(scaled(matrix), scaled(truth)))
            }
        }
        let (shrunk, part) = FewSamples.regularized(covariance, samples: count, sensors: sensors)
        #expect(part > 0 && part < 1)
        #expect(try error(shrunk) < error(covariance))
        for samples in [0, 3 * sensors.count] {
            let same = FewSamples.regularized(covariance, samples: samples, sensors: sensors)
            #expect(same.matrix == covariance && same.shrinkage == 0)
        }
        // Electrodes in another unit change nothing of the others, and themselves by that unit.
        let factors = sensors.kinds.map { $0 == .eeg ? 1e6 : 1.0 }
        let other = Matrix(rows: sensors.count, columns: sensors.count) {
            covariance[$0, $1] * factors[$0] * factors[$1]
        }
        let scaled = FewSamples.regularized(other, samples: count, sensors: sensors).matrix
        for i in 0..<sensors.count {
            for j in 0..<sensors.count {
                #expect(
                    abs(scaled[i, j] - shrunk[i, j] * factors[i] * factors[j])
                        <= 1e-9 * (scaled[i, i] * scaled[j, j]).squareRoot())
            }
        }
    }
}
