import DaybookCore
import Foundation

/// What a receiver has set aside, as documents: `held/` and a key tells where the key stopped, `message/`, the key and a
/// number is a message of it, `count` is the number of all messages.
///
/// Each change is one transaction, by compare-and-set of the model's checkpoint, which stands for no position here: several
/// processes may change it.
struct ReceiverLedger: Sendable {
    /// A key that stopped.
    struct Held: Codable {
        var key: String
        var reason: String
        var parkedAt: Timestamp
        /// The numbers of its messages, the first one and the one behind the last.
        var first: Int64
        var end: Int64

        var count: Int { Int(end - first) }
    }

    /// A message as it is kept.
    private struct Kept: Codable {
        var origin: String
        var event: String?
        var body: String
    }

    private static let countKey = "count"

    let model: ReadModelName
    let models: any ReadModelStore

    // MARK: Reading

    /// Those of the keys that have stopped.
    func held(among keys: Set<String>) async throws(ReceiverError) -> Set<String> {
        let documents: [String: [UInt8]]
        do { documents = try await models.documents(keys.map(Self.document(ofHeld:)), of: model) } catch {
            throw ReceiverError(error)
        }
        return keys.filter { documents[Self.document(ofHeld: $0)] != nil }
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
                guard let message = try await message(held.key, held.first) else { continue }
                parked.append(
                    ParkedMessage(
                        key: held.key, message: message, reason: held.reason, parkedAt: held.parkedAt,
                        waiting: held.count - 1))
            }
            guard page.count == 500, let last = page.last else { return parked }
            after = last.key
        }
    }

    func held(_ key: String) async throws(ReceiverError) -> Held? {
        let name = Self.document(ofHeld: key)
        return try await document(name).map { data throws(ReceiverError) in try decode(Held.self, data, name) }
    }

    func message(_ key: String, _ number: Int64) async throws(ReceiverError) -> ReceivedMessage? {
        let name = Self.document(ofMessage: number, key)
        guard let data = try await document(name) else { return nil }
        let kept = try decode(Kept.self, data, name)
        guard let body = Data(base64Encoded: kept.body) else {
            throw .unreadableState(document: name, reason: "Its body is not base 64.")
        }
        guard let text = kept.event else {
            return ReceivedMessage(
                origin: kept.origin, content: .failure(InvalidCloudEvent(.unknownForm("kept as it came"))),
                body: Array(body))
        }
        do {
            return ReceivedMessage(
                origin: kept.origin, content: .success(try CloudEvent(json: Array(text.utf8))), body: Array(body))
        } catch {
            throw .unreadableState(document: name, reason: error.description)
        }
    }

    // MARK: Changing

    /// Sets a message aside: its key stops at it, or it waits behind those of its key that did.
    ///
    /// - Parameter reason: Nil for a message that waits. When its key has gone on meanwhile, nothing is set aside.
    /// - Returns: Whether it was set aside.
    func hold(
        _ message: ReceivedMessage, of key: String, reason: String?, at now: Timestamp, atMost most: Int
    ) async throws(ReceiverError) -> Bool {
        while true {
            let revision = try await revision()
            let count = try await count()
            guard count < most else { throw .tooManyHeld(count) }
            guard
                var held = try await held(key)
                    ?? reason.map({ Held(key: key, reason: Self.bounded($0), parkedAt: now, first: 0, end: 0) })
            else { return false }
            let name = Self.document(ofMessage: held.end, key)
            held.end += 1
            let kept = Kept(
                origin: message.origin,
                event: (try? message.content.get()).map { String(decoding: $0.json, as: UTF8.self) },
                body: Data(message.body).base64EncodedString())
            let changes: [String: [UInt8]?] = [
                Self.document(ofHeld: key): try encode(held, Self.document(ofHeld: key)),
                name: try encode(kept, name), Self.countKey: Array("\(count + 1)".utf8),
            ]
            if try await commit(changes, after: revision) { return true }
        }
    }

    /// Takes away the first message of a key, when it is still this one. After the last one the key goes on.
    ///
    /// - Parameter reason: Why the key stays stopped at the next message; nil when that is not decided.
    func settle(_ key: String, _ number: Int64) async throws(ReceiverError) {
        while true {
            let revision = try await revision()
            guard var held = try await held(key), held.first == number else { return }
            held.first += 1
            let name = Self.document(ofHeld: key)
            var changes: [String: [UInt8]?] = [Self.countKey: Array("\(max(0, try await count() - 1))".utf8)]
            changes.updateValue(nil, forKey: Self.document(ofMessage: number, key))
            changes.updateValue(held.count == 0 ? nil : try encode(held, name), forKey: name)
            if try await commit(changes, after: revision) { return }
        }
    }

    /// Notes why a key stays stopped at a message.
    func note(_ reason: String, _ key: String, _ number: Int64, at now: Timestamp) async throws(ReceiverError) {
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

    /// Keys are written so that none is the beginning of another's documents.
    private static func document(ofHeld key: String) -> String { "held/" + encoded(key) }

    private static func document(ofMessage number: Int64, _ key: String) -> String {
        let digits = String(number)
        return "message/\(encoded(key))/" + String(repeating: "0", count: max(0, 19 - digits.count)) + digits
    }

    /// Letters, digits and `-._~` of ASCII as they are, every other byte as `%2F`.
    private static func encoded(_ key: String) -> String {
        var name = ""
        for byte in key.utf8 {
            let scalar = Unicode.Scalar(byte)
            if byte < 0x80,
                scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                    || "-._~".unicodeScalars.contains(scalar)
            {
                name.unicodeScalars.append(scalar)
            } else {
                name += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return name
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
