import ArgumentParser
import Foci
import Foundation

/// `foci convert`: the content of one file in the format of another.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write a file in another format.",
        discussion: """
            The input's format is told by its content, the output's by the ending of its name:
              .h5              this program's own layout (forward, recording, covariance)
              -stc.h5          source estimate for mne.read_source_estimate
              .stc             the same as a pair -lh.stc and -rh.stc, or -vl.stc
              .dip             dipoles for mne.read_dipole
              .mat             MATLAB 7.3, one struct 'estimate'

            EXAMPLES
              foci convert result/estimate.h5 sub-01-stc.h5
              foci convert timelock.mat sub-01.recording.h5 --what recording
            """)

    @Argument(help: ArgumentHelp("The file to read.", valueName: "in"))
    var input: String

    @Argument(help: ArgumentHelp("The file to write; must not exist.", valueName: "out"))
    var output: String

    @Option(
        help: ArgumentHelp("What to write of a file that holds more than one thing.", valueName: "content"))
    var what: FileContent?

    @OptionGroup var reading: FileOptions

    @Flag(help: "Replace files that exist.")
    var force = false

    mutating func run() throws {
        let reader = try FileFormats.open(input)
        let options = try reading.options()
        let value: FileValue =
            switch try content(of: reader) {
            case .forward: .forward(try reader.forward(options))
            case .recording: .recording(try reader.recording(options))
            case .covariance: .covariance(try reader.covariance(options))
            case .estimate: .estimate(try reader.estimate(options))
            case .problem, .truth:
                throw InputError(
                    input, found: "a file of a kind that no other format has",
                    expected: "a forward, recording, covariance or estimate")
            }
        let files = try FileFormats.encode(value, to: output)
        for file in files where !force && FileManager.default.fileExists(atPath: file.path) {
            throw InputError(
                file.path, found: "a file that exists", expected: "a new one",
                advice: "choose another name, or replace it with --force")
        }
        for file in files { try AtomicFile.write(file.bytes, to: file.path) }
        let logger = Terminal.logger(quiet: false)
        for note in notes(of: value) { logger.warning("\(note.text(naming: optionName))") }
    }

    /// What the reader of a value had to decide.
    private func notes(of value: FileValue) -> [Message] {
        switch value {
        case .forward(let forward): forward.acquisition.notes
        case .recording(let recording): recording.acquisition.notes
        case .covariance(let covariance): covariance.acquisition.notes
        case .estimate: []
        }
    }

    private func content(of reader: any FormatReader) throws -> FileContent {
        let contents = reader.contents
        if let what { return what }
        guard contents.count == 1, let only = contents.first else {
            let names = contents.map(\.rawValue).joined(separator: ", ")
            throw InputError(
                input, found: contents.isEmpty ? "nothing that can be written elsewhere" : "a file with \(names)",
                expected: contents.isEmpty ? "a forward, recording, covariance or estimate" : "one of them",
                advice: contents.isEmpty ? "" : "choose it with --what")
        }
        return only
    }
}

extension FileContent: ExpressibleByArgument {}
