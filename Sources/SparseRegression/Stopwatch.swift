import Dispatch

/// Seconds since it was made, against a limit.
struct Stopwatch {
    private let began = DispatchTime.now().uptimeNanoseconds
    private let limit: Double

    init(limit: Double) { self.limit = limit }

    var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9 }

    func isOver() -> Bool { limit < .infinity && seconds > limit }
}
