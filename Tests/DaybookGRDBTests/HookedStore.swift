import DaybookCore

/// A store on which something else happens after each page of the log is read.
struct HookedStore: EventStore {
    let base: any EventStore
    let afterPage: @Sendable () async -> Void

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult { try await base.append(request) }

    func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try await base.readPage(of: stream, from: cursor, direction: direction, limit: limit)
    }

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        let page = try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
        await afterPage()
        return page
    }

    func state(of stream: StreamName) async throws(ReadError) -> StreamState { try await base.state(of: stream) }

    func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await base.streams(after: after, limit: limit)
    }

    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await base.receipt(for: command)
    }

    func head() async throws(ReadError) -> Position { try await base.head() }

    func head(beyond position: Position) async throws(ReadError) -> Position {
        try await base.head(beyond: position)
    }
}
