import Foundation
import Simulation
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Places over time in every epoch")
struct SourceCoursesTests {
    @Test("recordings of a subject are fitted as if they were one; a place that the subject has not is none")
    func together() throws {
        let simulated = try Simulation.run(
            SimulationSettings(
                sourceCount: 60, activeCount: 2, seed: 3, megSites: 12, eegElectrodes: 0, averages: 6,
                samplingFrequency: 100))
        let all = try simulated.recording.singleEpochs(noise: simulated.covariance.matrix, seed: 4)
        func part(_ range: Range<Int>) throws -> PlaceEpochs {
            let recording = try Recording(
                epochs: Array(all.epochs[range]), samplingFrequency: all.samplingFrequency, firstTime: all.firstTime,
                sensors: all.sensors, projectors: all.projectors)
            var settings = PreparationSettings()
            settings.orientation = .free
            return try PlaceEpochs(
                recording: recording, forward: simulated.forward, covariance: simulated.covariance, settings: settings,
                candidates: simulated.truth.sources.map(\.index) + [nil])
        }
        let whole = try SourceCourses.fit([part(0..<6)])
        let parts = try SourceCourses.fit([part(0..<2), part(2..<6)])
        #expect(whole.mergers.isEmpty && parts.mergers.isEmpty)
        #expect(parts.courses.map(\.epochs.count) == [2, 4])
        let one = try #require(whole.courses.first)
        for courses in parts.courses + [one] {
            #expect(courses.sources == [0, 1] && courses.positions == simulated.truth.sources.map(\.position))
            #expect(!courses.isAverage && courses.times.first == 0)
        }
        // Directions differ by how parts are weighted, no more than noise moves them.
        for (found, expected) in zip(parts.courses.flatMap(\.epochs), one.epochs) {
            for place in 0..<2 {
                let (a, b) = (found.row(place), expected.row(place))
                func product(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
                #expect(abs(product(a, b)) > 0.97 * (product(a, a) * product(b, b)).squareRoot())
            }
        }
    }

    @Test("the evoked response is taken from many epochs, stays in few, and as is asked for", arguments: [4, 12])
    func evoked(count: Int) throws {
        let simulated = try Simulation.run(
            SimulationSettings(
                sourceCount: 60, activeCount: 2, seed: 3, megSites: 12, eegElectrodes: 0, averages: count,
                samplingFrequency: 100))
        var settings = PreparationSettings()
        settings.orientation = .free
        let courses = try SourceCourses.fit([
            PlaceEpochs(
                recording: try simulated.recording.singleEpochs(noise: simulated.covariance.matrix, seed: 4),
                forward: simulated.forward, covariance: simulated.covariance, settings: settings,
                candidates: simulated.truth.sources.map(\.index))
        ]).courses[0]
        func mean(_ courses: SourceCourses) -> Matrix { courses.epochs.dropFirst().reduce(courses.epochs[0], +) }
        #expect(courses.handlingEvoked(.keep).epochs == courses.epochs)
        let automatic = courses.handlingEvoked()
        #expect((automatic.epochs == courses.epochs) == (count == 4))
        #expect(automatic.warnings.count == courses.warnings.count + (count == 4 ? 1 : 0))
        let taken = courses.handlingEvoked(.subtract)
        #expect(mean(taken).squaredNorm < 1e-20 * mean(courses).squaredNorm)
        let (a, b) = (taken.epochs[0] - taken.epochs[1], courses.epochs[0] - courses.epochs[1])
        #expect((a - b).squaredNorm < 1e-20 * b.squaredNorm)
    }
}
