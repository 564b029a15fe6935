import LinearAlgebra
import Testing

@testable import SourceImaging

@Suite("What recordings share")
struct SharedPreparationTests {
    @Test("A gain taken from an earlier recording equals one made anew, bit by bit, whatever the averages")
    func sameBits() throws {
        let world = try SmallWorld()
        let other = try SmallWorld(seed: 99)
        let shared = SharedPreparation()
        // Both gains in turn: what is kept of one must not pass for the other.
        for (averages, forward) in [
            (1.0, world.forward), (7.5, world.forward), (7.5, other.forward), (2, world.forward), (1, world.forward),
        ] {
            var settings = PreparationSettings()
            settings.averages = averages
            func prepare(_ shared: SharedPreparation?) throws -> PreparedProblem {
                try PreparedProblem(
                    recording: world.recording, forward: forward, covariance: world.covariance, settings: settings,
                    shared: shared)
            }
            let (kept, anew) = (try prepare(shared), try prepare(nil))
            #expect(kept.problem.design == anew.problem.design)
            #expect(kept.columnWeights == anew.columnWeights)
            #expect(kept.report == anew.report)
        }
    }

    @Test("Other settings are not served from what is kept")
    func otherSettings() throws {
        let world = try SmallWorld()
        let shared = SharedPreparation()
        for (depth, orientation) in [(0.8, Orientation.free), (0.2, .free), (0.2, .fixed), (0.8, .loose(0.2))] {
            var settings = PreparationSettings()
            (settings.depth, settings.orientation) = (depth, orientation)
            func prepare(_ shared: SharedPreparation?) throws -> PreparedProblem {
                try PreparedProblem(
                    recording: world.recording, forward: world.forward, covariance: world.covariance,
                    settings: settings, shared: shared)
            }
            #expect(try prepare(shared).problem.design == prepare(nil).problem.design)
        }
    }
}
