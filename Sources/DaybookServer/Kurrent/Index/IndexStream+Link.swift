#if Server
import DaybookCore

extension IndexStream {
    /// Makes the events of one stream that is read from the index.
    struct Links: Sendable {
        private let stream: IndexStream
        private let seed: (high: UInt64, low: UInt64)

        init(of stream: IndexStream) {
            self.stream = stream
            let digest = SecureHash.sha256(stream.name.rawValue.utf8)
            seed = (
                UInt64(digest.prefix(16), radix: 16) ?? 0, UInt64(digest.dropFirst(16).prefix(16), radix: 16) ?? 0
            )
        }

        /// The event by which a recorded one is in the stream.
        func link(to event: RecordedEvent, revision: Int64) -> KurrentEvent {
            let type: String
            let data: ArraySlice<UInt8>
            let target = KurrentNames.client(event.stream)
            if case .streamsOfCategory = stream.content {
                type = KurrentNames.streamReferenceType
                data = ArraySlice(target.utf8)
            } else {
                type = KurrentNames.linkType
                // A link is copied, not linked to.
                data = Links.isLink(event) ? event.data : ArraySlice("\(event.version)@\(target)".utf8)
            }
            let made = RecordedEvent(
                id: id(at: event.position), type: EventType(unchecked: type), schemaVersion: 1, contentType: .bytes,
                data: data, metadata: [], tags: [], stream: stream.name, version: StreamVersion(revision),
                position: event.position, recordedAt: event.recordedAt)
            return KurrentEvent(made, stream: stream.name.rawValue, type: type, revision: revision)
        }

        /// Whether a recorded event is itself a link, whose target is that of the link to it.
        static func isLink(_ event: RecordedEvent) -> Bool { event.type.rawValue == KurrentNames.linkType }

        /// The same for the same stream and position at all times. A UUID of version 8 (RFC 9562, section 5.8): the digest of
        /// the stream's name, to which a number is added that no other position has.
        private func id(at position: Position) -> EventID {
            // The factor is odd, so that no product comes twice.
            let number = UInt64(bitPattern: position.rawValue) &* 0x9E37_79B9_7F4A_7C15
            return EventID(
                high: seed.high & ~0xF000 | 0x8000,
                low: 0x8000_0000_0000_0000 | (seed.low &+ number) & 0x3FFF_FFFF_FFFF_FFFF)
        }
    }
}
#endif
