import Dispatch

/// Time since it was made, against a limit; the one clock of the program.
///
/// It does not go on while the computer sleeps, and nobody sets it.
package struct Stopwatch: Sendable {
    private let began = DispatchTime.now().uptimeNanoseconds
    private let limit: Double

    /// - Parameter limit: s.
    package init(limit: Double = .infinity) { self.limit = limit }

    /// Seconds since it was made.
    package var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9 }

    /// Whether the limit has passed.
    package func isOver() -> Bool { limit < .infinity && seconds > limit }
}
