import Foci
import Foundation
import TestSupport
import Testing

@testable import Batches

@Suite("State, claims and plans")
struct StateTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func take(_ name: String = "a.lock") throws -> Claim? {
        if case .taken(let claim) = try Claim.take(folder.file(name)) { claim } else { nil }
    }

    private func leave(host: String, boot: String, process: Int32, age: Double = 0) throws {
        let owner = Claim.Owner(host: host, boot: boot, process: process, since: "then")
        try BatchSample.write(JSON.text(owner, isIndented: false), to: "a.lock", in: folder)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: folder.file("a.lock"))
    }

    @Test("A claim is one process's alone, and free again once it is given back")
    func claim() throws {
        let first = try #require(try take())
        #expect(try take() == nil && first.isKept)
        #expect(Claim.holder(folder.file("a.lock"))?.contains("process \(getpid())") == true)
        first.release()
        #expect(folder.contents.isEmpty && Claim.holder(folder.file("a.lock")) == nil)
        let second = try #require(try take())
        second.release()
    }

    @Test("Who died leaves a claim that is taken over: here at once, of another machine after minutes of silence")
    func stale() throws {
        let here = Claim.host
        try leave(host: here.name, boot: here.boot, process: 999_999)
        try #require(try take()).release()
        try leave(host: here.name, boot: "an earlier boot", process: 1)
        try #require(try take()).release()
        try leave(host: "elsewhere", boot: "b", process: 1, age: 1000)
        try #require(try take()).release()
        try leave(host: "elsewhere", boot: "b", process: 1, age: 20)
        #expect(try take() == nil)
        #expect(folder.contents == ["a.lock"])
    }

    @Test("Of many who want a claim at once one has it", .timeLimit(.minutes(1)))
    func race() async throws {
        for _ in 0..<20 {
            try leave(host: Claim.host.name, boot: Claim.host.boot, process: 999_999)
            let path = folder.file("a.lock")
            let taken = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        guard case .taken(let claim) = try? Claim.take(path) else { return false }
                        try? await Task.sleep(for: .milliseconds(600))
                        claim.release()
                        return true
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(taken == 1)
        }
    }

    @Test("A file is the same by size and time, else by content, wherever it lies")
    func stamps() throws {
        try folder.write("x", Array("one".utf8))
        var stamp = try InputStamp(folder.file("x"))
        stamp.sha256 = try SHA256.hex(ofFile: folder.file("x"))
        #expect(stamp.sha256 == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed")
        #expect(stamp.isCurrent(at: folder.file("x")))
        try folder.write("y", Array("one".utf8))
        #expect(stamp.isCurrent(at: folder.file("y")))
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 5)], ofItemAtPath: folder.file("x"))
        #expect(stamp.isCurrent(at: folder.file("x")))
        try folder.write("x", Array("two".utf8))
        #expect(!stamp.isCurrent(at: folder.file("x")))
        #expect(!stamp.isCurrent(at: folder.file("gone")))
    }

    @Test("The end of a run removes what a killed one left a moment before, and nothing of a living one")
    func sweep() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/true")
        try process.run()
        process.waitUntilExit()
        let batch = BatchFolder(folder.path)
        try batch.prepare()
        let mine = "sub-2.html.partial-\(getppid())-3"
        for name in ["sub-1.html.partial-\(process.processIdentifier)-7", mine] {
            try folder.write(name, Array("half".utf8))
        }
        // At the start of a run it may still be of another machine.
        #expect(batch.sweep() && folder.contents.count { $0.contains(".partial-") } == 2)
        try batch.end(BatchPlan([], in: batch, retriesFailed: false) { _, _ in [] })
        #expect(folder.contents.filter { $0.contains(".partial-") } == [mine])
    }

    @Test("What a zombie left, and one whose number another process has since, is removed as well")
    func numbers() throws {
        var zombie = pid_t()
        let arguments = [strdup("true"), nil]
        defer { free(arguments[0]) }
        #expect(posix_spawn(&zombie, "/bin/true", nil, nil, arguments, nil) == 0)
        defer { waitpid(zombie, nil, 0) }
        // It has ended, and nobody has asked for its status.
        var end = siginfo_t()
        #expect(waitid(P_PID, id_t(zombie), &end, WEXITED | WNOWAIT) == 0)
        let batch = BatchFolder(folder.path)
        try batch.prepare()
        let (ended, reused, mine) = (
            "a.json.partial-\(zombie)-14", "b.json.partial-\(getpid())", "c.json.partial-\(getpid())"
        )
        for name in [ended, reused, mine] { try folder.write(".foci/state/\(name)", Array("half".utf8)) }
        for (name, age) in [(ended, 60.0), (reused, 1e6)] {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: folder.file(".foci/state/\(name)"))
        }
        #expect(!batch.sweep())
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file(".foci/state")) == [mine])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file(".foci/locks")).isEmpty)
    }

    @Test("A plan redoes what is new, changed or gone, and says which and why")
    func plan() throws {
        try BatchSample.write([("f.h5", "fwd"), ("r.h5", "ave")], in: folder)
        let entry = BatchEntry(label: "a", condition: "a", recording: folder.file("r.h5"))
        let unit = BatchUnit(
            name: BIDSName(["sub": "1"]), datatype: "meg", forward: folder.file("f.h5"), covariance: nil,
            entries: [entry])
        let batch = BatchFolder(folder.file("out"))
        try batch.prepare()
        func decision(_ arguments: [String] = ["--x=1"], retries: Bool = false) throws -> BatchPlan.Decision? {
            try BatchPlan([unit], in: batch, retriesFailed: retries) { _, _ in arguments }.items[0].decisions["a"]
        }
        #expect(try decision() == .run("new"))
        var state = EntryState(
            status: .done, inputs: try BatchPlan.inputs(of: unit, entry).map { try InputStamp($0) },
            arguments: ["--x=1"])
        let place = ResultFolder(batch: batch, unit: unit, entry: entry)
        state.result = place.relative
        var whole = UnitState(unit)
        func write() throws {
            whole.entries["a"] = state
            try batch.write(whole)
        }
        try write()
        #expect(try decision() == .run("its results are gone"))
        try BatchSample.write("", to: "out/\(place.relative)/estimate.h5", in: folder)
        #expect(try decision() == .unchanged)
        #expect(try decision(["--x=2"]) == .run("settings: without --x=1, with --x=2"))
        state.program = "0.0.1"
        try write()
        #expect(try decision() == .run("done by version 0.0.1, this is \(fociVersion)"))
        state.program = fociVersion
        (state.status, state.reason) = (.failed, "why")
        try write()
        #expect(try decision() == .failedBefore("why"))
        #expect(try decision(retries: true) == .run("failed before"))
        try folder.write("r.h5", Array("other".utf8))
        #expect(try decision() == .run("\(folder.file("r.h5")) changed"))
        state.status = .done
        try write()
        #expect(try decision() == .run("\(folder.file("r.h5")) changed"))
        // What failed since a file could not be read is tried again once it can.
        (state.status, state.inputs) = (.failed, try [InputStamp(folder.file("f.h5"))])
        try write()
        #expect(try decision() == .run("\(folder.file("r.h5")) changed"))
        state.status = .done
        try write()
        #expect(try decision() == .run("with \(folder.file("r.h5"))"))
        state.inputs = try BatchPlan.inputs(of: unit, entry).map { try InputStamp($0) }
        try write()
        try FileManager.default.removeItem(atPath: folder.file("r.h5"))
        #expect(try decision() == .run("\(folder.file("r.h5")) is gone"))
    }

    @Test("A state that is damaged is told, not taken for none")
    func damaged() throws {
        let batch = BatchFolder(folder.path)
        try batch.prepare()
        try BatchSample.write("{", to: ".foci/state/sub-1.json", in: folder)
        #expect(line { _ = try batch.state("sub-1") }?.contains("sub-1.json: not the state of a unit") == true)
        #expect(try batch.state("sub-2") == nil)
    }

    @Test("A file that is there is left by a write that replaces nothing")
    func noReplacing() throws {
        try folder.write("x", Array("old".utf8))
        try AtomicFile.write(Array("new".utf8), to: folder.file("x"), replacing: false)
        try AtomicFile.write(Array("new".utf8), to: folder.file("y"), replacing: false)
        #expect(try folder.read("x") == Array("old".utf8) && folder.read("y") == Array("new".utf8))
        #expect(folder.contents == ["x", "y"])
    }
}
