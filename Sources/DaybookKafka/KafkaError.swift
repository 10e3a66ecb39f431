#if Kafka
/// What went wrong between Daybook and Kafka, and what to do.
///
/// A `code` is Kafka's or librdkafka's name of the error, such as `TOPIC_AUTHORIZATION_FAILED`; those of librdkafka itself
/// begin with `_`.
public enum KafkaError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A setting that is Daybook's own to make: order, durability or commits depend on it.
    case reservedSetting(name: String, advice: String)
    /// A setting that librdkafka does not take.
    case refusedSetting(name: String, reason: String)
    /// The settings do not go together.
    case unusableSettings(reason: String)
    /// No broker answers, or none lets us in; what the last attempt said.
    case unreachable(servers: String, code: String, reason: String)
    /// The topic does not exist, or has no leader.
    case topicUnavailable(topic: String, code: String, reason: String)
    /// The brokers do not allow it; of which topic, group or transaction.
    case notAuthorized(subject: String, code: String, reason: String)
    /// A record that the topic, or this program's settings, do not take; bytes, and the limit where it is known.
    case recordTooLarge(topic: String, size: Int, limit: Int?)
    /// The broker refused a record, and others with it.
    case notDelivered(topic: String, code: String, reason: String)
    /// Another producer with the same transactional id took over, or the transaction took too long.
    case fenced(transactionalID: String, code: String, reason: String)
    /// A transaction was not committed; nothing of it is visible to `read_committed`.
    case transactionAborted(transactionalID: String, code: String, reason: String)
    /// The client cannot go on; a new one is made, or the source ends.
    case clientFailed(code: String, reason: String)
    /// Sending was stopped, by cancellation or ``KafkaTarget/close(within:)``.
    case stopped
    /// Offsets were not committed: what lies behind the last that were comes again after a restart.
    case notCommitted(lane: String, code: String, reason: String)
    /// The handler threw; the same batch is given again after a wait.
    case notTaken(lane: String, reason: String)
    /// A handler still ran when its partition was given to another member, which may be given the same messages meanwhile.
    case revokedWhileTaken(lane: String)
    /// The offset at which the group stands does not exist, and ``KafkaSource/Start/committed`` forbids to choose another.
    case offsetMissing(lane: String, code: String, reason: String)
    /// A part of a partition cannot be read; the source ends rather than leave it out.
    case unreadable(lane: String, code: String, reason: String)
    /// Something that librdkafka recovers from by itself.
    case troubled(code: String, reason: String)

    public var description: String {
        switch self {
        case .reservedSetting(let name, let advice): "The setting '\(name)' is not to be given: \(advice)"
        case .refusedSetting(let name, let reason):
            "librdkafka does not take the setting '\(name)' (\(reason)): see its CONFIGURATION.md."
        case .unusableSettings(let reason): "librdkafka does not take the settings together: \(reason)"
        case .unreachable(let servers, let code, let reason):
            "No Kafka broker at '\(servers)' answers (\(code): \(reason)): check address, TLS and credentials."
        case .topicUnavailable(let topic, let code, let reason):
            "The topic '\(topic)' is not to be had (\(code): \(reason)): create it, or check its name."
        case .notAuthorized(let subject, let code, let reason):
            "Kafka does not allow access to \(subject) (\(code): \(reason)): grant it."
        case .recordTooLarge(let topic, let size, let limit):
            "A record of about \(size) bytes is too large for the topic '\(topic)'"
                + (limit.map { ", whose limit here is \($0) bytes" } ?? "")
                + ": raise 'message.max.bytes' here, and 'max.message.bytes' of the topic, or make the event smaller."
        case .notDelivered(let topic, let code, let reason):
            "Kafka did not take a record for the topic '\(topic)' (\(code): \(reason)): it is to be sent again."
        case .fenced(let id, let code, let reason):
            "The transactional id '\(id)' was fenced (\(code): \(reason)): another sender uses it, or a transaction took "
                + "longer than 'transaction.timeout.ms'."
        case .transactionAborted(let id, let code, let reason):
            "A transaction of '\(id)' was not committed (\(code): \(reason)): its records are to be sent again."
        case .clientFailed(let code, let reason): "The Kafka client cannot go on (\(code): \(reason)): make it anew."
        case .stopped: "Sending was stopped before Kafka answered: send again."
        case .notCommitted(let lane, let code, let reason):
            "Offsets of \(lane) were not committed (\(code): \(reason)): they are committed later, or messages come again."
        case .notTaken(let lane, let reason):
            "A batch of \(lane) was not taken, and is given again: \(reason)"
        case .revokedWhileTaken(let lane):
            "\(lane) went to another member while a batch was handled, which may come again there meanwhile: handle "
                + "smaller batches, or raise the patience at revocation."
        case .offsetMissing(let lane, let code, let reason):
            "The group's offset in \(lane) does not exist (\(code): \(reason)): set the group's offset, or choose a start."
        case .unreadable(let lane, let code, let reason):
            "A part of \(lane) cannot be read (\(code): \(reason)): mend it, or set the group's offset behind it."
        case .troubled(let code, let reason): "Kafka client: \(code): \(reason)"
        }
    }
}
#endif
