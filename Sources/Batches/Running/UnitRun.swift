import Foci
import Foundation

/// How options become settings: the program's options, given by the program.
public struct Recipe: Sendable {
    /// How to localize.
    public var settings: LocalizationSettings
    /// What to read.
    public var reading: ReadingOptions

    /// Settings of one entry.
    public init(settings: LocalizationSettings, reading: ReadingOptions) {
        self.settings = settings
        self.reading = reading
    }
}

/// The work on units, one after another, in a process of its own: reads, localizes, writes results and state.
///
/// Files that units share are kept from one to the next.
public final class UnitRun {
    private let reader: UnitReader
    private let naming: @Sendable (SettingName) -> String
    private let tell: @Sendable (BatchEvent) -> Void
    private let isCancelled: @Sendable () -> Bool
    private let stamps = StampCache()

    /// - Parameters:
    ///   - recipe: what options mean.
    ///   - naming: how users know a setting.
    ///   - tell: told of everything as it happens.
    ///   - isCancelled: asked often; true abandons the work, and what was not finished stays as it was.
    public init(
        recipe: @escaping @Sendable ([String]) throws -> Recipe, naming: @escaping @Sendable (SettingName) -> String,
        tell: @escaping @Sendable (BatchEvent) -> Void, isCancelled: @escaping @Sendable () -> Bool
    ) {
        reader = UnitReader(recipe: recipe)
        self.naming = naming
        self.tell = tell
        self.isCancelled = isCancelled
    }

    /// Does the entries of an order, in their order, and the page of the subject.
    ///
    /// - Throws: ``InputError`` when neither results nor state can be written, `CancellationError` when it was cancelled.
    public func run(_ order: WorkOrder) throws {
        let folder = BatchFolder(order.output)
        let key = order.unit.key
        let claim: Claim
        switch try Claim.take(folder.lockPath(key)) {
        case .taken(let taken): claim = taken
        case .held(let owner):
            tell(BatchEvent(.held, unit: key, text: owner))
            return
        }
        defer { claim.release() }
        tell(BatchEvent(.unitStarted, unit: key))
        let log = WorkLog(folder.logPath(key))
        log.add("unit \(key), process \(getpid()) on \(Claim.host.name), foci \(fociVersion)")
        for note in order.unit.notes { log.add(note) }
        for entry in order.unit.entries {
            guard let arguments = order.arguments[entry.label] else { continue }
            if isCancelled() { throw CancellationError() }
            // Another run may have done it between the plan and the claim.
            let now = try BatchPlan([order.unit], in: folder, retriesFailed: true) { _, entry in
                order.arguments[entry.label] ?? []
            }
            if now.items.first?.decisions[entry.label] == .unchanged {
                tell(BatchEvent(.entryFinished, unit: key, entry: entry.label, status: "unchanged"))
                continue
            }
            try run(entry, arguments, order, folder, claim, log)
        }
        do {
            if try SubjectPages(folder).update(order.unit.subject) {
                tell(BatchEvent(.wrote, unit: key, text: "sub-\(order.unit.subject).html"))
            }
        } catch {
            log.add("page: \(Self.text(error, naming))")
        }
        tell(BatchEvent(.unitFinished, unit: key))
    }

    /// Does one entry and writes what became of it.
    private func run(
        _ entry: BatchEntry, _ arguments: [String], _ order: WorkOrder, _ folder: BatchFolder, _ claim: Claim,
        _ log: WorkLog
    ) throws {
        let clock = Stopwatch()
        let (unit, label) = (order.unit, entry.label)
        tell(BatchEvent(.entryStarted, unit: unit.key, entry: label))
        log.add("\(label): \(entry.recording), options \(arguments.joined(separator: " "))")
        let place = ResultFolder(batch: folder, unit: unit, entry: entry)
        place.clear()
        let inputs = BatchPlan.inputs(of: unit, entry)
        var state = EntryState(status: .failed, inputs: InputStamp.readable(inputs), arguments: arguments)
        do {
            // Content is hashed before it is read, and looked at again after: what is written is of what was read.
            state.inputs = try inputs.map { try stamps.stamp($0) }
            let result = try estimate(entry, arguments, order, log)
            for stamp in state.inputs where try InputStamp(stamp.path).modified != stamp.modified {
                throw InputError(stamp.path, found: "it changed while it was read", advice: "run again")
            }
            state.estimate = try place.publish(
                result.estimate, forward: result.forward, inputs: state.inputs, arguments: arguments,
                isStillMine: { claim.isKept })
            state.status = .done
            state.result = place.relative
            state.sources = result.estimate.sources.count
            state.warnings = result.estimate.warnings.count
            let seconds = result.estimate.seconds
            log.add(
                String(
                    format: "%.2f s reading, %.2f s preparing, %.2f s solving", seconds.load, seconds.prepare,
                    seconds.solve))
        } catch is CancellationError {
            log.add("\(label): interrupted; nothing was written")
            tell(BatchEvent(.entryFinished, unit: unit.key, entry: label, status: "interrupted"))
            throw CancellationError()
        } catch {
            state.reason = Self.text(error, naming)
            place.withdraw()
        }
        state.seconds = clock.seconds
        state.peakMemory = Self.peakMemory()
        finish(state, entry, order, folder, log)
    }

    private func finish(
        _ state: EntryState, _ entry: BatchEntry, _ order: WorkOrder, _ folder: BatchFolder, _ log: WorkLog
    ) {
        var state = state
        state.ended = Claim.now()
        state.host = Claim.host.name
        do {
            var whole = (try folder.state(order.unit.key) ?? UnitState(order.unit)).replanned(order.unit)
            whole.entries[entry.label] = state
            try folder.write(whole)
        } catch {
            // Without it the entry is done again by the next run; results that are there stay.
            state.status = .failed
            state.reason = [state.reason, Self.text(error, naming)].filter { !$0.isEmpty }.joined(separator: "; ")
        }
        log.add(
            "\(entry.label): \(state.status.rawValue) in \(String(format: "%.1f", state.seconds)) s"
                + (state.reason.isEmpty ? ", \(state.sources) sources" : ": \(state.reason)"))
        var event = BatchEvent(.entryFinished, unit: order.unit.key, entry: entry.label, status: state.status.rawValue)
        event.text = state.reason.isEmpty ? nil : state.reason
        (event.sources, event.warnings) = state.status == .done ? (state.sources, state.warnings) : (nil, nil)
        (event.seconds, event.peakMemory) = (state.seconds, state.peakMemory)
        tell(event)
    }

    /// Reads and localizes an entry.
    private func estimate(
        _ entry: BatchEntry, _ arguments: [String], _ order: WorkOrder, _ log: WorkLog
    ) throws -> (estimate: Estimate, forward: Forward) {
        let (unit, tell) = (order.unit, tell)
        // Settings that are wrong are told before the files are read.
        var settings = try reader.settings(arguments)
        settings.parallelism = Parallelism(threads: order.threads)
        let localization = try Localization(settings, naming: naming)
        let clock = Stopwatch()
        let read = try reader.read(entry, of: unit, arguments)
        let contents = read.files
        let loaded = clock.seconds
        let isCancelled = isCancelled
        var estimate = try localization.run(
            recording: contents.recording, forward: contents.forward, covariance: contents.covariance,
            monitor: Monitor(
                report: { progress in
                    tell(
                        BatchEvent(
                            .progress, unit: unit.key, entry: entry.label, text: "\(progress.stage): \(progress.detail)"
                        ))
                }, isCancelled: isCancelled,
                warn: { warning in
                    log.add("\(entry.label): warning: \(warning)")
                    tell(BatchEvent(.warning, unit: unit.key, entry: entry.label, text: warning))
                }), shared: read.shared)
        if isCancelled() { throw CancellationError() }
        if estimate.condition.isEmpty { estimate.condition = entry.condition }
        estimate.seconds.load = loaded
        return (estimate, contents.forward)
    }

    /// An error as a line.
    static func text(_ error: any Error, _ naming: (SettingName) -> String) -> String {
        (error as? InputError)?.text(naming: naming) ?? "\(error)"
    }

    /// The largest memory of this process so far, bytes.
    static func peakMemory() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}

/// The log of a unit: lines with times, added to what earlier runs left. Not writing it is no reason to stop.
struct WorkLog: Sendable {
    private let path: String

    init(_ path: String) { self.path = path }

    func add(_ line: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let text = "\(Claim.now()) \(line)\n"
        _ = write(descriptor, text, text.utf8.count)
    }
}
