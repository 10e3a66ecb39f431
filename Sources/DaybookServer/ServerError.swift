#if Server
/// Why a server does not start.
public enum ServerError: Error, Equatable, CustomStringConvertible {
    /// Others than this machine would reach the server, and it cannot tell them apart.
    case notLoopback(host: String)

    public var description: String {
        switch self {
        case .notLoopback(let host):
            "The server would listen on '\(host)', where other machines reach it, without TLS and without users: listen on "
                + "127.0.0.1, ::1 or localhost."
        }
    }
}
#endif
