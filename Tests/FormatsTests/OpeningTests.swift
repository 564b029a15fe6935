import Foundation
import Glibc
import HDF5
import SourceImaging
import TestSupport
import Testing

@testable import Formats

/// A file is opened once for all that look into it. The system tells: a name that leads elsewhere by then opens no
/// second time, and a process lists the descriptors that it has.
@Suite("Formats: each file is opened once")
struct OpeningTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A file that is opened, after which its name leads to another.
    private func openedAndReplaced(_ bytes: [UInt8]) throws -> any FormatReader {
        let path = try folder.write("file", bytes)
        let reader = try FileFormats.open(path)
        try folder.write("other", Array("no longer there".utf8))
        #expect(rename(folder.file("other"), path) == 0)
        return reader
    }

    @Test("What was told by its content is what is read, whatever its name leads to by then")
    func replaced() throws {
        let options = ReadingOptions()
        let forward = try openedAndReplaced(ForwardFile.encode(Samples.forward(), singlePrecision: true))
        #expect(try forward.forward(options).sources == Samples.forward().sources)
        let recording = try openedAndReplaced(RecordingFile.encode(Samples.recording(epochs: 3)))
        #expect(try recording.recording(options).epochs == Samples.recording(epochs: 3).epochs)
        let covariance = try openedAndReplaced(CovarianceFile.encode(Samples.covariance()))
        #expect(try covariance.covariance(options).matrix == Samples.covariance().matrix)
        let estimate = try openedAndReplaced(EstimateFile.encode(Samples.estimate(), programVersion: "1"))
        #expect(try estimate.estimate(options).times == Samples.estimate().times)
        let truth = try openedAndReplaced(TruthFile.encode(Samples.truth()))
        #expect(try truth.describe(.truth, options)?.facts.isEmpty == false)
    }

    /// Descriptors of this process that lead to a file.
    private func descriptors(of path: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.count {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
        }
    }

    @Test("One descriptor serves the check, HDF5 and the reading, and closes with the last of them")
    func descriptors() throws {
        let path = URL(fileURLWithPath: try folder.write("file", RecordingFile.encode(Samples.recording())))
            .resolvingSymlinksInPath().path
        var reader: (any FormatReader)? = try FileFormats.open(path)
        #expect(descriptors(of: path) == 1)
        _ = try reader?.recording(ReadingOptions())
        #expect(descriptors(of: path) == 1)
        reader = nil
        #expect(descriptors(of: path) == 0)
    }

    @Test("A file of channels is opened by the first that asks for it, and once for all that share the options")
    func channels() throws {
        let path = try folder.write("channels", RecordingFile.encode(Samples.recording()))
        let options = ReadingOptions(channels: path)
        let file = try #require(options.channelFile)
        let first = try file.candidate()
        #expect(unlink(path) == 0)
        #expect(try options.channelFile?.candidate().input === first.input)
        #expect(throws: InputError.self) { try ReadingOptions(channels: path).channelFile?.candidate() }
    }

    @Test("A file that is cut off while it is open is an error of one line")
    func cutOff() throws {
        let path = try folder.write("cut", ForwardFile.encode(Samples.forward(), singlePrecision: true))
        let reader = try FileFormats.open(path)
        #expect(truncate(path, 600) == 0)
        let error = #expect(throws: InputError.self) { try reader.forward(ReadingOptions()) }
        #expect(error?.description.hasPrefix(path) == true && error?.description.contains("\n") == false)
    }
}

/// What a new format takes: a type, and its name in a list.
@Suite("Formats: a new one")
struct NewFormatTests {
    /// Recordings of one channel as text: a sample a line.
    private struct Lines: FormatReader, FormatWriter {
        static let formatName = "lines"
        static let endings = [".lines"]
        let contents: [FileContent] = [.recording]
        let path: String
        let values: [Double]

        static func open(_ candidate: FileCandidate) throws(InputError) -> Lines? {
            let lines = String(decoding: candidate.head, as: UTF8.self).split(separator: "\n")
            guard lines.first == "lines" else { return nil }
            return Lines(path: candidate.path, values: lines.dropFirst().compactMap { Double($0) })
        }

        func recording(_ options: ReadingOptions) throws(InputError) -> Recording {
            try Recording(
                epochs: [Matrix(rows: 1, columns: values.count, elements: values)], samplingFrequency: 1, firstTime: 0,
                sensors: Sensors(names: ["A"], kinds: [.eeg]))
        }

        static func encode(_ value: FileValue, to path: String) throws(InputError) -> [(path: String, bytes: [UInt8])] {
            guard case .recording(let recording) = value else { throw cannotHold(value.content, path) }
            let lines = ["lines"] + recording.average.row(0).map { "\($0)" }
            return [(path, Array(lines.joined(separator: "\n").utf8))]
        }
    }

    @Test("is one type that reads and writes, and a line in each list")
    func lines() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("r.lines")
        let sensors = try Sensors(names: ["A"], kinds: [.eeg])
        let recording = try Recording(
            epochs: [Matrix(rows: 1, columns: 3, elements: [1, -2, 0.5])], samplingFrequency: 1, firstTime: 0,
            sensors: sensors)
        for file in try FileFormats.encode(
            .recording(recording), to: path, by: FileFormats.writers + [Lines.self])
        { try AtomicFile.write(file.bytes, to: file.path) }
        let reader = try FileFormats.open(FileCandidate(path), by: FileFormats.readers + [Lines.self])
        #expect(try reader.recording(ReadingOptions()).epochs == recording.epochs)
        #expect(throws: InputError.self) { try reader.forward(ReadingOptions()) }
        let error = #expect(throws: InputError.self) { try FileFormats.open(path) }
        #expect(error?.description.contains("a text file; expected one of Foci HDF5, FIF") == true, "\(error as Any)")
    }

    @Test("Of no known layout: the message names those that are, and no command of a program")
    func unknown() throws {
        let folder = try TemporaryFolder()
        let writer = try HDF5Writer()
        try writer.dataset("numbers", [1], shape: [1])
        let path = try folder.write("x.h5", try writer.finish())
        let error = #expect(throws: InputError.self) { try FileFormats.open(path) }
        let message = error?.description ?? ""
        for format in FileFormats.readers { #expect(message.contains(format.formatName)) }
        #expect(!message.contains("foci ") && message.contains("attribute 'format'"), "\(message)")
        // A file of MNE-Python that only HDF5 would do for is told so, without being told to be another.
        let beginning: [UInt8] = [0, 0, 0, 100, 0, 0, 0, 31, 0, 0, 0, 20]
        let fif = try folder.write("x.fif", beginning + [UInt8](repeating: 0, count: 64))
        let refused = #expect(throws: InputError.self) { try ProblemFile.read(fif) }
        let expected = "\(fif): not an HDF5 file: it looks like a FIF file (MNE, MEGIN); expected HDF5"
        #expect(refused?.description == expected)
    }
}
