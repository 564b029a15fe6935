import Formats
import SourceImaging
import TestSupport
import Testing

@Suite("Tables of text")
struct TextTableTests {
    private func table(_ text: String) throws -> TextTable { try TextTable(Array(text.utf8)) }

    @Test(
        "the same table, however it is written",
        arguments: [
            "id\tage\tword\n01\t3.5\ta b\n02\tn/a\tc\n", "id,age,word\n01,3.5,a b\n02,n/a,c",
            "id;age;word\r\n01;3.5;a b\r\n02;n/a;c\r\n", "\u{FEFF}id , age,word\r01,3.5 , a b\r02,n/a,c\r",
            "\n\nid,age,word\n\n01,3.5,a b\n   \n02,n/a,c\n\n",
            "\"id\",\"age\",\"word\"\n\"01\",\"3.5\",\"a b\"\n\"02\",n/a,c\n",
        ])
    func same(text: String) throws {
        let table = try table(text)
        #expect(table.header == ["id", "age", "word"])
        #expect(table.columns == [["01", "02"], ["3.5", "n/a"], ["a b", "c"]])
        #expect(table.rowCount == 2 && table.row(1) == ["02", "n/a", "c"])
    }

    @Test("quotes hold separators, line breaks and quotes; rows know their lines")
    func quotes() throws {
        let table = try table("a,b\n\"x, \"\"y\"\"\",\"one\ntwo\"\n\n5\" wide,\"\"\n")
        #expect(table.columns == [["x, \"y\"", "5\" wide"], ["one\ntwo", ""]])
        #expect(table.lines == [2, 5])
    }

    @Test("separators are those of the first line: tabs first, then the more frequent")
    func separators() throws {
        #expect(try table("a,b\tc\n1,2\t3\n").columns == [["1,2"], ["3"]])
        #expect(try table("a;b;c,d\n1,5;2;3\n").columns == [["1,5"], ["2"], ["3"]])
        #expect(try table("\"a;b;c\",d\n1,2\n").header == ["a;b;c", "d"])
        #expect(try table("alone\n1\n2\n").columns == [["1", "2"]])
        #expect(try TextTable(Array("a,b\n1,2\n".utf8), separator: .tab).header == ["a,b"])
        // The index that some programs write has no name.
        #expect(try table(",x\n0,1\n1,2\n").header == ["", "x"])
    }

    @Test(
        "what is wrong is told in a line, with its line",
        arguments: [
            ("a\tb\n1\t2\n3\n", ["line 3", "1 cell", "expected 2", "tabs"]),
            ("a,b\n1,2\n\n1,2,3\n", ["line 4", "3 cells", "expected 2", "commas"]),
            ("a,b\n1,\"2\n3,4\n", ["line 2", "quote that is not closed"]),
            ("a,b\n\"1\"x,2\n", ["line 2", "closing quote"]), ("\na,b,a\n1,2,3\n", ["line 2", "'a' twice", "1", "3"]),
            ("", ["no line"]), ("\n  \n\t\n", ["no line"]), ("a\u{0}b\n", ["UTF-8"]),
            ("PK\u{3}\u{4}etc", ["spreadsheet"]),
        ])
    func wrong(text: String, parts: [String]) {
        #expect {
            try table(text)
        } throws: { error in
            let line = "\(error)"
            return !line.contains("\n") && parts.allSatisfy(line.contains)
        }
    }

    @Test("bytes that are no text, and files that are none, are refused by name")
    func files() throws {
        #expect(throws: InputError.self) { try TextTable([0x61, 0xFF, 0x0A]) }
        #expect { try TextTable([0xFF, 0xFE, 0x61, 0]) } throws: { "\($0)".contains("UTF-16") }
        let folder = try TemporaryFolder()
        try folder.write("empty.tsv", [])
        try folder.write("ragged.tsv", Array("a\tb\n1\n".utf8))
        for (name, part) in [
            ("none.tsv", "no such file"), ("empty.tsv", "empty"), ("ragged.tsv", "line 2"), (".", "folder"),
        ] {
            #expect {
                try TextTable.read(folder.file(name))
            } throws: { "\($0)".contains(name) && "\($0)".contains(part) }
        }
    }

    @Test("100,000 rows take time that nobody notices")
    func large() throws {
        var text = Array("subject\tcondition\tamplitude\tage\n".utf8)
        for k in 0..<100_000 { text += Array("sub-\(k % 50)\tleft\t\(Double(k) / 7)\t\(k % 40)\n".utf8) }
        let clock = ContinuousClock()
        var table: TextTable?
        let time = try clock.measure { table = try TextTable(text) }
        #expect(table?.rowCount == 100_000 && table?.columns[2][99_999] == "\(Double(99_999) / 7)")
        #expect(time < .seconds(2))
    }
}
