#if Server
import DaybookCore

/// How streams are named to clients of KurrentDB, and how in the log.
///
/// The stream `$$x`, which has the metadata of `x` to clients, is the store's own record of `x` in the log. What clients write
/// to it is in the stream `$metadata-x` instead, byte for byte, beside the retention and deletion that follow from it, which
/// are written in the same append.
enum KurrentNames {
    static let metadataPrefix = "$$"
    static let metadataCategory = "$metadata-"
    static let metadataType = "$metadata"
    static let tombstoneType = "$streamDeleted"
    static let linkType = "$>"
    static let streamReferenceType = "$@"
    static let all = "$all"
    static let persistentPrefix = "$persistentsubscription-"

    /// The stream of a client's name. Nil when no stream can have it.
    static func log(_ name: String) -> StreamName? {
        if name.utf8.starts(with: metadataCategory.utf8) { return nil }
        guard name.utf8.starts(with: metadataPrefix.utf8) else { return try? StreamName(name) }
        return metadata(of: rest(of: name, behind: metadataPrefix))
    }

    /// The stream that has the metadata of a client's stream.
    static func metadata(of name: String) -> StreamName? { try? StreamName(metadataCategory + name) }

    /// The client's name of the stream whose metadata a stream has; nil when it has none of a stream.
    static func subject(of stream: StreamName) -> String? {
        guard stream.rawValue.utf8.starts(with: metadataCategory.utf8) else { return nil }
        return rest(of: stream.rawValue, behind: metadataCategory)
    }

    /// By bytes: a combining mark makes one character with what stands before it.
    private static func rest(of name: String, behind prefix: String) -> String {
        String(Substring(name.utf8.dropFirst(prefix.utf8.count)))
    }

    /// Whether the events of a client's stream are left out of `$all`: else a group of consumers of `$all` would be given what
    /// it parks itself.
    static func isHiddenFromAll(_ name: String) -> Bool {
        guard name.utf8.first == UInt8(ascii: "$") else { return false }
        return name.utf8.starts(with: "\(persistentPrefix)\(all)::".utf8) || name.hasSameBytes(as: "$epoch-information")
    }

    /// A stream's name to clients.
    static func client(_ stream: StreamName) -> String {
        subject(of: stream).map { metadataPrefix + $0 } ?? stream.rawValue
    }
}
#endif
