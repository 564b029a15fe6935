import Dispatch
import Glibc
import LinearAlgebra
import Transport

// Times entropic transport for scripts/bench --only transport; tells what it found as a line of JSON.
//
// Usage: TransportBenchmark FOLDER N M EPSILON PENALTY THREADS RUNS
//
// The folder holds doubles of this machine, nothing else: x (N × 3) and y (M × 3), column after column, a (N) and b (M).
// PENALTY is inf for balanced transport.

/// Ends the program with a line of what is wrong.
func fail(_ text: String) -> Never {
    fputs("TransportBenchmark: \(text)\n", stderr)
    exit(2)
}

/// The numbers of a file.
func numbers(_ path: String, _ count: Int) -> [Double] {
    guard let file = fopen(path, "rb") else { fail("\(path): cannot be opened") }
    defer { fclose(file) }
    var values = [Double](repeating: 0, count: count)
    guard fread(&values, MemoryLayout<Double>.size, count, file) == count else {
        fail("\(path): expected \(count) numbers")
    }
    return values
}

/// Seconds that all threads of the program were busy.
func busySeconds() -> Double {
    var usage = rusage()
    getrusage(0, &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + 1e-6 * Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
}

func measure(_ arguments: [String]) throws {
    guard arguments.count == 8, let n = Int(arguments[2]), let m = Int(arguments[3]),
        let epsilon = Double(arguments[4]),
        let penalty = Double(arguments[5]), let threads = Int(arguments[6]), let runs = Int(arguments[7]), n > 0, m > 0,
        runs > 0
    else { fail("expected FOLDER N M EPSILON PENALTY THREADS RUNS") }
    let folder = arguments[1]
    let problem = try TransportProblem(
        source: numbers("\(folder)/a", n), target: numbers("\(folder)/b", m),
        cost: .squaredDistance(
            Matrix(rows: n, columns: 3, elements: numbers("\(folder)/x", 3 * n)),
            Matrix(rows: m, columns: 3, elements: numbers("\(folder)/y", 3 * m))))
    let settings = TransportSettings(
        epsilon: epsilon, marginalPenalty: penalty, parallelism: Parallelism(threads: threads))
    var seconds: [String] = []
    var busy: [String] = []
    var answer = try EntropicTransport(problem, settings)
    for _ in 0..<runs {
        let (start, busyStart) = (DispatchTime.now().uptimeNanoseconds, busySeconds())
        answer = try EntropicTransport(problem, settings)
        seconds.append(String(Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9))
        busy.append(String(busySeconds() - busyStart))
    }
    print(
        "{\"seconds\": [\(seconds.joined(separator: ", "))], \"busy\": [\(busy.joined(separator: ", "))], "
            + "\"error\": \(answer.marginalError), \"value\": \(answer.value), \"sweeps\": \(answer.sweeps), "
            + "\"newton_steps\": \(answer.newtonSteps), \"products\": \(answer.products)}")
}

do { try measure(CommandLine.arguments) } catch { fail("\(error)") }
