#if JetStream
import DaybookCore

/// What the contract allows and a cluster, as it is set up, does not take.
public enum JetStreamUnsupported: Error, Equatable, CustomStringConvertible {
    /// An event that does not fit into a message of the server.
    case messageTooLarge(bytes: Int, limit: Int)
    /// An append of more messages than the server takes in one batch.
    case batchTooLarge(messages: Int)

    public var description: String {
        switch self {
        case .messageTooLarge(let bytes, let limit):
            "unsupported by this cluster: an event of \(bytes) bytes, and its server takes messages of \(limit); set its "
                + "'max_payload' to 2MB or more, or store the payload elsewhere"
        case .batchTooLarge(let messages):
            "unsupported by this cluster: an append of \(messages) messages, more than its server takes in one batch (1000 "
                + "unless 'jetstream { limits { batch { max_msgs } } }' says otherwise); each event is one, and each tag; "
                + "split the append, or raise the limit"
        }
    }

    /// - Parameter mayBeWritten: Whether an attempt before may be stored all the same, by a leader with other limits.
    func appendError(mayBeWritten: Bool) -> AppendError {
        mayBeWritten
            ? .storageFailed(reason: description, mayBeWritten: true) : .unsupported(reason: description)
    }
}
#endif
