import Foci
import Foundation
import TestSupport
import Testing

/// `foci localize` against `mne.inverse_sparse.mixed_norm`, each from the files to amplitudes: channels, projectors,
/// whitening, orientation and depth weights are the programs' own.
///
/// MNE-Python does not divide the covariance by the number of averages; the script does. With fixed orientation and
/// depth weights the two differ: MNE-Python weights by the norm of the fixed column, foci by that of all three.
@Suite(
    "Mixed-norm estimates against MNE-Python",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct MixedNormTests {
    /// A problem for both.
    struct Case: CustomTestStringConvertible, Sendable {
        let sensors: String
        let orientation: String
        let depth: Double
        let ratio: Double

        /// The same orientation as a number: 0 fixed, 1 free.
        var looseness: Double { ["fixed": 0, "free": 1][orientation] ?? 0.2 }

        var testDescription: String { "\(sensors), \(orientation), depth \(depth), \(ratio) of λ_max" }
    }

    static let cases = [
        Case(sensors: "meg", orientation: "fixed", depth: 0, ratio: 0.3),
        Case(sensors: "all", orientation: "fixed", depth: 0, ratio: 0.5),
        Case(sensors: "meg", orientation: "free", depth: 0.8, ratio: 0.6),
        Case(sensors: "all", orientation: "loose:0.2", depth: 0.8, ratio: 0.5),
    ]

    /// Runs `mixed_norm` and prints λ_max (without depth weights), and hemisphere, vertex and moment (x, y and z, or
    /// along the normal) at each time of every active source.
    private func script(_ test: Case, _ forward: String, _ recording: String, _ covariance: String) -> String {
        """
        import json, mne, numpy as np
        mne.set_log_level("ERROR")
        forward = mne.read_forward_solution("\(forward)")
        evoked = mne.read_evokeds("\(recording)", 0)
        noise = mne.read_cov("\(covariance)")
        noise["data"] = noise["data"] / evoked.nave
        evoked.crop(0.05, 0.15)
        if "\(test.sensors)" == "meg":
            evoked.pick("meg", exclude=())
        loose = \(test.looseness)
        stc = mne.inverse_sparse.mixed_norm(
            evoked, forward, noise, alpha=100 * \(test.ratio), loose=loose, depth=\(test.depth), maxit=100000, tol=1e-11,
            debias=False, n_mxne_iter=1, pick_ori="vector" if loose else None)
        largest = None
        if not loose:
            names = [n for n in evoked.ch_names if n in forward.ch_names and n not in evoked.info["bads"]]
            fixed = mne.convert_forward_solution(forward, surf_ori=True, force_fixed=True)
            picked = evoked.copy().pick(names)
            whitener, _ = mne.cov.compute_whitener(noise, picked.info, pca=True)
            gain = whitener @ mne.pick_channels_forward(fixed, names, ordered=True)["sol"]["data"]
            largest = np.linalg.norm(gain.T @ (whitener @ picked.data), axis=1).max()
        places = [(h, int(v)) for h, vertices in enumerate(stc.vertices) for v in vertices]
        print(json.dumps(dict(largest=largest, places=places, moments=[x.ravel().tolist() for x in stc.data])))
        """
    }

    private func compare(_ test: Case, _ folder: TemporaryFolder, _ files: [String]) throws {
        let arguments = [
            "localize", "--forward", files[0], "--recording", files[1], "--covariance", files[2], "--window", "0.05",
            "0.15", "--sensors", test.sensors, "--orientation", test.orientation, "--depth", "\(test.depth)",
            "--lambda", "\(test.ratio)", "--reweight", "0", "--no-debias", "--gap", "1e-11", "--output", "own",
            "--quiet",
        ]
        let outcome = try Program.run(arguments, in: folder.path)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let estimate = try EstimateFile.read(folder.file("own/estimate.h5"))
        let printed = try PythonEnvironment.run(script(test, files[0], files[1], files[2]), in: folder.path)
        let theirs = try JSON(parsing: printed)

        var moments: [[Int?]: [Double]] = [:]
        for (place, values) in zip(theirs["places"].list, theirs["moments"].list) {
            moments[place.list.map(\.integer)] = values.list.compactMap(\.number)
        }
        #expect(moments.count > 2)
        let places = estimate.sources.map { [$0.hemisphere == .left ? 0 : 1, $0.vertex] }
        #expect(Set(places) == Set(moments.keys))
        let largest = moments.values.joined().map(abs).max() ?? 0
        for (place, source) in zip(places, estimate.sources) {
            let own: [Double]
            if test.looseness == 0 {
                own = source.amplitudes.row(0)
            } else {
                let axes = try #require(source.axes)
                own = (0..<3).flatMap { component in
                    (0..<source.amplitudes.columns).map { t in
                        axes.indices.reduce(0) { $0 + axes[$1][component] * source.amplitudes[$1, t] }
                    }
                }
            }
            let expected = try #require(moments[place])
            try #require(own.count == expected.count)
            #expect(zip(own, expected).allSatisfy { abs($0 - $1) <= 1e-4 * largest })
        }
        // Also the noise is the same, of which the ratio to λ_max knows nothing. MNE-Python whitens in SI units, in which
        // eigenvalues of gradiometers and magnetometers lie so far apart that some eight digits are left.
        if let largest = theirs["largest"].number {
            #expect(abs(estimate.selection.chosen.lambda / (test.ratio * largest) - 1) <= 1e-6)
        }
    }

    @Test(
        "A real recording: the same active set, amplitudes to 1e-4, and λ",
        .enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)), arguments: cases)
    func real(_ test: Case) throws {
        let files = ["sample-fwd.fif", "left-auditory-ave.fif", "sample-cov.fif"]
        try compare(test, try TemporaryFolder(), files.map { Shared.path("data/sample-audvis/\($0)") })
    }

    @Test("A simulated recording with bad channels and projectors: likewise", arguments: cases)
    func simulated(_ test: Case) throws {
        let folder = try TemporaryFolder()
        try PythonEnvironment.run("import mnefiles; mnefiles.localization()", in: folder.path)
        try compare(test, folder, ["simulated-fwd.fif", "simulated-ave.fif", "simulated-cov.fif"])
    }
}
