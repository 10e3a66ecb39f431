#if Server
import DaybookCore

/// Names a group of consumers: what it reads, and what it is called there.
///
/// Two are the same when their identifiers have the same bytes, since their parked events and checkpoints are kept by them.
struct PersistentGroupName: Sendable, Hashable {
    /// A stream's name to clients, or `$all`.
    let stream: String
    let group: String

    /// As it stands in confirmations, and in names of streams.
    var id: String { "\(stream)::\(group)" }
    var isAll: Bool { stream == KurrentNames.all }

    /// Where the links to parked events are, as clients name it.
    var parkedStream: String { "\(KurrentNames.persistentPrefix)\(id)-parked" }

    /// Under which name the store keeps how far the group has come.
    var checkpoint: CheckpointName { CheckpointName(unchecked: "\(KurrentNames.persistentPrefix)\(id)-checkpoint") }

    /// Whether every name that follows from it is one that the store takes.
    var isStorable: Bool {
        !group.isEmpty && KurrentNames.log(parkedStream) != nil && KurrentNames.metadata(of: parkedStream) != nil
            && (try? CheckpointName(checkpoint.rawValue)) != nil
    }

    static func == (left: Self, right: Self) -> Bool { left.id.hasSameBytes(as: right.id) }

    func hash(into hasher: inout Hasher) { hasher.combine(StreamName(unchecked: id)) }
}
#endif
