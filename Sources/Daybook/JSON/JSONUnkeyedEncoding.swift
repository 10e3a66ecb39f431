/// The elements of an array that is being encoded.
struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
    let draft: JSONDraft
    let node: Int32

    var codingPath: [any CodingKey] { draft.path(of: node) }
    var count: Int { Int(draft.nodes[Int(node)].count) }

    func encodeNil() { draft.write(literal: "null", at: draft.addElement(to: node)) }
    func encode(_ value: Bool) { draft.write(value, at: draft.addElement(to: node)) }
    func encode(_ value: String) { draft.write(value, at: draft.addElement(to: node)) }

    @inline(__always)
    func encode<T: FixedWidthInteger & Encodable>(_ value: T) {
        draft.write(value, at: draft.addElement(to: node))
    }

    // These two have a default that refuses them, which the compiler takes before a generic method.
    func encode(_ value: Int128) { draft.write(value, at: draft.addElement(to: node)) }
    func encode(_ value: UInt128) { draft.write(value, at: draft.addElement(to: node)) }

    func encode(_ value: Double) throws {
        guard value.isFinite else {
            throw JSONValueEncoder.notFinite(value, codingPath + [JSONPathKey(index: count)])
        }
        draft.write(value, at: draft.addElement(to: node))
    }

    func encode(_ value: Float) throws {
        guard value.isFinite else {
            throw JSONValueEncoder.notFinite(value, codingPath + [JSONPathKey(index: count)])
        }
        draft.write(value, at: draft.addElement(to: node))
    }

    func encode<T: Encodable>(_ value: T) throws {
        let element = draft.addElement(to: node)
        do { try JSONValueEncoder(draft: draft, node: element).encode(value) } catch {
            draft.drop(element)
            throw error
        }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) -> KeyedEncodingContainer<NestedKey> {
        JSONValueEncoder(draft: draft, node: draft.addElement(to: node)).container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONValueEncoder(draft: draft, node: draft.addElement(to: node)).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { JSONValueEncoder(draft: draft, node: draft.addElement(to: node)) }
}
