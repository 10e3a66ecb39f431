import DaybookCore

/// An event as other systems give and take it, in the form of CloudEvents 1.0 (https://github.com/cloudevents/spec).
///
/// Together, ``source`` and ``id`` name an event for good: whoever receives one twice can tell.
public struct CloudEvent: Sendable, Hashable {
    /// The recorded event's identifier; that of a further event that an upcaster made of it has a number behind it.
    public var id: String
    /// Where it happened, as a URI reference, such as `/shop/accounts`.
    public var source: String
    public var type: EventType
    /// The stream, where Daybook gives the event; other systems may leave it out.
    public var subject: String?
    /// When the store recorded it, where Daybook gives the event; other systems may leave it out.
    public var time: Timestamp?
    public var contentType: ContentType
    public var data: [UInt8]
    /// Further attributes. Their names are lower-case letters and digits, and none of those above.
    ///
    /// `partitionkey` is the stream, whose events are in order; `position` is that in the log, `streamversion` that in the
    /// stream; `schemaversion` is the version of the data's shape.
    public var extensions: [String: String]

    public init(
        id: String, source: String, type: EventType, subject: String? = nil, time: Timestamp? = nil,
        contentType: ContentType = .json, data: [UInt8], extensions: [String: String] = [:]
    ) {
        self.id = id
        self.source = source
        self.type = type
        self.subject = subject
        self.time = time
        self.contentType = contentType
        self.data = data
        self.extensions = extensions
    }

    /// What is in order among each other: `partitionkey` where the event has one, else the subject, else the source.
    public var orderingKey: String { extensions["partitionkey"] ?? subject ?? source }
}
