#if Server
import DaybookCore

/// Says in the metadata of events who appended them, under `$actor`, so that it is the server's word and not the client's.
///
/// Metadata that is no object of JSON is left as it is: there is no place in it.
struct ActorStamp: Sendable {
    private let login: String
    private let keepsActor: Bool

    /// Of somebody who may impersonate: who named the actor that was kept.
    static let intermediaryKey = "$via"

    init(_ principal: Principal) {
        login = principal.login
        keepsActor = principal.mayImpersonate
    }

    func stamped(_ request: AppendRequest) -> AppendRequest {
        guard !login.isEmpty else { return request }
        var request = request
        for index in request.writes.indices {
            switch request.writes[index].action {
            case .append(var events):
                for event in events.indices { events[event].metadata = stamped(events[event].metadata) }
                request.writes[index].action = .append(events)
            case .setRetention, .delete, .tombstone:
                request.writes[index].metadata = stamped(request.writes[index].metadata)
            }
        }
        return request
    }

    /// The other members keep their bytes and their order.
    func stamped(_ metadata: [UInt8]) -> [UInt8] {
        guard !metadata.isEmpty else { return object([]) }
        return Member.all(of: metadata).map { object($0) } ?? metadata
    }

    private func object(_ members: [Member]) -> [UInt8] {
        var key = EventMetadata.Key.actor
        var kept = members
        if keepsActor, kept.contains(where: { $0.name == key }) { key = Self.intermediaryKey }
        kept.removeAll { $0.name == key || $0.name == Self.intermediaryKey }
        var bytes = [UInt8(ascii: "{")]
        bytes.reserveCapacity(members.reduce(64) { $0 + $1.key.count + $1.value.count + 8 })
        bytes.appendJSONString(key)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendJSONString(login)
        for member in kept {
            bytes.append(UInt8(ascii: ","))
            bytes += member.key
            bytes.append(UInt8(ascii: ":"))
            bytes += member.value
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private struct Member {
        /// With its quotes.
        let key: ArraySlice<UInt8>
        /// Nil for a key that is no text, since it has half of a surrogate pair: other readers take such an object all the same.
        let name: String?
        let value: ArraySlice<UInt8>

        /// Nil for what is no object.
        static func all(of metadata: [UInt8]) -> [Member]? {
            guard let object = try? JSONText(parsing: metadata[...]), object.kind == .object else { return nil }
            var members: [Member] = []
            var scanner = JSONScanner(object.bytes)
            do {
                try scanner.members { (key, value) throws(JSONSyntaxError) in
                    members.append(Member(key: key.bytes, name: key.string, value: value.bytes))
                }
            } catch { return nil }
            return members
        }
    }
}
#endif
