import Testing

@testable import DaybookCommand

@Suite("XML")
struct XMLTokenizerTests {
    private func tokens(_ text: [UInt8], pieces: Int) throws -> [XMLTokenizer.Token] {
        var tokenizer = XMLTokenizer()
        var tokens: [XMLTokenizer.Token] = []
        for start in stride(from: 0, to: text.count, by: pieces) {
            tokenizer.feed(Array(text[start..<min(start + pieces, text.count)]))
            while let token = try tokenizer.next() { tokens.append(token) }
        }
        tokenizer.finish()
        while let token = try tokenizer.next() { tokens.append(token) }
        return tokens
    }

    @Test("comes apart the same in pieces of any size", arguments: [1, 2, 3, 7, 1000])
    func pieces(size: Int) throws {
        let text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <!-- a > comment -->
            <log a='1'><s key="x&lt;&#x41;&amp;" value = "a>b&#10;é"/>text<![CDATA[<no>]]></log >
            """
        let tokens = try tokens(Array(text.utf8), pieces: size)
        #expect(
            tokens == [
                .start(name: "log", attributes: [.init(name: "a", value: "1")]),
                .start(
                    name: "s", attributes: [.init(name: "key", value: "x<A&"), .init(name: "value", value: "a>b\né")]),
                .end(name: "s"), .end(name: "log"),
            ])
    }

    @Test("in another encoding is refused, in pieces of any size", arguments: [1, 3, 4, 5, 1000])
    func encoding(size: Int) {
        for mark in ["", "\u{FEFF}"] {
            let text = mark + "<?xml version='1.0' encoding='ISO-8859-1'?><log/>"
            #expect(throws: MalformedInput.self) { try tokens(Array(text.utf8), pieces: size) }
        }
    }

    @Test(
        "that is malformed is refused, with its line",
        arguments: [
            ("", 1), ("text", 1), ("\n \ntext", 3), ("<a>\n</b>", 2), ("<a>\n<b></a>", 2), ("<a", 1), ("<a b></a>", 1),
            ("<a b=1/>", 1),
            ("<a b=\"1/>", 1), ("<a b=\"<\"/>", 1), ("<a b='&x;'/>", 1), ("<a b='&'/>", 1), ("<a b='1'c='2'/>", 1),
            ("<a b='1' b='2'/>", 1), ("<a/>\n<b/>", 2), ("</a>", 1), ("<>", 1), ("< a/>", 1), ("<a b='&#0;'/>", 1),
            ("<a b='&#xD800;'/>", 1), ("<a><!-- x", 1), ("<a/ >", 1), ("<a>\n\n", 3),
            ("<?xml version='1.0' encoding='UTF-16'?><a/>", 1),
            ("<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<x>&b;</x>", 1),
        ])
    func refuses(text: String, line: Int) {
        let error = #expect(throws: MalformedInput.self) { try tokens(Array(text.utf8), pieces: 5) }
        #expect(error?.line == line)
        #expect(error?.canContinue == false)
    }

    @Test("that nests without end is refused")
    func depth() {
        let text = String(repeating: "<a>", count: 100_000)
        #expect(throws: MalformedInput.self) { try tokens(Array(text.utf8), pieces: 4096) }
    }

    @Test("that is not UTF-8 is refused")
    func encoding() {
        #expect(throws: MalformedInput.self) { try tokens([0xFF, 0xFE, 0x3C, 0x00], pieces: 4) }
        #expect(throws: MalformedInput.self) {
            try tokens(Array("<a b='".utf8) + [0xC3] + Array("'/>".utf8), pieces: 4)
        }
    }

    @Test("damaged at random never traps")
    func fuzz() {
        let seed = Seed.value
        var generator = SeededGenerator(seed: seed)
        let original = Array(
            "<?xml version=\"1.0\"?><log><!-- c --><trace><string key=\"a\" value=\"&amp;\"/></trace></log>".utf8)
        for _ in 0..<3000 {
            var text = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                text[Int.random(in: 0..<text.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            text.removeLast(Int.random(in: 0..<text.count, using: &generator))
            _ = try? tokens(text, pieces: Int.random(in: 1...20, using: &generator))
        }
    }
}
