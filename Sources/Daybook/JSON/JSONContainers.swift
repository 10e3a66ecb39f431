import Foundation

/// The members of an object: of a text that is read, or of one that is being written.
protocol JSONMembers {
    associatedtype Document: AnyObject
    associatedtype Failure: Error = Never

    /// - Parameter place: The object's token, or its node.
    init(of document: Document, at place: Int) throws(Failure)
}

/// Makes the containers of objects that have keys of one type.
///
/// Code for any type of keys asks the runtime for the types of its containers, four times for each object: a search of 30 to
/// 50 ns each in a table that all threads share, and that they write to in order to read it, so that two cores decoded little
/// more than one. A maker has these types in its own, and is found by the type of the keys in a table that belongs to the
/// thread.
///
/// Their methods are `dynamic` so that the compiler does not make functions of them which are handed the types, and so have to
/// ask for them.
enum JSONContainers {
    final class Decoding<Members: JSONMembers & KeyedDecodingContainerProtocol> where Members.Document == JSONTape {
        @inline(never)
        dynamic func make(of tape: JSONTape, at token: Int) throws -> KeyedDecodingContainer<Members.Key> {
            KeyedDecodingContainer(try Members(of: tape, at: token))
        }

        @exclusivity(unchecked) private var lastKey: [Members.Key] = []
        @exclusivity(unchecked) private var lastName: [UInt8] = []

        /// The key that a name is, alone; nothing when it is none.
        ///
        /// The last one is kept: it is asked for again with each event of the same type, and an array is made of three types.
        @inline(never)
        dynamic func key(of tape: JSONTape, at token: UInt32) -> [Members.Key] {
            let name = tape.bytes(of: tape[token])
            let isLast = name.count == lastName.count && !lastName.isEmpty && name.elementsEqual(lastName)
            return isLast ? lastKey : otherKey(of: tape, at: token)
        }

        @inline(never)
        private func otherKey(of tape: JSONTape, at token: UInt32) -> [Members.Key] {
            guard let text = tape.text(of: token), let key = Members.Key(stringValue: text) else { return [] }
            if tape[token].isPlain { (lastKey, lastName) = ([key], Array(text.utf8)) }
            return [key]
        }
    }

    final class Encoding<Members: JSONMembers & KeyedEncodingContainerProtocol>
    where Members.Document == JSONDraft, Members.Failure == Never {
        @inline(never)
        dynamic func make(of draft: JSONDraft, at node: Int) -> KeyedEncodingContainer<Members.Key> {
            KeyedEncodingContainer(Members(of: draft, at: node))
        }
    }

    @inline(__always)
    static func decoding<Key: CodingKey>(_ type: Key.Type) -> Decoding<JSONKeyedDecoding<Key>> {
        let place = JSONContainersTable.place(of: type, .decoding)
        if !place.hasMaker { takeDecoding(place, of: type) }
        return unsafeDowncast(place.maker, to: Decoding<JSONKeyedDecoding<Key>>.self)
    }

    @inline(__always)
    static func encoding<Key: CodingKey>(_ type: Key.Type) -> Encoding<JSONKeyedEncoding<Key>> {
        let place = JSONContainersTable.place(of: type, .encoding)
        if !place.hasMaker { takeEncoding(place, of: type) }
        return unsafeDowncast(place.maker, to: Encoding<JSONKeyedEncoding<Key>>.self)
    }

    // Apart from what is done each time: making a type asks for it.

    @inline(never)
    private static func takeDecoding<Key: CodingKey>(_ place: JSONContainersTable.Place, of type: Key.Type) {
        place.take(Decoding<JSONKeyedDecoding<Key>>())
    }

    @inline(never)
    private static func takeEncoding<Key: CodingKey>(_ place: JSONContainersTable.Place, of type: Key.Type) {
        place.take(Encoding<JSONKeyedEncoding<Key>>())
    }
}
