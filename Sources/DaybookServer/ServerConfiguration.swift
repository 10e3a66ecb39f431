#if Server
/// How a server is set up.
public struct ServerConfiguration: Sendable {
    /// The address that it listens on; `127.0.0.1`, so that nobody else reaches it, unless said otherwise.
    public var host: String
    /// The port; 0 for any that is free.
    public var port: Int
    /// The host by which clients reach the server, when that is not the address that it listens on.
    public var advertisedHost: String?
    /// Removes for good what readers of the store cannot see any more, when a client asks for it; nil when the store has
    /// nothing of the kind, or nobody shall ask. One run at a time; it must end early when its task is cancelled.
    public var scavenge: (@Sendable () async throws -> Void)?

    /// The port that KurrentDB's clients use when they are told none.
    public static let defaultPort = 2113

    public init(
        host: String = "127.0.0.1", port: Int = ServerConfiguration.defaultPort, advertisedHost: String? = nil,
        scavenge: (@Sendable () async throws -> Void)? = nil
    ) {
        self.host = host
        self.port = port
        self.advertisedHost = advertisedHost
        self.scavenge = scavenge
    }
}
#endif
