import LinearAlgebra
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Sensors held out")
struct HeldOutSensorsTests {
    /// Data of sensors with correlated noise, and what the sensors see of two sources.
    private struct World {
        let covariance, fields, data: Matrix

        init(seed: UInt64, sensors: Int = 8, samples: Int = 5, signal: Double = 2) {
            var random = SeededGenerator(seed: seed)
            let root = random.normal(rows: sensors, columns: sensors)
            covariance = Matrix(rows: sensors, columns: sensors) { i, j in
                (0..<sensors).reduce(i == j ? 1 : 0) { $0 + root[i, $1] * root[j, $1] / Double(sensors) }
            }
            fields = random.normal(rows: sensors, columns: 2)
            let noise =
                random.normal(rows: sensors, columns: samples) + root * random.normal(rows: sensors, columns: samples)
                * 0.3
            data = fields * random.normal(rows: 2, columns: samples) * signal + noise
        }
    }

    /// W with WᵀW the inverse of a covariance.
    private func whitener(_ covariance: Matrix) throws -> Matrix {
        let eigen = try SymmetricEigen(covariance)
        return .diagonal(eigen.values.map { 1 / $0.squareRoot() }) * eigen.vectors.transposed
    }

    private func predicted(_ world: World) throws -> Double? {
        let whitener = try whitener(world.covariance)
        return HeldOutSensors.predicted(whitener * world.data, whitener * world.fields, whitener)
    }

    @Test("what is predicted is what fitting all other sensors predicts, one by one", arguments: [UInt64(1), 2, 3, 4])
    func leavingOut(_ seed: UInt64) throws {
        let world = World(seed: seed)
        let all = Array(0..<world.data.rows)
        let precision = try Cholesky(world.covariance).inverse()
        func error(_ s: Int, _ isFitted: Bool) throws -> Matrix {
            let others = all.filter { $0 != s }
            let inner = try Cholesky(world.covariance.rows(others).columns(others))
            let (fields, data) = (world.fields.rows(others), world.data.rows(others))
            var (left, signal) = (data, Matrix(rows: 1, columns: data.columns))
            if isFitted {
                let normal = Matrix.product(fields, transposed: true, inner.solve(fields))
                let amplitudes = try Cholesky(normal).solve(Matrix.product(fields, transposed: true, inner.solve(data)))
                left = data - fields * amplitudes
                signal = world.fields.rows([s]) * amplitudes
            }
            return world.data.rows([s]) - signal - world.covariance.rows([s]).columns(others) * inner.solve(left)
        }
        let (errors, none) = try all.reduce(into: (0.0, 0.0)) { sum, s in
            sum.0 += precision[s, s] * (try error(s, true)).squaredNorm
            sum.1 += precision[s, s] * (try error(s, false)).squaredNorm
        }
        #expect(abs(try #require(try predicted(world)) - (1 - errors / none)) < 1e-10)
    }

    @Test("sources that are there predict, fields that are not do not, and as many as sensors cannot be judged")
    func fields() throws {
        var (there, elsewhere) = (0.0, 0.0)
        for seed in UInt64(1)...20 {
            let world = World(seed: seed, sensors: 20, signal: 3)
            let whitener = try whitener(world.covariance)
            var random = SeededGenerator(seed: 100 + seed)
            let wrong = random.normal(rows: 20, columns: 8)
            there += try #require(try predicted(world)) / 20
            elsewhere +=
                try #require(HeldOutSensors.predicted(whitener * world.data, whitener * wrong, whitener)) / 20
            let square = random.normal(rows: 20, columns: 20)
            #expect(HeldOutSensors.predicted(whitener * world.data, whitener * square, whitener) == nil)
            #expect(HeldOutSensors.predicted(whitener * world.data * 0, whitener * wrong, whitener) == nil)
        }
        #expect(there > 0.5 && elsewhere < 0, "\(there) \(elsewhere)")
    }

    @Test("an average reference predicts nothing: what is told of electrodes is what is told without one")
    func reference() throws {
        for seed in UInt64(1)...5 {
            let world = World(seed: seed, sensors: 9)
            let mean = Matrix(rows: 9, columns: 9) { ($0 == $1 ? 1 : 0) - 1.0 / 9 }
            let eigen = try SymmetricEigen(mean * world.covariance * mean)
            let kept = Array(1..<9)
            let whitener =
                .diagonal(kept.map { 1 / eigen.values[$0].squareRoot() }) * eigen.vectors.columns(kept).transposed
            let one = HeldOutSensors.predicted(whitener * world.data, whitener * world.fields, whitener)
            // The same with a reference that has any variance: a ninth unknown course, alike at all.
            let loose = try self.whitener(
                Matrix(rows: 9, columns: 9) { world.covariance[$0, $1] + 1e6 })
            let other = HeldOutSensors.predicted(loose * world.data, loose * world.fields, loose)
            #expect(abs(try #require(one) - (try #require(other))) < 1e-4)
            #expect(try #require(one) < 1)
        }
    }

    @Test("it is told of refined sources, and of no others", arguments: [SourceWeights.refined, .reweighted])
    func estimates(_ weights: SourceWeights) throws {
        let world = try SmallWorld()
        var settings = LocalizationSettings()
        settings.selection.weights = weights
        let estimate = try Localization(settings).run(
            recording: world.recording, forward: world.forward, covariance: world.covariance)
        guard weights == .refined else {
            #expect(estimate.refinement == nil)
            return
        }
        let heldOut = try #require(estimate.refinement?.heldOut)
        #expect(heldOut > 0.2 && heldOut < 1)
        // Without sources nothing is predicted by them.
        settings.selection.falsePositiveRate = 0.001
        let quiet = try SmallWorld(amplitude: 0)
        let none = try Localization(settings).run(
            recording: quiet.recording, forward: quiet.forward, covariance: quiet.covariance)
        #expect(none.sources.isEmpty && none.refinement != nil && none.refinement?.heldOut == nil)
    }
}
