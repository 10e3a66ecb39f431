import DaybookCore

/// A store that passes each call on to another, until a test says otherwise: a type of its own implements the calls that it
/// counts, delays or lets fail, and leaves the others as they are.
///
/// ```swift
/// struct SlowStore: ForwardingStore {
///     let base: any EventStore
///
///     func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
///         await Task.yield()
///         return try await base.append(request)
///     }
/// }
/// ```
public protocol ForwardingStore: EventStore {
    var base: any EventStore { get }
}

extension ForwardingStore {
    @discardableResult
    public func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        try await base.append(request)
    }

    public func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try await base.readPage(of: stream, from: cursor, direction: direction, limit: limit)
    }

    public func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
    }

    public func state(of stream: StreamName) async throws(ReadError) -> StreamState {
        try await base.state(of: stream)
    }

    public func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await base.streams(after: after, limit: limit)
    }

    public func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await base.receipt(for: command)
    }

    public func head() async throws(ReadError) -> Position { try await base.head() }

    public func head(beyond position: Position) async throws(ReadError) -> Position {
        try await base.head(beyond: position)
    }
}
