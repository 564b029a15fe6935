import Foundation
import SourceImaging
import TestSupport
import Testing

@testable import Formats

/// Raw recordings, compared with the epochs that MNE-Python cuts out of them.
extension MNEReadingTests {
    private func options(_ events: String, _ conditions: [String] = [], window: ClosedRange<Double> = -0.05...0.1)
        -> ReadingOptions
    {
        var options = ReadingOptions(conditions: conditions)
        let path = folder.file(events)
        options.epochs.events = FileManager.default.fileExists(atPath: path) ? path : events
        options.epochs.window = window
        return options
    }

    /// The error of a reading in one line, settings as options.
    private func line(_ name: String, _ options: ReadingOptions) -> String {
        do throws(InputError) {
            _ = try FileFormats.open(folder.file(name)).recording(options)
            return ""
        } catch {
            return error.text { "--\($0.rawValue)" }
        }
    }

    private func expectClose(_ one: Recording, _ other: Recording) {
        #expect(one.epochs.count == other.epochs.count && !one.epochs.isEmpty)
        for (epoch, expected) in zip(one.epochs, other.epochs) { #expect(difference(epoch, expected) <= 1e-12) }
        #expect(difference(one.average, other.average) <= 1e-12)
        #expect(abs(one.firstTime - other.firstTime) <= 1e-12 && one.samplingFrequency == other.samplingFrequency)
        #expect(one.averages == 1 && one.condition == other.condition && one.isProjected == other.isProjected)
        #expect(difference(one.projectors, other.projectors) <= 1e-15)
        expectSame(one.sensors, other.sensors)
    }

    @Test("Raw recordings of every type of number, packed, with gaps, bad stretches, events in every form, rejection")
    func raws() throws {
        try make("raws")
        for type in ["short", "int", "single", "double"] {
            let file = try reader("\(type)-raw.fif")
            for conditions in [["1"], ["2"], ["3", "5"]] {
                let expected = try RecordingFile.read(folder.file("\(type)-raw.fif.\(conditions[0]).h5"))
                expectClose(try file.recording(options("STI014", conditions)), expected)
            }
            var rejecting = options("STI 014", ["1"])
            rejecting.epochs.rejection = [.grad: 1e-10, .eeg: 2e-5]
            let recording = try file.recording(rejecting)
            let expected = try RecordingFile.read(folder.file("\(type)-raw.fif.rejected.h5"))
            expectClose(recording, expected)
            let all = try RecordingFile.read(folder.file("\(type)-raw.fif.1.h5")).epochs.count
            #expect(expected.epochs.count < all)
            let note = "\(all - expected.epochs.count) of \(all) epochs rejected, "
            #expect(recording.acquisition.notes.contains { $0.text { $0.rawValue }.hasPrefix(note) })
        }
        for (file, events) in [
            ("double-raw.fif", "list-eve.fif"), ("double-raw.fif", "packed-eve.fif.gz"), ("double-raw.fif", "text.eve"),
            ("double-raw.fif", "old.eve"), ("double-raw.fif", "values.tsv"), ("packed-raw.fif.gz", "text.eve"),
        ] {
            let expected = try RecordingFile.read(folder.file("double-raw.fif.1.h5"))
            expectClose(try reader(file).recording(options(events, ["1"])), expected)
        }
        for name in ["gap", "negative"] {
            let recording = try reader("\(name)-raw.fif").recording(options("STI 014", ["1"]))
            expectClose(recording, try RecordingFile.read(folder.file("\(name)-raw.fif.1.h5")))
            #expect(!recording.acquisition.notes.isEmpty)
        }
        // Types of trials are conditions with tags.
        let typed = try reader("double-raw.fif").recording(options("events.tsv", ["code/3", "code/5"]))
        #expect(try typed.epochs.count == RecordingFile.read(folder.file("double-raw.fif.3.h5")).epochs.count)
        #expect(typed.condition.contains("code/3") && typed.condition.contains(" + "))
        try inspection()
        try refusedRaws()
    }

    private func inspection() throws {
        let description = try FileInspection.describe(folder.file("int-raw.fif"))
        #expect(description.contents == [.recording] && description.conditions.isEmpty)
        for (name, value) in [
            ("raw data", "48 channels × 2400 samples"), ("trigger channels", "'STI 014'"), ("duration", "3.996 s"),
            ("channels", "12 magnetometers (T), 24 planar"), ("sampling frequency", "600.6 Hz"),
        ] {
            let found = description.facts.first { $0.name == name }?.value
            #expect(found?.hasPrefix(value.components(separatedBy: ", 24")[0]) == true, "\(found ?? "no") \(name)")
        }
        let conditions = try FileInspection.describe(folder.file("int-raw.fif"), options: options("STI 014")).facts
        #expect(conditions.contains { $0.name == "conditions" && $0.value.contains("'1' (") })
        // A raw recording says what the channels of a covariance measure.
        try make("covariances")
        let covariance = try reader("full-cov.fif").covariance(ReadingOptions(channels: folder.file("int-raw.fif")))
        #expect(covariance.sensors.count == 46)
    }

    private func refusedRaws() throws {
        try folder.write("words.txt", Array("1234 0 1\n1300 zero 1\n".utf8))
        try folder.write("two.txt", Array("1234 1\n".utf8))
        try folder.write("far.eve", Array("9999999 0 1\n".utf8))
        try folder.write("no.tsv", Array("onset\tduration\n1\t0\n".utf8))
        try folder.write("onset.tsv", Array("onset\tvalue\n1\t0\nsoon\t1\n".utf8))
        try folder.write("binary", [0, 1, 2, 3])
        try folder.write("zeros.tsv", Array("onset\tvalue\n1\t02\n2\t01\n".utf8))
        let codes = try FileInspection.describe(folder.file("int-raw.fif"), options: options("zeros.tsv")).facts
        #expect(codes.contains { $0.name == "conditions" && $0.value == "0 '01' (1 epochs), 1 '02' (0 epochs)" })
        try folder.write("none.txt", Array("# nothing\n".utf8))
        var rejecting = options("STI 014", ["1"])
        rejecting.epochs.rejection = [.eeg: 1e-9]
        for (name, options, says) in [
            ("int-raw.fif", ReadingOptions(), ["give --events FILE", "'STI 014'", "--epoch"]),
            ("int-raw.fif", options("STI 014"), ["4 conditions: 0 '1' (", "--condition NAME"]),
            ("int-raw.fif", options("STI 014", ["7"]), ["no condition '7'", "'5' ("]),
            ("int-raw.fif", options("STI 101", ["1"]), ["neither a file nor a channel", "'STI 014'"]),
            ("int-raw.fif", options("words.txt"), ["words.txt", "line 2", "zero"]),
            ("int-raw.fif", options("two.txt"), ["two.txt", "line 1"]),
            ("int-raw.fif", options("far.eve"), ["no epoch", "--events"]),
            ("int-raw.fif", options("no.tsv"), ["no.tsv", "onset, duration", "trial_type"]),
            ("int-raw.fif", options("onset.tsv"), ["line 3", "'soon'"]),
            ("int-raw.fif", options("binary"), ["binary", "events.tsv"]),
            ("int-raw.fif", options("none.txt"), ["none.txt", "--events"]),
            ("int-raw.fif", options("int-raw.fif.1.h5"), ["int-raw.fif.1.h5", "-eve.fif"]),
            ("int-raw.fif", options("int-raw.fif"), ["int-raw.fif", "without events"]),
            ("int-raw.fif", options("EEG 003", ["1"]), []),
            ("split-raw.fif", options("STI 014", ["1"]), ["goes on in another file", "mne.Epochs"]),
            ("shielded-raw.fif", options("STI 014", ["1"]), ["active shielding", "MaxFilter"]),
            ("int-raw.fif", options("STI 014", ["1"], window: -1e9...1e9), ["reach out of the data"]),
            ("int-raw.fif", rejecting, ["--reject", "epochs rejected", "by channel 'EEG"]),
            ("kinds-ave.fif", options("STI 014"), ["kinds-ave.fif", "leave --events out"]),
            ("int-raw.fif.1.h5", options("STI 014"), ["int-raw.fif.1.h5", "leave --events out"]),
        ] as [(String, ReadingOptions, [String])] {
            let line = line(name, options)
            #expect(!line.isEmpty && !line.contains("\n"))
            for part in says { #expect(line.contains(part), "'\(part)' in: \(line)") }
        }
    }
}
