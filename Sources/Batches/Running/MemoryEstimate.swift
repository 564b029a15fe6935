import Foci
import Foundation
import Synchronization

/// How much memory a unit needs: by the size of its forward model, until one like it has been measured.
final class MemoryEstimate: Sendable {
    /// Of a process before it reads anything, and for data of usual length; measured with windows of 60 to 300 samples.
    private static let base = 160 << 20
    /// Gains in double precision that a localization holds at most, and bytes of a gain per byte of its file: those that are
    /// stored in single precision need two.
    private static let (gains, expansion) = (7, 2)
    /// How far measured needs may be exceeded.
    private static let slack = 1.2

    private let measured = Mutex<[String: Int]>([:])

    /// Bytes.
    func bytes(_ unit: BatchUnit) -> Int {
        if let known = measured.withLock({ $0[unit.forward] }) { return Int(Double(known) * Self.slack) }
        let size = (try? InputStamp(unit.forward).size) ?? 0
        return Self.base + Self.gains * Self.expansion * size * (unit.forward.hasSuffix(".gz") ? 2 : 1)
    }

    /// Learns what a unit took.
    func learn(_ unit: BatchUnit, _ bytes: Int) {
        measured.withLock { $0[unit.forward] = max($0[unit.forward] ?? 0, bytes) }
    }

    /// Memory that the machine has for use now, bytes; that of the control group where it is less.
    static var available: Int {
        var least = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
        if let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
            let kilobytes = line.split(separator: " ").compactMap({ Int($0) }).first
        {
            least = min(least, kilobytes << 10)
        }
        for file in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
            if let text = try? String(contentsOfFile: file, encoding: .utf8),
                let limit = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), limit > 0
            {
                least = min(least, limit)
            }
        }
        return least
    }

    /// Bytes as people read them.
    static func text(_ bytes: Int) -> String {
        bytes >= 1 << 30
            ? String(format: "%.1f GB", Double(bytes) / Double(1 << 30)) : "\(max(1, bytes >> 20)) MB"
    }
}
