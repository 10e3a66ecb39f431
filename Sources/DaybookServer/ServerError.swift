#if Server
import DaybookCore

/// Why a server does not start.
public enum ServerError: Error, Equatable, CustomStringConvertible {
    /// Others than this machine would reach the server, and it cannot tell them apart.
    case notLoopback(host: String)
    /// What the log has of the groups of consumers is not what this version reads.
    case unreadableGroups(position: Position, reason: String)

    public var description: String {
        switch self {
        case .notLoopback(let host):
            "The server would listen on '\(host)', where other machines reach it, without TLS and without users: listen on "
                + "127.0.0.1, ::1 or localhost."
        case .unreadableGroups(let position, let reason):
            "The event at position \(position), of stream '\(StoredGroups.stream)', does not tell the groups of consumers "
                + "(\(reason)): use the version that wrote it, or delete the stream, and the groups with it."
        }
    }
}
#endif
