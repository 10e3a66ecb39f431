import DaybookTesting
import Foundation
import Testing

@testable import Daybook

@Suite("The JSON encoder", .serialized)
struct JSONBytesEncoderTests {
    private let encoder = JSONBytesEncoder()

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The bytes, compared with Foundation's.
    private func encoded(_ value: some Encodable, _ location: SourceLocation = #_sourceLocation) throws -> String {
        let bytes = try encoder.encode(value)
        #expect(try text(bytes) == text(FoundationJSON.encode(value)), sourceLocation: location)
        return text(bytes)
    }

    /// Together the seeds have over 100,000 values.
    @Test("writes the bytes that Foundation writes, of values of any shape", arguments: TestSeeds.first(40))
    func trees(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        var values = 0
        while values < 2_600 {
            let tree = generator.tree(depth: 4)
            values += tree.size
            let bytes = try encoder.encode(tree)
            let expected = try FoundationJSON.encode(tree)
            guard bytes == expected else {
                Issue.record("seed \(seed): \(text(bytes)) instead of \(text(expected))")
                return
            }
        }
    }

    @Test("writes the bytes that Foundation writes, of events", arguments: TestSeeds.first(20))
    func samples(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let sample = generator.sample()
            #expect(try text(encoder.encode(sample)) == text(FoundationJSON.encode(sample)), "seed \(seed)")
        }
    }

    @Test("writes numbers at every limit as Foundation does")
    func numbers() throws {
        #expect(try encoded([Int.min, Int.max, 0, -1, 10, 99, 100]).hasPrefix("[-9223372036854775808,"))
        #expect(try encoded([UInt.max, 0]) == "[18446744073709551615,0]")
        #expect(try encoded([Int8.min, .max]) == "[-128,127]")
        #expect(try encoded([UInt8.min, .max]) == "[0,255]")
        #expect(try encoded([Int128.min, .max]).hasPrefix("[-170141183460469231731687303715884105728,"))
        #expect(try encoded([UInt128.max]) == "[340282366920938463463374607431768211455]")
        #expect(try encoded([0.0, -0.0, 1, -1, 0.1, 1e15, 1e16]) == "[0,-0,1,-1,0.1,1000000000000000,1e+16]")
        for value in [
            0x1p53, 0x1p53 - 1, 0x1p53 + 2, 0x1p54, -0x1p53, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
        ] {
            _ = try encoded(value)
            _ = try encoded(["a": value])
        }
        for value: Float in [0x1p24, 0x1p24 - 1, 0x1p24 + 2, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude] {
            _ = try encoded(value)
            _ = try encoded(["a": value])
        }
        #expect(try encoded(Decimal(string: "1.10")) == "1.1")
        _ = try encoded([Decimal.greatestFiniteMagnitude, .leastNonzeroMagnitude, .leastFiniteMagnitude])
    }

    @Test("escapes what must be, in the short form where there is one")
    func escapes() throws {
        let text = "\u{0}\u{1}\u{8}\t\n\u{B}\u{C}\r\u{1F} \u{7F}\u{2028}/\"\\é😀"
        #expect(
            try encoded(text)
                == "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \u{7F}\u{2028}/\\\"\\\\é😀\"")
        #expect(try encoded([text: text]).hasPrefix("{\"\\u0000"))
        for length in 0...20 { _ = try encoded(String(repeating: "x", count: length) + "\"") }
    }

    @Test("sorts keys by their UTF-8 bytes")
    func order() throws {
        let keys = [
            "b", "B", "a10", "a2", "é", "e\u{301}x", "\u{FF5E}", "😀", "", "a\"", "a#", "K", "\u{212A}2", "aaaaaaaab",
            "aaaaaaaaa", "aaaaaaaa", "a\u{0}",
        ]
        _ = try encoded(Dictionary(uniqueKeysWithValues: keys.map { ($0, 1) }))
        _ = try encoded(Dictionary(uniqueKeysWithValues: (0..<100).map { ("key \($0)", $0) }))
    }

    @Test("keeps the last of two values for one key, in the bytes of the first key")
    func twice() throws {
        func object(_ members: [(String, AnyTree)]) -> AnyTree { .object(members) }
        #expect(try encoded(object([("a", .integer(1)), ("b", .null), ("a", .text("x"))])) == #"{"a":"x","b":null}"#)
        #expect(try encoded(object([("é", .integer(1)), ("e\u{301}", .integer(2))])).utf8.count == 8)
        #expect(try encoded(object([("\u{212A}", .integer(1)), ("K", .integer(2))])) == "{\"\u{212A}\":2}")
        let many = (0..<100).map { ("\($0 % 40)", AnyTree.integer(Int64($0))) }
        _ = try encoded(object(many))
    }

    @Test("writes fragments, empty containers, nil and values that encode nothing")
    func small() throws {
        struct Nothing: Encodable { func encode(to encoder: any Encoder) throws {} }
        struct Empty: Encodable {}
        #expect(try encoded("a") == "\"a\"")
        #expect(try encoded(true) == "true")
        #expect(try encoded(Int?.none) == "null")
        #expect(try encoded([Int]()) == "[]")
        #expect(try encoded([String: Int]()) == "{}")
        #expect(try encoded(Empty()) == "{}")
        #expect(try encoded([Nothing()]) == "[{}]")
        #expect(try encoded(["a": Nothing()]) == #"{"a":{}}"#)
        #expect(throws: EncodingError.self) { try encoder.encode(Nothing()) }
    }

    @Test("encodes classes with what their superclasses encode")
    func inheritance() throws {
        class Base: Encodable { var a = 1 }
        final class Derived: Base {
            var b = "x"
            enum CodingKeys: String, CodingKey { case b }
            override func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(b, forKey: .b)
                try super.encode(to: container.superEncoder())
            }
        }
        final class Flat: Base {
            override func encode(to encoder: any Encoder) throws {
                try super.encode(to: encoder)
                var container = encoder.container(keyedBy: AnyTree.Key.self)
                try container.encode(2, forKey: AnyTree.Key("0"))
            }
        }
        #expect(try encoded(Derived()) == #"{"b":"x","super":{"a":1}}"#)
        #expect(try encoded(Flat()) == #"{"0":2,"a":1}"#)
    }

    @Test("leaves out a member whose encoding was given up")
    func givenUp() throws {
        struct Refusal: Error {}
        struct Half: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: AnyTree.Key.self)
                try container.encode(1, forKey: AnyTree.Key("half"))
                throw Refusal()
            }
        }
        struct Whole: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: AnyTree.Key.self)
                try container.encode(1, forKey: AnyTree.Key("a"))
                try? container.encode(Half(), forKey: AnyTree.Key("a"))
                try? container.encode(Half(), forKey: AnyTree.Key("b"))
                var list = container.nestedUnkeyedContainer(forKey: AnyTree.Key("c"))
                try? list.encode(Half())
                try list.encode(list.count)
            }
        }
        #expect(try encoded(Whole()) == #"{"a":1,"c":[0]}"#)
    }

    @Test("refuses numbers that are none, by an error that says where", arguments: [Double.nan, .infinity, -.infinity])
    func notFinite(value: Double) throws {
        struct Inner: Encodable { var values: [Double] }
        func reason(_ value: some Encodable) -> String {
            do { return text(try encoder.encode(value)) } catch { return CodingReason.text(of: error) }
        }
        #expect(reason(value) == "Unable to encode Double.\(value) directly in JSON.")
        #expect(reason(["a": Inner(values: [1, value])]).hasPrefix("a.values.Index 1: Unable to encode Double."))
        #expect(reason(["a": Float(value)]).hasPrefix("a: Unable to encode Float."))
        #expect(reason(["a": Sample.measured(value, 1, 1, small: 1, limit: 1, flags: [])]).hasPrefix("a.measured._0: "))
        #expect(reason([Date.distantFuture.addingTimeInterval(1e15)]).hasPrefix("Index 0: The date "))
    }

    // MARK: Deliberate differences

    @Test("refuses a decimal that is no number, for which Foundation writes NaN")
    func decimalNaN() throws {
        #expect(try text(FoundationJSON.encode([Decimal.nan])) == "[NaN]")
        #expect(throws: EncodingError.self) { try encoder.encode([Decimal.nan]) }
    }

    @Test("nests 512 deep, one deeper than Foundation, and reads that back")
    func depth() throws {
        func nested(_ depth: Int) -> AnyTree { (0..<depth).reduce(AnyTree.null) { tree, _ in .list([tree]) } }
        #expect(try encoder.encode(nested(511)) == FoundationJSON.encode(nested(511)))
        #expect(throws: EncodingError.self) { try FoundationJSON.encode(nested(512)) }
        let bytes = try encoder.encode(nested(512))
        #expect(
            try FoundationJSON.decode(AnyRead.self, from: bytes) == JSONBytesDecoder().decode(AnyRead.self, from: bytes)
        )
        #expect(throws: EncodingError.self) { try encoder.encode(nested(513)) }
        #expect(throws: EncodingError.self) { try encoder.encode(nested(2000)) }
    }

    @Test("lets a second value take the place of the first, where Foundation stops the program")
    func replaced() throws {
        struct Changing: Encodable {
            func encode(to encoder: any Encoder) throws {
                var single = encoder.singleValueContainer()
                try single.encode(1)
                try single.encode("text")
                var container = encoder.container(keyedBy: AnyTree.Key.self)
                try container.encode(1, forKey: AnyTree.Key("a"))
                var list = container.nestedUnkeyedContainer(forKey: AnyTree.Key("a"))
                try list.encode(2)
            }
        }
        #expect(try text(encoder.encode(Changing())) == #"{"a":[2]}"#)
    }

    // MARK: Cases

    @Test("encodes a case as its name and its values", arguments: TestSeeds.first(5))
    func cases(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let sample = generator.sample()
            guard case .named(let name, let payload) = try encoder.encodeCase(sample) else {
                Issue.record("seed \(seed): \(sample) has another shape")
                continue
            }
            #expect(try text(encoder.encode(sample)) == "{\"\(name)\":\(text(payload))}", "seed \(seed)")
        }
    }

    @Test("encodes as no case what has another shape")
    func otherShapes() throws {
        func other(_ value: some Encodable) throws -> String? {
            if case .other(let bytes) = try encoder.encodeCase(value) { return text(bytes) }
            return nil
        }
        #expect(try other(1) == "1")
        #expect(try other([1]) == "[1]")
        #expect(try other(["a": 1]) == #"{"a":1}"#)
        #expect(try other(["a": ["b": 1], "c": [:]]) == #"{"a":{"b":1},"c":{}}"#)
        #expect(try other(["": ["b": 1]]) == #"{"":{"b":1}}"#)
        #expect(try other([String: Int]()) == "{}")
        guard case .unusablyNamed(#"a\"b"#) = try encoder.encodeCase([#"a"b"#: ["c": 1]]) else {
            Issue.record("a quote in the name was not noticed")
            return
        }
    }
}
