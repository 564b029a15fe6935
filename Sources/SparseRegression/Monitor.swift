/// How a caller watches and stops a long computation; nothing is global.
public struct Monitor: Sendable {
    /// What is being done.
    public struct Progress: Sendable, Equatable {
        /// The stage in plain English, for example `selecting λ`.
        public let stage: String
        /// A short account of where it stands, for example `λ 0.14 of λ_max, 182 sources`.
        public let detail: String

        /// - Parameters:
        ///   - stage: in plain English.
        ///   - detail: one line, without a full stop.
        public init(stage: String, detail: String) {
            self.stage = stage
            self.detail = detail
        }
    }

    /// Called now and then, on the thread that computes.
    public let report: @Sendable (Progress) -> Void
    /// Asked between passes; true stops the work at the next safe point.
    public let isCancelled: @Sendable () -> Bool
    /// Told of everything that the caller should know before trusting the result, as soon as it is known.
    public let warn: @Sendable (String) -> Void

    /// - Parameters:
    ///   - report: does nothing unless given. The work waits for it.
    ///   - isCancelled: whether the surrounding task is cancelled, unless given. Asked often: it should be cheap.
    ///   - warn: does nothing unless given.
    public init(
        report: @escaping @Sendable (Progress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { Task.isCancelled },
        warn: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.report = report
        self.isCancelled = isCancelled
        self.warn = warn
    }

    /// Reports nothing; stops when the surrounding task is cancelled.
    public static let silent = Monitor()
}
