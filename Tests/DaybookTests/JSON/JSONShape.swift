import DaybookTesting
import Foundation

/// The shapes that `Codable` values come in: what a type can hold, and how it asks a coder for containers.
enum JSONShape: String, CaseIterable, Codable {
    case integers, reals, texts, optionals, fragments, lists, dictionaries, payloads, events, classes, containers
    case generics, standardTypes, deep, large

    func value(_ generator: inout SplitMix64) -> any Codable & Equatable {
        switch self {
        case .integers: IntegerShape(&generator)
        case .reals: RealShape(&generator)
        case .texts: TextShape(&generator)
        case .optionals: OptionalShape(&generator)
        case .fragments: Self.fragment(&generator)
        case .lists: ListShape(&generator)
        case .dictionaries: DictionaryShape(&generator)
        case .payloads: generator.payload(depth: 3)
        case .events: generator.sample()
        case .classes: DerivedShape(&generator)
        case .containers: ContainerShape(&generator)
        case .generics: GenericShape(items: generator.some { $0.payload(depth: 1) }, next: generator.jsonText())
        case .standardTypes: StandardShape(&generator)
        case .deep: Self.deep(&generator)
        case .large: Self.large(&generator)
        }
    }

    /// Two levels of objects for each level of the value; Foundation takes the square of their number.
    private static func deep(_ generator: inout SplitMix64) -> any Codable & Equatable {
        let depth = Int.random(in: 1...(generator.oneIn(20) ? 120 : 12), using: &generator)
        return (0..<depth).reduce(Payload.none) { inner, _ in .nested(inner) }
    }

    /// More elements than a node has room for at first, or more members than are looked through one by one.
    private static func large(_ generator: inout SplitMix64) -> any Codable & Equatable {
        if generator.oneIn(2) {
            return (0..<Int.random(in: 100...200, using: &generator)).map { _ in generator.integer(Int32.self) }
        }
        let members = (0..<Int.random(in: 15...30, using: &generator)).map { ("\($0)\(generator.jsonText(0...3))", $0) }
        return Dictionary(members) { first, _ in first }
    }

    private static func fragment(_ generator: inout SplitMix64) -> any Codable & Equatable {
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: generator.jsonText(0...60)
        case 1: generator.integer(Int.self)
        case 2: generator.real()
        case 3: generator.oneIn(2)
        case 4: generator.jsonDate()
        case 5: generator.jsonUUID()
        case 6: Data(generator.jsonText().utf8)
        case 7: generator.jsonDecimal()
        default: generator.oneIn(2) ? generator.integer(UInt8.self) : UInt8?.none
        }
    }
}

struct IntegerShape: Codable, Equatable {
    var int8: Int8
    var int16: Int16
    var int32: Int32
    var int64: Int64
    var int128: Int128
    var int: Int
    var uint8: UInt8
    var uint16: UInt16
    var uint32: UInt32
    var uint64: UInt64
    var uint128: UInt128
    var uint: UInt

    init(_ generator: inout SplitMix64) {
        int8 = generator.integer()
        int16 = generator.integer()
        int32 = generator.integer()
        int64 = generator.integer()
        int128 = generator.integer()
        int = generator.integer()
        uint8 = generator.integer()
        uint16 = generator.integer()
        uint32 = generator.integer()
        uint64 = generator.integer()
        uint128 = generator.integer()
        uint = generator.integer()
    }
}

struct RealShape: Codable, Equatable {
    var double: Double
    var float: Float
    var decimal: Decimal
    var doubles: [Double]
    var floats: [Float]

    init(_ generator: inout SplitMix64) {
        double = generator.real()
        float = generator.smallReal()
        decimal = generator.jsonDecimal()
        doubles = generator.some { $0.real() }
        floats = generator.some { $0.smallReal() }
    }
}

struct TextShape: Codable, Equatable {
    var text: String
    var character: String
    var url: URL
    var id: UUID
    var data: Data
    var date: Date
    var bytes: [UInt8]

    init(_ generator: inout SplitMix64) {
        text = generator.jsonText(0...40)
        character = String(UnicodeScalar(UInt32.random(in: 0...0xD7FF, using: &generator)) ?? "?")
        let urls = [
            "https://example.invalid/a%20b?q=1#f", "urn:x:y", "file:///tmp/", "/relative", "mailto:a@b.invalid",
        ]
        url = URL(string: generator.pick(urls)) ?? URL(filePath: "/")
        id = generator.jsonUUID()
        data = Data(generator.some { $0.integer(UInt8.self) })
        date =
            generator.oneIn(4)
            ? Date(timeIntervalSinceReferenceDate: .random(in: -63_145_526_400..<252_423_993_600, using: &generator))
            : generator.jsonDate()
        bytes = generator.some { $0.integer() }
    }
}

struct OptionalShape: Codable, Equatable {
    var number: Int?
    var text: String?
    var flag: Bool?
    var date: Date?
    var payload: Payload?
    var numbers: [Int?]
    var byName: [String: Double?]
    var list: [[String?]]?
    var level: Level?

    init(_ generator: inout SplitMix64) {
        number = generator.oneIn(2) ? nil : generator.integer()
        text = generator.oneIn(2) ? nil : generator.jsonText()
        flag = generator.oneIn(2) ? nil : generator.oneIn(2)
        date = generator.oneIn(2) ? nil : generator.jsonDate()
        payload = generator.oneIn(2) ? nil : generator.payload(depth: 1)
        numbers = generator.some { $0.oneIn(2) ? nil : $0.integer() }
        byName = Dictionary(generator.some { ($0.jsonText(), $0.oneIn(2) ? nil : $0.real()) }) { first, _ in first }
        list = generator.oneIn(2) ? nil : generator.some { $0.some { $0.oneIn(2) ? nil : $0.jsonText() } }
        level = generator.oneIn(2) ? nil : generator.pick([.low, .high])
    }

    enum Level: Int, Codable {
        case low = -1
        case high = 9_000_000_000
    }
}

struct ListShape: Codable, Equatable {
    var integers: [Int]
    var texts: [String]
    var flags: [Bool]
    var dates: [Date]
    var decimals: [Decimal]
    var empty: [Int]
    var nested: [[[UInt16]]]
    var payloads: [Payload]

    init(_ generator: inout SplitMix64) {
        integers = generator.some { $0.integer() }
        texts = generator.some { $0.jsonText() }
        flags = generator.some { $0.oneIn(2) }
        dates = generator.some { $0.jsonDate() }
        decimals = generator.some { $0.jsonDecimal() }
        empty = []
        nested = generator.some { $0.some { $0.some { $0.integer() } } }
        payloads = generator.some { $0.payload(depth: 1) }
    }
}

struct DictionaryShape: Codable, Equatable {
    var byText: [String: Int]
    var byNumber: [Int: String]
    var bySide: [Sample.Side: Int]
    var byID: [UUID: [String: Bool]]
    var nested: [String: [String: Payload]]

    init(_ generator: inout SplitMix64) {
        func dictionary<Key, Value>(_ pairs: [(Key, Value)]) -> [Key: Value] {
            Dictionary(pairs) { first, _ in first }
        }
        byText = dictionary(generator.some { ($0.jsonText(), $0.integer()) })
        byNumber = dictionary(generator.some { ($0.integer(), $0.jsonText()) })
        bySide = generator.oneIn(2) ? [:] : [.sell: generator.integer()]
        byID = generator.oneIn(2) ? [:] : [generator.jsonUUID(): ["": generator.oneIn(2)]]
        nested = dictionary(
            generator.some { ($0.jsonText(), dictionary($0.some { ($0.jsonText(), $0.payload(depth: 0)) })) })
    }
}

/// An enum with cases of every form, that may hold itself.
indirect enum Payload: Codable, Equatable {
    case none
    case number(Double)
    case money(Decimal, currency: String)
    case place(latitude: Double, longitude: Double?)
    case nested(Payload)
    case list([Payload])
    case byName([String: Payload])
    case größe(Int?)
}

/// A class that leaves the members of its superclass to a container of their own.
class BaseShape: Codable {
    var id: UInt64

    init(id: UInt64) { self.id = id }
}

final class DerivedShape: BaseShape, Equatable {
    var note: String
    var sibling: [UInt64]

    enum CodingKeys: String, CodingKey {
        case note
        case sibling = "the sibling/é"
    }

    init(_ generator: inout SplitMix64) {
        note = generator.jsonText()
        sibling = generator.some { $0.integer() }
        super.init(id: generator.integer())
    }

    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        note = try container.decode(String.self, forKey: .note)
        sibling = try container.decode([UInt64].self, forKey: .sibling)
        try super.init(from: container.superDecoder())
    }

    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(note, forKey: .note)
        try container.encode(sibling, forKey: .sibling)
        try super.encode(to: container.superEncoder())
    }

    static func == (left: DerivedShape, right: DerivedShape) -> Bool {
        left.id == right.id && left.note == right.note && left.sibling == right.sibling
    }
}

/// A type that asks for its containers by hand.
struct ContainerShape: Codable, Equatable {
    var first: String
    var second: Double?
    var pairs: [Pair]

    struct Pair: Equatable {
        var key: String
        var value: Int64
    }

    private enum Outer: String, CodingKey { case inner, pairs }
    private enum Inner: String, CodingKey { case first, second }

    init(_ generator: inout SplitMix64) {
        first = generator.jsonText()
        second = generator.oneIn(2) ? nil : generator.real()
        pairs = generator.some { Pair(key: $0.jsonText(), value: $0.integer()) }
    }

    init(from decoder: any Decoder) throws {
        let outer = try decoder.container(keyedBy: Outer.self)
        let inner = try outer.nestedContainer(keyedBy: Inner.self, forKey: .inner)
        first = try inner.decode(String.self, forKey: .first)
        second = try inner.decodeIfPresent(Double.self, forKey: .second)
        pairs = []
        var list = try outer.nestedUnkeyedContainer(forKey: .pairs)
        while !list.isAtEnd {
            var pair = try list.nestedUnkeyedContainer()
            pairs.append(Pair(key: try pair.decode(String.self), value: try pair.decode(Int64.self)))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var outer = encoder.container(keyedBy: Outer.self)
        var list = outer.nestedUnkeyedContainer(forKey: .pairs)
        for pair in pairs {
            var container = list.nestedUnkeyedContainer()
            try container.encode(pair.key)
            try container.encode(pair.value)
        }
        var inner = outer.nestedContainer(keyedBy: Inner.self, forKey: .inner)
        try inner.encode(first, forKey: .first)
        try inner.encodeIfPresent(second, forKey: .second)
    }
}

struct GenericShape<Item: Codable & Equatable, Next: Codable & Equatable>: Codable, Equatable {
    var items: [Item]
    var next: Next?
}

/// Types of the standard library and of Foundation that code themselves.
struct StandardShape: Codable, Equatable {
    var range: Range<Int>
    var closed: ClosedRange<String>
    var bytes: Set<UInt8>
    var duration: Duration
    var vector: SIMD3<Float>
    var components: DateComponents

    init(_ generator: inout SplitMix64) {
        let bound = generator.integer(Int32.self)
        range = Int(bound)..<(Int(bound) + Int.random(in: 0...1000, using: &generator))
        let text = generator.jsonText()
        closed = text...(text + "z")
        bytes = Set(generator.some { $0.integer(UInt8.self) })
        duration = .nanoseconds(generator.integer(Int64.self))
        vector = SIMD3(generator.smallReal(), generator.smallReal(), generator.smallReal())
        components = DateComponents(year: .random(in: -5...9999, using: &generator), month: 2, second: 0)
    }
}

extension SplitMix64 {
    /// Up to five values.
    mutating func some<Value>(_ make: (inout SplitMix64) -> Value) -> [Value] {
        (0..<Int.random(in: 0...5, using: &self)).map { _ in make(&self) }
    }

    /// A number at or near a limit of its type, or any.
    mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number {
        switch Int.random(in: 0..<8, using: &self) {
        case 0: pick([.min, .max, 0, 1])
        case 1: .max - Number.random(in: 0...9, using: &self)
        case 2: .min + Number.random(in: 0...9, using: &self)
        case 3, 4: .random(in: 0...99, using: &self)
        case 5: Number(truncatingIfNeeded: 1 << Int.random(in: 0..<63, using: &self))
        default: .random(in: .min ... .max, using: &self)
        }
    }

    mutating func real() -> Double {
        switch Int.random(in: 0..<6, using: &self) {
        case 0:
            pick([
                1e308, -1e308, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNormalMagnitude,
                .leastNonzeroMagnitude, -.leastNonzeroMagnitude, -0.0, 0, .ulpOfOne, 0x1p63, 0x1p64, 1e21,
            ])
        case 1: Double(bitPattern: UInt64.random(in: 1..<1 << 52, using: &self))  // Subnormal.
        case 2: jsonDouble().nextUp
        default: jsonDouble()
        }
    }

    mutating func smallReal() -> Float {
        switch Int.random(in: 0..<4, using: &self) {
        case 0:
            return pick([
                .greatestFiniteMagnitude, .leastNonzeroMagnitude, .leastNormalMagnitude, -0.0, 0x1p24, 0x1p24 + 2, 1e-5,
            ])
        case 1: return Float(bitPattern: UInt32.random(in: 1..<1 << 23, using: &self))  // Subnormal.
        default:
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: next()))
            return value.isFinite ? value : 1.5
        }
    }

    mutating func payload(depth: Int) -> Payload {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &self) {
        case 0: .none
        case 1: .number(real())
        case 2: .money(jsonDecimal(), currency: jsonText(0...3))
        case 3: .place(latitude: real(), longitude: oneIn(2) ? nil : real())
        case 4: .größe(oneIn(2) ? nil : integer())
        case 5: .nested(payload(depth: depth - 1))
        case 6: .list(some { $0.payload(depth: depth - 1) })
        default:
            .byName(Dictionary(some { ($0.jsonText(), $0.payload(depth: depth - 1)) }) { first, _ in first })
        }
    }
}
