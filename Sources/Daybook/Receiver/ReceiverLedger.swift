import DaybookCore

/// What a receiver has set aside, as documents: `held/` and a key tells where the key stopped; `message/`, the key and a number
/// is a message of it; `origin/` and an origin tells that the message is set aside or left out; `count` is the number of all
/// messages that are set aside.
///
/// Each change is one transaction, by compare-and-set of the model's checkpoint, which stands for no position here: several
/// processes may change it.
struct ReceiverLedger: Sendable {
    /// A key that stopped.
    struct Held: Codable {
        var key: String
        var reason: String
        var parkedAt: Timestamp
        /// The numbers of its messages, the first one and the one behind the last. No number is given twice.
        var first: Int64
        var end: Int64

        var count: Int { Int(end - first) }
    }

    private static let countKey = "count"

    let model: ReadModelName
    let models: any ReadModelStore

    // MARK: Reading

    /// Those of the keys that have stopped, and those of the origins that are dealt with.
    func known(
        _ keys: [MessageKey], _ origins: [MessageKey]
    ) async throws(ReceiverError) -> (keys: Set<MessageKey>, origins: Set<MessageKey>) {
        let names = keys.map(Self.document(ofHeld:)) + origins.map(Self.document(ofOrigin:))
        let documents: [String: [UInt8]]
        do { documents = try await models.documents(names, of: model) } catch { throw ReceiverError(error) }
        guard !documents.isEmpty else { return ([], []) }
        return (
            Set(keys.filter { documents[Self.document(ofHeld: $0)] != nil }),
            Set(origins.filter { documents[Self.document(ofOrigin: $0)] != nil })
        )
    }

    /// All keys that have stopped, with the message at which each did.
    func parked() async throws(ReceiverError) -> [ParkedMessage] {
        var parked: [ParkedMessage] = []
        var after = "held/"
        while true {
            let page: [(key: String, data: [UInt8])]
            do { page = try await models.documents(of: model, after: after, limit: 500) } catch {
                throw ReceiverError(error)
            }
            for entry in page {
                guard entry.key.utf8.starts(with: "held/".utf8) else { return parked }
                let held = try decode(Held.self, entry.data, entry.key)
                // Gone when somebody dealt with it meanwhile.
                guard let message = try await message(MessageKey(held.key), held.first) else { continue }
                parked.append(
                    ParkedMessage(
                        key: held.key, message: message, reason: held.reason, parkedAt: held.parkedAt,
                        waiting: held.count - 1))
            }
            guard page.count == 500, let last = page.last else { return parked }
            after = last.key
        }
    }

    func held(_ key: MessageKey) async throws(ReceiverError) -> Held? {
        let name = Self.document(ofHeld: key)
        return try await document(name).map { data throws(ReceiverError) in try decode(Held.self, data, name) }
    }

    /// The first message of a key that stopped; nil when it has not, or goes on meanwhile.
    func first(_ key: MessageKey) async throws(ReceiverError) -> (number: Int64, message: ReceivedMessage)? {
        while let held = try await held(key) {
            if let message = try await message(key, held.first) { return (held.first, message) }
            guard try await self.held(key)?.first != held.first else {
                throw .unreadableState(
                    document: Self.document(ofMessage: held.first, key), reason: "It is not there.")
            }
        }
        return nil
    }

    private func message(_ key: MessageKey, _ number: Int64) async throws(ReceiverError) -> ReceivedMessage? {
        let name = Self.document(ofMessage: number, key)
        return try await document(name).map { data throws(ReceiverError) in
            try decode(KeptMessage.self, data, name).message
        }
    }

    // MARK: Changing

    /// Sets a message aside: its key stops at it, or it waits behind those of its key that did. One that is set aside already,
    /// or was left out, stays what it is.
    ///
    /// - Parameter reason: Nil for a message that waits. When its key has gone on meanwhile, nothing is set aside.
    /// - Returns: Whether it is dealt with.
    func hold(
        _ message: ReceivedMessage, of key: MessageKey, reason: String?, at now: Timestamp, atMost most: Int
    ) async throws(ReceiverError) -> Bool {
        let origin = Self.document(ofOrigin: MessageKey(message.origin))
        while true {
            let revision = try await revision()
            if try await document(origin) != nil { return true }
            guard
                var held = try await held(key)
                    ?? reason.map({
                        Held(
                            key: key.text, reason: Self.bounded($0), parkedAt: now, first: revision.rawValue,
                            end: revision.rawValue)
                    })
            else { return false }
            let count = try await count()
            guard count < most else { throw .tooManyHeld(count) }
            let name = Self.document(ofMessage: held.end, key)
            held.end += 1
            let changes: [String: [UInt8]?] = [
                Self.document(ofHeld: key): try encode(held, Self.document(ofHeld: key)),
                name: try encode(KeptMessage(message), name), origin: Array("held".utf8),
                Self.countKey: Array("\(count + 1)".utf8),
            ]
            if try await commit(changes, after: revision) { return true }
        }
    }

    /// Takes away the first message of a key, when it is still this one. After the last one the key goes on.
    ///
    /// - Parameter leavesOut: Whether the message is to be passed over when it is given again.
    /// - Returns: Whether it was taken away now.
    func settle(
        _ key: MessageKey, _ number: Int64, _ origin: String, leavesOut: Bool
    ) async throws(ReceiverError) -> Bool {
        while true {
            let revision = try await revision()
            guard var held = try await held(key), held.first == number else { return false }
            held.first += 1
            let name = Self.document(ofHeld: key)
            var changes: [String: [UInt8]?] = [Self.countKey: Array("\(max(0, try await count() - 1))".utf8)]
            changes.updateValue(nil, forKey: Self.document(ofMessage: number, key))
            changes.updateValue(held.count == 0 ? nil : try encode(held, name), forKey: name)
            changes.updateValue(
                leavesOut ? Array("left out".utf8) : nil, forKey: Self.document(ofOrigin: MessageKey(origin)))
            if try await commit(changes, after: revision) { return true }
        }
    }

    /// Notes why a key stays stopped at a message.
    func note(_ reason: String, _ key: MessageKey, _ number: Int64, at now: Timestamp) async throws(ReceiverError) {
        while true {
            let revision = try await revision()
            guard var held = try await held(key), held.first == number else { return }
            held.reason = Self.bounded(reason)
            held.parkedAt = now
            let name = Self.document(ofHeld: key)
            if try await commit([name: try encode(held, name)], after: revision) { return }
        }
    }

    // MARK: Documents

    private func revision() async throws(ReceiverError) -> Position {
        // Read before the documents: a change in between makes the commit fail.
        do { return try await models.checkpoint(of: model) } catch { throw ReceiverError(error) }
    }

    private func count() async throws(ReceiverError) -> Int {
        guard let data = try await document(Self.countKey) else { return 0 }
        guard let count = Int(String(decoding: data, as: UTF8.self)) else {
            throw .unreadableState(document: Self.countKey, reason: "It is no number.")
        }
        return count
    }

    private func document(_ name: String) async throws(ReceiverError) -> [UInt8]? {
        do { return try await models.document(name, of: model) } catch { throw ReceiverError(error) }
    }

    /// Whether the changes were saved; false when another was first.
    private func commit(
        _ changes: [String: [UInt8]?], after revision: Position
    ) async throws(ReceiverError) -> Bool {
        do {
            try await models.commit(
                DocumentBatch(model: model, changes: changes, previous: revision, checkpoint: revision.next))
            return true
        } catch {
            if case .checkpointMoved = error { return false }
            throw ReceiverError(error)
        }
    }

    /// The sign in front keeps the document of an empty key behind the beginning that all have.
    private static func document(ofHeld key: MessageKey) -> String { "held/=" + key.encoded }

    private static func document(ofOrigin origin: MessageKey) -> String { "origin/=" + origin.encoded }

    private static func document(ofMessage number: Int64, _ key: MessageKey) -> String {
        let digits = String(number)
        return "message/=\(key.encoded)/" + String(repeating: "0", count: max(0, 19 - digits.count)) + digits
    }

    /// Reasons are kept up to 1 000 characters.
    private static func bounded(_ reason: String) -> String { String(reason.prefix(1000)) }

    private func encode(_ value: some Encodable, _ name: String) throws(ReceiverError) -> [UInt8] {
        do { return try JSONBytesEncoder().encode(value) } catch {
            throw .unreadableState(document: name, reason: CodingReason.text(of: error))
        }
    }

    private func decode<Value: Decodable>(
        _ type: Value.Type, _ data: [UInt8], _ name: String
    ) throws(ReceiverError) -> Value {
        do { return try JSONBytesDecoder().decode(type, from: data) } catch {
            throw .unreadableState(document: name, reason: CodingReason.text(of: error))
        }
    }
}
