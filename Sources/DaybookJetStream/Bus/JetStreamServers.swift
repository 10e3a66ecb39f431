#if JetStream
/// Where the servers of a NATS cluster are, and who connects to them.
///
/// ```swift
/// var servers: JetStreamServers = "nats://n1:4222,nats://n2:4222"
/// servers.credentialsFile = "/etc/app/nats.creds"
/// ```
public struct JetStreamServers: Sendable, ExpressibleByStringLiteral {
    /// The servers to begin with, comma-separated.
    public var urls: String
    public var user: String?
    public var password: String?
    public var token: String?
    /// A file with a user's JWT and seed.
    public var credentialsFile: String?
    /// A file with the certificate authorities of the servers, in PEM; turns TLS on.
    public var certificateAuthorityFile: String?

    public init(
        _ urls: String, user: String? = nil, password: String? = nil, token: String? = nil,
        credentialsFile: String? = nil, certificateAuthorityFile: String? = nil
    ) {
        self.urls = urls
        self.user = user
        self.password = password
        self.token = token
        self.credentialsFile = credentialsFile
        self.certificateAuthorityFile = certificateAuthorityFile
    }

    public init(stringLiteral urls: String) { self.init(urls) }
}

extension JetStreamServers {
    /// - Parameter name: What the servers call the connection in their reports.
    func connect(name: String) async throws(ConnectionFailure) -> JetStreamConnection {
        var settings = JetStreamConnection.Settings()
        settings.user = user
        settings.password = password
        settings.token = token
        settings.credentialsFile = credentialsFile
        settings.certificateAuthorityFile = certificateAuthorityFile
        settings.name = name
        return try await JetStreamConnection.connect(urls, settings: settings)
    }
}
#endif
