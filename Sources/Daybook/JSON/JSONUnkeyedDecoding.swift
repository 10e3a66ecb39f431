/// The elements of an array that is being decoded.
struct JSONUnkeyedDecoding: UnkeyedDecodingContainer {
    let tape: JSONTape
    let array: UInt32
    /// The token of the next element.
    private var token: UInt32
    private var position: UInt32 = 0

    init(tape: JSONTape, array: UInt32) {
        self.tape = tape
        self.array = array
        token = array + 1
    }

    var codingPath: [any CodingKey] { tape.path(of: array) }
    var count: Int? { Int(tape[array].count) }
    var isAtEnd: Bool { position >= tape[array].count }
    var currentIndex: Int { Int(position) }

    @inline(__always)
    private func element(_ type: Any.Type) throws -> JSONValueDecoder {
        guard !isAtEnd else { throw end(type) }
        return JSONValueDecoder(tape: tape, token: token)
    }

    @inline(never)
    private func end(_ type: Any.Type) -> DecodingError {
        DecodingError.valueNotFound(
            type,
            DecodingError.Context(
                codingPath: codingPath + [JSONPathKey(index: currentIndex)],
                debugDescription: "Unkeyed container is at end."))
    }

    @inline(__always)
    private mutating func advance() {
        token = tape[token].next
        position &+= 1
    }

    mutating func decodeNil() throws -> Bool {
        guard try element(Never.self).decodeNil() else { return false }
        advance()
        return true
    }

    mutating func decode(_ type: Bool.Type) throws -> Bool {
        let value = try element(type).decode(type)
        advance()
        return value
    }

    mutating func decode(_ type: String.Type) throws -> String {
        let value = try element(type).decode(type)
        advance()
        return value
    }

    mutating func decode(_ type: Double.Type) throws -> Double {
        let value = try element(type).decode(type)
        advance()
        return value
    }

    mutating func decode(_ type: Float.Type) throws -> Float {
        let value = try element(type).decode(type)
        advance()
        return value
    }

    @inline(__always)
    mutating func decode<T: FixedWidthInteger & Decodable>(_ type: T.Type) throws -> T {
        let value = try element(type).decode(type)
        advance()
        return value
    }

    // These two have a default that refuses them, which the compiler takes before a generic method.
    mutating func decode(_ type: Int128.Type) throws -> Int128 {
        let value = try element(type).decode(type)
        advance()
        return value
    }

    mutating func decode(_ type: UInt128.Type) throws -> UInt128 {
        let value = try element(type).decode(type)
        advance()
        return value
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let value = try element(type).decode(type)
        advance()
        return value
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> {
        let container = try element(KeyedDecodingContainer<NestedKey>.self).container(keyedBy: type)
        advance()
        return container
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let container = try element((any UnkeyedDecodingContainer).self).unkeyedContainer()
        advance()
        return container
    }

    mutating func superDecoder() throws -> any Decoder {
        let decoder = try element((any Decoder).self)
        advance()
        return decoder
    }
}
