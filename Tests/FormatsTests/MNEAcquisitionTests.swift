import Foundation
import SourceImaging
import TestSupport
import Testing

@testable import Formats

/// How recordings came about, and several conditions of them as one, compared with MNE-Python.
extension MNEReadingTests {
    /// What MNE-Python says of a file.
    private struct Expected: Decodable {
        let trans: [Double]?
        let rank: Int?
        let subject: String
        let grade: Int
    }

    @Test("Ranks of Maxwell filters, transforms, grades of compensation and subjects are those that MNE reads")
    func acquisition() throws {
        try make("acquisition")
        let all = try JSONDecoder().decode([String: Expected].self, from: Data(folder.read("expected.json")))
        #expect(all.count == 10)
        for (name, expected) in all {
            let file = try reader(name)
            var acquisition: Acquisition
            let sensors: Sensors
            if file.contents == [.forward] {
                let forward = try file.forward(ReadingOptions())
                (acquisition, sensors) = (forward.acquisition, forward.sensors)
                // The source spaces name the subject of a forward.
                #expect(acquisition.subject == forward.subject)
                acquisition.subject = ""
                try folder.write("own.h5", ForwardFile.encode(forward))
                let read = try ForwardFile.read(folder.file("own.h5"))
                #expect(read.acquisition == forward.acquisition && read.sensors == forward.sensors)
            } else {
                var options = ReadingOptions()
                if name.hasSuffix("raw.fif") {
                    let start = try folder.write("start.eve", Array("100 0 1\n".utf8))
                    (options.epochs.events, options.epochs.window) = (start, 0...0.1)
                }
                let recording = try file.recording(options)
                (acquisition, sensors) = (recording.acquisition, recording.sensors)
                try folder.write("own.h5", RecordingFile.encode(recording))
                let read = try RecordingFile.read(folder.file("own.h5"))
                #expect(read.acquisition == acquisition && read.sensors == sensors)
            }
            #expect(acquisition.maxwellRank == expected.rank, "\(name)")
            #expect(acquisition.subject == expected.subject, "\(name)")
            let grade = expected.grade > 0 ? "grade \(expected.grade)" : "none"
            #expect(sensors.compensations == sensors.kinds.map { $0 == .eeg ? "none" : grade }, "\(name)")
            #expect((acquisition.deviceToHead == nil) == (expected.trans == nil), "\(name)")
            if let found = acquisition.deviceToHead, let trans = expected.trans {
                for i in 0..<3 {
                    for j in 0..<3 { #expect(abs(found.rotation[i][j] - trans[4 * i + j]) < 1e-7) }
                    #expect(abs(found.translation[i] - trans[4 * i + 3]) < 1e-7)
                }
            }
            #expect(acquisition.notes.isEmpty)
        }
        let stretched = try reader("stretched-ave.fif").recording(ReadingOptions()).acquisition
        #expect(stretched.deviceToHead == nil && stretched.notes.count == 1)
        for (name, says) in [
            ("components-ave.fif", "components other than 0 and 1"), ("order-ave.fif", "order 2000000000"),
        ] {
            #expect { try reader(name).recording(ReadingOptions()) } throws: {
                "\($0)".hasPrefix(folder.file(name)) && "\($0)".contains(says)
            }
        }
    }

    @Test("Several conditions are one as MNE combines averages by their trials, and selects epochs by tags")
    func unions() throws {
        try make("unions")
        for (file, conditions, trials) in [
            ("union-ave.fif", ["tone/left", "tone/right"], 27.0), ("union-ave.fif", ["tone"], 27),
            ("union-epo.fif", ["tone"], 6),
        ] {
            let recording = try reader(file).recording(ReadingOptions(conditions: conditions))
            let expected = try RecordingFile.read(folder.file("\(file).h5"))
            #expect(recording.trialCount == trials && expected.averages == trials)
            #expect(difference(recording.average, expected.epochs[0]) <= 1e-12)
        }
    }

    @Test("A covariance whose names differ a little keeps them; one with none of the names says what to do")
    func namesOfCovariances() throws {
        try make("covariances")
        let expected = try CovarianceFile.read(folder.file("full-cov.fif.h5"))
        func renamed(_ rename: (String) -> String) throws -> Sensors {
            try Sensors(names: expected.sensors.names.map(rename), kinds: expected.sensors.kinds)
        }
        let file = try reader("full-cov.fif")
        let like = try file.covariance(ReadingOptions(sensors: renamed { $0.replacing(" ", with: "").lowercased() }))
        #expect(like.matrix == expected.matrix && like.sensors.names == expected.sensors.names)
        #expect(like.sensors.kinds == expected.sensors.kinds)
        #expect { try file.covariance(ReadingOptions(sensors: renamed { "X" + $0 })) } throws: {
            ($0 as? InputError)?.text { "--\($0.rawValue)" }.contains("--match-names loose") == true
        }
    }
}
