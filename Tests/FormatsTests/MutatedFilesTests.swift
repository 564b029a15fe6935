import Foundation
import TestSupport
import Testing

@testable import Formats

@Suite("Damaged files")
struct MutatedFilesTests {
    /// 20,400 files in all, by two processes side by side.
    @Test(
        "never crash a reader, never take two seconds, nor four times their size in memory",
        .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)), arguments: [1, 2])
    func mutations(seed: Int) throws {
        let folder = try TemporaryFolder()
        try PythonEnvironment.run(MATLABSamples.all, in: folder.path)
        let estimate = try EstimateFile.encode(try Samples.estimate(), programVersion: "1")
        try folder.write("estimate.h5", estimate)
        let originals = folder.contents.filter { !$0.hasSuffix(".fdt") }
        let work = try TemporaryFolder()
        try folder.read("flat.fdt").withUnsafeBytes { _ = try work.write("flat.fdt", $0) }

        try read(seed, 10200, originals.map { folder.file($0) }, work, mostRefused: true)
    }

    /// 20,000 FIF files, by two processes side by side.
    @Test(
        "of FIF and of events neither, whatever their tags say of sizes, types and what comes next",
        .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)), arguments: [1, 2])
    func tags(seed: Int) throws {
        let folder = try TemporaryFolder()
        try PythonEnvironment.run(
            "import mnefiles\nfor make in mnefiles.damageable: make()", in: folder.path)
        let originals = folder.contents.filter { name in
            [".fif", ".gz", ".eve", ".tsv"].contains { name.hasSuffix($0) }
        }
        #expect(originals.count >= 14)
        try read(seed, 10000, originals.map { folder.file($0) }, TemporaryFolder(), mostRefused: false)
    }

    private func read(
        _ seed: Int, _ count: Int, _ originals: [String], _ work: TemporaryFolder, mostRefused: Bool
    ) throws {
        let process = Process()
        process.executableURL = URL(
            fileURLWithPath: try #require(BuiltProgram.path("MutatedFiles"), "there is no program MutatedFiles"))
        process.arguments = ["\(seed)", "\(count)", work.path] + originals
        let (output, errors) = (work.file("output"), work.file("errors"))
        for name in [output, errors] { _ = FileManager.default.createFile(atPath: name, contents: nil) }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        process.waitUntilExit()
        let said = String(decoding: try work.read("errors"), as: UTF8.self)
        if process.terminationReason == .uncaughtSignal || process.terminationStatus != 0 {
            let kept = NSTemporaryDirectory() + "foci-mutated-\(UUID().uuidString)"
            try? FileManager.default.copyItem(atPath: work.file("mutated"), toPath: kept)
            Issue.record("signal or status \(process.terminationStatus) \(said): \(kept)")
        }
        // Many are refused, some are still sound: damage to numbers is no damage to the file.
        let counts = String(decoding: try work.read("output"), as: UTF8.self).split(whereSeparator: { !$0.isNumber })
            .compactMap { Int($0) }
        #expect(counts.count == 3 && counts[0] == count && counts[1] > 1000, "\(counts)")
        #expect(counts.last ?? 0 > (mostRefused ? 4000 : 2000), "\(counts)")
    }
}
