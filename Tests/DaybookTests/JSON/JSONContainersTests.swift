import Foundation
import Testing

@testable import Daybook

@Suite("Containers for keys of many types")
struct JSONContainersTests {
    /// A type of keys for each `Tag`, of which there are as many as wanted.
    private struct Keys<Tag>: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Value<Tag>: Codable, Equatable {
        var name: String
        var number: Int

        init(name: String, number: Int) { (self.name, self.number) = (name, number) }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys<Tag>.self)
            let key = try #require(container.allKeys.first)
            #expect(container.allKeys.count == 1)
            (name, number) = (key.stringValue, try container.decode(Int.self, forKey: key))
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys<Tag>.self)
            try container.encode(number, forKey: #require(Keys<Tag>(stringValue: name)))
        }
    }

    private struct Next<Tag> {}

    /// Writes and reads a value with keys of one type, and of `count` others.
    private static func goThrough<Tag>(_ tag: Tag.Type, _ count: Int, name: String) throws {
        let value = Value<Tag>(name: "\(name)\(count % 3 == 0 ? "" : "-\(count)")", number: count)
        let bytes = try JSONBytesEncoder().encode(value)
        #expect(String(decoding: bytes, as: UTF8.self) == "{\"\(value.name)\":\(count)}")
        #expect(try JSONBytesDecoder().decode(Value<Tag>.self, from: bytes) == value)
        if count > 0 { try goThrough(Next<Tag>.self, count - 1, name: name) }
    }

    @Test(
        "are right for more types than a thread remembers, in turns, with one name and with others",
        .timeLimit(.minutes(5)))
    func manyTypes() throws {
        for name in ["a", "b", "a", "a longer name than fits into a word"] {
            try Self.goThrough(Int.self, 300, name: name)
        }
    }

    @Test("are those of each thread")
    func threads() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<16 {
                group.addTask {
                    for round in 0..<20 { try Self.goThrough(Int.self, 40, name: "task \(task), round \(round)") }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("have the one key of an object, also when it has no letters, is not ASCII, or is none")
    func oneKey() throws {
        for name in ["", "x", "", "ä", "x", "\u{212A}", "K", "\"", "x"] {
            let value = Value<Bool>(name: name, number: 1)
            let bytes = try JSONBytesEncoder().encode(value)
            #expect(try JSONBytesDecoder().decode(Value<Bool>.self, from: bytes) == value)
        }
        enum Case: Codable, Equatable {
            case one(Int)
            case two(Int)
        }
        for _ in 0..<2 {
            #expect(try JSONBytesDecoder().decode(Case.self, from: Array(#"{"one":{"_0":1}}"#.utf8)) == .one(1))
            #expect(try JSONBytesDecoder().decode(Case.self, from: Array(#"{"two":{"_0":2}}"#.utf8)) == .two(2))
            #expect(throws: DecodingError.self) {
                try JSONBytesDecoder().decode(Case.self, from: Array(#"{"three":{"_0":2}}"#.utf8))
            }
        }
    }
}
