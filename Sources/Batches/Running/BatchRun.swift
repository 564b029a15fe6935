import Foci
import Foundation
import Synchronization

/// A batch on one machine: units in parallel, within given cores and memory, each in a process that may die.
public final class BatchRun {
    /// What it may use.
    public struct Limits: Sendable {
        /// Cores in all.
        public var cores: Int
        /// Threads of one localization; nil divides the cores.
        public var threads: Int?
        /// Memory in all, bytes.
        public var memory: Int

        /// All cores, and nine tenths of the memory that is free.
        public init(cores: Int = ProcessInfo.processInfo.activeProcessorCount, threads: Int? = nil, memory: Int? = nil)
        {
            self.cores = max(1, cores)
            self.threads = threads
            self.memory = memory ?? MemoryEstimate.available / 10 * 9
        }
    }

    /// How it ended.
    public struct Outcome: Sendable, Equatable {
        /// Recordings done now.
        public var done = 0
        /// Done before.
        public var unchanged = 0
        /// Failed, now or before.
        public var failed = 0
        /// Left to another run.
        public var held = 0
        /// Not begun, or abandoned.
        public var interrupted = 0
    }

    private let plan: BatchPlan
    private let folder: BatchFolder
    private let limits: Limits
    private let program: String
    private let tell: (BatchEvent) -> Void
    private let isCancelled: () -> Bool
    private let estimate = MemoryEstimate()
    private let inbox = Inbox()
    private var queue: [BatchPlan.Item] = []
    private var workers: [Int: WorkerProcess] = [:]
    private var nextWorker = 0
    private var outcome = Outcome()
    private var stopping: Stopwatch?

    /// - Parameters:
    ///   - plan: what is to be done.
    ///   - folder: where results go.
    ///   - limits: what may be used.
    ///   - program: path of the program, which is started again for the work.
    ///   - tell: told of everything as it happens, on the thread that runs the batch.
    ///   - isCancelled: asked several times a second; true abandons what is being done and begins nothing more.
    public init(
        _ plan: BatchPlan, in folder: BatchFolder, limits: Limits, program: String,
        tell: @escaping (BatchEvent) -> Void, isCancelled: @escaping () -> Bool
    ) {
        self.plan = plan
        self.folder = folder
        self.limits = limits
        self.program = program
        self.tell = tell
        self.isCancelled = isCancelled
    }

    /// Messages of workers, in the order in which they came.
    private final class Inbox: Sendable {
        private let messages = Mutex<[(worker: Int, message: WorkerProcess.Message)]>([])
        private let count = DispatchSemaphore(value: 0)

        func put(_ worker: Int, _ message: WorkerProcess.Message) {
            messages.withLock { $0.append((worker, message)) }
            count.signal()
        }

        /// The next message; nil where none comes for a fifth of a second.
        func next() -> (worker: Int, message: WorkerProcess.Message)? {
            guard count.wait(timeout: .now() + 0.2) == .success else { return nil }
            return messages.withLock { $0.removeFirst() }
        }
    }

    /// Threads of a localization, and how many may run at once.
    private var shape: (threads: Int, workers: Int) {
        let units = max(1, queue.count)
        let threads = min(limits.cores, limits.threads ?? max(1, limits.cores / units))
        return (threads, max(1, min(units, limits.cores / max(1, threads))))
    }

    /// Runs it to the end.
    ///
    /// - Returns: how many recordings ended how.
    /// - Throws: ``InputError`` when no process can be started, or nothing can be written.
    public func run() throws(InputError) -> Outcome {
        begin()
        let (threads, most) = shape
        var event = BatchEvent(.batchStarted)
        event.text =
            "\(queue.count) units, \(min(most, queue.count)) at a time with \(threads) threads each, within "
            + MemoryEstimate.text(limits.memory)
        event.unchanged = outcome.unchanged
        tell(event)
        while !queue.isEmpty || !workers.isEmpty {
            if isCancelled(), stopping == nil { stop() }
            if let stopping, stopping.seconds > 30 { for worker in workers.values { worker.stop(atOnce: true) } }
            if stopping == nil { try assign(threads, most) }
            guard let (number, message) = inbox.next(), let worker = workers[number] else { continue }
            switch message {
            case .event(let event): take(event, of: worker)
            case .ended(let reason): end(number, worker, reason)
            }
        }
        var last = BatchEvent(.batchFinished)
        (last.done, last.failed, last.unchanged) = (outcome.done, outcome.failed, outcome.unchanged)
        tell(last)
        return outcome
    }

    /// Sorts out what is to be done; units that share a forward stand together, so that a process reads it once.
    private func begin() {
        var order: [String: Int] = [:]
        for item in plan.items {
            order[item.unit.forward] = order[item.unit.forward] ?? order.count
            for entry in item.unit.entries {
                switch item.decisions[entry.label] {
                case .unchanged: outcome.unchanged += 1
                case .failedBefore: outcome.failed += 1
                default: break
                }
            }
        }
        queue = plan.items.filter { !$0.toRun.isEmpty }.enumerated().sorted {
            (order[$0.element.unit.forward] ?? 0, $0.offset) < (order[$1.element.unit.forward] ?? 0, $1.offset)
        }.map(\.element)
        for item in queue where estimate.bytes(item.unit) > limits.memory { refuse(item) }
        queue.removeAll { estimate.bytes($0.unit) > limits.memory }
    }

    /// Fails what cannot fit, before anything is begun.
    private func refuse(_ item: BatchPlan.Item) {
        let reason =
            "needs about \(MemoryEstimate.text(estimate.bytes(item.unit))) of memory, "
            + "\(MemoryEstimate.text(limits.memory)) are allowed: raise --mem"
        for entry in item.toRun { fail(item, entry.label, reason) }
    }

    /// Gives work to processes that have none, and starts processes while there is room.
    private func assign(_ threads: Int, _ most: Int) throws(InputError) {
        while !queue.isEmpty {
            let used = workers.values.reduce(0) { $0 + $1.memory }
            let idle = workers.values.filter { $0.item == nil }
            guard !idle.isEmpty || workers.count < most else { return }
            // First what an idle process has the forward of, else the first that fits.
            let fitting = queue.indices.filter { used + estimate.bytes(queue[$0].unit) <= limits.memory || used == 0 }
            guard let first = fitting.first else { return }
            let kept = fitting.first { place in idle.contains { $0.forward == queue[place].unit.forward } }
            let item = queue.remove(at: kept ?? first)
            let waiting = idle.first { $0.forward == item.unit.forward } ?? idle.first
            let worker = if let waiting { waiting } else { try start() }
            give(item, to: worker, threads)
        }
        for worker in workers.values where worker.item == nil { worker.finish() }
    }

    private func start() throws(InputError) -> WorkerProcess {
        let (number, inbox) = (nextWorker, inbox)
        nextWorker += 1
        let worker = try WorkerProcess(program) { inbox.put(number, $0) }
        workers[number] = worker
        return worker
    }

    private func give(_ item: BatchPlan.Item, to worker: WorkerProcess, _ threads: Int) {
        worker.item = item
        worker.remaining = item.toRun.map(\.label)
        worker.forward = item.unit.forward
        worker.memory = estimate.bytes(item.unit)
        let arguments = item.arguments.filter { worker.remaining.contains($0.key) }
        worker.order(WorkOrder(unit: item.unit, arguments: arguments, output: folder.path, threads: threads))
    }

    private func take(_ event: BatchEvent, of worker: WorkerProcess) {
        switch event.event {
        case .entryStarted: worker.current = event.entry
        case .entryFinished:
            worker.current = nil
            worker.remaining.removeAll { $0 == event.entry }
            if let peak = event.peakMemory, let unit = worker.item?.unit { estimate.learn(unit, peak) }
            switch event.status {
            case "done": outcome.done += 1
            case "failed": outcome.failed += 1
            case "unchanged": outcome.unchanged += 1
            default: outcome.interrupted += 1
            }
        case .held:
            outcome.held += worker.remaining.count
            worker.remaining = []
            (worker.item, worker.memory) = (nil, 0)
        case .unitFinished: (worker.item, worker.memory) = (nil, 0)
        default: break
        }
        tell(event)
    }

    /// A process ended: as it should, or in the middle of something.
    private func end(_ number: Int, _ worker: WorkerProcess, _ reason: String) {
        workers[number] = nil
        guard let item = worker.item else { return }
        if stopping != nil {
            outcome.interrupted += worker.remaining.count
            return
        }
        guard let label = worker.current ?? worker.remaining.first else { return }
        fail(item, label, reason)
        let rest = worker.remaining.filter { $0 != label }
        guard !rest.isEmpty else { return }
        // The other conditions of the unit are tried by a new process.
        queue.insert(
            BatchPlan.Item(
                unit: item.unit, arguments: item.arguments,
                decisions: Dictionary(uniqueKeysWithValues: rest.map { ($0, .run("after a failure")) })), at: 0)
    }

    /// Writes that an entry failed for a reason that its own process could not write.
    private func fail(_ item: BatchPlan.Item, _ label: String, _ reason: String) {
        outcome.failed += 1
        var state = EntryState(
            status: .failed,
            inputs: InputStamp.readable(
                item.unit.entries.filter { $0.label == label }.flatMap { BatchPlan.inputs(of: item.unit, $0) }),
            arguments: item.arguments[label] ?? [])
        state.reason = reason
        (state.ended, state.host) = (Claim.now(), Claim.host.name)
        if let attempt = try? Claim.take(folder.lockPath(item.unit.key)), case .taken(let claim) = attempt {
            var whole = ((try? folder.state(item.unit.key)) ?? UnitState(item.unit)).replanned(item.unit)
            whole.entries[label] = state
            try? folder.write(whole)
            claim.release()
        }
        WorkLog(folder.logPath(item.unit.key)).add("\(label): failed: \(reason)")
        tell(BatchEvent(.entryFinished, unit: item.unit.key, entry: label, status: "failed", text: reason))
    }

    /// Asks all to stop, and begins nothing more.
    private func stop() {
        stopping = Stopwatch()
        outcome.interrupted += queue.reduce(0) { $0 + $1.toRun.count }
        queue = []
        for worker in workers.values {
            worker.stop(atOnce: false)
            worker.finish()
        }
    }
}
