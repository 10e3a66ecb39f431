#if Server
/// How a server is set up.
public struct ServerConfiguration: Sendable {
    /// The address that it listens on; `127.0.0.1`, so that nobody else reaches it, unless said otherwise.
    public var host: String
    /// The port; 0 for any that is free.
    public var port: Int
    /// The host by which clients reach the server, when that is not the address that it listens on.
    public var advertisedHost: String?

    /// The port that KurrentDB's clients use when they are told none.
    public static let defaultPort = 2113

    public init(host: String = "127.0.0.1", port: Int = ServerConfiguration.defaultPort, advertisedHost: String? = nil)
    {
        self.host = host
        self.port = port
        self.advertisedHost = advertisedHost
    }
}
#endif
