#if Server
import DaybookCore

/// A correlation identifier as the index of them has it: the digest of its bytes, which has the same length for all, and is told
/// apart as text as bytes are.
struct CorrelationKey: Sendable, Hashable {
    let digest: String

    /// Nil for an empty identifier, which has no stream.
    init?(of identifier: String) {
        guard !identifier.isEmpty else { return nil }
        digest = SecureHash.sha256(identifier.utf8)
    }

    /// That of an event; nil when its metadata is no object of JSON, or has no text `$correlationId`.
    init?(of event: RecordedEvent) {
        guard !event.metadata.isEmpty, let object = try? JSONText(parsing: event.metadata),
            let identifier = object.members?.last(where: { $0.key == EventMetadata.Key.correlationID })?.value.string
        else { return nil }
        self.init(of: identifier)
    }

    /// Under which the entry is kept.
    var document: String { digest }

    /// Under which its positions are that are no longer in the entry.
    func document(ofChunk number: Int64) -> String { "\(digest)-\(number)" }
}
#endif
