import DaybookCore
import Synchronization

/// A store whose positions have gaps, seen without them: the first event is at 1, the next at 2. The model that random
/// requests are compared with counts so. For one caller at a time.
final class DensePositions: EventStore {
    let base: any EventStore
    /// The base's positions of all events, in order.
    private let places = Mutex([Position]())

    init(base: any EventStore) { self.base = base }

    private func look() async throws(ReadError) {
        var scanned = places.withLock { $0.last } ?? .start
        while true {
            let page = try await base.readPage(
                from: .after(scanned), direction: .forward, filter: .everything, limit: Limits.eventsPerPage)
            places.withLock { $0 += page.events.map(\.position) }
            scanned = page.scannedThrough
            if page.isAtEnd { return }
        }
    }

    /// How many events stand at or below a position.
    private func dense(_ position: Position) -> Position {
        Position(places.withLock { places in Int64(places.count { $0 <= position }) })
    }

    private func sparse(_ position: Position) -> Position {
        places.withLock { places in
            guard position.rawValue > 0 else { return position }
            guard position.rawValue <= Int64(places.count) else {
                let sum = (places.last ?? .start).rawValue
                    .addingReportingOverflow(position.rawValue - Int64(places.count))
                return Position(sum.overflow ? .max : sum.partialValue)
            }
            return places[Int(position.rawValue) - 1]
        }
    }

    private func dense(_ event: RecordedEvent) -> RecordedEvent {
        RecordedEvent(
            id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
            data: event.data, metadata: event.metadata, tags: event.tags, stream: event.stream, version: event.version,
            position: dense(event.position), recordedAt: event.recordedAt)
    }

    private func dense(_ result: AppendResult) -> AppendResult {
        var result = result
        result.position = dense(result.position)
        return result
    }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        var request = request
        let asked = request.condition?.after ?? .start
        if let after = request.condition?.after { request.condition?.after = sparse(after) }
        let result: AppendResult
        do throws(AppendError) { result = try await base.append(request) } catch {
            switch error {
            case .conditionFailed(_, let conflict): throw .conditionFailed(after: asked, conflict: dense(conflict))
            case .invalid(.conditionBeyondHead(_, let head)):
                throw .invalid(.conditionBeyondHead(after: asked, head: dense(head)))
            default: throw error
            }
        }
        do { try await look() } catch { throw .storageFailed(reason: "\(error)", mayBeWritten: true) }
        return dense(result)
    }

    func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        var cursor = cursor
        if case .position(let position) = cursor { cursor = .position(sparse(position)) }
        var page = try await base.readPage(of: stream, from: cursor, direction: direction, limit: limit)
        page.events = page.events.map(dense)
        return page
    }

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        var cursor = cursor
        if case .position(let position) = cursor { cursor = .position(sparse(position)) }
        var page = try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
        page.events = page.events.map(dense)
        // Backward, what lies in the gap below the last event looked at was looked at too.
        page.scannedThrough =
            direction == .forward
            ? dense(page.scannedThrough) : dense(Position(page.scannedThrough.rawValue - 1)).next
        return page
    }

    func state(of stream: StreamName) async throws(ReadError) -> StreamState { try await base.state(of: stream) }

    func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await base.streams(after: after, limit: limit)
    }

    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await base.receipt(for: command).map(dense)
    }

    func head() async throws(ReadError) -> Position { dense(try await base.head()) }

    func head(beyond position: Position) async throws(ReadError) -> Position {
        let head = try await base.head(beyond: sparse(position))
        try await look()
        return dense(head)
    }
}
