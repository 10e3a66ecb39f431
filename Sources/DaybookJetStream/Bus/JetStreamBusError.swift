#if JetStream
/// What went wrong between Daybook and a NATS cluster that events are published to, or received from; and what to do.
public enum JetStreamBusError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The settings cannot be taken, or do not go together.
    case unusableSettings(reason: String)
    /// No server answers, or none lets us in.
    case unreachable(servers: String, reason: String)
    /// A server that lacks what is needed; since when it is there.
    case serverTooOld(version: String, needed: String)
    /// There is no JetStream stream of this name, and none was to be made.
    case streamMissing(name: String)
    /// The JetStream stream is there, and cannot be used.
    case streamUnfit(name: String, reason: String)
    /// A durable consumer is not there, or was deleted meanwhile: where the group goes on is not known any more.
    case consumerMissing(name: String, stream: String)
    /// A durable consumer of this name is there, and is none of this group as it is set here.
    case consumerUnfit(name: String, reason: String)
    /// An event was not stored, or whether it was is not known.
    case notStored(subject: String, reason: String)
    /// Somebody else published on the subject since the last event that was acknowledged here.
    case overtaken(subject: String)
    /// An event that the servers or the stream will not take; bytes, and the limit.
    case messageTooLarge(subject: String, size: Int, limit: Int)
    /// Sending was stopped, by cancellation or ``JetStreamTarget/close()``.
    case stopped
    /// The handler threw; the same batch is given again after a wait.
    case notTaken(lane: String, reason: String)
    /// A batch was taken, and the server did not yet note it.
    case notNoted(lane: String, reason: String)
    /// A lane went to another member while a batch was handled.
    case takenOver(lane: String)
    /// Messages of these sequences were removed from the stream before the group was given them; some may be of other lanes.
    case messagesMissing(lane: String, from: Int64, through: Int64)
    /// Something that is tried again by itself.
    case troubled(subject: String, reason: String)

    public var description: String {
        switch self {
        case .unusableSettings(let reason): reason
        case .unreachable(let servers, let reason):
            "No NATS server at '\(servers)' answers (\(reason)): check address, TLS and credentials."
        case .serverTooOld(let version, let needed):
            "The server is version \(version), and \(needed) is needed: use a newer one."
        case .streamMissing(let name):
            "There is no JetStream stream '\(name)': make it, or give the settings to make it with."
        case .streamUnfit(let name, let reason):
            "The JetStream stream '\(name)' cannot be used (\(reason)): set it right, or use another."
        case .consumerMissing(let name, let stream):
            "The stream '\(stream)' has no consumer '\(name)', so that nobody knows where the group stands: run the source "
                + "again with a start, or restore the consumer."
        case .consumerUnfit(let name, let reason):
            "The consumer '\(name)' is not as this group needs it (\(reason)): use another group, or delete the consumer when "
                + "the group may begin anew."
        case .notStored(let subject, let reason):
            "An event on '\(subject)' is not known to be stored (\(reason)): it is to be sent again."
        case .overtaken(let subject):
            "Another sender published on '\(subject)': let one publisher at a time send a stream. It is looked up anew."
        case .messageTooLarge(let subject, let size, let limit):
            "An event on '\(subject)' takes \(size) bytes, and the limit is \(limit): raise 'max_payload' of the servers, or "
                + "'max_msg_size' of the stream, or make the event smaller."
        case .stopped: "Sending was stopped before the servers answered: send again."
        case .notTaken(let lane, let reason): "A batch of \(lane) was not taken, and is given again: \(reason)"
        case .notNoted(let lane, let reason):
            "What was taken of \(lane) is not noted yet (\(reason)): it is tried again, or messages come again."
        case .takenOver(let lane):
            "\(lane) went to another member while a batch was handled, which may come again there meanwhile: see that "
                + "connections last, or raise the time after which a silent member is replaced."
        case .messagesMissing(let lane, let from, let through):
            "Messages from \(from) to \(through) were removed from the stream before \(lane) was given them, or what was there "
                + "of it: keep messages for longer."
        case .troubled(let subject, let reason): "\(subject): \(reason); it is tried again."
        }
    }
}
#endif
