import Foci
import Foundation
import TestSupport
import Testing

/// `foci localize` against `mne.inverse_sparse.mixed_norm`, each from the files to amplitudes.
///
/// MNE-Python does not divide the covariance by the number of averages; the script does. With fixed orientation and
/// depth weights the two differ: MNE-Python weights by the norm of the fixed column, foci by that of all three.
@Suite(
    "Mixed-norm estimates against MNE-Python",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct MixedNormTests {
    static let cases = [
        MixedNormComparison(sensors: "meg", orientation: "fixed", depth: 0, ratio: 0.3),
        MixedNormComparison(sensors: "all", orientation: "fixed", depth: 0, ratio: 0.5),
        MixedNormComparison(sensors: "meg", orientation: "free", depth: 0.8, ratio: 0.6),
        MixedNormComparison(sensors: "all", orientation: "loose:0.2", depth: 0.8, ratio: 0.5),
    ]

    private func compare(_ test: MixedNormComparison, _ folder: TemporaryFolder, _ files: [String]) throws {
        let own = try test.own(files, in: folder).estimate
        let theirs = try test.theirs(files, in: folder)
        #expect(own.sources.count > 2)
        try test.expectSame(own, theirs, tolerance: 1e-4)
    }

    @Test(
        "A real recording: the same active set, amplitudes to 1e-4, and λ",
        .enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)), arguments: cases)
    func real(_ test: MixedNormComparison) throws {
        let files = ["sample-fwd.fif", "left-auditory-ave.fif", "sample-cov.fif"]
        try compare(test, try TemporaryFolder(), files.map { Shared.path("data/sample-audvis/\($0)") })
    }

    @Test("A simulated recording with bad channels and projectors: likewise", arguments: cases)
    func simulated(_ test: MixedNormComparison) throws {
        let folder = try TemporaryFolder()
        try PythonEnvironment.run("import mnefiles; mnefiles.localization()", in: folder.path)
        try compare(test, folder, ["simulated-fwd.fif", "simulated-ave.fif", "simulated-cov.fif"])
    }
}

extension MixedNormComparison: CustomTestStringConvertible {
    var testDescription: String { "\(sensors), \(orientation), depth \(depth), \(ratio) of λ_max" }
}
