import Testing

@testable import DaybookCommand

@Suite("Comma-separated values")
struct CSVTokenizerTests {
    private func rows(_ text: String) throws -> [CSVTokenizer.Row] {
        var tokenizer = CSVTokenizer()
        var rows: [CSVTokenizer.Row] = []
        for byte in text.utf8 { if let row = try tokenizer.take(byte) { rows.append(row) } }
        if let row = try tokenizer.finish() { rows.append(row) }
        return rows
    }

    @Test(
        "are read as RFC 4180 says",
        arguments: [
            ("a,b\nc,d\n", [["a", "b"], ["c", "d"]]),
            ("a,b\r\nc,d", [["a", "b"], ["c", "d"]]),
            ("\"a,b\",\"c\"\"d\"\n", [["a,b", "c\"d"]]),
            ("\"a\nb\",\"\"\r\n", [["a\nb", ""]]),
            (",\n", [["", ""]]), ("\n\r\n\na\n", [["a"]]), ("\"\"\n", [[""]]), ("é,😀\n", [["é", "😀"]]), ("", []),
            ("a,", [["a", ""]]), ("\"a\"\r\n", [["a"]]),
        ])
    func reads(text: String, wanted: [[String]]) throws {
        #expect(try rows(text).map(\.fields) == wanted)
    }

    @Test("know the line on which each row begins")
    func lines() throws {
        #expect(try rows("a\n\"b\nb\"\n\nc\n").map(\.line) == [1, 2, 5])
    }

    @Test("with misplaced quotes are refused", arguments: ["a\"b\n", "\"a\"b\n", "\"a\n", "x,\"a"])
    func refuses(text: String) {
        let error = #expect(throws: MalformedInput.self) { try rows(text) }
        #expect(error?.line == 1)
    }

    @Test("can be read on behind a bad row")
    func goesOn() throws {
        var tokenizer = CSVTokenizer()
        var good: [[String]] = []
        var bad: [Int] = []
        for byte in "a,b\nx\"y,z\nc,d\n".utf8 {
            do { if let row = try tokenizer.take(byte) { good.append(row.fields) } } catch { bad.append(error.line) }
        }
        #expect(good == [["a", "b"], ["c", "d"]])
        #expect(bad == [2])
    }
}
