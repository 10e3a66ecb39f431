import DaybookCore
import Foundation

@testable import Daybook

/// JSON as events have it. Any text is read as Foundation reads it, or refused where Foundation refuses it; what was read
/// is written and read again the same, and its bytes stay the same from then on.
enum JSONFuzzing {
    static func run(_ bytes: [UInt8]) {
        compare(AnyValue.self, bytes)
        compare(Order.self, bytes)
        // The scanner that cuts values out of lines, and what reads through it.
        if let text = try? JSONText(parsing: bytes[...]) {
            walk(text)
            guard (try? JSONText(parsing: text.bytes)) == text else { fatalError("A value is another when cut out.") }
        }
        _ = try? EventMetadata(decoding: bytes)
        if let control = StreamControl(decoding: bytes) {
            promise(
                StreamControl(decoding: control.encoded()) == control, "A control reads otherwise: \(control).")
        }
    }

    private static func walk(_ text: JSONText) {
        _ = (text.string, text.integer, text.boolean)
        for member in text.members ?? [] { walk(member.value) }
        for element in text.elements ?? [] { walk(element) }
    }

    private static func compare<Value: Codable & Equatable>(_ type: Value.Type, _ bytes: [UInt8]) {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom(DateText.decode)
        let foundation = Result { try decoder.decode(type, from: Data(bytes)) }
        let ours = Result { try JSONBytesDecoder().decode(type, from: bytes) }
        switch (ours, foundation) {
        case (.success(let value), .success(let expected)):
            promise(value == expected, "\(value) was read instead of \(expected).")
            checkWriting(value)
        case (.failure(let error), _) where !(error is DecodingError): fatalError("\(error) was thrown.")
        case (.failure, .failure): break
        case (.success(let value), .failure(let error)):
            // 0 with an exponent is a number to us, and not always to Foundation: see ADR 18.
            guard hasZeroWithExponent(bytes) else { fatalError("\(value) was read where Foundation says: \(error)") }
            checkWriting(value)
        case (.failure(let error), .success(let value)):
            // Foundation takes UTF-16 and UTF-32.
            guard seemsWide(bytes) else { fatalError("\(error) was thrown where Foundation reads \(value).") }
        }
    }

    private static func checkWriting<Value: Codable & Equatable>(_ value: Value) {
        do {
            let written = try JSONBytesEncoder().encode(value)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            encoder.dateEncodingStrategy = .custom(DateText.encode)
            // Foundation writes one level less than it reads.
            if let expected = try? encoder.encode(value) {
                promise(Array(expected) == written, "\(value) was written as \(text(written)).")
            }
            let again = try JSONBytesDecoder().decode(Value.self, from: written)
            promise(again == value, "\(value) was read as \(again) from \(text(written)).")
            let rewritten = try JSONBytesEncoder().encode(again)
            promise(rewritten == written, "\(text(written)) was written again as \(text(rewritten)).")
        } catch {
            fatalError("\(value) was read, but not written and read again: \(error).")
        }
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func seemsWide(_ bytes: [UInt8]) -> Bool {
        bytes.prefix(4).contains(0) || bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE])
    }

    private static func hasZeroWithExponent(_ bytes: [UInt8]) -> Bool {
        bytes.indices.contains { index in
            guard bytes[index] | 0x20 == UInt8(ascii: "e"), index > 0 else { return false }
            return bytes[index - 1] == UInt8(ascii: "0")
        }
    }
}

/// Any JSON, asked for in every way.
private enum AnyValue: Codable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case double(Double)
    case text(String)
    case list([AnyValue])
    case object([String: AnyValue])

    init(from decoder: any Decoder) throws {
        if let object = try? decoder.container(keyedBy: Key.self) {
            self = .object(
                try Dictionary(
                    uniqueKeysWithValues: object.allKeys.map {
                        ($0.stringValue, try object.decode(AnyValue.self, forKey: $0))
                    }))
        } else if var list = try? decoder.unkeyedContainer() {
            var elements: [AnyValue] = []
            while !list.isAtEnd { elements.append(try list.decode(AnyValue.self)) }
            self = .list(elements)
        } else {
            let single = try decoder.singleValueContainer()
            if single.decodeNil() {
                self = .null
            } else if let value = try? single.decode(Bool.self) {
                self = .bool(value)
            } else if let value = try? single.decode(Int64.self) {
                self = .integer(value)
            } else if let value = try? single.decode(UInt64.self) {
                self = .unsigned(value)
            } else if let value = try? single.decode(Double.self) {
                // One that is written without a fraction is read as a whole number.
                self =
                    Int64(exactly: value).map { .integer($0) } ?? UInt64(exactly: value).map { .unsigned($0) }
                    ?? .double(value)
            } else {
                self = .text(try single.decode(String.self))
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var container = encoder.container(keyedBy: Key.self)
            for (key, value) in members { try container.encode(value, forKey: Key(key)) }
        case .list(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        default:
            var container = encoder.singleValueContainer()
            switch self {
            case .bool(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .unsigned(let value): try container.encode(value)
            case .double(let value): try container.encode(value)
            case .text(let value): try container.encode(value)
            default: try container.encodeNil()
            }
        }
    }

    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }
}

/// A type as applications have it, with each kind of member that JSON or Foundation treats in its own way.
private struct Order: Codable, Equatable {
    enum Side: String, Codable { case buy, sell }
    indirect enum Step: Codable, Equatable {
        case opened
        case filled(Int32, price: Decimal?)
        case chain(Step)
    }

    var id: UUID?
    var side: Side?
    var size: UInt8?
    var price: Decimal?
    var limit: Float?
    var at: Date?
    var data: Data?
    var link: URL?
    var steps: [Step]?
    var notes: [String: String]?
    var byNumber: [Int: Bool]?
}
