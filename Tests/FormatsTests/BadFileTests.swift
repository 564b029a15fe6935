import Foundation
import HDF5
import SourceImaging
import TestSupport
import Testing

@testable import Formats

/// One thing wrong with a file, and what the error must name.
struct Fault: Sendable, CustomTestStringConvertible {
    let name: String
    let mentions: [String]
    let write: @Sendable (borrowing HDF5Writer) throws -> Void
    var testDescription: String { name }
}

@Suite("Formats: bad files")
struct BadFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The error of a reading; nil when it succeeds.
    private func error<T>(_ body: () throws(InputError) -> T) -> InputError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }

    /// A forward of two channels and two sources, with parts left out or replaced.
    @Sendable private static func forward(
        _ writer: borrowing HDF5Writer, without: Set<String> = [], names: [String] = ["A", "B"],
        kinds: [String] = ["mag", "eeg"], gain: [Double] = [1, 2, 3, 4], gainShape: [Int] = [2, 2],
        orientations: Int = 1, frame: String = "head", positions: [Double] = [0, 0, 0.05, 0, 0.05, 0],
        positionShape: [Int] = [2, 3], hemispheres: [Int]? = nil, triangles: [Int]? = nil, format: String = "forward",
        version: Int = 1
    ) throws {
        try writer.attribute("format", format)
        try writer.attribute("version", version)
        if !without.contains("gain") {
            try writer.dataset("gain", gain, shape: gainShape)
            if !without.contains("orientations") { try writer.attribute("orientations", of: "gain", orientations) }
        }
        if !without.contains("name") { try writer.dataset("sensors/name", strings: names) }
        if !without.contains("kind") { try writer.dataset("sensors/kind", strings: kinds) }
        if !without.contains("position") { try writer.dataset("sources/position", positions, shape: positionShape) }
        if !without.contains("frame") { try writer.attribute("frame", of: "sources", frame) }
        if let hemispheres {
            try writer.dataset("sources/hemisphere", integers: hemispheres, shape: [hemispheres.count])
        }
        if let triangles {
            try writer.dataset("sources/triangles", integers: triangles, shape: [triangles.count / 3, 3])
        }
    }

    static let faults: [Fault] = [
        Fault(name: "another format", mentions: ["recording", "forward"]) { try forward($0, format: "recording") },
        Fault(name: "unknown format", mentions: ["@format", "'dipoles'"]) { try forward($0, format: "dipoles") },
        Fault(name: "newer version", mentions: ["version", "9"]) { try forward($0, version: 9) },
        Fault(name: "no gain", mentions: ["gain"]) { try forward($0, without: ["gain"]) },
        Fault(name: "no orientations", mentions: ["gain@orientations"]) { try forward($0, without: ["orientations"]) },
        Fault(name: "two orientations", mentions: ["orientations", "2"]) { try forward($0, orientations: 2) },
        Fault(name: "no names", mentions: ["sensors/name"]) { try forward($0, without: ["name"]) },
        Fault(name: "no kinds", mentions: ["sensors/kind"]) { try forward($0, without: ["kind"]) },
        Fault(name: "no frame", mentions: ["sources@frame"]) { try forward($0, without: ["frame"]) },
        Fault(name: "unknown frame", mentions: ["frame", "'device'"]) { try forward($0, frame: "device") },
        Fault(name: "unknown kind", mentions: ["sensors/kind", "'stim'", "'B'"]) {
            try forward($0, kinds: ["mag", "stim"])
        },
        Fault(name: "too few kinds", mentions: ["sensors/kind", "2"]) { try forward($0, kinds: ["mag"]) },
        Fault(name: "name twice", mentions: ["sensors/name", "'A'"]) { try forward($0, names: ["A", "A"]) },
        Fault(name: "gain with one dimension", mentions: ["gain"]) { try forward($0, gainShape: [4]) },
        Fault(name: "gain of other channels", mentions: ["gain", "rows"]) { try forward($0, gainShape: [4, 1]) },
        Fault(name: "gain of other sources", mentions: ["gain", "columns"]) {
            try forward($0, gain: [1, 2, 3, 4, 5, 6], gainShape: [2, 3])
        },
        Fault(name: "NaN in the whole gain", mentions: ["gain", "nan", "'A'", "source 0"]) {
            try forward($0, gain: [.nan, 2, .infinity, 4])
        },
        Fault(name: "positions of two coordinates", mentions: ["sources/position", "3 × 2"]) {
            try forward($0, positionShape: [3, 2])
        },
        Fault(name: "positions in mm", mentions: ["sources/position", "millimetres"]) {
            try forward($0, positions: [0, 0, 50, 0, 50, 0])
        },
        Fault(name: "hemisphere 2", mentions: ["sources/hemisphere", "2", "source 1"]) {
            try forward($0, hemispheres: [0, 2])
        },
        Fault(name: "too many hemispheres", mentions: ["sources/hemisphere", "3"]) {
            try forward($0, hemispheres: [0, 1, 1])
        },
        Fault(name: "a triangle of no source", mentions: ["sources/triangles", "source 2", "0 to 1"]) {
            try forward($0, triangles: [0, 1, 0, 1, 0, 2])
        },
        Fault(name: "a triangle before all sources", mentions: ["sources/triangles", "source -1"]) {
            try forward($0, triangles: [0, -1, 0])
        },
        Fault(name: "triangles of strings", mentions: ["sources/triangles", "strings"]) {
            try forward($0)
            try $0.dataset("sources/triangles", strings: ["0", "1", "0"])
        },
        Fault(name: "gain of strings", mentions: ["gain", "strings"]) {
            try forward($0, without: ["gain"])
            try $0.dataset("gain", strings: ["1", "2"])
        },
    ]

    @Test("A forward with one fault gives an error that names file, place and finding", arguments: faults)
    func faultyForward(_ fault: Fault) throws {
        let writer = try HDF5Writer()
        try fault.write(writer)
        let path = try folder.write("faulty.h5", try writer.finish())
        let line = try #require(error { () throws(InputError) in try ForwardFile.read(path) }).description
        #expect(line.hasPrefix(path))
        #expect(!line.contains("\n"))
        for part in fault.mentions { #expect(line.contains(part), "'\(part)' in: \(line)") }
    }

    @Test("The forward that the faults are made from is itself fine")
    func faultless() throws {
        let writer = try HDF5Writer()
        try Self.forward(writer)
        let read = try ForwardFile.read(try folder.write("fine.h5", try writer.finish()))
        #expect(read.gain.elements == [1, 3, 2, 4])
    }

    @Test("NaN in a recording is read: it is for whoever uses the channel to refuse it")
    func nanInRecording() throws {
        var bytes = try RecordingFile.encode(Samples.recording())
        let value = try Samples.recording().epochs[0][2, 7]
        let pattern = withUnsafeBytes(of: value) { Array($0) }
        let start = try #require((0..<(bytes.count - 8)).first { Array(bytes[$0..<($0 + 8)]) == pattern })
        bytes.replaceSubrange(start..<(start + 8), with: withUnsafeBytes(of: Double.nan) { Array($0) })
        let path = try folder.write("nan.h5", bytes)
        #expect(try RecordingFile.read(path).epochs[0][2, 7].isNaN)
    }

    @Test("Problems whose parts disagree are refused")
    func problems() throws {
        let matrix = Matrix(rows: 2, columns: 4, repeating: 1)
        #expect(throws: InputError.self) { try ProblemContents(gain: matrix, data: matrix, orientations: 3) }
        #expect(throws: InputError.self) {
            try ProblemContents(gain: matrix, data: Matrix(rows: 3, columns: 1), orientations: 1)
        }
        #expect(throws: InputError.self) {
            try ProblemContents(gain: matrix, data: Matrix(rows: 2, columns: 1, repeating: .infinity), orientations: 1)
        }
    }

    @Test("Missing, empty, foreign and cut files name the path as given")
    func unreadable() throws {
        let bytes = try CovarianceFile.encode(Samples.covariance())
        var paths = [folder.file("absent.h5"), folder.path]
        paths.append(try folder.write("empty.h5", []))
        paths.append(try folder.write("text.h5", Array("hello, world\n".utf8)))
        for k in 1..<12 { paths.append(try folder.write("cut\(k).h5", bytes.prefix(bytes.count * k / 12))) }
        for path in paths {
            let line = try #require(error { () throws(InputError) in try CovarianceFile.read(path) }).description
            #expect(line.hasPrefix(path + ": "))
            #expect(error { () throws(InputError) in try FileInspection.describe(path) } != nil)
        }
    }

    @Test("Flipped bits of any content give values or errors, never a crash", arguments: FileContent.allCases)
    func mutations(content: FileContent) throws {
        let original: [UInt8] =
            switch content {
            case .forward: try ForwardFile.encode(Samples.forward(), singlePrecision: true)
            case .recording: try RecordingFile.encode(Samples.recording(epochs: 3))
            case .covariance: try CovarianceFile.encode(Samples.covariance())
            case .problem:
                try ProblemFile.encode(
                    ProblemContents(
                        gain: Matrix(rows: 3, columns: 6, repeating: 1), data: Matrix(rows: 3, columns: 2),
                        orientations: 3))
            case .estimate: try EstimateFile.encode(Samples.estimate(), programVersion: "1")
            case .truth: try TruthFile.encode(Samples.truth())
            }
        var random = SeededGenerator(seed: 2024)
        var errors = 0
        for _ in 0..<120 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            let path = try folder.write("mutated.h5", bytes)
            if let error = error({ () throws(InputError) in try FileInspection.describe(path) }) {
                errors += 1
                #expect(error.description.hasPrefix(path))
            }
        }
        #expect(errors > 0)
    }
}
