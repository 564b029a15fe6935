import Foci
import Foundation
import TestSupport
import Testing

/// Facts that files state, or that their numbers do, and that decide what is right: each in a small recording of two
/// sources at electrodes, beside the same without it.
@Suite(
    "Facts in files, from beginning to end",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct FactsInFilesTests {
    private static let files = Result { try PythonFiles("import situations; situations.facts()") }

    let folder: TemporaryFolder

    init() throws { folder = try Self.files.get().folder() }

    /// Places of the sources in the forward.
    private static let (tone, flash) = (15, 75)

    // MARK: Running

    private func run(
        _ recording: String, _ covariance: String?, forward: String = "eeg-fwd.fif", _ options: [String]
    ) throws -> Program.Outcome {
        let window = options.contains("--window") ? [] : ["--window", "0.04", "0.16"]
        return try Program.run(
            Workspace.localization(
                forward: forward, recording: recording, covariance: covariance, output: "result",
                ["--json", "--quiet", "--force"] + window + options),
            in: folder.path)
    }

    /// The summary of a localization; its covariance is that of the recording's name where nothing else is said.
    private func localize(
        _ recording: String, _ covariance: String? = "plain-cov.h5", forward: String = "eeg-fwd.fif",
        _ options: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> JSON {
        let outcome = try run(recording, covariance, forward: forward, options)
        try #require(outcome.status == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
        return try JSON(parsing: outcome.output)
    }

    /// The line on standard error of a localization that is refused.
    private func refusal(
        _ recording: String, _ covariance: String? = "plain-cov.h5", forward: String = "eeg-fwd.fif",
        _ options: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let outcome = try run(recording, covariance, forward: forward, options)
        expectRefusal(outcome, naming: [recording], sourceLocation: sourceLocation)
        return outcome.errors
    }

    // MARK: Comparing

    private func places(_ summary: JSON) -> [Int] { summary["sources"].list.compactMap { $0["index"].integer } }

    /// Expects both sources and no other, each of 60 nA·m to a fourth.
    private func expectTruth(_ summary: JSON, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(Set(places(summary)) == [Self.tone, Self.flash], sourceLocation: sourceLocation)
        for source in summary["sources"].list {
            #expect(abs((source["peak_nAm"].number ?? 0) / 60 - 1) < 0.25, sourceLocation: sourceLocation)
        }
    }

    /// Expects the same rank, noise and sources, with the same peaks.
    private func expectSame(
        _ one: JSON, _ other: JSON, tolerance: Double = 1e-6, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(one["rank"] == other["rank"], sourceLocation: sourceLocation)
        #expect(!places(other).isEmpty && places(one) == places(other), sourceLocation: sourceLocation)
        for key in ["noise_deviation", "lambda", "goodness_of_fit"] {
            let (a, b) = (one[key].number ?? .nan, other[key].number ?? .nan)
            #expect(abs(a / b - 1) <= tolerance, "\(key)", sourceLocation: sourceLocation)
        }
        for (a, b) in zip(one["sources"].list, other["sources"].list) {
            let (peak, expected) = (a["peak_nAm"].number ?? .nan, b["peak_nAm"].number ?? .nan)
            #expect(abs(peak / expected - 1) <= tolerance, sourceLocation: sourceLocation)
        }
    }

    /// What was found of a thing, where it is not as it should be.
    private func looks(_ summary: JSON, _ name: String) -> [String] {
        summary["checks"].list.filter { $0["name"].text == name && $0["mark"] == .text("look") }
            .map { ($0["finding"].text ?? "") + "; " + ($0["advice"].text ?? "") }
    }

    // MARK: References

    @Test("The reference changes nothing: the mean, an electrode of zeros, the ears")
    func references() throws {
        let expected = try localize("plain.h5")
        expectTruth(expected)
        #expect(expected["rank"].integer == 23)
        for name in ["average", "zero", "ears"] { try expectSame(localize("\(name).h5", "\(name)-cov.h5"), expected) }
        let zero = try localize("zero.h5", "zero-cov.h5")
        #expect(looks(zero, "channels").isEmpty)
        #expect(zero["checks"].list.contains { $0["finding"].text?.hasPrefix("'Cz' is zero") == true })
    }

    @Test("A reference electrode that is not stored leaves what the others have against their own mean")
    func referenceNotStored() throws {
        let summary = try localize("unstored.h5", "unstored-cov.h5")
        #expect(summary["rank"].integer == 22)
        try expectSame(summary, localize("others.h5", "others-cov.h5"))
        expectTruth(summary)
    }

    @Test("An electrode of zeros among averaged ones has no contact: left out as if it were marked bad")
    func deadElectrode() throws {
        let summary = try localize("dead.h5", "dead-cov.h5")
        #expect(looks(summary, "channels").contains { $0.contains("'O2'") && $0.contains("bad") })
        try expectSame(summary, localize("dead-marked.h5", "dead-cov.h5"))
    }

    // MARK: Conditions

    @Test(
        "EEGLAB epochs are of the event that they are locked to, whatever field says it",
        arguments: [("epoch.set", "tone", "flash"), ("coded.set", "11", "12"), ("event.set", "tone", "flash")])
    func eeglab(file: String, tone: String, flash: String) throws {
        let line = try refusal(file, nil)
        for part in ["2 conditions: 0 '\(tone)' (12 epochs), 1 '\(flash)' (8 epochs)", "--condition NAME"] {
            #expect(line.contains(part), "\(line)")
        }
        let unknown = try refusal(file, nil, "--condition", "flas")
        #expect(unknown.contains("no condition 'flas'; expected one of 0 '\(tone)'"))
        let summary = try localize(file, nil, "--condition", tone)
        #expect(places(summary) == [Self.tone] && summary["averages"].number == 12)
        try expectSame(summary, localize("tones.set", nil))
        try expectSame(localize(file, nil, "--condition", "0"), summary)
        #expect(try localize(file, nil, "--condition", flash)["averages"].number == 8)
    }

    @Test("Averages are chosen by name or index; several are one as MNE-Python combines them")
    func averagesOfConditions() throws {
        #expect(try refusal("two-ave.fif").contains("0 'tone' (12 averages), 1 'flash' (8 averages)"))
        let flash = try localize("two-ave.fif", "plain-cov.h5", "--condition", "flash")
        #expect(places(flash) == [Self.flash] && flash["averages"].number == 8)
        try expectSame(localize("two-ave.fif", "plain-cov.h5", "--condition", "1"), flash)
        let both = try localize("two-ave.fif", "plain-cov.h5", "--condition", "flash", "--condition", "tone")
        #expect(both["averages"].number == 20)
        try expectSame(both, localize("both.h5"))
    }

    // MARK: Structures of toolboxes

    @Test("FieldTrip EEG is in the unit of its header, whatever the electrodes' description has")
    func unitOfHeader() throws {
        let expected = try localize("plain.h5")
        for file in ["microvolt.mat", "millivolt.mat"] { try expectSame(localize(file, file), expected) }
        // Without a header neither sizes nor the unit of the electrodes tell it.
        let line = try refusal("headless.mat", "headless.mat")
        for part in ["'V' in timelock.elec.chanunit", "sizes leave it in doubt", "timelock.chanunit = "] {
            #expect(line.contains(part), "\(line)")
        }
    }

    @Test("Trials of different lengths: the fewest of the window count, which the option overrules")
    func trialsOfDifferentLengths() throws {
        let summary = try localize("lengths.mat", "lengths.mat")
        #expect(summary["averages"].number == 20 && Set(places(summary)) == [Self.tone, Self.flash])
        #expect(looks(summary, "averages").contains { $0.contains("20 to 36 trials") && $0.contains("--averages") })
        let early = try localize("lengths.mat", "lengths.mat", "--window", "0.04", "0.1")
        #expect(early["averages"].number == 36 && looks(early, "averages").isEmpty)
        let told = try localize("lengths.mat", "lengths.mat", "--averages", "36")
        #expect(told["averages"].number == 36 && looks(told, "averages").isEmpty)
        expectTruth(told)
    }

    @Test("A raw FieldTrip structure, and packing that only its writer reads, are refused with a way on")
    func waysOn() throws {
        #expect(try refusal("raw.mat").contains("call ft_timelockanalysis"))
        let line = try refusal("packed.h5")
        #expect(line.contains("compression='gzip'") && !line.contains("h5repack"))
    }

    @Test("Brainstorm averages count as their effective number, where there is one")
    func effectiveNumber() throws {
        let expected = try localize("plain.h5")
        for name in ["effective", "ineffective", "counted"] {
            let summary = try localize("\(name).mat", "noise.mat", "--channels", "channel.mat")
            #expect(summary["averages"].number == 36)
            try expectSame(summary, expected)
            let said = looks(summary, "recording")
            #expect(name == "ineffective" ? said.contains { $0.contains("Leff is 0") } : said.isEmpty, "\(said)")
        }
    }

    // MARK: Averages

    @Test("A difference whose number of trials the file has lost is told by its baseline, or by the caller")
    func differences() throws {
        let told = try localize("difference-ave.fif", "plain-cov.h5", "--averages", "36")
        try expectSame(told, localize("plain.h5"))
        let measured = try localize("difference-ave.fif")
        #expect(abs((measured["averages"].number ?? 0) / 36 - 1) < 0.05)
        #expect(
            looks(measured, "averages").contains {
                $0.contains("by the noise of its baseline") && $0.contains("--averages")
            })
        expectTruth(measured)
        // Without samples before time 0 nothing tells it.
        let line = try refusal("cropped-ave.fif")
        #expect(line.contains("--averages") && line.contains("a fraction will do"))
        let cropped = try localize("cropped-ave.fif", "plain-cov.h5", "--averages", "36")
        #expect(Set(places(cropped)) == [Self.tone, Self.flash])
    }

    @Test("A fraction of a trial counts, stated or given; what is no number of trials is refused")
    func fractions() throws {
        let stated = try localize("half.h5", "plain-cov.h5", "--lambda", "0.5")
        #expect(stated["averages"].number == 0.5)
        try expectSame(localize("plain.h5", "plain-cov.h5", "--averages", "0.5", "--lambda", "0.5"), stated)
        // Noise is divided by the number of averages.
        let whole = try localize("plain.h5", "plain-cov.h5", "--lambda", "0.5")
        let ratio = try #require(whole["noise_deviation"].number) / #require(stated["noise_deviation"].number)
        #expect(abs(ratio / (36 / 0.5).squareRoot() - 1) < 1e-9)
        for number in ["0", "-3", "1e10", "nan"] {
            let outcome = try run("plain.h5", "plain-cov.h5", ["--averages=\(number)"])
            expectRefusal(outcome, naming: ["--averages", "a positive number"])
        }
    }

    // MARK: NaN

    @Test("NaN where nobody looks changes nothing: channels that are bad somewhere or of no use, times outside")
    func nanElsewhere() throws {
        let marked = try localize("marked.h5")
        expectTruth(marked)
        try expectSame(localize("hollow.h5", forward: "marked-fwd.fif"), marked)
        try expectSame(localize("hollow.h5", forward: "rest-fwd.fif"), marked)
        try expectSame(localize("marked.h5", "hollow-cov.h5"), marked)
        let plain = try localize("plain.h5")
        try expectSame(localize("eye.h5"), plain)
        try expectSame(localize("outside.h5"), plain)
        let values = try localize("outside.h5")["checks"].list.first { $0["name"] == .text("values") }
        #expect(values?["mark"] == .text("ok"))
        #expect(values?["finding"].text?.contains("NaN in 8 samples outside of window and baseline") == true)
    }

    @Test("NaN where it matters is named: channel, sample and time, or which input")
    func nanInUse() throws {
        let line = try refusal("used.h5")
        #expect(line.contains("nan in channel 'F3' at sample 70 (0.08 s)") && line.contains("--window"), "\(line)")
        // Another window does not hold it.
        #expect(try localize("used.h5", "plain-cov.h5", "--window", "0.1", "0.16")["sources"].list.count > 0)
        #expect(try refusal("hollow.h5").contains("'F7' at sample 0 (-0.2 s), and in 1 more channels"))
        let outcome = try run("plain.h5", "hollow-cov.h5", [])
        expectRefusal(outcome, naming: ["hollow-cov.h5", "'F7'", "1 more"])
    }

    // MARK: Names

    @Test(
        "Names that are alike match where that is asked for, and else are told",
        arguments: ["upper", "edf", "serial"])
    func names(name: String) throws {
        let loose = try localize("\(name).h5", "\(name)-cov.h5", "--match-names", "loose")
        try expectSame(loose, localize("plain.h5"))
        // The covariance has the names of the forward, or those of the recording.
        try expectSame(localize("\(name).h5", "plain-cov.h5", "--match-names", "loose"), loose)
        let exact = try run("\(name).h5", "\(name)-cov.h5", [])
        #expect(exact.status == (name == "upper" ? 0 : 2))
        let way = name == "upper" ? "upper and lower case" : "what stands before or behind the name"
        let said =
            name == "upper"
            ? try JSON(parsing: exact.output)["warnings"].list.compactMap(\.text).joined() : exact.errors
        for part in ["'Fp1'", "the names differ by \(way)", "--match-names loose"] {
            #expect(said.contains(part), "\(said)")
        }
    }

    @Test("Of two names that are like one, none is taken")
    func ambiguousNames() throws {
        let loose = try localize("twice.h5", "twice-cov.h5", "--match-names", "loose")
        #expect(loose["rank"].integer == 21)
        #expect(looks(loose, "channels").contains { $0.contains("'FP1', 'fp1'") })
        try expectSame(loose, localize("twice.h5", "twice-cov.h5"))
    }

    // MARK: Rank

    @Test("A covariance in single precision whitens as in double; without one the rank is that of the data")
    func precision() throws {
        let double = try localize("cleaned.h5", "cleaned-cov.h5")
        #expect(double["rank"].integer == 16)
        expectTruth(double)
        let single = try localize("cleaned.h5", "cleaned32-cov.h5")
        try expectSame(single, double)
        // Not because the data have that rank: rounded zeros of the covariance count as zeros.
        #expect(looks(single, "rank").isEmpty && looks(double, "rank").isEmpty)
        let full = try localize("cleaned.h5", "cleaned32-cov.h5", "--rank", "full")
        #expect(full["rank"].integer == 16)
        let none = try localize("cleaned.h5", nil)
        #expect(none["rank"].integer == 16)
        expectTruth(none)
    }

    // MARK: Times and offsets

    @Test("An offset of the baseline is corrected, as if it had been, unless that is unwanted")
    func offsets() throws {
        let corrected = try localize("corrected.h5")
        expectTruth(corrected)
        let offset = try localize("offset.h5")
        try expectSame(offset, corrected)
        #expect(looks(offset, "baseline").contains { $0.contains("corrected") && $0.contains("--baseline none") })
        #expect(looks(corrected, "baseline").isEmpty)
        try expectSame(localize("offset.h5", "plain-cov.h5", "--baseline", "-0.2", "-0.004"), corrected)
        let kept = try localize("offset.h5", "plain-cov.h5", "--baseline", "none")
        #expect(looks(kept, "baseline").contains { $0.contains("--baseline auto") })
        #expect(try #require(kept["noise_deviation"].number) > 10)
    }

    @Test("A recording that ends before time 0 is analysed whole, which is told")
    func responseLocked() throws {
        let outcome = try Program.run(
            Workspace.localization(
                forward: "eeg-fwd.fif", recording: "before.h5", covariance: "plain-cov.h5", ["--json", "--quiet"]),
            in: folder.path)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let summary = try JSON(parsing: outcome.output)
        #expect(looks(summary, "window").contains { $0.contains("-0.25 to -0.05 s") && $0.contains("--window") })
        #expect(Set(places(summary)) == [Self.tone, Self.flash])
        // A baseline may be said, too.
        let said = try localize(
            "before.h5", "plain-cov.h5", "--window", "-0.2", "-0.08", "--baseline", "-0.25", "-0.22")
        #expect(said["noise_deviation"].number != nil && looks(said, "window").isEmpty)
    }

    // MARK: Devices

    @Test("Grades of compensation that differ are an error that names both")
    func compensation() throws {
        let outcome = try run("graded-ave.fif", "meg-cov.h5", forward: "meg-fwd.fif", [])
        expectRefusal(outcome, naming: ["'grade 2' in the recording", "'none' in the forward", "'M01R' and 29 more"])
    }

    @Test("A head that moved after the forward was computed is told, with how far")
    func headPosition() throws {
        let still = try localize("meg-ave.fif", "meg-cov.h5", forward: "meg-fwd.fif")
        #expect(looks(still, "head position").isEmpty && still["sources"].list.count > 0)
        let moved = try localize("moved-ave.fif", "meg-cov.h5", forward: "meg-fwd.fif")
        #expect(looks(moved, "head position").contains { $0.contains("differ by 5.0 mm and 5.7°") })
    }
}
