import Daybook
import Synchronization

/// What a source gave.
public final class Taking: Sendable {
    private let state = Mutex<[(lane: String, messages: [ReceivedMessage])]>([])

    public init() {}

    public func note(_ batch: ReceivedBatch) { state.withLock { $0.append((batch.lane, batch.messages)) } }

    public var batches: [(lane: String, messages: [ReceivedMessage])] { state.withLock { $0 } }
    public var messages: [ReceivedMessage] { batches.flatMap(\.messages) }
    public var events: [CloudEvent] { messages.compactMap { try? $0.content.get() } }
    public var ids: [String] { events.map(\.id) }
    public var idsOfStreams: [String: [String]] {
        Dictionary(grouping: events, by: \.orderingKey).mapValues { $0.map(\.id) }
    }
}
