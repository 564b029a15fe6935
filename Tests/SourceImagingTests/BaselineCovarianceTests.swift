import Foundation
import Simulation
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Noise estimated from a baseline")
struct BaselineCovarianceTests {
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
        let estimate = try BaselineCovariance(
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
            let estimate = try BaselineCovariance(
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
        let estimate = try BaselineCovariance(
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
        let estimate = try BaselineCovariance(
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
        let other = try BaselineCovariance(
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
        let estimate = try BaselineCovariance(
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
        let estimate = try BaselineCovariance(
            noise.samples(count, seed: 3), sensors: noise.sensors, projection: none, gain: noise.forward.gain)
        #expect(estimate.folds.count == 5 && estimate.samples == count)
        #expect(estimate.folds.flatMap { Array($0.heldOut) } == Array(0..<count))
        #expect(Set(estimate.folds.map { $0.matrix[0, 0] }).count == 5)
    }
}
