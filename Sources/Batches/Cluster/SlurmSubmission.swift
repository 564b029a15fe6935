import Foci
import Foundation

/// A batch as jobs of SLURM: arrays with a task a subject, and a job for the group after them, whatever became of each.
///
/// Tasks run the same command for one subject each; what failed stands in the state files, so that no accounting is needed.
public struct SlurmSubmission: Sendable {
    /// Subjects that have something to be done, a task each.
    private let subjects: [String]
    private let folder: String
    private let program: String
    private let arguments: [String]
    private let options: [String]
    private let threads: Int
    private let memory: Int
    private let hasGroup: Bool

    /// Seconds that a subject is given, beside what its data need: generous, since a job that is ended is done again.
    private static let limit = "04:00:00"

    /// - Parameters:
    ///   - plan: what is to be done.
    ///   - folder: where results go; the cluster must see it, and the data.
    ///   - program: path of this program, which the cluster must see.
    ///   - arguments: of a run, without those that choose subjects, levels or a cluster.
    ///   - options: options of `sbatch` for all jobs.
    ///   - threads: cores a subject.
    ///   - hasGroup: whether there is a job for the group.
    ///   - memory: bytes a task; nil by the size of the inputs.
    /// - Throws: ``InputError`` where there is nothing to do.
    public init(
        _ plan: BatchPlan, folder: BatchFolder, program: String, arguments: [String], options: String, threads: Int,
        hasGroup: Bool, memory: Int?
    ) throws(InputError) {
        let items = plan.items.filter { !$0.toRun.isEmpty }
        guard !items.isEmpty else {
            throw InputError(
                folder.path, found: "nothing to do: all is done, or failed before",
                advice: "--retry-failed tries again what failed")
        }
        subjects = Array(Set(items.map(\.unit.subject))).sorted()
        self.folder = URL(fileURLWithPath: folder.path).standardizedFileURL.path
        self.program = program
        self.arguments = arguments
        self.options = options.split(separator: " ").map(String.init)
        self.threads = threads
        self.hasGroup = hasGroup
        let estimate = MemoryEstimate()
        self.memory = memory ?? (items.map { estimate.bytes($0.unit) }.max() ?? 0) * 5 / 4
    }

    private var place: String { "\(folder)/\(BatchFolder.own)/slurm" }

    /// The script of an array: a task a subject, whose label stands in a list.
    private func script(part: Int, count: Int) -> String {
        """
        #!/bin/bash
        #SBATCH --job-name=foci-\(part)
        #SBATCH --array=0-\(count - 1)
        #SBATCH --cpus-per-task=\(threads)
        #SBATCH --mem=\(memory >> 20)M
        #SBATCH --time=\(Self.limit)
        #SBATCH --chdir=\(Self.quoted(FileManager.default.currentDirectoryPath))
        #SBATCH --output=\(Self.quoted("\(folder)/logs/slurm-%A-%a.log"))
        #SBATCH --signal=B:TERM@60
        subject=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" \(Self.quoted("\(place)/subjects-\(part).txt")))
        exec \(command) participant --nprocs \(threads) --omp-nthreads \(threads) --mem \(gigabytes) --participant-label "$subject"

        """
    }

    /// What a task may use of its memory, GB.
    private var gigabytes: String { String(format: "%.2f", 0.95 * Double(memory) / Double(1 << 30)) }

    private var groupScript: String {
        """
        #!/bin/bash
        #SBATCH --job-name=foci-group
        #SBATCH --cpus-per-task=1
        #SBATCH --mem=2G
        #SBATCH --time=01:00:00
        #SBATCH --chdir=\(Self.quoted(FileManager.default.currentDirectoryPath))
        #SBATCH --output=\(Self.quoted("\(folder)/logs/slurm-group-%j.log"))
        exec \(command) group

        """
    }

    private var command: String {
        ([program, "batch"] + arguments).map(Self.quoted).joined(separator: " ")
    }

    /// A word of the shell.
    static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            let character = Character(UnicodeScalar(byte))
            return character.isASCII && (character.isLetter || character.isNumber || "/._-=,:+@%".contains(character))
        }
        return isPlain && !text.isEmpty ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }

    /// How many tasks an array of this cluster may have; SLURM's default where it does not say.
    private static func largestArray() -> Int {
        guard let text = try? output("scontrol", ["show", "config"]) else { return 1001 }
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=").map { $0.trimmingCharacters(in: .whitespaces) }
            // The largest index is one less, and the first is 0.
            if parts.count == 2, parts[0] == "MaxArraySize", let size = Int(parts[1]), size > 0 { return size }
        }
        return 1001
    }

    /// Subjects of each array.
    private func parts() -> [[String]] {
        let most = max(1, Self.largestArray())
        return stride(from: 0, to: subjects.count, by: most).map {
            Array(subjects[$0..<min($0 + most, subjects.count)])
        }
    }

    /// The scripts, for people.
    public var text: String {
        let arrays = parts().enumerated().map { number, part in
            "# \(place)/array-\(number).sh, subjects \(part.joined(separator: " "))\n"
                + script(part: number, count: part.count)
        }
        let group = hasGroup ? ["# \(place)/group.sh, after all of them\n" + groupScript] : []
        return (arrays + group).joined(separator: "\n")
    }

    /// Writes the scripts and submits them.
    ///
    /// - Returns: what was submitted, in plain English.
    /// - Throws: ``InputError`` when files cannot be written or `sbatch` is missing or refuses.
    public func submit() throws(InputError) -> String {
        try BatchFolder(folder).make("\(BatchFolder.own)/slurm")
        var jobs: [String] = []
        for (number, part) in parts().enumerated() {
            let path = "\(place)/array-\(number).sh"
            let list = part.map { $0 + "\n" }.joined()
            try AtomicFile.write(Array(list.utf8), to: "\(place)/subjects-\(number).txt")
            try AtomicFile.write(Array(script(part: number, count: part.count).utf8), to: path)
            jobs.append(try Self.job(["--parsable"] + options + [path]))
        }
        var text =
            "\(subjects.count) subjects submitted as \(jobs.count == 1 ? "job" : "jobs") \(jobs.joined(separator: ", "))"
        if hasGroup {
            let path = "\(place)/group.sh"
            try AtomicFile.write(Array(groupScript.utf8), to: path)
            let after = "--dependency=afterany:" + jobs.joined(separator: ":")
            text += ", the group as job \(try Self.job(["--parsable", after] + options + [path]))"
        }
        return text + ".\nHow it goes: foci batch status \(folder)"
    }

    private static func job(_ arguments: [String]) throws(InputError) -> String {
        // `ID;CLUSTER` where there are several clusters.
        let text = try output("sbatch", arguments).split(separator: ";").first.map(String.init) ?? ""
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What a program says.
    private static func output(_ program: String, _ arguments: [String]) throws(InputError) -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        do { try process.run() } catch {
            throw InputError(program, found: "cannot be started: \(error.localizedDescription)")
        }
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let complaint = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let reason =
                String(decoding: complaint, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? "it failed"
            throw InputError(
                program, found: reason, expected: "a cluster with SLURM",
                advice: "without one leave --submit out: the batch then runs on this machine")
        }
        return String(decoding: said, as: UTF8.self)
    }
}
