#if Webhook
import DaybookCore

/// What a ``WebhookSource`` lets in. Everything that it keeps in memory is bounded by these.
public struct WebhookSourcePolicy: Sendable {
    /// Who may ask whether it wants events, before sending any: the abuse protection of CloudEvents' webhooks.
    public enum Handshake: Sendable, Hashable {
        /// OPTIONS is answered with 405.
        case off
        /// Every origin may send.
        case anyOrigin
        /// These may, as they call themselves: `events.example.com`.
        case origins(Set<String>)
    }

    /// Whether events in the binary form are taken. The signature covers their data and their identifier, which has to be the
    /// `webhook-id`, and no other attribute: see ``WebhookForm/binary``.
    public let acceptsBinary: Bool
    /// How far the time of a request may be from ours: an older one may be a copy that somebody kept.
    public let tolerance: Duration
    /// The longest body of a request, at least 1; a longer one is answered with 413.
    public let bodyBytes: Int
    /// The most bytes of all bodies under way, at least ``bodyBytes``; a request that goes beyond them is answered with 503.
    /// The first 64 KiB of each count for nothing, so that whoever uses the others up keeps no short request out.
    public let bodyBytesInFlight: Int
    /// The longest headers of a request, together.
    public let headerBytes: Int
    /// Further connections are answered with 503 and closed; at least 1.
    public let connections: Int
    /// How long a request may take to arrive.
    public let receiveTimeout: Duration
    /// How long a connection without a request is kept.
    public let idleTimeout: Duration
    /// When to send again what could not be taken.
    public let retryAfter: Duration
    public let handshake: Handshake

    /// What is not counted of a body; together, ``connections`` bounds it.
    static let uncountedBodyBytes = 64 << 10

    /// Values outside the bounds are moved to the nearest bound.
    public init(
        acceptsBinary: Bool = false, tolerance: Duration = .seconds(300), bodyBytes: Int = 4 << 20,
        bodyBytesInFlight: Int = 64 << 20, headerBytes: Int = 64 << 10, connections: Int = 256,
        receiveTimeout: Duration = .seconds(30), idleTimeout: Duration = .seconds(60),
        retryAfter: Duration = .seconds(1), handshake: Handshake = .off
    ) {
        self.acceptsBinary = acceptsBinary
        self.tolerance = max(.zero, tolerance)
        self.bodyBytes = max(1, bodyBytes)
        self.bodyBytesInFlight = max(self.bodyBytes, bodyBytesInFlight)
        self.headerBytes = max(1 << 10, headerBytes)
        self.connections = max(1, connections)
        self.receiveTimeout = max(.milliseconds(1), receiveTimeout)
        self.idleTimeout = max(.milliseconds(1), idleTimeout)
        self.retryAfter = max(.zero, retryAfter)
        self.handshake = handshake
    }
}
#endif
