import Foci
import Foundation
import TestSupport
import Testing

/// `foci localize` at one λ beside `mne.inverse_sparse.mixed_norm`, each from the files to amplitudes: channels,
/// projectors, whitening, orientation and depth weights are the programs' own.
struct MixedNormComparison: Sendable {
    var sensors = "all"
    var orientation = "loose:0.2"
    var depth = 0.8
    /// λ over λ_max.
    var ratio = 0.4
    var window = 0.05...0.15

    /// The same orientation as a number: 0 fixed, 1 free.
    var looseness: Double { ["fixed": 0, "free": 1][orientation] ?? 0.2 }

    /// A call of `solve` of `mixednorm.py`.
    func call(_ files: [String]) -> String {
        let quoted = files.map { "\"\($0)\"" }.joined(separator: ", ")
        return "mixednorm.solve(\(quoted), sensors=\"\(sensors)\", looseness=\(looseness), depth=\(depth), "
            + "ratio=\(ratio), window=(\(window.lowerBound), \(window.upperBound)))"
    }

    /// What MNE-Python makes of forward, recording and covariance.
    func theirs(_ files: [String], in folder: TemporaryFolder) throws -> JSON {
        let printed = try PythonEnvironment.run(
            "import json, mixednorm; print(json.dumps(\(call(files))))", in: folder.path)
        return try JSON(parsing: printed)
    }

    /// What foci makes of them: the estimate, and the summary that it prints.
    func own(_ files: [String], in folder: TemporaryFolder, _ options: String...) throws -> (
        estimate: Estimate, summary: JSON
    ) {
        let arguments = [
            "localize", "--forward", files[0], "--recording", files[1], "--covariance", files[2], "--window",
            "\(window.lowerBound)", "\(window.upperBound)", "--sensors", sensors, "--orientation", orientation,
            "--depth", "\(depth)", "--lambda", "\(ratio)", "--reweight", "0", "--no-debias", "--gap", "1e-11",
            "--output", "own", "--quiet", "--json",
        ]
        let outcome = try Program.run(arguments + options, in: folder.path)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return (try EstimateFile.read(folder.file("own/estimate.h5")), try JSON(parsing: outcome.output))
    }

    /// Expects the same active set, amplitudes to a part of the largest, and λ where MNE-Python's is known.
    func expectSame(_ estimate: Estimate, _ theirs: JSON, tolerance: Double) throws {
        var moments: [[Int?]: [Double]] = [:]
        for (place, values) in zip(theirs["places"].list, theirs["moments"].list) {
            moments[place.list.map(\.integer)] = values.list.compactMap(\.number)
        }
        let places = estimate.sources.map { [$0.hemisphere == .left ? 0 : 1, $0.vertex] }
        #expect(Set(places) == Set(moments.keys))
        let largest = moments.values.joined().map(abs).max() ?? 0
        #expect(largest > 0)
        for (place, source) in zip(places, estimate.sources) {
            let own: [Double]
            if looseness == 0 {
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
            #expect(zip(own, expected).allSatisfy { abs($0 - $1) <= tolerance * largest })
        }
        // Also the noise is the same, of which the ratio to λ_max knows nothing. MNE-Python whitens in SI units, in
        // which eigenvalues of gradiometers and magnetometers lie so far apart that some eight digits are left.
        if let largest = theirs["largest"].number {
            #expect(abs(estimate.selection.chosen.lambda / (ratio * largest) - 1) <= 1e-6)
        }
    }
}
