#if Server
import DaybookCore

/// Says in the metadata of events in which trace they were appended, where the application has not said it itself.
///
/// Metadata that is no object of JSON is left as it is: there is no place in it.
struct TraceStamp: Sendable {
    private let trace: TraceContext

    static let stateKey = TraceContext.stateHeader

    init(_ trace: TraceContext) { self.trace = trace }

    /// A request that the stamps make too large is left as it is: it is worth more than the trace.
    func stamped(_ request: AppendRequest) -> AppendRequest {
        var stamped = request
        for index in stamped.writes.indices {
            switch stamped.writes[index].action {
            case .append(var events):
                for event in events.indices { events[event].metadata = self.stamped(events[event].metadata) }
                stamped.writes[index].action = .append(events)
            case .setRetention, .delete, .tombstone:
                stamped.writes[index].metadata = self.stamped(stamped.writes[index].metadata)
            }
        }
        return (try? stamped.validate()) == nil ? request : stamped
    }

    /// What is there keeps its bytes and its order, and the trace stands behind it.
    func stamped(_ metadata: [UInt8]) -> [UInt8] {
        guard !metadata.isEmpty else { return object([]) }
        guard let members = (try? JSONText(parsing: metadata[...]))?.members,
            !members.contains(where: { $0.key == EventMetadata.Key.traceParent || $0.key == Self.stateKey })
        else { return metadata }
        return object(members)
    }

    private func object(_ members: [(key: String, value: JSONText)]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            members.reduce(128 + (trace.state?.utf8.count ?? 0)) { $0 + $1.key.utf8.count + $1.value.bytes.count + 8 })
        bytes.append(UInt8(ascii: "{"))
        for member in members {
            bytes.appendJSONString(member.key)
            bytes.append(UInt8(ascii: ":"))
            bytes += member.value.bytes
            bytes.append(UInt8(ascii: ","))
        }
        bytes.appendJSONString(EventMetadata.Key.traceParent)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendJSONString(trace.parent)
        if let state = trace.state {
            bytes.append(UInt8(ascii: ","))
            bytes.appendJSONString(Self.stateKey)
            bytes.append(UInt8(ascii: ":"))
            bytes.appendJSONString(state)
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
#endif
