import DaybookTesting
import Foundation
import Testing

@testable import Daybook

@Suite("The JSON decoder", .serialized)
struct JSONBytesDecoderTests {
    private let decoder = JSONBytesDecoder()

    /// Whether both make the same of a text: values that are equal, or errors of the same kind in the same place.
    private func agree<T: Decodable & Equatable>(
        _ type: T.Type, _ bytes: [UInt8], _ note: String = "", _ location: SourceLocation = #_sourceLocation
    ) {
        let ours = Outcome { try decoder.decode(type, from: bytes) }
        let foundation = Outcome { try FoundationJSON.decode(type, from: bytes) }
        if !ours.matches(foundation), !hasZeroWithExponent(bytes) {
            Issue.record(
                "\(note) \(type) of \(String(decoding: bytes, as: UTF8.self)): \(ours) instead of \(foundation)",
                sourceLocation: location)
        }
    }

    /// Foundation refuses some of these numbers as a `Double`.
    private func hasZeroWithExponent(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes, as: UTF8.self)
            .range(of: #"(^|[^0-9.])0(\.0+)?[eE]"#, options: .regularExpression) != nil
    }

    private func agree<T: Decodable & Equatable>(
        _ type: T.Type, _ text: String, _ location: SourceLocation = #_sourceLocation
    ) { agree(type, Array(text.utf8), "", location) }

    private func decode<T: Decodable>(_ type: T.Type, _ text: String) throws -> T {
        try decoder.decode(type, from: Array(text.utf8))
    }

    @Test("reads what Foundation reads, of any shape", arguments: TestSeeds.first(20))
    func trees(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<60 { agree(AnyRead.self, try FoundationJSON.encode(generator.tree(depth: 4)), "seed \(seed)") }
    }

    @Test("reads the events that were written", arguments: TestSeeds.first(20))
    func samples(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let bytes = try FoundationJSON.encode(generator.sample())
            agree(Sample.self, bytes, "seed \(seed)")
            #expect(throws: Never.self, "seed \(seed)") { try decoder.decode(Sample.self, from: bytes) }
        }
    }

    @Test("makes of damaged text what Foundation makes of it", arguments: TestSeeds.first(40))
    func damaged(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<15 {
            let sample = try FoundationJSON.encode(generator.sample())
            let tree = try FoundationJSON.encode(generator.tree(depth: 2))
            for _ in 0..<10 {
                let damaged = generator.mutation(of: sample)
                if !seemsWide(damaged) { agree(Sample.self, damaged, "seed \(seed)") }
                let other = generator.mutation(of: tree)
                if !seemsWide(other) { agree(AnyRead.self, other, "seed \(seed)") }
            }
        }
    }

    /// Whether Foundation takes a text for UTF-16 or UTF-32.
    private func seemsWide(_ bytes: [UInt8]) -> Bool {
        bytes.prefix(4).contains(0) || bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE])
    }

    @Test("refuses any bytes or reads them, and never stops", arguments: TestSeeds.first(20))
    func noise(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let alphabet = Array(#"{}[]",:\utrfn0123456789.eE+- "#.utf8) + [0, 0x0A, 0x1F, 0x80, 0xC3, 0xA9, 0xFF, 0xF0]
        for _ in 0..<300 {
            let bytes = (0..<Int.random(in: 0...24, using: &generator)).map { _ in generator.pick(alphabet) }
            if seemsWide(bytes) {
                _ = try? decoder.decode(AnyRead.self, from: bytes)
            } else {
                agree(AnyRead.self, bytes, "seed \(seed)")
            }
        }
    }

    static let numbers = [
        "0", "-0", "1", "-1", "1.0", "-1.0", "1e2", "1E2", "1e+2", "1e-2", "100e-2", "0e5", "0.0", "-0.0", "0.1e1",
        "1.5",
        "01", "-01", "00", "1.", ".5", "-.5", "-", "+1", "1e", "1e+", "1.e5", "1.5.2", "1-2", "1e5.5", "1e+-5", "0x10",
        "127", "128", "-128", "-129", "255", "256", "32767", "32768", "65535", "65536", "2147483647", "2147483648",
        "4294967295", "4294967296", "9007199254740991", "9007199254740992", "9007199254740993",
        "9007199254740993.0", "9007199254740993.5", "-9007199254740993.5", "9007199254740993.00000000000000",
        "999999999999999999", "1000000000000000000", "-999999999999999999", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
        "18446744073709551616", "9223372036854775807.0", "9.223372036854775807e18", "-9.223372036854775808e18",
        "1.8446744073709551615e19", "170141183460469231731687303715884105727",
        "170141183460469231731687303715884105728", "-170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455", "340282366920938463463374607431768211456", "1e18", "1e19", "1e30",
        "1e38", "1.0000000000000001", "0.9999999999999999999", "1e400", "-1e400", "1e-400", "0e-400", "0e999999999999",
        "1e999999999999", "1e-999999999999", "0.000000000000000000000000000001e30", "1e22", "1e23", "1e-22", "1e-23",
        "123456789012345678901234567890", "0.1000000000000000055511151231257827", "1.7976931348623157e308",
        "1.7976931348623158e308", "1.7976931348623159e308", "5e-324", "4e-324", "2e-324", "2.2250738585072011e-308",
        "3.4028234663852886e38", "3.4028235e38", "3.4028236e38", "1e-45", "1e-46", "7e-46", "16777217", "16777216.5",
        "8388608.5", "0.3", "2.5e-8", "9007199254740993e3", "1e127", "1e128", "1e-127", "1e-128", "1e-130",
        "12345678901234567890123456789012345678", "123456789012345678901234567890123456789",
        "1234567890123456789012345678901234567890123", "0.00000000000000000000000000000000000000000001", "1.10", "NaN",
        "Infinity", "-Infinity", "nan", "1_000", "1 ", " 1", "\t1\n\r", "1\u{B}", "٣", "1,", "true", "\"1\"", "null",
    ]

    @Test("reads numbers at every limit as Foundation does", arguments: numbers)
    func number(text: String) {
        for text in [text, "[\(text)]"] {
            if !text.hasPrefix("[") {
                agree(Int.self, text)
                agree(Double.self, text)
                agree(Decimal.self, text)
            }
            agree([Int8].self, text)
            agree([UInt8].self, text)
            agree([Int16].self, text)
            agree([UInt16].self, text)
            agree([Int32].self, text)
            agree([UInt32].self, text)
            agree([Int64].self, text)
            agree([UInt64].self, text)
            agree([Int128].self, text)
            agree([UInt128].self, text)
            agree([Double].self, text)
            agree([Float].self, text)
            agree([Decimal].self, text)
            agree([AnyRead].self, text)
        }
    }

    @Test("rounds to the nearest number, like Foundation", arguments: TestSeeds.first(10))
    func rounding(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<300 {
            let digits = (0..<Int.random(in: 1...20, using: &generator)).map { _ in
                "\(Int.random(in: 0...9, using: &generator))"
            }
            let text = "1" + digits.joined() + "e\(Int.random(in: -40...30, using: &generator))"
            agree(Double.self, text)
            agree(Float.self, text)
        }
    }

    @Test(
        "reads strings as Foundation does",
        arguments: [
            #""""#, #""a""#, #""\"\\\/\b\f\n\r\t""#, #""\u0041\u00e9\u00E9\u20ac""#, #""\ud83d\ude00""#,
            #""\uD83D\uDE00""#,
            #""\ud800""#, #""\udc00""#, #""\ud800x""#, #""\ud800\u0041""#, #""\ud800\ud800""#, #""\u00""#, #""\u00g0""#,
            #""\u+123""#, #""\x""#, #""\"#, #""\u"#, #""\u1"#, #""\u123\""#, #""\u"123""#, "\"\u{1}\"", "\"\t\"", "\"a",
            "\"", "a\"", "'a'", "\"\u{0}\"", #""\u0000""#, "\"é\u{2028}\u{FEFF}😀\"", "\"1234567890123456\"",
            "\"12345678\n\"", #""12345678\n""#, #""1234567\u00e9""#,
        ])
    func string(text: String) {
        agree(String.self, text)
        agree([String].self, "[\(text)]")
        agree([String: Int].self, "{\(text):1}")
        agree(AnyRead.self, "[\(text),\(text)]")
        agree([String: String].self, "{\"a\":\(text),\"b\":\"\"}")
    }

    @Test(
        "refuses bytes that are not UTF-8, as Foundation does",
        arguments: [
            [0x80], [0xC3], [0xC3, 0x28], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF],
            [0xE2, 0x82], [0xC3, 0xA9], [0xF0, 0x9F, 0x98, 0x80], [0xEF, 0xBF, 0xBD], [0x61, 0xEF, 0xBF, 0xBD, 0xFF],
        ] as [[UInt8]])
    func utf8(bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        agree(String.self, [quote] + bytes + [quote])
        agree(AnyRead.self, Array("{".utf8) + [quote] + bytes + [quote] + Array(":1}".utf8))
        agree(String.self, [quote] + bytes + Array(#"\n"#.utf8) + bytes + [quote])
        agree(AnyRead.self, bytes)
    }

    @Test(
        "takes and refuses what Foundation does around values",
        arguments: [
            "", " ", "[", "[1", "[1,", "[1,]", "[,]", "[1,,2]", "[1 2]", "[]]", "[] x", "[],", "{", "{\"a\"", "{\"a\":",
            "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{a:1}", "{1:1}", "{\"a\":1}}", "{\"a\":1,,}",
            "{\"a\":1 \"b\":2}", "[1}", "{\"a\":1]", "nul", "nulll", "tru", "True", "falsee", "[true,false,null]", "//",
            "1 2",
            "\u{FEFF}[1]", "[\u{FEFF}1]", "\u{FEFF}", "\u{A0}1", "\u{B}1", "[1]\n\n", "\r\n\t [ 1 , 2 ] ",
            "{ \"a\" : 1 , }",
            "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":3,\"a\":2}", "{\"\\u0061\":1,\"a\":2}", "{\"é\":1,\"e\u{301}\":2}",
            "{\"\u{212A}\":1}", "{\"K\":1}", "{\"\":1}", "{\"a\":{\"b\":[],\"c\":[{}]}}",
        ])
    func structure(text: String) {
        agree(AnyRead.self, text)
        agree([Int].self, text)
        agree([String: Int].self, text)
        agree(Int?.self, text)
        agree(Keys.self, text)
    }

    /// Asks for keys that are equal to others as text, and for those of many members.
    struct Keys: Decodable, Equatable {
        var values: [Int?]
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnyTree.Key.self)
            values = try ["a", "é", "e\u{301}", "K", "\u{212A}", "", "b"].map {
                try container.decodeIfPresent(Int.self, forKey: AnyTree.Key($0))
            }
        }
    }

    @Test("leaves alone what nobody asks for, as Foundation does")
    func unasked() throws {
        struct One: Decodable, Equatable { var a: Int }
        let text = #"{"b":"\x","c":01.2.3,"a":1,"d":["\ud800",-],"e":{"f":1}}"#
        agree(One.self, text)
        #expect(try decode(One.self, text) == One(a: 1))
    }

    @Test("finds members in large objects, the first of each key")
    func large() throws {
        for count in [15, 16, 17, 18, 100] {
            let members = (0..<count).map { "\"k\($0 % (count - 1))\":\($0)" }
            agree([String: Int].self, "{\(members.joined(separator: ","))}")
            agree(AnyRead.self, "{\(members.joined(separator: ",")),\"é\":1}")
        }
        let numbers = Dictionary(uniqueKeysWithValues: (0..<1000).map { ($0, "\($0)") })
        agree([Int: String].self, try FoundationJSON.encode(numbers))
    }

    @Test("nests 512 deep, and no deeper", arguments: ["[", "{\"a\":"])
    func depth(opening: String) {
        let closing = opening == "[" ? "]" : "}"
        for depth in [511, 512, 513, 514, 100_000] {
            let text = String(repeating: opening, count: depth) + "1" + String(repeating: closing, count: depth)
            #expect((try? decode(AnyRead.self, text)) == nil || depth <= 512)
            if depth < 1000 { agree(AnyRead.self, text) }
        }
    }

    struct Everything: Decodable, Equatable {
        var bool: Bool?
        var int: Int?
        var small: Int8?
        var text: String?
        var double: Double?
        var float: Float?
        var date: Date?
        var data: Data?
        var uuid: UUID?
        var url: URL?
        var decimal: Decimal?
        var list: [Int]?
        var side: Sample.Side?
        var sample: Sample?
    }

    @Test(
        "reads each type from each kind of value, or names what is wrong with it, as Foundation does",
        arguments: [
            "null", "true", "1", "1.5", "300", "\"\"", "\"buy\"", "[]", "[1]", "[null]", "{}", "{\"opened\":{}}",
            "\"a b\"",
            "\"2012-06-21T09:30:00.250Z\"", "\"2012-06-21T09:30:00Z\"", "\"2012-06-21 09:30:00.5+02:00\"",
            "\"2012-06-21\"",
            "\"AQL/\"", "\"AQL\"", "\"AQ==\"", "\"A Q L /\"", "\"AQL\\/\"", "\"00000000-0000-4000-8000-00000000000A\"",
            "\"00000000-0000-4000-8000-00000000000a\"", "\"00000000-0000-4000-8000-00000000000g\"", "\"urn:a\"",
            "\"%\"",
            "{\"opened\":{},\"größer\":{}}", "{\"größer\":{\"_0\":1,\"next\":[]}}", "{\"closed\":{}}",
        ])
    func types(value: String) {
        for key in Mirror(reflecting: Everything()).children.compactMap(\.label) {
            agree(Everything.self, "{\"\(key)\":\(value)}")
            agree([Everything].self, "[{},{\"\(key)\":\(value)}]")
        }
        agree([Bool].self, "[\(value)]")
        agree([String].self, "[\(value)]")
        agree([Int].self, "[\(value)]")
        agree([Date].self, "[\(value)]")
        agree([Data].self, "[\(value)]")
        agree([URL].self, "[\(value)]")
        agree([UUID].self, "[\(value)]")
        agree([[Int]].self, "[\(value)]")
        agree([Sample.Line].self, "[\(value)]")
        agree([Int?].self, "[\(value)]")
        agree(Required.self, "{\"a\":\(value)}")
        agree(Nested.self, "{\"a\":\(value),\"b\":[\(value)]}")
    }

    struct Required: Decodable, Equatable { var a, b: Int }

    /// Asks for containers, and for the decoders of superclasses.
    struct Nested: Decodable, Equatable {
        var keys: [String]
        var count: Int?
        var read: [AnyRead]
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnyTree.Key.self)
            read = [
                try AnyRead(from: container.superDecoder()),
                try AnyRead(from: container.superDecoder(forKey: AnyTree.Key("z"))),
                try AnyRead(from: container.superDecoder(forKey: AnyTree.Key("a"))),
            ]
            let missing = try container.superDecoder(forKey: AnyTree.Key("z"))
            keys = missing.codingPath.map(\.stringValue)
            keys += try container.nestedContainer(keyedBy: AnyTree.Key.self, forKey: AnyTree.Key("a")).allKeys
                .map(\.stringValue).sorted()
            var list = try container.nestedUnkeyedContainer(forKey: AnyTree.Key("b"))
            count = try list.nestedUnkeyedContainer().count
            _ = try list.decode(Int.self)
        }
    }

    @Test("says what is wrong, and where")
    func reasons() throws {
        func reason<T: Decodable>(_ type: T.Type, _ text: String) -> String {
            do { return "\(try decode(type, text))" } catch { return CodingReason.text(of: error) }
        }
        #expect(
            reason([String: [Int]].self, #"{"a":[1,"x"]}"#)
                == "a.Index 1: Expected to decode Int but found a string instead.")
        #expect(reason([UInt8].self, "[256]") == "Index 0: Number 256 is not representable as UInt8.")
        #expect(reason([Int].self, "[1.2.3]") == "Index 0: 1.2.3 is no number.")
        #expect(
            reason([Int].self, "[1")
                == "The data is not valid JSON. The text ends where ',' or ']' should stand, at byte 3.")
        #expect(
            reason([Int].self, "[1 x]") == "The data is not valid JSON. 'x' stands where ',' or ']' should, at byte 4.")
        #expect(reason(Required.self, #"{"b":1}"#).hasPrefix("No value associated with key "))
        #expect(reason([String].self, #"["\ud800"]"#).hasPrefix("Index 0: A string has an escape that is none"))
        #expect(reason([String: Int].self, #"{"\x":1}"#).hasPrefix("A key has an escape that is none"))
    }

    @Test("serves a decoder that outlives the bytes")
    func kept() throws {
        struct Keeping: Decodable {
            var decoder: any Decoder
            init(from decoder: any Decoder) throws { self.decoder = decoder }
        }
        var text = Array(#"{"a":["long enough to be no small string",1]}"#.utf8)
        let kept = try decoder.decode(Keeping.self, from: text).decoder
        let named = try decoder.decodeCase(Keeping.self, named: "größer"[...], from: text[...]).decoder
        for index in text.indices { text[index] = 0 }
        let expected = AnyRead.list([.text("long enough to be no small string"), .integer(1)], path: ["a"])
        #expect(try AnyRead(from: kept) == .object(["a": expected], path: []))
        #expect(try named.container(keyedBy: AnyTree.Key.self).allKeys.map(\.stringValue) == ["größer"])
    }

    // MARK: Deliberate differences

    @Test(
        "refuses UTF-16 and UTF-32, which Foundation takes",
        arguments: [String.Encoding.utf16LittleEndian, .utf32BigEndian])
    func wide(encoding: String.Encoding) throws {
        let bytes = [UInt8](try #require("[1]".data(using: encoding)))
        #expect(try FoundationJSON.decode([Int].self, from: bytes) == [1])
        #expect(throws: DecodingError.self) { try decoder.decode([Int].self, from: bytes) }
    }

    @Test("reads 0 with an exponent as 0, however it is written")
    func zeros() throws {
        #expect(throws: DecodingError.self) { try FoundationJSON.decode([Double].self, from: Array("[0e5]".utf8)) }
        for text in ["0e5", "0e05", "0E+5", "0.00e-5", "0e-400", "0e999999999999"] {
            #expect(try decode([Double].self, "[\(text)]") == [0])
            #expect(try decode([Float].self, "[-\(text)]").first?.sign == .minus)
            #expect(try decode([Int].self, "[\(text)]") == [0] || text.hasPrefix("0e-4") || text.hasPrefix("0e9"))
        }
    }

    // MARK: Cases

    @Test("decodes a case from its name and its values", arguments: TestSeeds.first(5))
    func cases(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let sample = generator.sample()
            guard case .named(let name, let payload) = try JSONBytesEncoder().encodeCase(sample) else { continue }
            let padded = Array("xx".utf8) + payload
            #expect(try decoder.decodeCase(Sample.self, named: name[...], from: padded[2...]) == sample, "seed \(seed)")
            let damaged = generator.mutation(of: payload)
            let joined = Array("{\"\(name)\":".utf8) + damaged + Array("}".utf8)
            let ours = Outcome { try decoder.decodeCase(Sample.self, named: name[...], from: damaged[...]) }
            // Only in the joined text may the damage reach beyond the values.
            if (try? FoundationJSON.decode(AnyRead.self, from: damaged)) != nil, damaged.first != 0xEF {
                #expect(ours.matches(Outcome { try FoundationJSON.decode(Sample.self, from: joined) }), "seed \(seed)")
            }
        }
    }

    @Test(
        "refuses values that close the case and go on",
        arguments: ["{}}", "{},", "{},\"opened\":{}", "{}} {", "", "\u{FEFF}{}"])
    func closing(payload: String) {
        #expect(throws: DecodingError.self) {
            try decoder.decodeCase(Sample.self, named: "opened"[...], from: Array(payload.utf8)[...])
        }
    }

    @Test("counts the case among the levels of nesting")
    func caseDepth() {
        func outcome(_ depth: Int) -> Outcome<AnyRead> {
            let payload = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            return Outcome { try decoder.decodeCase(AnyRead.self, named: "a", from: Array(payload.utf8)[...]) }
        }
        if case .failure = outcome(511) { Issue.record("511 levels were refused") }
        if case .value = outcome(512) { Issue.record("512 levels were taken") }
    }
}
