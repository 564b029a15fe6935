import Foci
import Foundation
import TestSupport
import Testing

@testable import Batches

@Suite("Folders of group analyses")
struct GroupOutputTests {
    private func files(_ folder: TemporaryFolder) -> Set<String> {
        Set(FileManager.default.enumerator(atPath: folder.path)?.allObjects.compactMap { $0 as? String } ?? [])
            .filter { $0.hasPrefix("group/") || $0.contains("group-") }
    }

    @Test("one appears whole, in the place of an older one, and not at all where it was not finished")
    func whole() throws {
        let folder = try TemporaryFolder()
        let batch = BatchFolder(folder.path)
        do {
            let output = try GroupOutput(batch, "test")
            try output.add("old.txt", text: "old")
            try output.add("inner/a.txt", text: "a")
            #expect(!files(folder).contains { $0.hasPrefix("group/") })
            try output.commit()
        }
        #expect(files(folder) == ["group/test", "group/test/old.txt", "group/test/inner", "group/test/inner/a.txt"])
        do {
            let output = try GroupOutput(batch, "test")
            try output.add("new.txt", text: "new")
        }
        #expect(files(folder).contains("group/test/old.txt") && files(folder).count == 4)
        let output = try GroupOutput(batch, "test")
        try output.add("new.txt", text: "new")
        try output.commit()
        #expect(files(folder) == ["group/test", "group/test/new.txt"])
    }

    @Test("what a killed run left is removed by the next, what a living one writes is not")
    func remains() throws {
        let folder = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/true")
        try process.run()
        process.waitUntilExit()
        let staging = folder.file(".foci/staging")
        for number in [process.processIdentifier, getppid()] {
            try FileManager.default.createDirectory(
                atPath: "\(staging)/group-other.partial-\(number)", withIntermediateDirectories: true)
        }
        _ = try GroupOutput(BatchFolder(folder.path), "test")
        let left = try FileManager.default.contentsOfDirectory(atPath: staging)
        #expect(left == ["group-other.partial-\(getppid())"])
    }
}
