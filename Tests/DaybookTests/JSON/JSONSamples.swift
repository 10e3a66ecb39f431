import DaybookTesting
import Foundation

/// A value of any shape, that is encoded through all kinds of containers.
indirect enum AnyTree: Encodable {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case double(Double)
    case float(Float)
    case decimal(Decimal)
    case text(String)
    case data(Data)
    case date(Date)
    case uuid(UUID)
    case url(URL)
    case list([AnyTree])
    case nestedLists([AnyTree])
    case integers([Int])
    case texts([String])
    case object([(String, AnyTree)])
    case nestedObjects([(String, AnyTree)])
    case inherited([(String, AnyTree)])
    case dictionary([String: AnyTree])
    case byNumber([Int: AnyTree])
    case optional(AnyTree?)

    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { Int(stringValue) }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { stringValue = "\(intValue)" }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .list(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try element.append(to: &container) }
        case .nestedLists(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements {
                var nested = container.nestedUnkeyedContainer()
                try element.append(to: &nested)
                var object = container.nestedContainer(keyedBy: Key.self)
                try element.set("in", in: &object)
                try element.encode(to: container.superEncoder())
                try nested.encode(container.count)
            }
        case .object(let members):
            var container = encoder.container(keyedBy: Key.self)
            for (key, value) in members { try value.set(key, in: &container) }
        case .nestedObjects(let members):
            var container = encoder.container(keyedBy: Key.self)
            var list = container.nestedUnkeyedContainer(forKey: Key("~list"))
            for (key, value) in members {
                var nested = container.nestedContainer(keyedBy: Key.self, forKey: Key(key))
                try value.set("\(key)2", in: &nested)
                try value.append(to: &list)
                var again = encoder.container(keyedBy: Key.self)
                try again.encode(key, forKey: Key("~last"))
            }
        case .inherited(let members):
            var container = encoder.container(keyedBy: Key.self)
            for (key, value) in members.dropFirst() { try value.set(key, in: &container) }
            if let first = members.first {
                try first.1.encode(to: container.superEncoder())
                try first.1.encode(to: container.superEncoder(forKey: Key("~" + first.0)))
            }
        default:
            var container = encoder.singleValueContainer()
            switch self {
            case .null: try container.encodeNil()
            case .bool(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .unsigned(let value): try container.encode(value)
            case .double(let value): try container.encode(value)
            case .float(let value): try container.encode(value)
            case .decimal(let value): try container.encode(value)
            case .text(let value): try container.encode(value)
            case .data(let value): try container.encode(value)
            case .date(let value): try container.encode(value)
            case .uuid(let value): try container.encode(value)
            case .url(let value): try container.encode(value)
            case .integers(let value): try container.encode(value)
            case .texts(let value): try container.encode(value)
            case .dictionary(let value): try container.encode(value)
            case .byNumber(let value): try container.encode(value)
            case .optional(let value): try container.encode(value)
            case .list, .nestedLists, .object, .nestedObjects, .inherited: break
            }
        }
    }

    /// By the overload for the type where the container has one.
    private func append(to container: inout any UnkeyedEncodingContainer) throws {
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .float(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        default: try container.encode(self)
        }
    }

    private func set(_ key: String, in container: inout KeyedEncodingContainer<Key>) throws {
        let key = Key(key)
        switch self {
        case .null: try container.encodeNil(forKey: key)
        case .bool(let value): try container.encode(value, forKey: key)
        case .integer(let value): try container.encode(value, forKey: key)
        case .unsigned(let value): try container.encode(value, forKey: key)
        case .double(let value): try container.encode(value, forKey: key)
        case .float(let value): try container.encode(value, forKey: key)
        case .text(let value): try container.encode(value, forKey: key)
        case .optional(let value): try container.encodeIfPresent(value, forKey: key)
        default: try container.encode(self, forKey: key)
        }
    }

    /// How many values it is made of.
    var size: Int {
        switch self {
        case .list(let elements): 1 + elements.reduce(0) { $0 + $1.size }
        case .nestedLists(let elements): 1 + elements.reduce(0) { $0 + 3 * $1.size + 3 }
        case .object(let members), .nestedObjects(let members), .inherited(let members):
            1 + members.reduce(0) { $0 + $1.1.size }
        case .dictionary(let members): 1 + members.values.reduce(0) { $0 + $1.size }
        case .byNumber(let members): 1 + members.values.reduce(0) { $0 + $1.size }
        case .integers(let elements): 1 + elements.count
        case .texts(let elements): 1 + elements.count
        case .optional(let value): value?.size ?? 1
        default: 1
        }
    }
}

/// Any JSON text as a decoder sees it, asked in every way, with the place of each value.
indirect enum AnyRead: Decodable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case text(String)
    /// As bits, so that -0.0 is not 0.0.
    case double(UInt64, small: UInt32?, decimal: Decimal?)
    case list([AnyRead], path: [String])
    case object([String: AnyRead], path: [String])

    init(from decoder: any Decoder) throws {
        let path = decoder.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
        if let container = try? decoder.container(keyedBy: AnyTree.Key.self) {
            var members: [String: AnyRead] = [:]
            for key in container.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
                precondition(container.contains(key) && members[key.stringValue] == nil)
                members[key.stringValue] = try container.decode(AnyRead.self, forKey: key)
            }
            self = .object(members, path: path)
            return
        }
        if var container = try? decoder.unkeyedContainer() {
            var elements: [AnyRead] = []
            while !container.isAtEnd {
                precondition(container.currentIndex == elements.count)
                if try container.decodeNil() {
                    elements.append(.null)
                } else if elements.count % 3 == 2 {
                    elements.append(try AnyRead(from: container.superDecoder()))
                } else {
                    elements.append(try container.decode(AnyRead.self))
                }
            }
            precondition(container.count == elements.count)
            self = .list(elements, path: path)
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(
                value.bitPattern, small: try? container.decode(Float.self).bitPattern,
                decimal: try? container.decode(Decimal.self))
        } else {
            self = .text(try container.decode(String.self))
        }
    }
}

/// An event such as applications have, and one of each type that Foundation or JSON treats in its own way.
enum Sample: Codable, Equatable {
    enum Side: String, Codable { case buy, sell }
    struct Line: Codable, Equatable {
        var symbol: String
        var quantity: Int
        var price: Decimal?
        var side: Side
    }

    case opened
    case placed(id: UUID, lines: [Line], at: Date, note: String?)
    case measured(Double, Float, UInt64, small: Int8, limit: Int64?, flags: [Bool])
    case labelled([String: String], numbers: [Int: Double], pairs: [Side: Int], data: Data, url: URL?)
    case größer(_ wert: Int16, next: [Sample])
}

extension SplitMix64 {
    mutating func jsonText(_ length: ClosedRange<Int> = 0...12) -> String {
        let count = Int.random(in: length, using: &self)
        if oneIn(2) {
            return String(decoding: (0..<count).map { _ in UInt8.random(in: 0x61...0x7A, using: &self) }, as: UTF8.self)
        }
        let pieces = [
            "a", "B", "\"", "\\", "/", "\u{0}", "\u{8}", "\t", "\n", "\u{C}", "\r", "\u{1F}", "\u{7F}", "é", "e\u{301}",
            "\u{2028}", "\u{FEFF}", "😀", "\u{FFFF}", "K", "\u{212A}", "10", "2", " ", "~",
        ]
        return (0..<count).map { _ in pick(pieces) }.joined()
    }

    mutating func jsonDouble() -> Double {
        switch Int.random(in: 0..<6, using: &self) {
        case 0: return Double(Int.random(in: -1000...1000, using: &self))
        case 1:
            return pick([
                0, -0.0, 0x1p53, 0x1p53 + 2, -0x1p63, 1e16, 1e15, 1e22, 1e23, .leastNonzeroMagnitude, 0.1, .pi, 1e-5,
                1e-4,
            ])
        case 2: return Double(Int.random(in: -9_999_999...9_999_999, using: &self)) / 100
        default:
            let value = Double(bitPattern: next())
            return value.isFinite ? value : 1
        }
    }

    mutating func jsonDecimal() -> Decimal {
        let digits = (0..<Int.random(in: 1...38, using: &self)).map { _ in "\(Int.random(in: 0...9, using: &self))" }
        let text = (oneIn(2) ? "-" : "") + digits.joined() + "e\(Int.random(in: -60...60, using: &self))"
        return Decimal(string: text) ?? 0
    }

    mutating func jsonDate() -> Date {
        oneIn(2)
            ? Date(timeIntervalSince1970: Double(Int.random(in: -1_000_000...2_000_000_000, using: &self)) / 1000)
            : Date(timeIntervalSinceReferenceDate: .random(in: -1e9...1e9, using: &self))
    }

    mutating func jsonUUID() -> UUID {
        var uuid = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)).uuid
        withUnsafeMutableBytes(of: &uuid) { bytes in
            for index in bytes.indices { bytes[index] = UInt8.random(in: .min ... .max, using: &self) }
        }
        return UUID(uuid: uuid)
    }

    mutating func tree(depth: Int) -> AnyTree {
        switch Int.random(in: 0..<(depth > 0 ? 26 : 13), using: &self) {
        case 0: return .null
        case 1: return .bool(oneIn(2))
        case 2: return .integer(oneIn(2) ? .random(in: -99...99, using: &self) : Int64(bitPattern: next()))
        case 3: return .unsigned(next())
        case 4: return .double(jsonDouble())
        case 5:
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: next()))
            return .float(value.isFinite ? value : 16_777_216)
        case 6: return .decimal(jsonDecimal())
        case 7, 8: return .text(jsonText(0...40))
        case 9: return .data(Data(jsonText().utf8))
        case 10: return .date(jsonDate())
        case 11: return .uuid(jsonUUID())
        case 12: return .url(URL(string: "https://example.invalid/a/\(next())?q=%20#f") ?? URL(filePath: "/"))
        case 13, 14: return .list(trees(depth))
        case 15: return .nestedLists(trees(min(depth, 2)))
        case 16: return .integers(trees(1).map { _ in Int.random(in: -1000...1000, using: &self) })
        case 17: return .texts(trees(1).map { _ in jsonText() })
        case 18, 19: return .object(members(depth))
        case 20: return .nestedObjects(distinctMembers(depth))
        case 21: return .inherited(distinctMembers(depth))
        case 22: return .dictionary(Dictionary(members(depth)) { first, _ in first })
        case 23:
            let values = trees(depth).map { (Int.random(in: -20...2000, using: &self), $0) }
            return .byNumber(Dictionary(values) { first, _ in first })
        case 24: return .optional(oneIn(3) ? nil : tree(depth: depth - 1))
        default: return .object((0..<40).map { _ in (jsonText(), tree(depth: 0)) })
        }
    }

    private mutating func trees(_ depth: Int) -> [AnyTree] {
        (0..<Int.random(in: 0...6, using: &self)).map { _ in tree(depth: depth - 1) }
    }

    private mutating func members(_ depth: Int) -> [(String, AnyTree)] {
        trees(depth).map { (jsonText(), $0) }
    }

    /// With keys that differ from one another, whatever their normal form.
    private mutating func distinctMembers(_ depth: Int) -> [(String, AnyTree)] {
        var seen: Set<String> = []
        return members(depth).filter { seen.insert($0.0).inserted }
    }

    mutating func sample(depth: Int = 2) -> Sample {
        switch Int.random(in: 0..<(depth > 0 ? 5 : 4), using: &self) {
        case 0: return .opened
        case 1:
            let lines = (0..<Int.random(in: 0...4, using: &self)).map { _ in
                Sample.Line(
                    symbol: jsonText(), quantity: .random(in: -5...100_000, using: &self),
                    price: oneIn(3) ? nil : jsonDecimal(), side: oneIn(2) ? .buy : .sell)
            }
            return .placed(id: jsonUUID(), lines: lines, at: jsonDate(), note: oneIn(2) ? nil : jsonText())
        case 2:
            return .measured(
                jsonDouble(), Float(.random(in: -1e6...1e6, using: &self)), next(),
                small: .random(in: .min ... .max, using: &self), limit: oneIn(2) ? nil : Int64(bitPattern: next()),
                flags: subset(of: [true, false, true]))
        case 3:
            return .labelled(
                Dictionary((0..<3).map { _ in (jsonText(), jsonText()) }) { first, _ in first },
                numbers: [Int.random(in: -9...9, using: &self): jsonDouble()],
                pairs: oneIn(2) ? [:] : [.buy: 1], data: Data(jsonText().utf8),
                url: oneIn(2) ? nil : URL(string: "urn:x:\(next())"))
        default:
            return .größer(
                .random(in: .min ... .max, using: &self),
                next: (0..<Int.random(in: 0...3, using: &self)).map { _ in sample(depth: depth - 1) })
        }
    }

    /// A text with a few changes that leave it JSON or not.
    mutating func mutation(of text: [UInt8]) -> [UInt8] {
        var text = text
        let pieces = [
            "null", "true", "1", "-0", "1.0", "1e2", "1.5", "01", "-", "9223372036854775808", "1e400", "1e-400", "\"\"",
            "\"a\"", #""\ud800""#, #""\ud83d\ude00""#, #""\u00e9""#, #""\x""#, "[]", "{}", ",", ":", "[", "]", "{", "}",
            " ", "\n", "\"", "\\", "NaN", "0.1", "e5", "/**/", "\"a\":1,", "é",
        ]
        for _ in 0..<Int.random(in: 1...3, using: &self) {
            let place = Int.random(in: 0...text.count, using: &self)
            switch Int.random(in: 0..<6, using: &self) {
            case 0: text.removeSubrange(place...)
            case 1 where place < text.count: text[place] = UInt8.random(in: .min ... .max, using: &self)
            case 2 where place < text.count: text.remove(at: place)
            case 3 where place < text.count:
                let end = Int.random(in: place...min(text.count, place + 8), using: &self)
                text.replaceSubrange(place..<end, with: pick(pieces).utf8)
            case 4:
                let start = Int.random(in: 0...text.count, using: &self)
                text.insert(
                    contentsOf: text[min(start, place)..<min(max(start, place), min(start, place) + 20)], at: place)
            default: text.insert(contentsOf: pick(pieces).utf8, at: place)
            }
        }
        return text
    }
}
