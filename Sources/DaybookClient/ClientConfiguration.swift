#if Client
/// How a ``DaybookClient`` deals with its server.
public struct ClientConfiguration: Sendable {
    /// How long one operation may take, with waiting for a connection and all that is tried again. Waiting for the log to grow
    /// has no end; only while there is no connection does this count.
    public var timeout: Duration
    /// How long it may take until a connection can be used.
    public var connectTimeout: Duration
    /// What is waited before the first attempt after one that failed; twice as long before each further one, and some of it by
    /// chance, so that many clients do not come back at once.
    public var firstBackoff: Duration
    /// The longest time between two attempts.
    public var longestBackoff: Duration
    /// How often the server is asked whether it is there.
    public var keepAliveInterval: Duration
    /// How long it may take to answer that; then the connection is given up.
    public var keepAliveTimeout: Duration
    /// The calls that are open at once, 2 or more, as one may wait for the log to grow; further ones wait for their turn.
    public var openCalls: Int
    /// The calls that a connection carries in all; then a new one is made. HTTP/2 has numbers for twice as many, and SwiftNIO
    /// ends the process when they are used up.
    var callsPerConnection = 1 << 29
    /// A file of certificates in PEM by which the server's is checked; nil for those of the system.
    public var trustedCertificates: String?
    /// Who the client is, unless the address tells; nil where the server asks nobody.
    public var credentials: ClientCredentials?
    /// A certificate that tells it where there are no ``credentials``, unless the address names one; nil for none. It is read
    /// when the client is made.
    public var certificate: ClientCertificate?

    public init(
        timeout: Duration = .seconds(30), connectTimeout: Duration = .seconds(5),
        firstBackoff: Duration = .milliseconds(20), longestBackoff: Duration = .seconds(2),
        keepAliveInterval: Duration = .seconds(10), keepAliveTimeout: Duration = .seconds(10), openCalls: Int = 500,
        trustedCertificates: String? = nil, credentials: ClientCredentials? = nil,
        certificate: ClientCertificate? = nil
    ) {
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.firstBackoff = firstBackoff
        self.longestBackoff = longestBackoff
        self.keepAliveInterval = keepAliveInterval
        self.keepAliveTimeout = keepAliveTimeout
        self.openCalls = openCalls
        self.trustedCertificates = trustedCertificates
        self.credentials = credentials
        self.certificate = certificate
    }
}
#endif
