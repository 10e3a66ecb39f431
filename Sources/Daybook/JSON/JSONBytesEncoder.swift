import Foundation

/// Writes `Encodable` values as JSON bytes: equal values as equal bytes, keys in the order of their UTF-8 bytes, dates
/// so that they come back exactly (``DateText``), `Data` in Base64.
///
/// The bytes are those of Foundation's `JSONEncoder` with sorted keys and slashes not escaped, with three exceptions:
/// - A `Decimal` that is no number is an error; Foundation writes `NaN`, which is no JSON.
/// - Containers may be nested 512 deep, as deep as they can be read; Foundation writes 511.
/// - What stops the program in Foundation (a second value in the same place, a container of another kind for a key that
///   has one) replaces what was there.
///
/// The coding path of an error is the whole path; Foundation leaves out the steps of nested containers.
///
/// - Complexity: O(bytes), and O(n log n) for the n members of an object that are not in order.
struct JSONBytesEncoder: Sendable {
    /// - Throws: `EncodingError`, and whatever the value's own `encode(to:)` throws.
    func encode<T: Encodable>(_ value: T) throws -> [UInt8] {
        let draft = try draft(of: value)
        return try render(JSONDraft.root, of: draft, value)
    }

    /// What a value encodes as.
    enum Shape {
        /// An object with one member that is an object: an enum's case with its values, or without any.
        case named(String, payload: [UInt8])
        /// The same with a name that must be escaped in JSON; with its escapes.
        case unusablyNamed(String)
        case other([UInt8])
    }

    /// Encodes an enum's case, its name apart from its values.
    func encodeCase<T: Encodable>(_ value: T) throws -> Shape {
        let draft = try draft(of: value)
        guard let member = draft.onlyObjectMember(of: JSONDraft.root), draft.nodes[Int(member)].keyCount > 0 else {
            return .other(try render(JSONDraft.root, of: draft, value))
        }
        if draft.nodes[Int(member)].escapesKey {
            return .unusablyNamed(JSONEscape.escaped(draft.keyBytes(of: Int(member))))
        }
        return .named(draft.keyText(of: Int(member)), payload: try render(member, of: draft, value))
    }

    private func draft<T: Encodable>(of value: T) throws -> JSONDraft {
        let draft = JSONDraft()
        try JSONValueEncoder(draft: draft, node: JSONDraft.root).encode(value)
        guard draft.nodes[0].kind != .nothing else {
            throw EncodingError.invalidValue(
                value,
                EncodingError.Context(
                    codingPath: [], debugDescription: "Top-level \(T.self) did not encode any values."))
        }
        return draft
    }

    private func render<T: Encodable>(_ node: Int32, of draft: JSONDraft, _ value: T) throws -> [UInt8] {
        do { return try draft.render(node) } catch is JSONDraft.TooDeep {
            throw JSONValueEncoder.tooDeep(value)
        }
    }
}
