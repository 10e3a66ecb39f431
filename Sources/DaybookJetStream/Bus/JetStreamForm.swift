#if JetStream
/// How a cloud event is written as a NATS message: the two content modes of CloudEvents' NATS binding
/// (https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md).
public enum JetStreamForm: Sendable, Equatable {
    /// Attributes as headers `ce-id`, `ce-type`, `ce-datacontenttype` and so on, percent-encoded, and the data as the body.
    case binary
    /// One JSON object as the body, under the header `content-type: application/cloudevents+json`.
    case structured
}

/// The names of headers in CloudEvents' NATS binding, and of those that JetStream gives a meaning.
enum MessageHeader {
    static let contentType = "content-type"
    static let prefix = "ce-"
    static let structuredType = "application/cloudevents"
    static let messageID = "Nats-Msg-Id"
    static let expectedStream = "Nats-Expected-Stream"
    static let expectedLastOnSubject = "Nats-Expected-Last-Subject-Sequence"
    static let batchID = "Nats-Batch-Id"
    static let batchSequence = "Nats-Batch-Sequence"
    static let batchCommit = "Nats-Batch-Commit"
    static let pinID = "Nats-Pin-Id"
}
#endif
