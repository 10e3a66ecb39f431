/// The members of an object that is being decoded.
struct JSONKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol, JSONMembers {
    let tape: JSONTape
    let object: UInt32
    let end: UInt32

    init(of tape: JSONTape, at place: Int) throws(DecodingError) {
        let token = UInt32(truncatingIfNeeded: place)
        self.tape = tape
        object = token
        end = tape[token].next
        guard !tape.isLookedThrough(token) else { return }
        guard tape.makeIndex(of: token) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: tape.path(of: token),
                    debugDescription: "A key has an escape that is none, a control character, or bytes that are not "
                        + "UTF-8."))
        }
    }

    var codingPath: [any CodingKey] { tape.path(of: object) }

    var allKeys: [Key] {
        // An enum's case is asked for this way: an object with one member.
        if tape[object].count == 1 { return JSONContainers.decoding(Key.self).key(of: tape, at: object + 1) }
        return severalKeys()
    }

    @inline(never)
    private func severalKeys() -> [Key] {
        var keys: [Key] = []
        keys.reserveCapacity(Int(tape[object].count))
        var token = object + 1
        while token < end {
            if let text = tape.text(of: token), isFirst(token, text), let key = Key(stringValue: text) {
                keys.append(key)
            }
            token = tape[token + 1].next
        }
        return keys
    }

    /// Whether no member before has the same key.
    private func isFirst(_ token: UInt32, _ text: String) -> Bool {
        guard tape.isLookedThrough(object) else { return tape.key(text, of: object) == token }
        var text = text
        return text.withUTF8 { find($0) == token }
    }

    // MARK: Looking up

    /// The value of a key; nil when there is none.
    @inline(__always)
    private func value(_ key: some CodingKey) -> UInt32? {
        var name = key.stringValue
        guard tape.isLookedThrough(object) else { return tape.key(name, of: object).map { $0 + 1 } }
        if let token = name.withUTF8({ find($0) }) { return token + 1 }
        // A key that is not ASCII may equal one that is: the sign for kelvin is a K.
        guard name.utf8.contains(where: { $0 >= 0x80 }) else { return nil }
        return tape.makeIndex(of: object) ? tape.key(name, of: object).map { $0 + 1 } : nil
    }

    /// The first key with these bytes.
    @inline(__always)
    private func find(_ name: UnsafeBufferPointer<UInt8>) -> UInt32? {
        var token = object + 1
        while token < end {
            let key = tape[token]
            if Int(key.count) == name.count, equal(tape.bytes(of: key), name) { return token }
            token = tape[token &+ 1].next
        }
        return nil
    }

    @inline(__always)
    private func equal(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        while index < left.count {
            if left[index] != right[index] { return false }
            index &+= 1
        }
        return true
    }

    @inline(__always)
    private func required(_ key: some CodingKey) throws -> JSONValueDecoder {
        guard let token = value(key) else { throw notFound(key) }
        return JSONValueDecoder(tape: tape, token: token)
    }

    /// The value of a key, if there is one other than null.
    @inline(__always)
    private func present(_ key: Key) -> JSONValueDecoder? {
        guard let token = value(key), tape[token].kind != .null else { return nil }
        return JSONValueDecoder(tape: tape, token: token)
    }

    @inline(never)
    private func notFound(_ key: some CodingKey) -> DecodingError {
        DecodingError.keyNotFound(
            key,
            DecodingError.Context(
                codingPath: codingPath,
                debugDescription: "No value associated with key \(key) (\"\(key.stringValue)\")."))
    }

    // MARK: Values

    func contains(_ key: Key) -> Bool { value(key) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try required(key).decodeNil() }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try required(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try required(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try required(key).decode(type) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try required(key).decode(type) }

    @inline(__always)
    func decode<T: FixedWidthInteger & Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        try required(key).decode(type)
    }

    // These two have a default that refuses them, which the compiler takes before a generic method.
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try required(key).decode(type) }
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try required(key).decode(type) }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try required(key).decode(type) }

    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
        try present(key)?.decode(type)
    }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        try present(key)?.decode(type)
    }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
        try present(key)?.decode(type)
    }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? {
        try present(key)?.decode(type)
    }
    // The other integers have a default that looks the key up three times, which will do for them.
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
        try present(key)?.decode(type)
    }
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        try present(key)?.decode(type)
    }

    // MARK: Containers

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try required(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try required(key).unkeyedContainer()
    }

    func superDecoder() -> any Decoder { decoder(JSONPathKey.superclass) }
    func superDecoder(forKey key: Key) -> any Decoder { decoder(key) }

    private func decoder(_ key: some CodingKey) -> JSONValueDecoder {
        JSONValueDecoder(tape: tape, token: value(key) ?? tape.addMissing(key, of: object))
    }
}
