import DaybookCore
import DaybookTesting
import Synchronization

/// A store in front of another that hands over one event with data that nobody can read, until it is mended.
final class GarbledStore: ForwardingStore, ForwardingReadModelStore {
    let base: any EventStore
    let models: any ReadModelStore
    private let garbled: Mutex<Position?>

    init(_ base: any EventStore & ReadModelStore, at position: Position) {
        self.base = base
        models = base
        garbled = Mutex(position)
    }

    func mend() { garbled.withLock { $0 = nil } }

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        var page = try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
        let garbled = garbled.withLock(\.self)
        page.events = page.events.map { event in
            guard event.position == garbled else { return event }
            return RecordedEvent(
                id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
                data: Array(#"{"amount":"much"}"#.utf8)[...], metadata: event.metadata, tags: event.tags,
                stream: event.stream, version: event.version, position: event.position, recordedAt: event.recordedAt)
        }
        return page
    }
}
