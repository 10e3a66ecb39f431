import Foundation

/// The decoder of one value: one token of a tape.
struct JSONValueDecoder: Decoder, SingleValueDecodingContainer {
    let tape: JSONTape
    let token: UInt32

    var codingPath: [any CodingKey] { tape.path(of: token) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard tape[token].kind == .object else { throw noContainer([String: Any].self, "keyed") }
        return try JSONContainers.decoding(type).make(of: tape, at: Int(token))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try elements() }

    func elements() throws -> JSONUnkeyedDecoding {
        guard tape[token].kind == .array else { throw noContainer([Any].self, "unkeyed") }
        return JSONUnkeyedDecoding(tape: tape, array: token)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    private func noContainer(_ type: Any.Type, _ kind: String) -> DecodingError {
        guard tape[token].kind == .null else { return tape.mismatch(type, token, codingPath) }
        return DecodingError.valueNotFound(
            type,
            DecodingError.Context(
                codingPath: codingPath,
                debugDescription: "Cannot get \(kind) decoding container -- found null value instead"))
    }

    func decodeNil() -> Bool { tape[token].kind == .null }
    @inline(__always)
    func decode(_ type: Bool.Type) throws -> Bool {
        switch tape[token].kind {
        case .yes: return true
        case .no: return false
        default: throw tape.failure(reading: type, at: token, wanted: .yes)
        }
    }

    @inline(__always)
    func decode(_ type: String.Type) throws -> String {
        guard let text = tape.text(of: token) else {
            throw tape.failure(reading: type, at: token, wanted: .string)
        }
        return text
    }

    @inline(__always)
    func decode(_ type: Double.Type) throws -> Double {
        guard let value = tape.double(token) else {
            throw tape.failure(reading: type, at: token, wanted: .number)
        }
        return value
    }

    @inline(__always)
    func decode(_ type: Float.Type) throws -> Float {
        guard let value = tape.float(token) else {
            throw tape.failure(reading: type, at: token, wanted: .number)
        }
        return value
    }

    @inline(__always)
    func decode<T: FixedWidthInteger & Decodable>(_ type: T.Type) throws -> T { try integer(type) }

    @inline(__always)
    private func integer<T: FixedWidthInteger & Decodable>(_ type: T.Type) throws -> T {
        guard let value = tape.integer(token, as: type) else {
            throw tape.failure(reading: type, at: token, wanted: .number)
        }
        return value
    }

    // These two have a default that refuses them, which the compiler takes before a generic method.
    func decode(_ type: Int128.Type) throws -> Int128 { try integer(type) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try integer(type) }

    /// Decodes any value: the types that JSON or Foundation knows of by hand, which costs a comparison of types each,
    /// and all others by themselves.
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if T.self == String.self { return unsafeBitCast(try decode(String.self), to: T.self) }
        if T.self == Int.self { return unsafeBitCast(try decode(Int.self), to: T.self) }
        if T.self == Double.self { return unsafeBitCast(try decode(Double.self), to: T.self) }
        if T.self == Date.self { return unsafeBitCast(try date(), to: T.self) }
        if T.self == Decimal.self { return unsafeBitCast(try decimal(), to: T.self) }
        if T.self == UUID.self, let uuid = uuid() { return unsafeBitCast(uuid, to: T.self) }
        if T.self == Data.self { return unsafeBitCast(try data(), to: T.self) }
        if T.self == URL.self { return unsafeBitCast(try url(), to: T.self) }
        return try T(from: self)
    }

    private func date() throws -> Date {
        if let text = tape.text(of: token), let date = DateText.date(of: text) { return date }
        guard tape[token].kind != .null else { throw tape.missingValue(Date.self, codingPath) }
        return try DateText.decode(from: self)
    }

    private func decimal() throws -> Decimal {
        guard let decimal = tape.decimal(token) else {
            throw tape.failure(reading: Decimal.self, at: token, wanted: .number)
        }
        return decimal
    }

    private func data() throws -> Data {
        guard tape[token].kind != .null else { throw tape.missingValue(Data.self, codingPath) }
        guard let data = Data(base64Encoded: try decode(String.self)) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: codingPath, debugDescription: "Encountered Data is not valid Base64."))
        }
        return data
    }

    private func url() throws -> URL {
        guard tape[token].kind != .null else { throw tape.missingValue(URL.self, codingPath) }
        guard let url = URL(string: try decode(String.self)) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: codingPath, debugDescription: "Invalid URL string."))
        }
        return url
    }

    /// A UUID as it is written as a rule; nil for anything else, on which its own initializer decides.
    private func uuid() -> UUID? {
        guard tape[token].isPlain, tape[token].kind == .string, tape[token].count == 36 else { return nil }
        let text = tape.bytes(of: tape[token])
        var uuid = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)).uuid
        let isValid = withUnsafeMutableBytes(of: &uuid) { bytes in
            var position = 0
            for index in bytes.indices {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    guard text[position] == UInt8(ascii: "-") else { return false }
                    position += 1
                }
                guard let high = Self.hexDigit(text[position]), let low = Self.hexDigit(text[position + 1]) else {
                    return false
                }
                bytes[index] = high << 4 | low
                position += 2
            }
            return true
        }
        return isValid ? UUID(uuid: uuid) : nil
    }

    @inline(__always)
    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
