#if JetStream
import Daybook

/// Where a published event stands in the log that it comes from: a hint at what may have been published before it, and no proof.
struct PublishedPlace: Sendable, Equatable {
    let source: String
    let position: Int64

    private init(source: String, position: Int64) {
        self.source = source
        self.position = position
    }

    /// Nil for an event that says nothing of it.
    init?(_ event: CloudEvent) {
        guard let position = event.extensions["position"].flatMap({ Int64($0) }) else { return nil }
        self.init(source: event.source, position: position)
    }

    /// Of a message in the binary or the structured form.
    init?(_ message: StoredMessage) {
        if let source = message.header(MessageHeader.prefix + "source").flatMap({ HeaderText.decoded($0) }) {
            guard let position = message.header(MessageHeader.prefix + "position").flatMap({ Int64($0) }) else {
                return nil
            }
            self.init(source: source, position: position)
        } else {
            guard message.header(MessageHeader.contentType)?.hasPrefix(MessageHeader.structuredType) == true,
                let event = try? CloudEvent(json: message.body)
            else { return nil }
            self.init(event)
        }
    }

    /// Whether an event of the same log stands before this one.
    func isBehind(_ other: PublishedPlace?) -> Bool {
        guard let other else { return false }
        return other.source == source && other.position < position
    }
}
#endif
