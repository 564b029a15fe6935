import Glibc
import HDF5
import SparseRegression
import TimeFrequency

// Times the numerics of inverse methods alone, for scripts/bench; tells what was found as a line of JSON.
//
// Usage: InverseBenchmark concomitant FILE RATIO GAP RUNS
//        InverseBenchmark time-frequency FILE RATIO RHO GAP RUNS
//
// RATIO is λ over the largest, GAP the relative one. The file holds gain (n × q) and, of repeated epochs, epochs
// (r × n × T), or data (n × T) with an attribute orientations. Windows are 4 and 16 samples, steps 2 and 4. Seconds
// include preparation, but of time-frequency norms not the largest λ, since the peer is told λ. One thread.

/// Ends the program with a line of what is wrong.
func fail(_ text: String) -> Never {
    let line = Array("InverseBenchmark: \(text)\n".utf8)
    _ = write(2, line, line.count)
    exit(2)
}

extension Matrix {
    init(_ matrix: HDF5Matrix<Double>) {
        self.init(rows: matrix.rows, columns: matrix.columns, elements: matrix.elements)
    }
}

/// Runs a solve so often, and tells how long each took and what the last found.
func tell(_ runs: Int, _ solve: () throws -> (largest: Double, gap: Double, objective: Double, active: Int)) throws {
    var seconds: [Double] = []
    var found = (largest: 0.0, gap: 0.0, objective: 0.0, active: 0)
    for _ in 0..<runs {
        let began = ContinuousClock.now
        found = try solve()
        seconds.append((ContinuousClock.now - began) / .seconds(1))
    }
    print(
        "{\"seconds\": \(seconds), \"largest\": \(found.largest), \"gap\": \(found.gap), "
            + "\"objective\": \(found.objective), \"active\": \(found.active)}")
}

func concomitant(_ file: HDF5File, ratio: Double, gap: Double, runs: Int) throws {
    let (gain, epochs) = (Matrix(try file.matrix("gain")), try file.matrices("epochs").map { Matrix($0) })
    try tell(runs) {
        let lasso = try ConcomitantLasso(
            design: Design(gain), epochs: EpochStatistics(epochs), blocks: BlockStructure(count: gain.columns, size: 1),
            noise: .full)
        let largest = lasso.largestLambda()
        let solution = try lasso.solve(lambda: ratio * largest, stop: StopRule(relativeGap: gap))
        return (largest, solution.relativeGap, solution.objective, solution.active.count)
    }
}

func timeFrequency(_ file: HDF5File, ratio: Double, rho: Double, gap: Double, runs: Int) throws {
    let (gain, data) = (Matrix(try file.matrix("gain")), Matrix(try file.matrix("data")))
    guard let width = try file.integer(attribute: "orientations"), width > 0 else { fail("no orientations") }
    let problem = try RegressionProblem(
        design: Design(gain), response: data, blocks: BlockStructure(count: gain.columns / width, size: width),
        keepsSamples: true)
    let windows = [GaborFrame.Window(length: 4, step: 2), GaborFrame.Window(length: 16, step: 4)]
    let frame = try GaborFrame(windows, samples: data.columns)
    let largest = try TimeFrequencySession(problem, frame: frame).largestLambda(rho: rho)
    try tell(runs) {
        let frame = try GaborFrame(windows, samples: data.columns)
        let session = try TimeFrequencySession(problem, frame: frame)
        let penalty = try TimeFrequencyPenalty(frame: frame, lambda: ratio * largest, rho: rho)
        let solution = try session.solve(penalty, stop: StopRule(relativeGap: gap))
        return (largest, solution.relativeGap, solution.objective, solution.active.count)
    }
}

func measure(_ arguments: [String]) throws {
    guard arguments.count > 3 else { fail("expected concomitant or time-frequency, a file and numbers") }
    let numbers = arguments.dropFirst(3).compactMap { Double($0) }
    let file = try HDF5File(arguments[2])
    switch (arguments[1], numbers.count) {
    case ("concomitant", 3):
        try concomitant(file, ratio: numbers[0], gap: numbers[1], runs: Int(numbers[2]))
    case ("time-frequency", 4):
        try timeFrequency(file, ratio: numbers[0], rho: numbers[1], gap: numbers[2], runs: Int(numbers[3]))
    default: fail("'\(arguments[1])' with \(numbers.count) numbers")
    }
}

do { try measure(CommandLine.arguments) } catch { fail("\(error)") }
