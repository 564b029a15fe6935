import Batches
import Foci
import Foundation

/// One call of `foci batch`: finds the data, plans, runs, brings subjects together, and says how it ended.
struct BatchSession {
    let command: BatchRunCommand
    let folder: BatchFolder
    let settings: BatchSettings
    private let levels: Set<AnalysisLevel>

    init(_ command: BatchRunCommand) throws {
        self.command = command
        folder = BatchFolder(command.outputDir)
        levels = Set(command.level.isEmpty ? AnalysisLevel.allCases : command.level)
        let arguments = FociCommand.joiningNumbers(Array(CommandLine.arguments.dropFirst()))
        settings = try BatchSettings(path: command.config, commandLine: arguments)
        // What is wrong with the settings is told once, not for each subject.
        _ = try Localization(
            LocalizationArguments.recipe(try settings.effective(condition: []).flatMap(\.arguments)).settings,
            naming: optionName)
    }

    /// Runs it; the exit code.
    func run() throws -> Int32 {
        let limits = try limits()
        guard levels.contains(.participant) else {
            try group()
            return 0
        }
        let findings = try command.inputs.dataset(command.bidsDir, command.reading).find()
        try findings.check(try command.inputs.shared(command.reading))
        let plan = try BatchPlan(findings.units, in: folder, retriesFailed: command.retryFailed) { unit, entry in
            let names = [entry.condition, entry.label]
            let all = try settings.effective(condition: names, implied: unit.implied, own: entry.own)
            let arguments = all.flatMap(\.arguments)
            _ = try Localization(LocalizationArguments.recipe(arguments).settings, naming: optionName)
            return arguments
        }
        if let system = command.submit { return try submit(system, plan, findings) }
        if command.dryRun {
            try Terminal.result(BatchPlanText.text(plan, findings, folder: folder))
            return findings.problems.isEmpty ? 0 : 1
        }
        try folder.begin(plan, source: command.bidsDir, settings: settings.text())
        let display = BatchDisplay(command, plan)
        for problem in findings.problems { display.tell("\(problem.name): \(problem.reason)") }
        let run = BatchRun(
            plan, in: folder, limits: limits, program: Self.program, tell: { display.show($0) },
            isCancelled: { Interruption.isRequested })
        let outcome = try run.run()
        if !Interruption.isRequested {
            do { try folder.end(plan) } catch {
                display.tell("pages: " + errorLine(error))
            }
        }
        var isGrouped = true
        if outcome.interrupted == 0, levels.contains(.group), !Interruption.isRequested {
            isGrouped = groupUnlessAlone(display)
        }
        let failed = outcome.failed + findings.problems.count
        try display.end(outcome, problems: findings.problems.count, folder: folder)
        if outcome.interrupted > 0 || Interruption.isRequested { return 130 }
        if failed > 0 { return outcome.done + outcome.unchanged == 0 ? 3 : 1 }
        return isGrouped ? 0 : 1
    }

    /// Path of this program.
    static var program: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    private func limits() throws -> BatchRun.Limits {
        if let nprocs = command.nprocs, !(1...1024).contains(nprocs) {
            throw InputError("--nprocs", found: "\(nprocs)", expected: "1 to 1024")
        }
        if let threads = command.ompNthreads, !(1...1024).contains(threads) {
            throw InputError("--omp-nthreads", found: "\(threads)", expected: "1 to 1024")
        }
        if let mem = command.mem, !(mem > 0 && mem < 1e6) {
            throw InputError("--mem", found: "\(mem)", expected: "gigabytes, more than 0")
        }
        let cores = command.nprocs ?? ProcessInfo.processInfo.activeProcessorCount
        return BatchRun.Limits(
            cores: cores, threads: command.ompNthreads ?? command.options.computing.threads,
            memory: command.mem.map { Int($0 * Double(1 << 30)) })
    }

    /// Brings all subjects together that are done.
    private func group() throws {
        let run = try GroupRun(folder, command.grouping.settings())
        let made = try run.run(monitor: Terminal.monitor(quiet: command.options.computing.quiet))
        if !command.options.computing.quiet { try Terminal.result(made.summary) }
    }

    /// The group level after subjects; with fewer than two there is nothing to bring together, and that is no error.
    private func groupUnlessAlone(_ display: BatchDisplay) -> Bool {
        do {
            let made = try GroupRun(folder, command.grouping.settings()).run(monitor: .silent)
            display.tell(made.summary)
            return true
        } catch {
            display.tell("group: " + errorLine(error))
            return false
        }
    }

    private func submit(_ system: SubmissionSystem, _ plan: BatchPlan, _ findings: DatasetFindings) throws -> Int32 {
        guard system == .slurm else { return 2 }
        let arguments = Self.withoutSubmission(Array(CommandLine.arguments.dropFirst()))
        let submission = try SlurmSubmission(
            plan, folder: folder, program: Self.program, arguments: arguments,
            options: command.slurmOptions, threads: command.ompNthreads ?? 1, hasGroup: levels.contains(.group),
            memory: command.mem.map { Int($0 * Double(1 << 30)) })
        if command.dryRun {
            try Terminal.result(submission.text)
            return 0
        }
        try folder.begin(plan, source: command.bidsDir, settings: settings.text())
        for problem in findings.problems { Terminal.write("foci: \(problem.name): \(problem.reason)\n") }
        try Terminal.result(try submission.submit())
        return findings.problems.isEmpty ? 0 : 1
    }

    /// The arguments of the tasks: without what chooses subjects, levels, cores, memory and the cluster.
    static func withoutSubmission(_ arguments: [String]) -> [String] {
        let options = KnownOption.options(of: BatchRunCommand.self)
        let dropped = ["submit", "slurm-options", "dry-run", "nprocs", "n-cpus", "omp-nthreads", "mem", "mem-gb"]
        let labels = ["participant-label", "participant_label"]
        var kept: [String] = []
        var positional = 0
        // `batch`, and `run` where it is spelled out.
        var rest = FociCommand.namingRun(FociCommand.joiningNumbers(arguments)).dropFirst(2)
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                // What follows the two folders are levels.
                positional += 1
                if positional <= 2 { kept.append(argument) }
                continue
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            var whole = [argument]
            if labels.contains(name) {
                while let next = rest.first, !next.hasPrefix("--") { rest = rest.dropFirst() }
            } else if parts.count == 1, options.first(where: { $0.name == name })?.isFlag == false,
                let value = rest.popFirst()
            {
                whole.append(value)
            }
            if !dropped.contains(name), !labels.contains(name) { kept += whole }
        }
        return kept
    }
}

extension GroupOptions {
    /// Settings of the group level.
    func settings() throws -> GroupRun.Settings {
        if let radius, !(radius > 0 && radius <= 100) {
            throw InputError("--radius", found: "\(radius)", expected: "0 to 100 mm")
        }
        guard (0...1_000_000).contains(permutations) else {
            throw InputError("--permutations", found: "\(permutations)", expected: "0 to 1000000")
        }
        return GroupRun.Settings(radius: radius.map { $0 / 1000 }, transform: transform, permutations: permutations)
    }
}
