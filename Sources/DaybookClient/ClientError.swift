#if Client
/// Why there is no ``DaybookClient`` for an address. Whether a server is there shows when it is used.
public enum ClientError: Error, Equatable, CustomStringConvertible {
    /// The text is no address of a server.
    case address(String, reason: String)
    /// Credentials would be sent to another machine without TLS.
    case credentialsWithoutTLS(host: String)
    /// What TLS needs is not there.
    case tls(reason: String)

    public var description: String {
        switch self {
        case .address(let text, let reason):
            "'\(text)' is no address of a server (\(reason)): use daybook://host:2113, behind it ?tls=false without TLS."
        case .credentialsWithoutTLS(let host):
            "Everybody between here and '\(host)' could read the password: use TLS, or ask without credentials."
        case .tls(let reason):
            "TLS cannot be set up: \(reason)."
        }
    }
}
#endif
