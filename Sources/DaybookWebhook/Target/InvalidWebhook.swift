#if Webhook
/// Why a ``WebhookTarget`` or a ``WebhookSource`` cannot be made as it was asked for. Addresses are not repeated, since they
/// may hold secrets.
public enum InvalidWebhook: Error, Equatable, CustomStringConvertible {
    /// The address is no URL with a host.
    case address
    /// Neither `https` nor `http`; what it is.
    case scheme(String)
    /// `http` to the host that is not this machine.
    case plainHTTP(host: String)
    /// Nothing to sign or to verify with.
    case noSecret
    /// A header that cannot be sent, or that the target sets itself.
    case header(name: String)
    /// A path that does not begin with a slash, or has a query.
    case path

    public var description: String {
        switch self {
        case .address: "The webhook's address is no URL with a host: give one such as 'https://example.com/events'."
        case .scheme(let scheme): "The webhook's address begins with '\(scheme)': use 'https'."
        case .plainHTTP(let host):
            "The webhook's address is plain 'http' to '\(host)': use 'https', or allow it where nobody can listen in."
        case .noSecret: "The webhook has no secret: give at least one."
        case .header(let name):
            "The header '\(name)' cannot be set: its text cannot be sent, or the target sets it itself."
        case .path: "The webhook's path must begin with '/' and have no query."
        }
    }
}
#endif
