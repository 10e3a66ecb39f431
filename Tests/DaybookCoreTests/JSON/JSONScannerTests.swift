import DaybookCore
import DaybookTesting
import Foundation
import Testing

@Suite("The JSON scanner")
struct JSONScannerTests {
    @Test(
        "keeps values byte for byte",
        arguments: ["1.10", "1e400", "-0", "\"\\u00e9\"", "[1 , 2]", "{\"a\" : 1.0}", "null"])
    func keepsBytes(text: String) throws {
        let object = try JSONText(parsing: " {\"x\": \(text) , \"y\":1}\r\n")
        let value = try #require(object.members?.first?.value)
        #expect(String(decoding: value.bytes, as: UTF8.self) == text)
    }

    @Test(
        "refuses what is no JSON",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":}", "{\"a\" 1}", "{a:1}", "01", "1.", ".5", "+1", "1e", "--1", "nul", "truex",
            "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\n\"", "[1] 2", "{\"a\":1,}", "'a'", "\u{FEFF}1", "-",
        ])
    func refuses(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONText(parsing: text) }
    }

    @Test("refuses bytes that are not UTF-8, and names the place")
    func refusesBadUTF8() {
        let bytes: [UInt8] = Array("{\"a\":\"".utf8) + [0xC3, 0x28] + Array("\"}".utf8)
        let error = #expect(throws: JSONSyntaxError.self) { try JSONText(parsing: bytes[...]) }
        #expect(error?.offset == 6)
    }

    @Test("refuses nesting that would exhaust the stack")
    func refusesDepth() {
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONSyntaxError.self) { try JSONText(parsing: deep) }
    }

    @Test("decodes escapes in strings and keys")
    func decodesEscapes() throws {
        let object = try JSONText(parsing: #"{"a\n\u00e9":"\ud83d\ude00\/"}"#)
        let member = try #require(object.members?.first)
        #expect(member.key == "a\né")
        #expect(member.value.string == "😀/")
        #expect(try JSONText(parsing: #""\ud83d""#).string == nil)
    }

    @Test("takes the same texts as Foundation does, and finds the same members", arguments: TestSeeds.first(3))
    func agreesWithFoundation(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for round in 0..<500 {
            var text = Array(Self.value(depth: 0, using: &generator).utf8)
            if round % 2 == 1 { Self.damage(&text, using: &generator) }
            let theirs = try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)
            let ours = try? JSONText(parsing: text[...])
            let shown = String(decoding: text, as: UTF8.self)
            // Foundation refuses numbers that no Double holds; JSON itself knows no such bound.
            if shown.contains(/[0-9][eE][+-]?[0-9]{3}/) { continue }
            // It takes a comma behind the last value, which RFC 8259 does not.
            if ours == nil, theirs != nil, shown.contains(/,[ \t\r\n]*[\]}]/) { continue }
            #expect((ours == nil) == (theirs == nil), "seed \(seed): \(shown)")
            if let ours, let object = theirs as? [String: Any], let members = ours.members {
                #expect(Set(members.map(\.key)) == Set(object.keys), "seed \(seed): \(shown)")
            }
        }
    }

    private static func value(depth: Int, using generator: inout SplitMix64) -> String {
        let space = ["", " ", "\n", "\t "].randomElement(using: &generator) ?? ""
        func text() -> String {
            let parts = ["a", "Ü", "\\n", "\\u0041", "😀", "\\\"", " ", "key"]
            return "\""
                + (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                    parts.randomElement(using: &generator) ?? ""
                }.joined() + "\""
        }
        switch Int.random(in: 0..<(depth > 3 ? 5 : 7), using: &generator) {
        case 0: return space + "true"
        case 1: return "null" + space
        case 2: return String(Int.random(in: -1000...1000, using: &generator))
        case 3: return "\(Int.random(in: 0...9, using: &generator)).\(Int.random(in: 0...99, using: &generator))e2"
        case 4: return text()
        case 5:
            let elements = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                value(depth: depth + 1, using: &generator)
            }
            return "[" + space + elements.joined(separator: ",") + "]"
        default:
            let members = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                text() + space + ":" + value(depth: depth + 1, using: &generator)
            }
            return "{" + members.joined(separator: space + ",") + "}"
        }
    }

    /// Changes one byte to another that JSON gives a meaning to.
    private static func damage(_ text: inout [UInt8], using generator: inout SplitMix64) {
        guard let place = text.indices.randomElement(using: &generator) else { return }
        let marks = Array("{}[],:\" 1-e.x".utf8)
        guard text[place] < 0x80, let mark = marks.randomElement(using: &generator) else { return }
        if Bool.random(using: &generator) { text[place] = mark } else { text.remove(at: place) }
    }
}
