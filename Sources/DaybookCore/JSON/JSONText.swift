#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A JSON value as it stands in a text: checked for grammar, and otherwise untouched.
package struct JSONText: Equatable {
    package enum Kind: String {
        case object, array, string, number, boolean, null

        /// The kind with its article, for messages.
        package var phrase: String {
            switch self {
            case .object, .array: "an \(rawValue)"
            case .null: "null"
            default: "a \(rawValue)"
            }
        }
    }

    package let kind: Kind
    /// The value's own bytes, from its first to its last character.
    package let bytes: ArraySlice<UInt8>

    package init(kind: Kind, bytes: ArraySlice<UInt8>) {
        self.kind = kind
        self.bytes = bytes
    }

    /// Takes a text that is one value, with or without whitespace around it.
    package init(parsing text: ArraySlice<UInt8>) throws(JSONSyntaxError) {
        if let offset = text.firstInvalidUTF8 {
            throw JSONSyntaxError(offset: offset - text.startIndex, problem: "Bytes that are not UTF-8 stand")
        }
        var scanner = JSONScanner(text)
        scanner.skipWhitespace()
        let value = try scanner.value()
        scanner.skipWhitespace()
        guard scanner.isAtEnd else { throw scanner.failure("More text follows the value,") }
        self = value
    }

    package init(parsing text: some StringProtocol) throws(JSONSyntaxError) {
        try self.init(parsing: Array(text.utf8)[...])
    }

    /// The members of an object in order, with their keys decoded; nil for another kind.
    package var members: [(key: String, value: JSONText)]? {
        guard kind == .object else { return nil }
        var found: [(key: String, value: JSONText)] = []
        found.reserveCapacity(4)
        var scanner = JSONScanner(bytes)
        do {
            try scanner.members { (key, value) throws(JSONSyntaxError) in
                guard let name = key.string else { throw JSONSyntaxError(offset: 0, problem: "A key is no text") }
                found.append((name, value))
            }
        } catch { return nil }
        return found
    }

    /// The elements of an array; nil for another kind.
    package var elements: [JSONText]? {
        guard kind == .array else { return nil }
        var found: [JSONText] = []
        var scanner = JSONScanner(bytes)
        do { try scanner.elements { (element) throws(JSONSyntaxError) in found.append(element) } } catch { return nil }
        return found
    }

    /// The text of a string; nil for another kind, and for an escaped half of a surrogate pair without the other.
    package var string: String? {
        guard kind == .string else { return nil }
        let content = bytes.dropFirst().dropLast()
        guard content.contains(UInt8(ascii: "\\")) else { return String(validating: content, as: UTF8.self) }
        return try? JSONDecoder().decode(String.self, from: Data(bytes))
    }

    /// The value of a whole number that fits; nil for anything else.
    package var integer: Int64? {
        guard kind == .number else { return nil }
        return Int64(String(decoding: bytes, as: UTF8.self))
    }

    package var boolean: Bool? {
        guard kind == .boolean else { return nil }
        return bytes.first == UInt8(ascii: "t")
    }
}

extension ArraySlice<UInt8> {
    /// The index of the first byte that is no part of well-formed UTF-8.
    package var firstInvalidUTF8: Int? {
        if allSatisfy({ $0 < 0x80 }) { return nil }
        var decoder = Unicode.UTF8.ForwardParser()
        var iterator = makeIterator()
        var offset = startIndex
        while true {
            switch decoder.parseScalar(from: &iterator) {
            case .valid(let scalar): offset += scalar.count
            case .error: return offset
            case .emptyInput: return nil
            }
        }
    }
}
