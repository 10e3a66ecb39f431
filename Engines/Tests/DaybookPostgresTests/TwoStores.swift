import DaybookCore
import DaybookPostgres
import DaybookTesting
import Synchronization

/// Passes calls on to several stores in turn, as if they were one: what holds of one store is to hold of all on one database.
final class TwoStores: EventStore {
    private let stores: [PostgresEventStore]
    private let turn = Atomic(0)

    init(_ stores: [PostgresEventStore]) { self.stores = stores }

    private var next: PostgresEventStore {
        stores[turn.wrappingAdd(1, ordering: .relaxed).newValue % stores.count]
    }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult { try await next.append(request) }

    func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try await next.readPage(of: stream, from: cursor, direction: direction, limit: limit)
    }

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try await next.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
    }

    func state(of stream: StreamName) async throws(ReadError) -> StreamState { try await next.state(of: stream) }

    func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await next.streams(after: after, limit: limit)
    }

    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await next.receipt(for: command)
    }

    func head() async throws(ReadError) -> Position { try await next.head() }

    func head(beyond position: Position) async throws(ReadError) -> Position { try await next.head(beyond: position) }
}
