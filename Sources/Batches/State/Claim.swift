import Foci
import Foundation

/// The right to work on a unit: no other process of this or another machine has it at the same time.
///
/// A file says who has it. On one machine `flock` decides, which the system releases however a process ends. Locks may not
/// reach other machines: there its owner's heartbeat, the time of the file, decides; who has not beaten for some minutes is
/// taken to be gone.
final class Claim {
    /// Seconds between heartbeats, and after which one is taken to be gone.
    private static let (beat, silence) = (15.0, 180.0)

    private let path: String
    private let descriptor: Int32
    private let timer: any DispatchSourceTimer

    /// Who has a claim.
    struct Owner: Codable, Equatable {
        var host: String
        var boot: String
        var process: Int32
        var since: String
    }

    /// What became of an attempt.
    enum Attempt {
        case taken(Claim)
        /// Somebody else has it.
        case held(by: String)
    }

    private init(_ path: String, _ descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
        timer = DispatchSource.makeTimerSource(queue: .global(qos: .utility))
        timer.schedule(deadline: .now() + Self.beat, repeating: Self.beat)
        timer.setEventHandler { futimens(descriptor, nil) }
        timer.resume()
    }

    /// This machine, and since when it runs.
    static let host: (name: String, boot: String) = {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, 255)
        let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return (String(decoding: bytes, as: UTF8.self), boot.trimmingCharacters(in: .whitespacesAndNewlines))
    }()

    /// Takes a claim if nobody has it.
    ///
    /// - Throws: ``InputError`` when the file cannot be made.
    static func take(_ path: String) throws(InputError) -> Attempt {
        var holder = "another run"
        for attempt in 0..<20 {
            if attempt > 0 { usleep(20_000) }
            let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 {
                if let claim = try begin(path, descriptor) { return .taken(claim) }
                continue
            }
            guard errno == EEXIST else {
                throw InputError(path, found: "cannot be written: \(String(cString: strerror(errno)))")
            }
            guard let owner = look(path) else { continue }
            holder = owner.text
            guard owner.isGone, remove(path, owner) else {
                if owner.isGone { continue }
                return .held(by: holder)
            }
        }
        return .held(by: holder)
    }

    /// Makes a new file a claim; nil where another process came between.
    private static func begin(_ path: String, _ descriptor: Int32) throws(InputError) -> Claim? {
        let owner = Owner(host: host.name, boot: host.boot, process: getpid(), since: now())
        let text = (try? JSON.text(owner, isIndented: false)) ?? "{}"
        let isLocked = flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno == ENOTSUP || errno == ENOLCK
        guard isLocked, isAt(path, descriptor) else {
            close(descriptor)
            return nil
        }
        guard write(descriptor, text, text.utf8.count) == text.utf8.count else {
            let reason = errno
            unlink(path)
            close(descriptor)
            throw InputError(
                path, found: "cannot be written: \(String(cString: strerror(reason)))",
                advice: "free some space or write elsewhere")
        }
        return Claim(path, descriptor)
    }

    /// A claim that somebody else made.
    private struct Other {
        let owner: Owner?
        let content: Data
        let isGone: Bool

        var text: String {
            owner.map { "process \($0.process) on \($0.host), since \($0.since)" } ?? "another run that just began"
        }
    }

    /// Looks at a claim; nil where it just went.
    private static func look(_ path: String) -> Other? {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, isAt(path, descriptor) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = max(0, read(descriptor, &bytes, bytes.count))
        let content = Data(bytes.prefix(count))
        let owner = try? JSON.value(Owner.self, from: content)
        let isHere = owner.map { $0.host == host.name && $0.boot == host.boot } ?? true
        if isHere {
            // Who lives holds the lock: the file is removed while it is held here, so that of two who find it one does.
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, isAt(path, descriptor) else {
                return Other(owner: owner, content: content, isGone: false)
            }
            unlink(path)
            return nil
        }
        let age = serverTime(beside: path) - Double(status.st_mtim.tv_sec)
        return Other(owner: owner, content: content, isGone: age > silence || owner?.host == host.name)
    }

    /// Removes the claim of one who is gone, unless it has become another's meanwhile.
    private static func remove(_ path: String, _ other: Other) -> Bool {
        let aside = "\(path).\(host.name)-\(getpid())"
        guard rename(path, aside) == 0 else { return false }
        let isSame = FileManager.default.contents(atPath: aside) == other.content
        if !isSame { link(aside, path) }
        unlink(aside)
        return isSame
    }

    /// The time as the drive has it, which may differ from this machine's.
    static func serverTime(beside path: String) -> Double {
        let probe = "\(path).time-\(host.name)-\(getpid())"
        let descriptor = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { return Date().timeIntervalSince1970 }
        defer {
            close(descriptor)
            unlink(probe)
        }
        futimens(descriptor, nil)
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Double(status.st_mtim.tv_sec) : Date().timeIntervalSince1970
    }

    /// Whether a path still leads to an open file.
    private static func isAt(_ path: String, _ descriptor: Int32) -> Bool {
        var (there, here) = (stat(), stat())
        return stat(path, &there) == 0 && fstat(descriptor, &here) == 0 && there.st_ino == here.st_ino
            && there.st_dev == here.st_dev
    }

    /// Whether it is still this process's: asked before results are put in place.
    var isKept: Bool { Self.isAt(path, descriptor) }

    /// Gives the claim back.
    func release() {
        timer.cancel()
        if isKept { unlink(path) }
        close(descriptor)
    }

    /// Who has a claim now; nil for nobody.
    static func holder(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        let data = FileManager.default.contents(atPath: path) ?? Data()
        guard let owner = try? JSON.value(Owner.self, from: data), fstat(descriptor, &status) == 0 else { return nil }
        if owner.host == host.name {
            // Only looked at: a shared lock that cannot be had means that the owner lives.
            guard owner.boot == host.boot, flock(descriptor, LOCK_SH | LOCK_NB) != 0 else { return nil }
        } else if Date().timeIntervalSince1970 - Double(status.st_mtim.tv_sec) > silence {
            return nil
        }
        return "process \(owner.process) on \(owner.host), since \(owner.since)"
    }

    /// The time as text, ISO 8601.
    static func now() -> String { Date().formatted(.iso8601) }
}
