#if Client
/// Where a client's certificate is, in PEM: a server that knows its authority takes it for a password. Its common name is the user's
/// login.
public struct ClientCertificate: Sendable, Hashable {
    /// The certificate, and those between it and the authority, in this order.
    public var file: String
    /// Its private key, not encrypted.
    public var key: String

    public init(file: String, key: String) {
        self.file = file
        self.key = key
    }
}
#endif
