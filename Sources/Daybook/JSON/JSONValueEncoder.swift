import Foundation

/// The encoder of one value: it fills one node of a draft.
struct JSONValueEncoder: Encoder, SingleValueEncodingContainer {
    let draft: JSONDraft
    let node: Int32

    var codingPath: [any CodingKey] { draft.path(of: node) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        draft.open(node, as: .object)
        return JSONContainers.encoding(type).make(of: draft, at: Int(node))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        draft.open(node, as: .array)
        return JSONUnkeyedEncoding(draft: draft, node: node)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() { draft.write(literal: "null", at: node) }
    func encode(_ value: Bool) { draft.write(value, at: node) }
    func encode(_ value: String) { draft.write(value, at: node) }
    @inline(__always)
    func encode<T: FixedWidthInteger & Encodable>(_ value: T) { draft.write(value, at: node) }

    // These two have a default that refuses them, which the compiler takes before a generic method.
    func encode(_ value: Int128) { draft.write(value, at: node) }
    func encode(_ value: UInt128) { draft.write(value, at: node) }

    func encode(_ value: Double) throws {
        guard value.isFinite else { throw Self.notFinite(value, codingPath) }
        draft.write(value, at: node)
    }

    func encode(_ value: Float) throws {
        guard value.isFinite else { throw Self.notFinite(value, codingPath) }
        draft.write(value, at: node)
    }

    /// Encodes any value: the types that JSON or Foundation knows of by hand, which costs a comparison of types each,
    /// and all others by themselves.
    func encode<T: Encodable>(_ value: T) throws {
        if T.self == String.self { return encode(unsafeBitCast(value, to: String.self)) }
        if T.self == Int.self { return encode(unsafeBitCast(value, to: Int.self)) }
        if T.self == Double.self { return try encode(unsafeBitCast(value, to: Double.self)) }
        if T.self == Date.self { return try encode(date: unsafeBitCast(value, to: Date.self)) }
        if T.self == Decimal.self { return try encode(decimal: unsafeBitCast(value, to: Decimal.self)) }
        if T.self == UUID.self { return encode(uuid: unsafeBitCast(value, to: UUID.self)) }
        if T.self == Data.self { return encode(data: unsafeBitCast(value, to: Data.self)) }
        if T.self == URL.self { return encode(unsafeBitCast(value, to: URL.self).absoluteString) }
        // So that a value that holds itself is an error before the stack ends.
        guard draft.nodes[Int(node)].depth <= JSONTape.maximumDepth else { throw Self.tooDeep(value) }
        do { try value.encode(to: self) } catch {
            draft.clear(node)
            throw error
        }
    }

    private func encode(date: Date) throws {
        if let text = DateText.text(of: date) {
            encode(text)
        } else {
            try DateText.encode(date, to: self)
        }
    }

    private func encode(decimal: Decimal) throws {
        guard decimal.isFinite else {
            throw EncodingError.invalidValue(
                decimal,
                EncodingError.Context(
                    codingPath: codingPath, debugDescription: "Unable to encode Decimal.\(decimal) directly in JSON."))
        }
        var text = decimal.description
        text.withUTF8 { draft.write($0, at: node) }
    }

    private func encode(uuid: UUID) {
        draft.writeString(count: 36, at: node) { out in
            withUnsafeBytes(of: uuid.uuid) { bytes in
                var out = out
                for (index, byte) in bytes.enumerated() {
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        out.pointee = UInt8(ascii: "-")
                        out += 1
                    }
                    out[0] = Self.upperHex(byte >> 4)
                    out[1] = Self.upperHex(byte & 15)
                    out += 2
                }
            }
        }
    }

    private static func upperHex(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10
    }

    private func encode(data: Data) {
        draft.writeString(count: (data.count + 2) / 3 * 4, at: node) { out in
            data.withUnsafeBytes { Self.writeBase64($0, to: out) }
        }
    }

    /// See RFC 4648 §4.
    private static func writeBase64(_ bytes: UnsafeRawBufferPointer, to out: UnsafeMutablePointer<UInt8>) {
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let digits = alphabet.utf8Start
        var out = out
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let bits =
                UInt32(bytes[index]) << 16 | (left > 1 ? UInt32(bytes[index + 1]) << 8 : 0)
                | (left > 2 ? UInt32(bytes[index + 2]) : 0)
            out[0] = digits[Int(bits >> 18)]
            out[1] = digits[Int(bits >> 12 & 63)]
            out[2] = left > 1 ? digits[Int(bits >> 6 & 63)] : UInt8(ascii: "=")
            out[3] = left > 2 ? digits[Int(bits & 63)] : UInt8(ascii: "=")
            out += 4
            index += 3
        }
    }

    static func notFinite<T: BinaryFloatingPoint>(_ value: T, _ path: [any CodingKey]) -> EncodingError {
        EncodingError.invalidValue(
            value,
            EncodingError.Context(
                codingPath: path, debugDescription: "Unable to encode \(T.self).\(value) directly in JSON."))
    }

    /// Without the path: it would be over 500 keys long.
    static func tooDeep(_ value: Any) -> EncodingError {
        EncodingError.invalidValue(
            value,
            EncodingError.Context(
                codingPath: [],
                debugDescription: "The value is nested over \(JSONTape.maximumDepth) deep, which cannot be read back."))
    }
}
