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
        guard let members = (try? JSONText(parsing: metadata[...]))?.members else { return metadata }
        return object(members)
    }

    private func object(_ members: [(key: String, value: JSONText)]) -> [UInt8] {
        var key = EventMetadata.Key.actor
        var kept = members
        if keepsActor, kept.contains(where: { $0.key == key }) { key = Self.intermediaryKey }
        kept.removeAll { $0.key == key || $0.key == Self.intermediaryKey }
        var bytes = [UInt8(ascii: "{")]
        bytes.reserveCapacity(members.reduce(64) { $0 + $1.key.utf8.count + $1.value.bytes.count + 8 })
        bytes.appendJSONString(key)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendJSONString(login)
        for member in kept {
            bytes.append(UInt8(ascii: ","))
            bytes.appendJSONString(member.key)
            bytes.append(UInt8(ascii: ":"))
            bytes += member.value.bytes
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
#endif
