#if Server
import Logging

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

    /// For messages of the log that say that they were read.
    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["file": "\(certificate)", "key": "\(key)"]
        if let clientAuthority { metadata["clientAuthority"] = "\(clientAuthority)" }
        return metadata
    }
}
#endif
