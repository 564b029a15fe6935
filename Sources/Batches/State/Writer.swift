import Foundation

/// Who writes a file or folder that is not finished: a process, whose number is in the name (`sub-01.json.partial-4711-2`).
struct Writer {
    /// Number of the process.
    let process: Int32

    /// Reads a name; nil where it is not that of something unfinished.
    init?(of name: String) {
        guard let mark = name.range(of: ".partial-", options: .backwards),
            let process = name[mark.upperBound...].split(whereSeparator: { $0 == "-" || $0 == "." }).first
                .flatMap({ Int32($0) }), process > 0
        else { return nil }
        self.process = process
    }

    /// Whether the process cannot be at work on something: it has ended, or another has its number since.
    ///
    /// In a container, numbers are the same from run to run, and who has ended stays a zombie for good where the first
    /// process waits for nobody.
    ///
    /// - Parameters:
    ///   - change: when it was changed last, by the clock of the drive.
    ///   - place: a path on that drive, beside which the clock may be asked.
    func isGone(since change: timespec, beside place: @autoclosure () -> String) -> Bool {
        if kill(process, 0) != 0, errno == ESRCH { return true }
        // The name of the program, in parentheses, may hold anything; the state comes after it, and the start is 19 further.
        guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = line.lastIndex(of: ")")
        else { return false }
        let fields = line[line.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let start = Double(fields[19]) else { return false }
        if ["Z", "X"].contains(fields[0]) { return true }
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        let run = Double(now.tv_sec) - start / Double(sysconf(Int32(_SC_CLK_TCK)))
        let age = Claim.serverTime(beside: place()) - Double(change.tv_sec)
        return age > run + Double(BatchFolder.patience)
    }
}
