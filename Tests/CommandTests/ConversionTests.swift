import Foci
import Foundation
import TestSupport
import Testing

@Suite(
    "foci convert: files of MNE-Python in the own layout",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct ConversionTests {
    @Test("What is converted localizes as the files did, to rounding")
    func converted() throws {
        let folder = try TemporaryFolder()
        try PythonEnvironment.run("import mnefiles; mnefiles.localization()", in: folder.path)
        func foci(_ arguments: String...) throws { expectSuccess(try Program.run(arguments, in: folder.path)) }
        try foci("convert", "simulated-fwd.fif", "f.h5")
        try foci("convert", "simulated-ave.fif", "r.h5")
        try foci("convert", "simulated-cov.fif", "c.h5", "--channels", "simulated-ave.fif")
        func localize(_ files: [String], _ output: String) throws -> Estimate {
            try foci(
                "localize", "--forward", files[0], "--recording", files[1], "--covariance", files[2], "--lambda",
                "0.3", "--window", "0.05", "0.15", "--output", output, "--quiet")
            return try EstimateFile.read(folder.file("\(output)/estimate.h5"))
        }
        let read = try localize(["simulated-fwd.fif", "simulated-ave.fif", "simulated-cov.fif"], "read")
        let converted = try localize(["f.h5", "r.h5", "c.h5"], "converted")
        #expect(!read.sources.isEmpty)
        #expect(converted.sources.map(\.index) == read.sources.map(\.index))
        #expect(converted.sources.map(\.vertex) == read.sources.map(\.vertex))
        #expect(converted.sources.map(\.position) == read.sources.map(\.position))
        // Normals are made of length one again when they are read.
        for (one, expected) in zip(converted.sources, read.sources) {
            #expect((one.amplitudes - expected.amplitudes).squaredNorm <= 1e-24 * expected.amplitudes.squaredNorm)
        }
        #expect(converted.times == read.times && converted.condition == "simulated")
        #expect(abs(converted.selection.chosen.lambda / read.selection.chosen.lambda - 1) <= 1e-12)
    }
}
