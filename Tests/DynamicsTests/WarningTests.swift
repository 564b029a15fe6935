import LinearAlgebra
import Testing

@testable import Dynamics
@testable import DynamicsStudies

@Suite struct WarningTests {
    private static func warnings(_ epochs: [Matrix], _ change: (inout DynamicsSettings) -> Void = { _ in }) throws
        -> [DynamicsWarning]
    {
        var settings = DynamicsSettings()
        change(&settings)
        return try AutoregressiveModel(Trajectories(epochs: epochs, interval: 0.004), settings).warnings
    }

    private static func noise(_ rows: Int, epochs: Int = 20, samples: Int = 100) -> [Matrix] {
        var generator = SeededGenerator(seed: 17)
        return (0..<epochs).map { _ in generator.normal(rows: rows, columns: samples) }
    }

    @Test func whiteNoiseHasTheOneThatAlwaysHolds() throws {
        #expect(try Self.warnings(Self.noise(3)) == [.predictiveOnly])
    }

    @Test func factsOfTheRecordingAreHeard() throws {
        let found = try Self.warnings(Self.noise(3)) { settings in
            settings.recording.isAverage = true
            settings.recording.isFiltered = true
            settings.recording.signalToNoise = 4
            settings.recording.smallestDistance = 0.012
        }
        #expect(
            found == [
                .predictiveOnly, .average, .filtered, .noisy(signalToNoise: 4, samples: 2000),
                .nearSources(distance: 0.012),
            ])
        let fast = try Trajectories(epochs: Self.noise(2), interval: 0.001)
        let warnings = try AutoregressiveModel(fast, DynamicsSettings()).warnings
        #expect(warnings.contains { if case .fastSampling = $0 { true } else { false } })
        #expect(found.allSatisfy { !$0.description.isEmpty && !$0.description.contains("\n") })
    }

    @Test func sharedNoiseIsTold() throws {
        // 0.8 of variable 1 is variable 0's noise.
        let mixed = Self.noise(3).map { epoch in
            Matrix(rows: 3, columns: epoch.columns) {
                $0 == 1 ? 0.8 * epoch[0, $1] + 0.6 * epoch[1, $1] : epoch[$0, $1]
            }
        }
        let found = try Self.warnings(mixed)
        #expect(found.contains { if case .instantaneous(0, 1, let r) = $0 { abs(r - 0.8) < 0.05 } else { false } })
        #expect(!found.contains { if case .nearlyCollinear = $0 { true } else { false } })
        let same = Self.noise(3).map { epoch in
            Matrix(rows: 3, columns: epoch.columns) { $0 == 1 ? epoch[0, $1] + 0.1 * epoch[1, $1] : epoch[$0, $1] }
        }
        #expect(try Self.warnings(same).contains { if case .nearlyCollinear(0, 1, _) = $0 { true } else { false } })
    }

    @Test func changingVarianceIsTold() throws {
        let louder = Self.noise(2).enumerated().map { number, epoch in
            Matrix(rows: 2, columns: epoch.columns) { $0 == 1 && number >= 10 ? 1.6 * epoch[$0, $1] : epoch[$0, $1] }
        }
        #expect(
            try Self.warnings(louder).contains {
                if case .nonstationary(variable: 1, let ratio) = $0 { abs(ratio - 2.56) < 0.4 } else { false }
            })
    }

    @Test func smoothedDataAreTold() throws {
        // A slow oscillation with little noise: nearly all of a sample follows from the last two.
        let network = try SimulatedNetwork.oscillators(samples: 3000, decibel: 90, seed: 2)
        let slow = network.trajectories.epochs.map { epoch in
            // Four samples for each, on straight lines between.
            Matrix(rows: epoch.rows, columns: 4 * (epoch.columns - 1)) { row, column in
                let (k, part) = (column / 4, Double(column % 4) / 4)
                return (1 - part) * epoch[row, k] + part * epoch[row, k + 1]
            }
        }
        let found = try Self.warnings(slow)
        #expect(found.contains { if case .nearlyPredictable = $0 { true } else { false } })
    }

    @Test func theLargestOrderIsTold() throws {
        let network = try SimulatedNetwork.oscillators(samples: 5000, seed: 2)
        #expect(
            try Self.warnings(network.trajectories.epochs) { $0.maximumOrder = 2 }.contains(.orderAtMaximum(order: 2)))
    }

    @Test func growthIsTold() throws {
        var generator = SeededGenerator(seed: 8)
        let epochs = (0..<30).map { _ in
            var x = Matrix(rows: 2, columns: 40)
            for t in 0..<40 {
                for i in 0..<2 { x[i, t] = (t > 0 ? 1.1 * x[i, t - 1] : 0) + generator.normal() }
            }
            return x
        }
        #expect(
            try Self.warnings(epochs).contains {
                if case .unstable(let growth) = $0 { abs(growth - 1.1) < 0.02 } else { false }
            })
    }

    @Test func settingsOutOfRangeAreRefused() throws {
        let changes: [(inout DynamicsSettings) -> Void] = [
            { $0.order = 0 }, { $0.order = 1001 }, { $0.maximumOrder = 0 }, { $0.falseDiscoveryRate = 0 },
            { $0.falseDiscoveryRate = .nan }, { $0.smallestInfluence = 1.5 }, { $0.resamples = -1 },
            { $0.derivativeOrder = 3 }, { $0.halfWidth = 1 }, { $0.degree = 0 },
        ]
        let trajectories = try Trajectories(epochs: Self.noise(2), interval: 0.004)
        for change in changes {
            var settings = DynamicsSettings()
            change(&settings)
            for kind in DynamicsKind.all {
                #expect(throws: InvalidTrajectories.self) { try kind.fit(trajectories, settings) }
            }
        }
    }
}
