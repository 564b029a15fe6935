import Formats
import Foundation
import Glibc
import SourceImaging

/// Reads damaged copies of files, and dies where the readers do: a crash, more than two seconds for a file, or more
/// memory than four times the file and 64 MB. The damaged file then stays in the folder as `mutated`.
///
/// Usage: mutated-files SEED COUNT FOLDER FILE…
///
/// Tests run it as a process of its own; by hand it runs as long as `COUNT` says. It prints how many files were read and
/// how many were refused, and each different reason when `FOCI_REASONS` is set.
@main
struct MutatedFiles {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 5, let seed = UInt64(arguments[1]), let count = Int(arguments[2]) else {
            fail("usage: SEED COUNT FOLDER FILE…")
        }
        let folder = arguments[3]
        let originals = try arguments[4...].map { path in
            (path: path, bytes: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        }
        for original in originals { _ = outcome(of: original.path, as: original.path) }

        let path = "\(folder)/mutated"
        var mutator = Mutator(seed: seed)
        var (read, refused) = (0, 0)
        var reasons: [String: Int] = [:]
        let baseline = peakMemory
        for k in 0..<count {
            let original = originals[k % originals.count]
            let bytes = mutator.mutate(original.bytes)
            guard let file = fopen(path, "w") else { throw CocoaError(.fileWriteUnknown) }
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
            limitTime(seconds: 2)
            let reason = outcome(of: path, as: original.path)
            limitTime(seconds: 0)
            if let reason {
                refused += 1
                guard !reason.isEmpty, !reason.contains(where: \.isNewline) else { fail("no single line: \(reason)") }
                if let first = reason.split(separator: ";").first { reasons[String(first), default: 0] += 1 }
            } else {
                read += 1
            }
            let growth = peakMemory - baseline
            guard growth < 4 * bytes.count + 64 << 20 else { fail("\(growth) bytes for a file of \(bytes.count)") }
        }
        unlink(path)
        print("\(count) files: \(read) read, \(refused) refused")
        if ProcessInfo.processInfo.environment["FOCI_REASONS"] != nil {
            for (reason, times) in reasons.sorted(by: { $0.value > $1.value }) { print(times, reason) }
        }
    }

    /// Lets the system end the process (SIGPROF) when it computes longer than that; other work on the machine does not
    /// count. 0 takes the limit away.
    private static func limitTime(seconds: Int) {
        var limit = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: seconds, tv_usec: 0))
        setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &limit, nil)
    }

    private static func fail(_ message: String) -> Never {
        FileHandle.standardError.write(Data("mutated-files: \(message)\n".utf8))
        exit(1)
    }

    /// Largest resident size so far, bytes.
    private static var peakMemory: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }

    /// Reads all that a file holds; nil when that went well, else the reason why not.
    ///
    /// - Parameter original: path of the undamaged file; a channel file is read by way of the files beside it.
    private static func outcome(of path: String, as original: String) -> String? {
        let folder = URL(fileURLWithPath: original).deletingLastPathComponent().path
        let channels = ["channel.mat", "kinds-ave.fif"].map { "\(folder)/\($0)" }
        var options = ReadingOptions(channels: channels.first { FileManager.default.fileExists(atPath: $0) })
        var target = path
        if original.hasSuffix("/channel.mat") {
            options.channels = path
            target = "\(folder)/data.mat"
        }
        do throws(InputError) {
            let file = try FileFormats.open(target)
            _ = try file.facts(options)
            if file.conditions.count > 1 { options.conditions = ["0"] }
            for content in file.contents {
                switch content {
                case .forward: _ = try file.forward(options)
                case .recording: _ = try file.recording(options)
                case .covariance: _ = try file.covariance(options)
                case .estimate: _ = try file.estimate(options)
                case .problem, .truth: _ = try file.describe(content, options)
                }
            }
            return nil
        } catch {
            return "\(error)".replacingOccurrences(of: path, with: "FILE")
        }
    }
}
