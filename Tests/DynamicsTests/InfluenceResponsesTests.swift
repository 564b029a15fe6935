import Glibc
import LinearAlgebra
import Testing

@testable import Dynamics

@Suite struct InfluenceResponsesTests {
    /// Three variables that remember a half of themselves; 0 drives 1.
    private static func epochs(_ count: Int, samples: Int, drive: Double, seed: UInt64) throws -> Trajectories {
        var generator = SeededGenerator(seed: seed)
        let epochs = (0..<count).map { _ in
            var (state, epoch) = ([0.0, 0, 0], Matrix(rows: 3, columns: samples))
            for t in -20..<samples {
                let driver = state[0]
                for k in 0..<3 { state[k] = 0.5 * state[k] + generator.normal() }
                state[1] += drive * driver
                if t >= 0 { for k in 0..<3 { epoch[k, t] = state[k] } }
            }
            return epoch
        }
        return try Trajectories(epochs: epochs, interval: 0.01)
    }

    @Test(
        "mean and variance are those of 400 simulated recordings, with a connection and without", arguments: [0, 0.15])
    func momentsAreThoseOfSimulations(drive: Double) throws {
        let (order, repeats) = (2, 400)
        // rss without the driver over rss with it, of so many samples that nothing is left to chance.
        let long = try Self.epochs(1, samples: 400_000, drive: drive, seed: 1)
        let truth = try GrangerCausality(long, order: order).influence[1, 0]
        var influences: [Double] = []
        var samples: [Int] = []
        for seed in 0..<repeats {
            let recording = try Self.epochs(10, samples: 60, drive: drive, seed: UInt64(100 + seed))
            influences.append(try GrangerCausality(recording, order: order).influence[1, 0])
            samples.append(recording.windowCount(lags: order))
        }
        let found = InfluenceResponses(influences: influences, samples: samples, order: order)
        #expect(samples.allSatisfy { $0 == 580 } && Set(found.variances).count == 1)
        let count = Double(repeats)
        let mean = found.values.reduce(0, +) / count
        func moment(_ power: Double) -> Double {
            found.values.reduce(0) { $0 + pow(abs($1 - mean), power) } / count
        }
        // The bias of p/(N − np) against p/N is a hundredth of p/N.
        let expected = drive == 0 ? 0 : truth
        #expect(abs(mean - expected) < 3 * (moment(2) / count).squareRoot() + 0.01 * Double(order) / 580)
        // The variance's own error, by the fourth moment.
        let error = ((moment(4) / (moment(2) * moment(2)) - 1) / count).squareRoot()
        #expect(abs(moment(2) / found.variances[0] - 1) < 3 * error, "\(moment(2) / found.variances[0]) ± \(error)")
    }

    @Test func variancesArePooledOverWhatIsThere() {
        let found = InfluenceResponses(influences: [0.03, .nan, 0.07], samples: [100, 100, 200], order: 2)
        #expect(abs(found.values[0] - 0.01) < 1e-15 && found.values[1].isNaN && abs(found.values[2] - 0.06) < 1e-15)
        for (variance, n) in zip(found.variances, [100.0, 100, 200]) {
            #expect(abs(variance - (4 / (n * n) + 4 * 0.035 / n)) < 1e-15)
        }
        // Less than chance on average is no influence.
        #expect(InfluenceResponses(influences: [0], samples: [10], order: 1).variances == [0.02])
    }

    @Test func oneOrderIsTheMedian() {
        #expect(InfluenceResponses.commonOrder([5, 1, 2]) == 2)
        #expect(InfluenceResponses.commonOrder([7, 2, 3, 1]) == 2)
        #expect(InfluenceResponses.commonOrder([]) == nil)
    }
}
