#if Server
import DaybookCore

/// A recorded event as clients of KurrentDB see it.
struct KurrentEvent: Sendable {
    let event: RecordedEvent
    /// The stream's name to clients; metadata and tombstones are recorded under others (see ``KurrentNames``).
    let stream: String
    let type: String
    let revision: Int64

    /// Nil for what the store records for itself, which clients have no notion of.
    init?(_ event: RecordedEvent) {
        self.event = event
        if event.stream.isControl {
            guard event.type == StreamControl.streamTombstoned, let controlled = event.stream.controlled else {
                return nil
            }
            stream = KurrentNames.client(controlled)
            type = KurrentNames.tombstoneType
            revision = .max
        } else {
            stream = KurrentNames.client(event.stream)
            type = event.type.rawValue
            revision = event.version.rawValue
        }
    }

    /// An event under names of its own.
    init(_ event: RecordedEvent, stream: String, type: String, revision: Int64) {
        self.event = event
        self.stream = stream
        self.type = type
        self.revision = revision
    }

    var position: Int64 { event.position.rawValue }
    /// Whether whoever reads `$all` is not shown it, whatever the filter.
    var isHiddenFromAll: Bool { KurrentNames.isHiddenFromAll(stream) }
    var isJSON: Bool { event.contentType == .json }

    /// The target of a link: the data of an event of type `$>` is a revision, `@`, and a stream.
    var linkTarget: (revision: Int64, stream: String)? {
        guard type == KurrentNames.linkType, let at = event.data.firstIndex(of: UInt8(ascii: "@")),
            let revision = Int64(String(decoding: event.data[..<at], as: UTF8.self)), revision >= 0
        else { return nil }
        return (revision, String(decoding: event.data[(at + 1)...], as: UTF8.self))
    }
}
#endif
