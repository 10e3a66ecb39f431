#if JetStream
import DaybookCore

/// Why a store on JetStream could not be opened.
public enum JetStreamStoreError: Error, Equatable, CustomStringConvertible {
    case unreachable(reason: String)
    /// Before 2.12 a server has no atomic batches; before 2.9.21 it accepts conflicting writes.
    case serverTooOld(version: String)
    /// The cluster gives less than was asked for.
    case tooWeak(found: JetStreamDurability, asked: JetStreamDurability.Requirement)
    /// A stream of this name exists and is none of ours, or was changed.
    case otherStream(name: String, reason: String)
    case noStream(name: String)
    /// The log ends before an event that it had acknowledged, or has another one in its place.
    case lostEvents(acknowledged: Position, found: Position, reason: String)
    case invalidName(String)
    /// A text that is no ``JetStreamAddress``.
    case invalidAddress(String, reason: String)
    case invalidShards(Int)
    case highWaterMark(file: String, reason: String)

    public var description: String {
        switch self {
        case .unreachable(let reason): "The cluster cannot be reached (\(reason)): check the addresses, and try again."
        case .serverTooOld(let version):
            "The server is version \(version), which has no atomic batches: use NATS 2.14 or later, 2.12 at least."
        case .tooWeak(let found, let asked):
            "The cluster gives \(found), and \(asked.replicas) \(asked.replicas == 1 ? "replica" : "replicas")"
                + (asked.syncsAlways ? " that sync before each acknowledgement" : "") + " were asked for: "
                + (found.replicas < asked.replicas ? "raise the stream's num_replicas" : Self.mendingSync(found))
                + ", or ask for less."
        case .otherStream(let name, let reason):
            "The JetStream stream '\(name)' is not as this store made it (\(reason)): use another store name, or set it right."
        case .noStream(let name):
            "There is no JetStream stream '\(name)', and none was to be made: check the name, or set createsStream."
        case .lostEvents(let acknowledged, let found, let reason):
            "The log ends at position \(found), and this application was told that position \(acknowledged) is stored "
                + "(\(reason)): the cluster lost acknowledged events. Restore it from the replica or backup that has them; "
                + "remove the high-water mark only when the loss is accepted."
        case .invalidName(let name):
            "The store name '\(name)' is not usable: use 1 to 100 letters, digits, '-' or '_'."
        case .invalidAddress(let text, let reason):
            "'\(text)' is no address of a store on JetStream (\(reason)): write jetstream://HOST:PORT,HOST:PORT/STORE."
        case .invalidShards(let count): "\(count) shards were asked for: use 1 to 64."
        case .highWaterMark(let file, let reason):
            "The high-water mark \(file) cannot be read or written (\(reason)): make it accessible, or remove a damaged one "
                + "when a loss would be accepted."
        }
    }

    /// What to do about servers of which it is not known that they sync always.
    private static func mendingSync(_ found: JetStreamDurability) -> String {
        guard found.syncsAlways == nil else { return "set 'jetstream { sync_interval: always }' on every server" }
        guard !found.silentMonitors.isEmpty else {
            return "give the monitoring addresses of all servers, so that it can be read"
        }
        return "\(found.silentMonitors.joined(separator: ", ")) did not answer: start the server, or mend the address"
    }
}
#endif
