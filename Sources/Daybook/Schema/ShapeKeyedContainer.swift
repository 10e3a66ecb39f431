/// The keys that a type asks for.
struct ShapeKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: ShapeDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    private var members: [String: JSONValue]? {
        if case .object(let members)? = decoder.value { members } else { nil }
    }

    /// Asked for by an enum, which chooses its case by the only key.
    var allKeys: [Key] {
        decoder.node.caseNames = EnumCases.values(of: Key.self)?.map(\.stringValue)
        if let members { return members.keys.sorted().compactMap { Key(stringValue: $0) } }
        guard let name = decoder.choice ?? decoder.node.caseNames?.first, let key = Key(stringValue: name) else {
            return []
        }
        return [key]
    }

    func contains(_ key: Key) -> Bool { members.map { $0[key.stringValue] != nil } ?? true }

    func decodeNil(forKey key: Key) throws -> Bool {
        decoder.node.markOptional(key.stringValue)
        return members.map { ($0[key.stringValue] ?? .null) == .null } ?? false
    }

    /// The decoder of a key's value.
    private func part(_ key: Key) throws -> ShapeDecoder {
        if let members, members[key.stringValue] == nil {
            throw DecodingError.keyNotFound(
                key, DecodingError.Context(codingPath: codingPath, debugDescription: "The sample lacks the key."))
        }
        return decoder.part(decoder.node.field(key.stringValue), members?[key.stringValue], key)
    }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try part(key).decode(type) }

    private func optional<T: Decodable>(_ type: T.Type, _ key: Key) throws -> T? {
        decoder.node.markOptional(key.stringValue)
        if let members, let value = members[key.stringValue], value != .null { return try part(key).decode(type) }
        let value = try? decoder.part(decoder.node.field(key.stringValue), nil, key).decode(type)
        return members == nil ? value : nil
    }

    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? { try optional(type, key) }
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try optional(type, key) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try optional(type, key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try optional(type, key) }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try optional(type, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try optional(type, key) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try optional(type, key) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try optional(type, key) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try optional(type, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try optional(type, key) }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> { try part(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try part(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try part(key) }
}
