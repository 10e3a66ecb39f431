#if Server
import DaybookCore

/// How a server is set up.
public struct ServerConfiguration: Sendable {
    /// The address that it listens on; `127.0.0.1`, so that nobody else reaches it, unless said otherwise.
    public var host: String
    /// The port; 0 for any that is free.
    public var port: Int
    /// The host by which clients reach the server, when that is not the address that it listens on.
    public var advertisedHost: String?
    /// What the server's metrics call the store, to tell it from others.
    public var storeName: String
    /// The `source` of events that are read as CloudEvents: a URI reference that no other log's events have.
    public var eventSource: String
    /// What the server calls healthy.
    public var healthPolicy: HealthPolicy
    /// Removes for good what readers of the store cannot see any more, when a client asks for it; nil when the store has
    /// nothing of the kind, or nobody shall ask. One run at a time; it must end early when its task is cancelled.
    public var scavenge: (@Sendable () async throws -> Void)?

    /// The port that KurrentDB's clients use when they are told none.
    public static let defaultPort = 2113

    public init(
        host: String = "127.0.0.1", port: Int = ServerConfiguration.defaultPort, advertisedHost: String? = nil,
        storeName: String = "store", eventSource: String = "/daybook", healthPolicy: HealthPolicy = HealthPolicy(),
        scavenge: (@Sendable () async throws -> Void)? = nil
    ) {
        self.host = host
        self.port = port
        self.advertisedHost = advertisedHost
        self.storeName = storeName
        self.eventSource = eventSource
        self.healthPolicy = healthPolicy
        self.scavenge = scavenge
    }
}
#endif
