import DaybookCore
import Foundation

/// A decoder that records what a type asks for, and answers with a sample's values, or with stand-ins.
struct ShapeDecoder: Decoder {
    let node: ShapeNode
    /// The sample's value here; nil to stand in for it.
    let value: JSONValue?
    /// Which case to decode, where the type is an enum.
    let choice: String?
    /// Which of the stand-ins to give: a type may refuse the first.
    let attempt: Int
    /// The types that are being decoded, outermost first.
    let ancestors: [ObjectIdentifier]
    var codingPath: [any CodingKey] = []
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// Stand-ins for texts: types that check their text take one of these as a rule.
    private static let texts: [JSONValue] = [
        "a", "1", "2026-01-01T00:00:00Z", "00000000-0000-4000-8000-000000000000", "A", "https://example.invalid/",
        "2026-01-01", "EUR", "a-1", "a:1",
    ]
    private static let integers: [JSONValue] = [0, 1, 2, 10, 100, 1000]

    private static let leaves: [ObjectIdentifier: (shape: DataShape, stands: [JSONValue])] = {
        let integerTypes: [Any.Type] = [
            Int.self, Int8.self, Int16.self, Int32.self, Int64.self, UInt.self, UInt8.self, UInt16.self, UInt32.self,
            UInt64.self,
        ]
        var leaves: [ObjectIdentifier: (shape: DataShape, stands: [JSONValue])] = [
            ObjectIdentifier(Bool.self): (.boolean, [true, false]),
            ObjectIdentifier(Double.self): (.number, integers), ObjectIdentifier(Float.self): (.number, integers),
            ObjectIdentifier(Decimal.self): (.number, integers),
            ObjectIdentifier(String.self): (.string(format: nil), texts),
            ObjectIdentifier(Date.self): (.string(format: "date-time"), ["2026-01-01T00:00:00Z"]),
            ObjectIdentifier(Data.self): (.string(format: "base64"), ["AA=="]),
            ObjectIdentifier(URL.self): (.string(format: "uri"), ["https://example.invalid/"]),
            ObjectIdentifier(UUID.self): (.string(format: "uuid"), ["00000000-0000-4000-8000-000000000000"]),
        ]
        for type in integerTypes { leaves[ObjectIdentifier(type)] = (.integer, integers) }
        return leaves
    }()

    /// A type that stands inside itself: there is no stand-in for it.
    struct Recursion: Error {}

    /// Decodes a value of a type, and records the type's shape in a node.
    static func read<T: Decodable>(
        _ type: T.Type, into node: ShapeNode, value: JSONValue?, choice: String? = nil, attempt: Int = 0,
        ancestors: [ObjectIdentifier] = [], path: [any CodingKey] = []
    ) throws -> T {
        if let leaf = leaves[ObjectIdentifier(type)] {
            node.whole = leaf.shape
            return try plain(type, from: value ?? leaf.stands[min(attempt, leaf.stands.count - 1)])
        }
        if let container = type as? any ContainerShape.Type {
            let element = shape(of: container.elementType, ancestors: ancestors)
            node.whole = container.shape(of: element)
            return try plain(type, from: value ?? container.empty)
        }
        if let texts = texts(of: type) {
            node.whole = .enumeration(texts.map(\.text))
            return try value.map { try plain(type, from: $0) } ?? texts[0].value
        }
        guard !ancestors.contains(ObjectIdentifier(type)) else {
            node.whole = .any
            throw Recursion()
        }
        let result = try attempts(type, into: node, value, choice, attempt, ancestors, path)
        if choice == nil, let names = node.caseNames {
            node.whole = .variants(
                variants(of: type, names, value: value, ancestors: ancestors))
        }
        return result
    }

    /// Tries one stand-in after another until the type takes it.
    private static func attempts<T: Decodable>(
        _ type: T.Type, into node: ShapeNode, _ value: JSONValue?, _ choice: String?, _ first: Int,
        _ ancestors: [ObjectIdentifier], _ path: [any CodingKey]
    ) throws -> T {
        var attempt = first
        while true {
            node.reset()
            do {
                return try T(
                    from: ShapeDecoder(
                        node: node, value: value, choice: choice, attempt: attempt,
                        ancestors: ancestors + [ObjectIdentifier(type)], codingPath: path))
            } catch {
                attempt += 1
                // Only a type next to the leaves tries them all; those further out would try all for each of its parts.
                guard value == nil, attempt < texts.count, node.caseNames == nil else { throw error }
            }
        }
    }

    /// The shapes of an enum's cases.
    private static func variants<T: Decodable>(
        of type: T.Type, _ names: [String], value: JSONValue?, ancestors: [ObjectIdentifier]
    ) -> [String: DataShape] {
        var variants: [String: DataShape] = [:]
        for name in names {
            let node = ShapeNode()
            var sample: JSONValue?
            if case .object(let members)? = value, members[name] != nil { sample = value }
            _ = try? read(type, into: node, value: sample, choice: name, ancestors: ancestors)
            variants[name] = node.field(name).shape
        }
        return variants
    }

    /// The shape alone, of a type of which no value may be made.
    static func shape(of type: any Decodable.Type, ancestors: [ObjectIdentifier]) -> DataShape {
        let node = ShapeNode()
        _ = try? read(type, into: node, value: nil, ancestors: ancestors) as any Decodable
        return node.shape
    }

    private static func plain<T: Decodable>(_ type: T.Type, from value: JSONValue) throws -> T {
        try JSONBytesDecoder().decode(type, from: value.bytes)
    }

    /// The values of an enum that is written as texts.
    private static func texts<T: Decodable>(of type: T.Type) -> [(value: T, text: String)]? {
        guard let values = EnumCases.values(of: type) else { return nil }
        var texts: [(value: T, text: String)] = []
        for value in values {
            guard let encodable = value as? any Encodable,
                let bytes = try? JSONBytesEncoder().encode(encodable),
                case .string(let text)? = try? JSONValue(parsing: bytes)
            else { return nil }
            texts.append((value, text))
        }
        return texts
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        node.isObject = true
        return KeyedDecodingContainer(ShapeKeyedContainer<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { ShapeUnkeyedContainer(decoder: self) }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { ShapeSingleValueContainer(decoder: self) }

    /// The decoder of a part of this value.
    func part(_ node: ShapeNode, _ value: JSONValue?, _ key: any CodingKey) -> ShapeDecoder {
        ShapeDecoder(
            node: node, value: value, choice: nil, attempt: attempt, ancestors: ancestors,
            codingPath: codingPath + [key])
    }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        try Self.read(
            type, into: node, value: value, attempt: attempt, ancestors: ancestors, path: codingPath)
    }
}

/// A type that is made of elements of another, and has a value without any.
private protocol ContainerShape {
    static var elementType: any Decodable.Type { get }
    static var empty: JSONValue { get }
    static func shape(of element: DataShape) -> DataShape
}

extension ContainerShape {
    static var empty: JSONValue { .array([]) }
    static func shape(of element: DataShape) -> DataShape { .list(element) }
}

extension Array: ContainerShape where Element: Decodable {
    static var elementType: any Decodable.Type { Element.self }
}

extension ContiguousArray: ContainerShape where Element: Decodable {
    static var elementType: any Decodable.Type { Element.self }
}

extension Set: ContainerShape where Element: Decodable {
    static var elementType: any Decodable.Type { Element.self }
}

extension Optional: ContainerShape where Wrapped: Decodable {
    static var elementType: any Decodable.Type { Wrapped.self }
    static var empty: JSONValue { .null }
    static func shape(of element: DataShape) -> DataShape { element }
}

extension Dictionary: ContainerShape where Key: Decodable, Value: Decodable {
    static var elementType: any Decodable.Type { Value.self }
    /// Other keys than these are written in a list, in turn with the values.
    private static var hasTextKeys: Bool {
        Key.self is String.Type || Key.self is Int.Type || Key.self is any CodingKeyRepresentable.Type
    }
    static var empty: JSONValue { hasTextKeys ? .object([:]) : .array([]) }
    static func shape(of element: DataShape) -> DataShape { hasTextKeys ? .map(element) : .list(.any) }
}
