/// The members of an object that is being encoded.
struct JSONKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol, JSONMembers {
    let draft: JSONDraft
    let node: Int32

    init(of draft: JSONDraft, at place: Int) {
        self.draft = draft
        node = Int32(truncatingIfNeeded: place)
    }

    var codingPath: [any CodingKey] { draft.path(of: node) }

    func encodeNil(forKey key: Key) { draft.write(literal: "null", at: draft.add(key, to: node)) }
    func encode(_ value: Bool, forKey key: Key) { draft.write(value, at: draft.add(key, to: node)) }
    func encode(_ value: String, forKey key: Key) { draft.write(value, at: draft.add(key, to: node)) }

    @inline(__always)
    func encode<T: FixedWidthInteger & Encodable>(_ value: T, forKey key: Key) {
        draft.write(value, at: draft.add(key, to: node))
    }

    // These two have a default that refuses them, which the compiler takes before a generic method.
    func encode(_ value: Int128, forKey key: Key) { draft.write(value, at: draft.add(key, to: node)) }
    func encode(_ value: UInt128, forKey key: Key) { draft.write(value, at: draft.add(key, to: node)) }

    func encode(_ value: Double, forKey key: Key) throws {
        guard value.isFinite else { throw JSONValueEncoder.notFinite(value, codingPath + [key]) }
        draft.write(value, at: draft.add(key, to: node))
    }

    func encode(_ value: Float, forKey key: Key) throws {
        guard value.isFinite else { throw JSONValueEncoder.notFinite(value, codingPath + [key]) }
        draft.write(value, at: draft.add(key, to: node))
    }

    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        let member = draft.add(key, to: node)
        do { try JSONValueEncoder(draft: draft, node: member).encode(value) } catch {
            draft.drop(member)
            throw error
        }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) -> KeyedEncodingContainer<NestedKey> {
        JSONValueEncoder(draft: draft, node: draft.member(key, of: node)).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        JSONValueEncoder(draft: draft, node: draft.member(key, of: node)).unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        JSONValueEncoder(draft: draft, node: draft.add(JSONPathKey.superclass, to: node))
    }

    func superEncoder(forKey key: Key) -> any Encoder {
        JSONValueEncoder(draft: draft, node: draft.add(key, to: node))
    }
}
