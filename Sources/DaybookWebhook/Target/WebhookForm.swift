#if Webhook
/// How a ``WebhookTarget`` writes events into requests.
public enum WebhookForm: Sendable, Hashable {
    /// One event a request, attributes and data in one JSON object. The signature covers all of it.
    case structured
    /// One event a request, the attributes in headers, the data as the body as it is.
    ///
    /// The signature of Standard Webhooks covers the body and the event's identifier, not the other attributes: whoever
    /// can read and change requests behind TLS could change an event's type or stream.
    case binary
    /// What waits of one stream in one request, as a JSON array: fewer requests for busy streams.
    ///
    /// A request that is refused, and has several events, is sent again one by one, so that only the guilty one stops the
    /// stream.
    ///
    /// - Parameters:
    ///   - events: The most in one request, at least 1.
    ///   - bytes: A request takes no more events once it is so large.
    case batches(events: Int = 100, bytes: Int = 1 << 20)
}
#endif
