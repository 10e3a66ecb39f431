#if JetStream
import DaybookCore

/// A message of a JetStream stream, as the server gave it back.
struct StoredMessage: Sendable {
    var sequence: Int64
    var subject: String
    /// When the leader took it, in whole microseconds.
    var time: Timestamp
    var body: [UInt8]
}
#endif
