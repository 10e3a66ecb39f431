#if Webhook
import Daybook
import DaybookCore

/// Receives events from other programs over HTTP: the other end of a ``WebhookTarget``, or of anyone who sends CloudEvents 1.0
/// and signs as Standard Webhooks (https://www.standardwebhooks.com) says.
///
/// ```swift
/// let source = try WebhookSource(port: 8080, path: "/events", secrets: [WebhookSecret(secret)])
/// try await source.run { batch in ... }
/// ```
///
/// A request is answered with 204 when its events have been taken, and with 503 when they could not be: the sender is to send
/// them again. Each request is a lane of its own. So it is the sender that keeps the order of a stream, by waiting for each
/// answer, as a ``WebhookTarget`` does; and an event whose answer was lost comes again.
///
/// | A request that | is answered with |
/// | --- | --- |
/// | goes elsewhere than the path, or is no POST | 404, 405 |
/// | is not signed, signed with no known secret, or of another time than ours, give or take the tolerance | 401 |
/// | has the binary form, and another `ce-id` than the `webhook-id` that is signed | 401 |
/// | is larger than the limit | 413 |
/// | has neither the structured form nor an accepted binary one | 415 |
/// | holds no event of CloudEvents 1.0, in a batch: not only such | 400 |
/// | has headers that are too long, or is no HTTP | 400 |
/// | comes over one connection too many, or while the source ends | 503 |
/// | has a long body when the bodies under way take all the room there is | 503 |
///
/// It speaks plain HTTP/1.1, by default to this machine alone: put what ends TLS in front of it.
///
/// A signed request can be repeated by whoever saw it, as long as its time is within the tolerance: whoever takes events
/// remembers their identifiers, as an `Inbox` does.
public struct WebhookSource: EventSource {
    private let host: String
    private let port: Int
    private let gate: WebhookGate
    private let onListening: @Sendable (Int) -> Void

    /// - Parameters:
    ///   - host: The address to listen on.
    ///   - port: 0 for any free one.
    ///   - path: Where events are POSTed.
    ///   - secrets: A request is taken when it is signed with one of them; at least one.
    ///   - policy: What is let in.
    ///   - time: What the times of requests are compared with.
    ///   - onListening: Called with the port, once requests are taken.
    /// - Throws: ``InvalidWebhook``.
    public init(
        host: String = "127.0.0.1", port: Int, path: String, secrets: [WebhookSecret],
        policy: WebhookSourcePolicy = WebhookSourcePolicy(), time: TimeSource = .system,
        onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) throws(InvalidWebhook) {
        guard !secrets.isEmpty else { throw .noSecret }
        guard path.hasPrefix("/"), !path.contains(where: { $0 == "?" || $0 == "#" }) else { throw .path }
        self.host = host
        self.port = port
        gate = WebhookGate(path: path, secrets: secrets, policy: policy, time: time)
        self.onListening = onListening
    }

    /// Takes requests until the task is cancelled; what is in hand then is cancelled and answered with 503 before this
    /// returns.
    ///
    /// - Throws: When the address cannot be listened on.
    public func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
        try await WebhookServer(gate: gate, take: take).run(host: host, port: port, onListening: onListening)
    }
}
#endif
