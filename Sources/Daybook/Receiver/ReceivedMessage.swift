/// What an ``EventSource`` received: an event, or something that is none.
public struct ReceivedMessage: Sendable {
    /// Where it stands, in reports: `orders/3@1207`. The same message has the same origin each time it is given, and no other
    /// message of the source has it.
    public let origin: String
    public let content: Result<CloudEvent, InvalidCloudEvent>
    /// The bytes as they came, for whoever looks into what is no event.
    public let body: [UInt8]
    /// What stood beside the bytes of what is no event and may be attributes of one, named as CloudEvents names them; an event
    /// has its own.
    public let attributes: [String: String]

    /// - Parameter attributes: Asked for only when the content is no event.
    public init(
        origin: String, content: Result<CloudEvent, InvalidCloudEvent>, body: [UInt8],
        attributes: @autoclosure () -> [String: String] = [:]
    ) {
        self.origin = origin
        self.content = content
        self.body = body
        if case .failure = content { self.attributes = attributes() } else { self.attributes = [:] }
    }
}
