import Foundation
import Testing

@testable import Daybook

@Suite("A deliberate difference from Foundation")
struct JSONDifferenceTests {
    private let encoder = JSONBytesEncoder()
    private let decoder = JSONBytesDecoder()

    @Test("is there, as it is told", arguments: JSONDifference.allCases)
    func shown(difference: JSONDifference) throws {
        switch difference {
        case .wideText:
            for encoding in [String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian, .utf32BigEndian] {
                let bytes = [UInt8](try #require("[1]".data(using: encoding)))
                #expect(try FoundationJSON.decode([Int].self, from: bytes) == [1])
                #expect(throws: DecodingError.self) { try decoder.decode([Int].self, from: bytes) }
            }
        case .zeroWithExponent:
            let text = Array("[0e5]".utf8)
            #expect(throws: DecodingError.self) { try FoundationJSON.decode([Double].self, from: text) }
            #expect(try decoder.decode([Double].self, from: text) == [0])
        case .closedCase:
            let payload = Array(#"{},"none":{}"#.utf8)
            let joined = Array(#"{"opened":"#.utf8) + payload + Array("}".utf8)
            #expect(throws: Never.self) { try FoundationJSON.decode([String: [String: Int]].self, from: joined) }
            #expect(throws: DecodingError.self) {
                try decoder.decodeCase(Sample.self, named: "opened", from: payload[...])
            }
        case .decimalNaN:
            #expect(try FoundationJSON.encode([Decimal.nan]) == Array("[NaN]".utf8))
            #expect(throws: EncodingError.self) { try encoder.encode([Decimal.nan]) }
        case .deepestLevel:
            let nested = (0..<512).reduce(AnyTree.null) { tree, _ in .list([tree]) }
            #expect(throws: EncodingError.self) { try FoundationJSON.encode(nested) }
            #expect(try encoder.encode(nested).count == 1028)
        case .secondValue:  // Foundation stops the program.
            struct Twice: Encodable {
                func encode(to encoder: any Encoder) throws {
                    var container = encoder.singleValueContainer()
                    try container.encode(1)
                    try container.encode(2)
                }
            }
            #expect(try encoder.encode(Twice()) == Array("2".utf8))
        }
    }

    @Test("is listed in ADR 18", arguments: JSONDifference.allCases)
    func listed(difference: JSONDifference) throws {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        let page = folder.appendingPathComponent("docs/adr/0018-a-json-codec-of-our-own.md")
        let text = try String(contentsOf: page, encoding: .utf8).split(whereSeparator: \.isWhitespace)
        #expect(text.joined(separator: " ").contains(difference.rawValue))
    }
}
