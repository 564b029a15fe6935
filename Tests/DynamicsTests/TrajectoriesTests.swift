import LinearAlgebra
import Testing

@testable import Dynamics

@Suite struct TrajectoriesTests {
    private static func wave(_ rows: Int, _ columns: Int) -> Matrix {
        var generator = SeededGenerator(seed: 3)
        return generator.normal(rows: rows, columns: columns)
    }

    @Test func impossibleOnesAreRefused() {
        let good = Self.wave(2, 20)
        var broken = good
        broken[1, 7] = .nan
        var flat = good
        for k in 0..<20 { flat[1, k] = 0.1 }
        let cases: [([Matrix], Double, InvalidTrajectories)] = [
            ([], 0.1, .empty),
            ([Matrix(rows: 0, columns: 4)], 0.1, .empty),
            ([good], 0, .interval(0)),
            ([good], .infinity, .interval(.infinity)),
            ([good, Self.wave(3, 20)], 0.1, .variables(epoch: 1, found: 3, expected: 2)),
            ([good, Matrix(rows: 2, columns: 0)], 0.1, .noSamples(epoch: 1)),
            ([good, broken], 0.1, .notFinite(epoch: 1, variable: 1, sample: 7)),
            ([flat, flat], 0.1, .constant(variable: 1)),
            ([good * 1e120], 0.1, .scale(variable: 0)),
            ([good * 1e-120], 0.1, .scale(variable: 0)),
            ([good * 1e200], 0.1, .scale(variable: 0)),
        ]
        for (epochs, interval, expected) in cases {
            #expect(throws: expected) { _ = try Trajectories(epochs: epochs, interval: interval) }
            #expect(!expected.description.isEmpty)
        }
    }

    @Test func timesGiveTheInterval() throws {
        let epochs = [Self.wave(2, 6), Self.wave(2, 4)]
        let times = [(0..<6).map { 5 + 0.25 * Double($0) }, (0..<4).map { 0.25 * Double($0) }]
        let found = try Trajectories(epochs: epochs, times: times)
        #expect(abs(found.interval - 0.25) < 1e-12)
        #expect(found.sampleCount == 10)

        var late = times
        late[1][2] += 0.1
        late[1][3] += 0.1
        do {
            _ = try Trajectories(epochs: epochs, times: late)
            Issue.record("unequal times were taken")
        } catch {
            guard case .times(epoch: 1, sample: 2, _, _) = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(throws: InvalidTrajectories.timeCount(epoch: 0, found: 5)) {
            try Trajectories(epochs: epochs, times: [Array(times[0].dropLast()), times[1]])
        }
        #expect(throws: InvalidTrajectories.self) {
            try Trajectories(epochs: epochs, times: times.map { Array($0.reversed()) })
        }
    }

    /// Sums over windows, one after another.
    @Test(arguments: [1, 3]) func momentsAreSumsOverWindowsWithinEpochs(threads: Int) throws {
        var generator = SeededGenerator(seed: 9)
        let epochs = [5, 1200, 2, 4, 700, 30].map { generator.normal(rows: 3, columns: $0) }
        let trajectories = try Trajectories(epochs: epochs, interval: 1)
        let lags = 4
        let found = LagMoments(trajectories, lags: lags, parallelism: Parallelism(threads: threads))
        #expect(found.count == epochs.reduce(0) { $0 + max(0, $1.columns - lags) })
        for (lag, other) in [(0, 0), (0, 3), (4, 1), (2, 2)] {
            for (a, b) in [(0, 0), (1, 2)] {
                var sum = 0.0
                for epoch in epochs {
                    for t in lags..<max(epoch.columns, lags) { sum += epoch[a, t - lag] * epoch[b, t - other] }
                }
                let (i, j) = (
                    found.position(lag: lag, variable: a, isReversed: false),
                    found.position(lag: other, variable: b, isReversed: false)
                )
                #expect(abs(found.products[i, j] - sum) < 1e-10)
                #expect(found.products[i, j] == found.products[j, i])
            }
        }
        #expect(found.products == LagMoments(trajectories, lags: lags).products)
    }
}
