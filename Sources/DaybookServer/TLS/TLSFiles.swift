#if Server
/// Where a server's certificate is, in PEM. The files are looked at again while the server runs, so that a certificate is
/// renewed by replacing them.
public struct TLSFiles: Sendable, Hashable {
    /// The certificate of the server, and those between it and an authority that clients know, in this order.
    public var certificate: String
    /// Its private key, not encrypted.
    public var key: String
    /// The certificates of the authorities whose certificates clients may show instead of a password; nil for none. The common
    /// name of a client's certificate is its login.
    public var clientAuthority: String?

    public init(certificate: String, key: String, clientAuthority: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthority = clientAuthority
    }
}
#endif
