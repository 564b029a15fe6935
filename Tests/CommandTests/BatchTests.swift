import Foci
import Foundation
import TestSupport
import Testing

/// Folders of subjects, and the program that works on them.
struct BatchWorkspace {
    let folder: TemporaryFolder

    /// Subjects by name, each with the files of ``Sample``.
    init(subjects: [String]) throws {
        folder = try TemporaryFolder()
        for subject in subjects { try add(subject) }
    }

    /// Adds a subject.
    func add(_ subject: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder.file("data/\(subject)"), withIntermediateDirectories: true)
        for (name, bytes) in try Sample.files.get() where name != "truth.h5" {
            try folder.write("data/\(subject)/\(name)", bytes)
        }
    }

    static let layout = ["--layout", "{subject}/{kind}.h5", "--window", "0.05", "0.15"]

    /// Runs `foci batch data out` with the layout of the folder.
    func batch(
        _ options: [String] = [], output: String = "out", shell: String? = nil, meanwhile: (Int32) -> Void = { _ in }
    ) throws -> Program.Outcome {
        try Program.run(
            ["batch", "data", output] + Self.layout + options, in: folder.path, shell: shell, limit: 300,
            meanwhile: meanwhile)
    }

    /// Every file of a folder of results but logs and what the program keeps for itself, with its content.
    func results(_ output: String = "out") throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        let root = folder.file(output)
        guard let walker = FileManager.default.enumerator(atPath: root) else { return [:] }
        while let name = walker.nextObject() as? String {
            var isFolder: ObjCBool = false
            guard !name.hasPrefix("logs"), !name.hasPrefix(".foci"),
                FileManager.default.fileExists(atPath: "\(root)/\(name)", isDirectory: &isFolder), !isFolder.boolValue
            else { continue }
            files[name] = try Array(Data(contentsOf: URL(fileURLWithPath: "\(root)/\(name)")))
        }
        return files
    }

    /// Events of a run with `--json-lines`.
    static func events(_ outcome: Program.Outcome) throws -> [[String: Any]] {
        try outcome.output.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }

    /// Units of entries that ended with a status.
    static func units(_ outcome: Program.Outcome, status: String = "done") throws -> [String] {
        try events(outcome).filter { $0["event"] as? String == "entry_finished" && $0["status"] as? String == status }
            .compactMap { $0["unit"] as? String }.sorted()
    }
}

@Suite("Batches")
struct BatchTests {
    @Test("A folder of subjects becomes results, pages and a group; a rerun does nothing")
    func whole() throws {
        let work = try BatchWorkspace(subjects: ["01", "02", "03"])
        let first = try work.batch(["participant", "group"])
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.output.contains("3 done"))
        let results = try work.results()
        for subject in ["01", "02", "03"] {
            let place = "sub-\(subject)/meg/sub-\(subject)_desc-simulated_mxne"
            for file in LocalizeTests.files + ["sources.json", "regions.tsv", "sub-\(subject)_desc-simulated-stc.h5"] {
                #expect(results["\(place)/\(file)"] != nil, "\(file)")
            }
            #expect(results["sub-\(subject).html"] != nil)
        }
        for file in [
            "dataset_description.json", "README", ".bidsignore", "descriptions.tsv", "group.html", "group/clusters.tsv",
            "group/amplitudes.tsv", "code/settings.yaml",
        ] {
            #expect(results[file] != nil, "\(file)")
        }
        let again = try work.batch(["--json-lines"])
        #expect(again.status == 0)
        #expect(try BatchWorkspace.units(again).isEmpty)
        #expect(try work.results() == results)
    }

    @Test("What a batch finds is what localize finds")
    func sameAsLocalize() throws {
        let work = try BatchWorkspace(subjects: ["01"])
        expectSuccess(try work.batch(["participant", "--quiet"]))
        let outcome = try Program.run(
            [
                "localize", "--forward", "data/01/forward.h5", "--recording", "data/01/recording.h5", "--covariance",
                "data/01/covariance.h5", "--output", "alone", "--window", "0.05", "0.15", "--quiet",
            ], in: work.folder.path)
        expectSuccess(outcome)
        let place = "out/sub-01/meg/sub-01_desc-simulated_mxne"
        for file in ["sources.tsv", "regions.tsv", "sources.svg"] {
            #expect(try work.folder.read("\(place)/\(file)") == work.folder.read("alone/\(file)"), "\(file)")
        }
    }

    @Test("Only what changed is done again, and why is said")
    func changes() throws {
        let work = try BatchWorkspace(subjects: ["01", "02"])
        expectSuccess(try work.batch(["participant", "--quiet"]))
        // The same content at another time is no change.
        try FileManager.default.setAttributes(
            [.modificationDate: Date()], ofItemAtPath: work.folder.file("data/01/forward.h5"))
        #expect(try work.batch(["participant", "--dry-run"]).output.contains("0 of 2 recordings"))
        let other = try Simulation.run(
            SimulationSettings(
                sourceCount: 300, activeCount: 2, snr: 10, seed: 4, megSites: 20, eegElectrodes: 16,
                samplingFrequency: 200))
        try work.folder.write("data/02/recording.h5", try RecordingFile.encode(other.recording))
        let plan = try work.batch(["participant", "--dry-run"])
        #expect(plan.output.contains("data/02/recording.h5 changed") && plan.output.contains("1 of 2 recordings"))
        #expect(try BatchWorkspace.units(work.batch(["participant", "--json-lines"])) == ["sub-02"])
        let settings = try work.batch(["participant", "--dry-run", "--depth", "0.5"])
        #expect(settings.output.contains("settings: with --depth=0.5") && settings.output.contains("2 of 2"))
        try FileManager.default.removeItem(atPath: work.folder.file("out/sub-01"))
        #expect(try BatchWorkspace.units(work.batch(["participant", "--json-lines"])) == ["sub-01"])
    }

    @Test("Subjects that fail are told with the reason, stop nobody, and are left alone until something changes")
    func failures() throws {
        let work = try BatchWorkspace(subjects: ["01", "02", "03", "04"])
        let forward = try work.folder.read("data/02/forward.h5")
        try work.folder.write("data/02/forward.h5", forward.prefix(forward.count / 2))
        try work.folder.write("data/03/covariance.h5", Array("not a covariance".utf8))
        try FileManager.default.removeItem(atPath: work.folder.file("data/04/forward.h5"))
        let outcome = try work.batch()
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("sub-02 simulated: failed: ") && outcome.errors.contains("data/02/forward.h5"))
        #expect(outcome.errors.contains("sub-03 simulated: failed: "))
        #expect(outcome.errors.contains("04: no forward model"))
        #expect(outcome.output.contains("1 done, 2 failed, 1 not paired"))
        #expect(
            try work.results()["sub-02.html"].map { String(decoding: $0, as: UTF8.self).contains("forward.h5") } == true
        )
        let status = try Program.run(["batch", "status", "out"], in: work.folder.path)
        #expect(status.output.contains("1 done, 0 running, 0 waiting, 2 failed of 3 recordings"))
        let again = try work.batch(["--json-lines"])
        #expect(again.status == 1)
        #expect(try BatchWorkspace.units(again, status: "failed").isEmpty)
        let retried = try work.batch(["--json-lines", "--retry-failed"])
        #expect(try BatchWorkspace.units(retried, status: "failed") == ["sub-02", "sub-03"])
        try work.folder.write("data/02/forward.h5", forward)
        #expect(try BatchWorkspace.units(work.batch(["--json-lines"])) == ["sub-02"])
        try FileManager.default.removeItem(atPath: work.folder.file("data/01/recording.h5"))
        #expect(try work.batch(["--participant-label", "01"]).status == 2)
    }

    @Test(
        "Killed in the middle, a batch goes on where it was: the same bytes, nothing done twice",
        .timeLimit(.minutes(5)))
    func killed() throws {
        let subjects = (1...6).map { "s\($0)" }
        let work = try BatchWorkspace(subjects: subjects)
        expectSuccess(try work.batch(["--quiet"], output: "undisturbed"))
        var done = Set<String>()
        for delay in [0.15, 0.6, 0.9, 1.3] {
            let outcome = try work.batch(
                ["--json-lines"], shell: "exec setsid \"$@\"",
                meanwhile: { process in
                    usleep(UInt32(delay * 1e6))
                    kill(-process, SIGKILL)
                })
            let finished = Set(try BatchWorkspace.units(outcome))
            #expect(done.isDisjoint(with: finished), "done twice")
            // What was announced had been written before.
            done.formUnion(finished)
        }
        expectSuccess(try work.batch(["--quiet"]))
        let (results, undisturbed) = (try work.results(), try work.results("undisturbed"))
        #expect(Set(results.keys) == Set(undisturbed.keys))
        for (name, bytes) in undisturbed { #expect(results[name] == bytes, "\(name)") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.folder.file("out/.foci/staging")).isEmpty)
    }

    @Test("Two batches at once in one folder share the work")
    func twoAtOnce() throws {
        let work = try BatchWorkspace(subjects: (1...6).map { "s\($0)" })
        let outcome = try Program.run(
            ["batch", "data", "out"] + BatchWorkspace.layout + ["participant", "--json-lines", "--nprocs", "1"],
            in: work.folder.path,
            shell: "\"$@\" > first.txt & \"$@\" > second.txt; s=$?; wait $! && exit $s", limit: 120)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let all = try ["first.txt", "second.txt"].flatMap { name in
            try String(contentsOfFile: work.folder.file(name), encoding: .utf8).split(separator: "\n")
                .filter { $0.contains("\"entry_finished\"") && $0.contains("\"done\"") }
        }
        #expect(all.count == 6)
        let status = try Program.run(["batch", "status", "out"], in: work.folder.path)
        #expect(status.output.contains("6 done, 0 running"))
    }

    @Test("An interrupted batch abandons what it does, leaves nothing half-written and says so")
    func interrupted() throws {
        let work = try BatchWorkspace(subjects: (1...8).map { "s\($0)" })
        let outcome = try work.batch(
            ["--nprocs", "1"],
            meanwhile: { process in
                // With the first result, seven are left, on a machine of any speed.
                let first = work.folder.file("out/sub-s1.html")
                for _ in 0..<60_000 where !FileManager.default.fileExists(atPath: first) { usleep(1000) }
                kill(process, SIGINT)
            })
        #expect(outcome.status == 130)
        #expect(outcome.output.contains("not done"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.folder.file("out/.foci/staging")).isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.folder.file("out/.foci/locks")).isEmpty)
        expectSuccess(try work.batch(["--quiet"]))
    }

    @Test("A run of some conditions forgets nothing of the others")
    func otherConditions() throws {
        let work = try BatchWorkspace(subjects: ["01"])
        let recording = try work.folder.read("data/01/recording.h5")
        for name in ["a", "b"] { try work.folder.write("data/01/\(name).h5", recording) }
        func table(_ names: [String]) throws {
            let rows = names.map { "01\t01/forward.h5\t01/\($0).h5\t01/covariance.h5\n" }
            try work.folder.write(
                "data/t.tsv", Array(("subject\tforward\trecording\tcovariance\n" + rows.joined()).utf8))
        }
        func batch() throws -> Program.Outcome {
            try Program.run(
                ["batch", "data", "out", "--table", "data/t.tsv", "--window", "0.05", "0.15", "--quiet"],
                in: work.folder.path)
        }
        try table(["a", "b"])
        expectSuccess(try batch())
        let results = try work.results()
        try table(["a"])
        expectSuccess(try batch())
        #expect(try work.results() == results)
    }

    @Test("A worker that dies costs its recording alone")
    func dyingWorker() throws {
        let work = try BatchWorkspace(subjects: ["s1", "s2", "s3"])
        let outcome = try work.batch(
            ["participant", "--nprocs", "1"],
            meanwhile: { process in
                // The worker is the only child.
                for _ in 0..<3000 {
                    usleep(10_000)
                    let children = try? String(
                        contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
                    guard let child = children?.split(separator: " ").compactMap({ Int32($0) }).first else { continue }
                    usleep(100_000)
                    kill(child, SIGKILL)
                    return
                }
            })
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("signal 9") && outcome.output.contains("2 done, 1 failed"))
    }

    @Test("What cannot fit into the memory is refused with the number, before it is begun")
    func memory() throws {
        let work = try BatchWorkspace(subjects: ["01"])
        let outcome = try work.batch(["--mem", "0.05"])
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("needs about") && outcome.errors.contains("51 MB are allowed"))
    }

    @Test("A full disk, and one that may not be written, are told in a line")
    func disks() throws {
        guard getuid() == 0 else { return }
        let work = try BatchWorkspace(subjects: ["01", "02"])
        func on(_ options: String) throws -> Program.Outcome {
            try work.batch(
                ["participant"], output: "disk/out",
                shell:
                    "mkdir -p disk && mount -t tmpfs \(options) tmpfs disk || exit 77; \"$@\"; s=$?; umount -l disk; exit $s"
            )
        }
        let full = try on("-o size=100k")
        guard full.status != 77 else { return }
        #expect([1, 2, 3].contains(full.status) && full.errors.contains("No space left"), "\(full.errors)")
        let readOnly = try on("-o ro,size=2m")
        #expect(readOnly.status == 2 && readOnly.errors.contains("cannot be written"), "\(readOnly.errors)")
        #expect(readOnly.errorLines.count == 1)
    }

    @Test("Settings come from a file, from conditions in it and from options, and it is told which from where")
    func settings() throws {
        let work = try BatchWorkspace(subjects: ["01"])
        try work.folder.write(
            "foci.yaml", Array("depth: 0.5\nsensors: meg\nconditions:\n  simulated:\n    reweight: 2\n".utf8))
        let shown = try Program.run(
            ["config", "show", "--config", "foci.yaml", "--for", "simulated", "--sensors", "eeg"], in: work.folder.path)
        expectSuccess(shown)
        #expect(shown.output.contains("depth: 0.5    # foci.yaml line 1\n"))
        #expect(shown.output.contains("sensors: eeg    # option\n"))
        #expect(shown.output.contains("reweight: 2    # foci.yaml line 5\n"))
        #expect(shown.output.contains("# gap: 1e-06    # default\n"))
        let plan = try work.batch(["--dry-run", "--config", "foci.yaml"])
        #expect(plan.output.contains("--window=0.05..0.15 --sensors=meg --depth=0.5 --reweight=2"), "\(plan.output)")
        // What is shown is a settings file itself.
        try work.folder.write("shown.yaml", Array(shown.output.utf8))
        let again = try Program.run(["config", "show", "--config", "shown.yaml"], in: work.folder.path)
        #expect(again.output.contains("reweight: 2    # shown.yaml line "))
    }

    @Test(
        "Settings that are wrong are told once, with their line",
        arguments: [
            ("windw: [0, 1]\n", "line 1: 'windw'"), ("depth: deep\n", "line 1: 'deep' for depth"),
            ("depth: 0.5\nlambda: -\n", "line 2"), ("threads: 3\n", "give it on the command line"),
            ("conditions:\n  a:\n    sensors: nose\n", "line 3"), ("depth: 5\n", "0 (none) to 1"),
        ])
    func wrongSettings(text: String, part: String) throws {
        let work = try BatchWorkspace(subjects: ["01"])
        try work.folder.write("foci.yaml", Array(text.utf8))
        let outcome = try work.batch(["--config", "foci.yaml"])
        #expect([2, 3].contains(outcome.status) && outcome.errors.contains(part), "\(outcome.errors)")
        #expect(outcome.errorLines.count <= 2)
    }

    @Test("Jobs of a cluster are shown: arrays of subjects and the group after them, in a shell's grammar")
    func slurm() throws {
        let work = try BatchWorkspace(subjects: ["01", "02"])
        let outcome = try work.batch(["--submit", "slurm", "--dry-run", "--depth", "0.5"])
        expectSuccess(outcome)
        #expect(outcome.output.contains("#SBATCH --array=0-1\n") && outcome.output.contains(" group\n"))
        #expect(outcome.output.contains("--depth 0.5") && outcome.output.contains("--participant-label \"$subject\""))
        #expect(!outcome.output.contains("--submit") && !outcome.output.contains("--dry-run"))
        // Words that are levels and commands elsewhere are values here.
        let words = try work.batch(
            [
                "participant", "--condition", "simulated", "--slurm-options=--time=5", "--mem=1", "--participant-label",
                "01",
                "--submit=slurm", "--transform", "group", "--dry-run",
            ])
        expectSuccess(words)
        #expect(words.output.contains("--condition simulated --transform group participant --nprocs"))
        #expect(words.output.contains("batch data out --layout") && !words.output.contains("--job-name=foci-group"))
        try work.folder.write("script.sh", Array(outcome.output.utf8))
        let check = try Program.run([], in: work.folder.path, shell: "bash -n script.sh")
        #expect(check.status == 0, "\(check.errors)")
    }

    @Test("The results are a derivative of BIDS, as its validator sees it")
    func validator() throws {
        guard let program = PythonEnvironment.program("bids-validator-deno") else { return }
        let work = try BatchWorkspace(subjects: ["01"])
        expectSuccess(try work.batch(["--quiet"]))
        let outcome = try Program.run([], in: work.folder.path, shell: "\"\(program)\" out --format json > found.json")
        let found = try String(contentsOfFile: work.folder.file("found.json"), encoding: .utf8)
        #expect(outcome.status == 0 && !found.contains("\"error\""), "\(found)")
    }

    @Test(
        "Derivatives of MNE-BIDS-Pipeline are found and localized, and MNE-Python reads the results",
        .enabled(if: Shared.isPresent && PythonEnvironment.isPresent), .timeLimit(.minutes(3)))
    func pipeline() throws {
        let folder = try TemporaryFolder()
        let place = folder.file("bids/sub-01/meg")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        for (name, file) in [
            ("task-audvis_ave", "left-auditory-ave"), ("fwd", "sample-fwd"), ("proc-clean_cov", "sample-cov"),
        ] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(place)/sub-01_\(name).fif",
                withDestinationPath: Shared.path("data/sample-audvis/\(file).fif"))
        }
        let outcome = try Program.run(
            ["batch", "bids", "out", "--window", "0.05", "0.15", "--quiet"], in: folder.path, limit: 150)
        expectSuccess(outcome)
        let result = "out/sub-01/meg/sub-01_task-audvis_desc-leftAuditory_mxne"
        let said = try PythonEnvironment.run(
            """
            import glob, mne
            stc = mne.read_source_estimate(glob.glob("out/sub-01/meg/*_mxne/*-stc.h5")[0])
            print(stc.shape[0], glob.glob("out/sub-01/meg/*")[0])
            """, in: folder.path)
        #expect(said.split(separator: " ").first.flatMap { Int($0) } ?? 0 > 1, "\(said) \(result)")
        #expect(FileManager.default.fileExists(atPath: folder.file("out/sub-01.html")))
    }
}
