import DaybookCore

/// A JSON value, as upcasters see the data of events.
///
/// What an upcaster does not touch comes out as it went in: numbers keep their text, so that `-0.0`, `1.10` and forty
/// digits stay what they are. Of a key that an object has twice, the first counts, as everywhere in Foundation.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// A whole number in its plain form: no fraction, no exponent, no negative zero.
    case integer(Int64)
    /// Any other number.
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// - Throws: An error that names the place when the bytes are not one JSON value, in UTF-8.
    public init(parsing bytes: some Sequence<UInt8>) throws {
        try self.init(JSONText(parsing: Array(bytes)[...]))
    }

    init(_ text: JSONText) throws(JSONSyntaxError) {
        switch text.kind {
        case .null: self = .null
        case .boolean: self = .bool(text.boolean == true)
        case .number:
            let digits = String(decoding: text.bytes, as: UTF8.self)
            if let integer = text.integer, "\(integer)" == digits {
                self = .integer(integer)
            } else {
                self = .number(JSONNumber(checked: digits))
            }
        case .string:
            guard let string = text.string else {
                throw JSONSyntaxError(offset: 0, problem: "Half of a surrogate pair stands in a string")
            }
            self = .string(string)
        case .array:
            var elements: [JSONValue] = []
            for element in text.elements ?? [] { elements.append(try JSONValue(element)) }
            self = .array(elements)
        case .object:
            guard let texts = text.members else {
                throw JSONSyntaxError(offset: 0, problem: "Half of a surrogate pair stands in a key")
            }
            var members: [String: JSONValue] = [:]
            for (key, value) in texts where members[key] == nil { members[key] = try JSONValue(value) }
            self = .object(members)
        }
    }

    /// The value of an object's key; nil when there is none, or when this is no object. Setting one where this is no
    /// object changes nothing.
    public subscript(key: String) -> JSONValue? {
        get { if case .object(let members) = self { members[key] } else { nil } }
        set {
            guard case .object(var members) = self else { return }
            members[key] = newValue
            self = .object(members)
        }
    }

    /// The value as JSON text without white space, keys in the order of their UTF-8 bytes: equal values have equal
    /// bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .number(let value): bytes.append(contentsOf: value.text.utf8)
        case .string(let value): bytes.appendJSONString(value)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (index, member) in sorted.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes.appendJSONString(member.key)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}
