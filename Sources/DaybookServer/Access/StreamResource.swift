#if Server
import DaybookCore

/// A stream as authorisation sees it: one, by whatever name a protocol calls it.
struct StreamResource: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// The whole log, `$all`.
        case log
        /// Links from the index: `$ce-order`, `$et-OrderPlaced`, `$streams`, `$category-order`.
        case index
        /// The users, and what proves who they are.
        case users
        /// Other streams of the system: their names begin with `$`.
        case system
        case ordinary
    }

    let kind: Kind
    /// To clients of KurrentDB; of a stream of metadata, the name of the stream whose metadata it is.
    let name: StreamName
    /// Whether it is the stream's metadata, settings and deletions that are meant, and not its events.
    let isMetadata: Bool

    static let log = StreamResource(client: KurrentNames.all)

    /// By the name that clients of KurrentDB use.
    init(client name: String) {
        var bytes = name.utf8[...]
        var isMetadata = false
        while bytes.starts(with: KurrentNames.metadataPrefix.utf8) {
            bytes = bytes.dropFirst(KurrentNames.metadataPrefix.utf8.count)
            isMetadata = true
        }
        self.init(subject: bytes, isMetadata: isMetadata, isRecorded: false)
    }

    /// By the name that a stream has in the log: there, metadata that clients wrote is in `$metadata-x`, and the store's own
    /// record of a stream in `$$x`. A stream that is recorded under the name of one that is read from the index, or of the whole
    /// log, is the system's.
    init(recorded stream: StreamName) {
        var bytes = stream.rawValue.utf8[...]
        var isMetadata = false
        while true {
            if bytes.starts(with: StreamName.controlPrefix.utf8) {
                bytes = bytes.dropFirst(StreamName.controlPrefix.utf8.count)
            } else if bytes.starts(with: KurrentNames.metadataCategory.utf8) {
                bytes = bytes.dropFirst(KurrentNames.metadataCategory.utf8.count)
            } else {
                break
            }
            isMetadata = true
        }
        self.init(subject: bytes, isMetadata: isMetadata, isRecorded: true)
    }

    private init(subject: Substring.UTF8View, isMetadata: Bool, isRecorded: Bool) {
        let text = String(Substring(subject))
        name = StreamName(unchecked: text)
        self.isMetadata = isMetadata
        if subject.first != UInt8(ascii: "$") {
            kind = .ordinary
        } else if text.hasSameBytes(as: KurrentNames.all) {
            kind = isRecorded ? .system : .log
        } else if IndexStream.isName(text) {
            kind = isRecorded ? .system : .index
        } else if text.hasSameBytes(as: User.list) || subject.starts(with: User.streamPrefix.utf8) {
            kind = .users
        } else {
            kind = .system
        }
    }
}
#endif
