import Foundation
import SourceImaging
import TestSupport
import Testing

@testable import Formats

/// Whether a path is a character device.
private func isCharacterDevice(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR
}

@Suite("Formats: output that is complete or not there")
struct OutputTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Whether rights keep this process from writing; not so for the superuser.
    private func isUnwritable(_ path: String) -> Bool { access(path, W_OK) != 0 }

    @Test("A file is written, replaced, and nothing is left beside it")
    func replaced() throws {
        let path = folder.file("a.bin")
        try AtomicFile.write([1, 2, 3], to: path)
        try AtomicFile.write([], to: path)
        try AtomicFile.write([UInt8](repeating: 9, count: 3_000_000), to: path)
        #expect(try folder.read("a.bin") == [UInt8](repeating: 9, count: 3_000_000))
        #expect(folder.contents == ["a.bin"])
    }

    @Test("A failure names the path, leaves nothing behind and what was there untouched")
    func failures() throws {
        #expect(throws: InputError.self) { try AtomicFile.write([1], to: folder.path) }
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        #expect(throws: InputError.self) { try AtomicFile.write([1], to: folder.file("pipe")) }
        unlink(folder.file("pipe"))
        #expect(throws: InputError.self) { try AtomicFile.write([1], to: "") }
        do {
            try AtomicFile.write([1], to: folder.file("no/such/folder/file"))
        } catch {
            #expect(error.description.contains("no/such/folder/file: cannot be written"))
        }
        try AtomicFile.write([7], to: folder.file("kept"))
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder.path)
        if isUnwritable(folder.path) {
            #expect(throws: InputError.self) { try AtomicFile.write([1], to: folder.file("kept")) }
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path)
        #expect(folder.contents == ["kept"])
    }

    @Test("A full disk is noticed while writing", .enabled(if: isCharacterDevice("/dev/full"), "there is no /dev/full"))
    func fullDisk() throws {
        // Opened for writing only: the device itself is never created, renamed or removed.
        let descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        #expect(AtomicFile.fill(descriptor, [1, 2, 3]) == ENOSPC)
    }

    @Test("What stands at the name of a new file is neither written to nor removed")
    func exclusive() throws {
        try folder.write("theirs", [1, 2, 3])
        #expect(throws: InputError.self) { try AtomicFile.create(folder.file("theirs"), [4], named: "theirs") }
        #expect(try folder.read("theirs") == [1, 2, 3])
    }

    @Test("Beyond the limit on file sizes there is an error, no part, and the old file", arguments: ["file", "folder"])
    func limit(kind: String) async throws {
        let folder = folder
        try folder.write("kept", [7])
        let path = folder.path
        await #expect(processExitsWith: .success) { [path = path as String, kind = kind as String] in
            // In a process of its own: the limit cannot be raised again by everybody.
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 10_000, rlim_max: 10_000)
            guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(2) }
            let bytes = [UInt8](repeating: 1, count: 100_000)
            do {
                if kind == "file" {
                    try AtomicFile.write(bytes, to: path + "/kept")
                } else {
                    var output = try OutputFolder(path + "/out")
                    try output.add("small", bytes: [1])
                    try output.add("large", bytes: bytes)
                    try output.commit()
                }
                exit(3)
            } catch {
                exit("\(error)".contains("cannot be written") && "\(error)".contains("ulimit") ? 0 : 4)
            }
        }
        #expect(folder.contents == ["kept"])
        #expect(try folder.read("kept") == [7])
    }

    @Test("A new folder appears complete, its parents made")
    func newFolder() throws {
        var output = try OutputFolder(folder.file("deep/er/out/"))
        try output.add("a.txt", text: "first")
        try output.add("b.bin", bytes: [0, 1])
        try output.add("a.txt", text: "second")
        #expect(folder.contents.isEmpty)
        try output.commit()
        #expect(try folder.read("deep/er/out/a.txt") == Array("second".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("deep/er")) == ["out"])
    }

    @Test("A folder that exists needs force; then other files in it stay")
    func existing() throws {
        let path = folder.file("out")
        var first = try OutputFolder(path)
        try first.add("mine.txt", text: "old")
        try first.commit()
        try folder.write("out/yours.txt", Array("yours".utf8))
        #expect(throws: InputError.self) { try OutputFolder(path) }
        do { _ = try OutputFolder(path) } catch {
            #expect(error.text { "--\($0.rawValue)" }.contains("replace its files with --force"))
        }
        var second = try OutputFolder(path, force: true)
        try second.add("mine.txt", text: "new")
        try second.commit()
        #expect(try folder.read("out/mine.txt") == Array("new".utf8))
        #expect(try folder.read("out/yours.txt") == Array("yours".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["mine.txt", "yours.txt"])
    }

    @Test("A file in the place of the folder, and names that lead out of it, are refused")
    func refused() throws {
        try AtomicFile.write([1], to: folder.file("file"))
        #expect(throws: InputError.self) { try OutputFolder(folder.file("file"), force: true) }
        #expect(throws: InputError.self) { try OutputFolder("") }
        #expect(throws: InputError.self) {
            let output = try OutputFolder(folder.file("file/below"))
            try output.commit()
        }
        var output = try OutputFolder(folder.file("out"))
        for name in ["", ".", "..", "a/b", "../up"] {
            #expect(throws: InputError.self) { try output.add(name, bytes: []) }
        }
    }
}
