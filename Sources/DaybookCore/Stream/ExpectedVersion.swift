/// What a writer last saw of a stream; an append that meets something else writes nothing.
public enum ExpectedVersion: Sendable, Hashable, CustomStringConvertible {
    /// Whatever is there. Only the command identifier, or an immediate retry, protects against writing twice.
    case any
    /// The stream has no events: it never existed, or was deleted and not written since.
    case noStream
    /// The stream exists, at whatever version.
    case streamExists
    /// The stream's last event has this version. A deleted stream still answers to its last version.
    case version(StreamVersion)

    public var description: String {
        switch self {
        case .any: "any"
        case .noStream: "noStream"
        case .streamExists: "streamExists"
        case .version(let version): "version \(version)"
        }
    }
}
