import ArgumentParser
import Batches
import Foci
import Foundation

/// `foci batch`: many subjects and conditions.
struct BatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch", abstract: "Localize folders of subjects, on this machine or a cluster.",
        subcommands: [BatchRunCommand.self, BatchStatusCommand.self, BatchWorkerCommand.self],
        defaultSubcommand: BatchRunCommand.self)
}

/// What is run: subjects one by one, or what they have in common.
enum AnalysisLevel: String, CaseIterable, ExpressibleByArgument {
    case participant, group
}

/// A system that runs jobs.
enum SubmissionSystem: String, CaseIterable, ExpressibleByArgument {
    case slurm
}

/// `foci batch BIDS_DIR OUTPUT_DIR [participant] [group]`.
struct BatchRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Localize a data set: folders of subjects, all conditions.",
        usage: """
            foci batch <bids_dir> <output_dir> [participant] [group] [options]
            foci batch status <output_dir> [--json]
            """,
        discussion: """
            BIDS_DIR holds subjects as MNE-BIDS-Pipeline leaves them (sub-*/meg/*_ave.fif with _fwd.fif and _cov.fif), or files \
            by a pattern (--layout) or a table (--table). For every subject and condition OUTPUT_DIR gets the folder that \
            'foci localize' writes, an HTML page a subject and one for the group; it is a derivative of BIDS. A run that was \
            interrupted, or that some subjects failed in, is taken up by the same command: what is done, from the same \
            files with the same settings, is not done again.

            Settings are the options of 'foci localize', on the command line or in a settings file (--config), which may \
            have settings of single conditions:

              window: [0.05, 0.15]
              conditions:
                auditory/left:
                  window: [0.05, 0.12]

            EXAMPLES
              foci batch bids results participant group --config foci.yaml
              foci batch data results --layout "{subject}/{subject}-{kind}.fif"
                  Files such as data/s01/s01-fwd.fif, s01-ave.fif and s01-cov.fif.
              foci batch . results --table subjects.tsv --dry-run
                  Say what would be done, and with which files.
              foci batch bids results --submit slurm
                  The same as jobs of a cluster.
              foci batch status results

            Exit codes: 0 all done, 1 some failed, 3 all failed, 2 wrong usage, 130 interrupted.
            """)

    @Argument(help: ArgumentHelp("The data set.", valueName: "bids_dir"))
    var bidsDir: String

    @Argument(help: ArgumentHelp("Folder of the results; made where it is missing.", valueName: "output_dir"))
    var outputDir: String

    @Argument(help: "participant, group or both; both by default.")
    var level: [AnalysisLevel] = []

    @OptionGroup var inputs: BatchInputOptions

    @Option(help: ArgumentHelp("Settings in YAML.", valueName: "file"))
    var config: String?

    @Option(
        name: [.long, .customLong("n-cpus")], help: ArgumentHelp("Cores to use in all. All by default.", valueName: "n")
    )
    var nprocs: Int?

    @Option(
        name: [.customLong("omp-nthreads")],
        help: ArgumentHelp(
            "Threads of one localization. By default cores divided by subjects, at least 1.", valueName: "n"))
    var ompNthreads: Int?

    @Option(
        name: [.customLong("mem"), .customLong("mem-gb")],
        help: ArgumentHelp("Memory to use in all, GB. Nine tenths of what is free by default.", valueName: "GB"))
    var mem: Double?

    @Flag(help: "Say what would be done, and do nothing.")
    var dryRun = false

    @Flag(help: "Try again what failed before, though nothing changed.")
    var retryFailed = false

    @Flag(help: "Tell what happens as lines of JSON on standard output.")
    var jsonLines = false

    @Option(help: "Give the work to a cluster: slurm.")
    var submit: SubmissionSystem?

    @Option(help: ArgumentHelp("Options of sbatch for all jobs, in quotes.", valueName: "text"))
    var slurmOptions = ""

    @OptionGroup var grouping: GroupOptions

    @OptionGroup var reading: FileOptions

    @OptionGroup var options: LocalizationOptions

    mutating func run() throws {
        let code = try BatchSession(self).run()
        if code != 0 { throw ExitCode(code) }
    }
}

/// Where the files of a batch are.
struct BatchInputOptions: ParsableArguments {
    @Option(
        name: [.long, .customLong("participant_label")], parsing: .upToNextOption,
        help: ArgumentHelp("Subjects, with or without sub-. All by default.", valueName: "label"))
    var participantLabel: [String] = []

    @Option(
        help: ArgumentHelp(
            "Names of files below the data set, with {subject}, {kind}, {session}, {task}, {condition} and *.",
            valueName: "pattern"))
    var layout: String?

    @Option(
        help: ArgumentHelp(
            """
            A table of files, separated by tabs: subject, forward, recording, and if wanted covariance, session, task, \
            condition, window, averages. Paths are relative to it.
            """, valueName: "file"))
    var table: String?

    @Option(help: ArgumentHelp("A forward model for all subjects, such as a template's.", valueName: "file"))
    var forward: String?

    @Option(
        help: ArgumentHelp(
            """
            A covariance for all subjects, none (noise from before time 0), or of several in the data set which: baseline, \
            noise, rest or custom.
            """, valueName: "file|kind|none"))
    var covariance: String?

    /// What is the same for all subjects.
    func shared(_ reading: FileOptions) throws -> SharedInputs {
        var shared = SharedInputs()
        shared.forward = forward
        shared.conditions = reading.condition
        shared.subjects = participantLabel
        shared.reading = try reading.options()
        switch covariance {
        case nil: break
        case "none": shared.covariance = .none
        case let kind? where ["baseline", "noise", "rest", "custom"].contains(kind): shared.covariance = .kind(kind)
        case let path?: shared.covariance = .file(URL(fileURLWithPath: path).standardizedFileURL.path)
        }
        for path in [forward, shared.covariance.path].compactMap(\.self)
        where !FileManager.default.fileExists(atPath: path) {
            throw InputError(path, found: "no file of this name")
        }
        return shared
    }

    /// How the data set lies.
    func dataset(_ root: String, _ reading: FileOptions) throws -> any DatasetLayout {
        guard layout == nil || table == nil else {
            throw InputError("--layout", found: "--table, too", expected: "one of them")
        }
        let shared = try shared(reading)
        if let table { return TableLayout(table, shared: shared) }
        if let layout { return try PatternLayout(root, pattern: layout, shared: shared) }
        return BIDSDerivatives(root, shared: shared)
    }
}

extension CovarianceChoice {
    fileprivate var path: String? { if case .file(let path) = self { path } else { nil } }
}

/// How subjects are brought together.
struct GroupOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How near sources of subjects are that count as one, mm. (default: 15; 20 in head coordinates)",
            valueName: "mm"))
    var radius: Double?

    @Option(
        help: ArgumentHelp(
            """
            Where a transform to MNI space is for each subject, with {subject}: a text file of 16 numbers, from the frame of \
            the forward in m to MNI in mm.
            """, valueName: "pattern"))
    var transform: String?

    @Option(help: ArgumentHelp("Draws of positions that tell what chance makes.", valueName: "n"))
    var permutations = 1000
}

/// `foci batch status OUTPUT_DIR`.
struct BatchStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Tell what is done, running, waiting and failed; at any time, from any machine.")

    @Argument(help: ArgumentHelp("Folder of the results.", valueName: "output_dir"))
    var outputDir: String

    @Flag(help: "Print it as JSON.")
    var json = false

    mutating func run() throws {
        let status = try BatchStatus(BatchFolder(outputDir))
        try Terminal.result(json ? try status.json() : status.text)
    }
}

/// The process that a batch gives work to; not for people.
struct BatchWorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Do work that a batch gives.", shouldDisplay: false)

    mutating func run() throws {
        let output = LineOutput()
        let orders = OrderQueue()
        let unit = UnitRun(
            recipe: { try LocalizationArguments.recipe($0) }, naming: optionName, tell: { output.write($0.line) },
            isCancelled: { Interruption.isRequested })
        while let line = orders.next() {
            guard let order = WorkOrder(line: line) else { continue }
            do { try unit.run(order) } catch is CancellationError {
                break
            } catch {
                let reason = errorLine(error)
                for label in order.arguments.keys.sorted() {
                    output.write(
                        BatchEvent(.entryFinished, unit: order.unit.key, entry: label, status: "failed", text: reason)
                            .line)
                }
                output.write(BatchEvent(.unitFinished, unit: order.unit.key).line)
            }
        }
    }
}
