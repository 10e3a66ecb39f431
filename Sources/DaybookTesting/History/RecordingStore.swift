import DaybookCore

/// A store that passes each call on to another, and has a ``HistoryRecorder`` note it as an operation of one client.
public struct RecordingStore: EventStore {
    public let base: any EventStore
    public let recorder: HistoryRecorder
    public let client: Int

    public init(base: any EventStore, recorder: HistoryRecorder, client: Int) {
        self.base = base
        self.recorder = recorder
        self.client = client
    }

    @discardableResult
    public func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        let token = recorder.begin(.append(request), by: client)
        do throws(AppendError) {
            let result = try await base.append(request)
            recorder.end(token, .appended(result))
            return result
        } catch {
            recorder.end(token, HistoryAnswer(error))
            throw error
        }
    }

    public func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try await record(.readStream(stream, from: cursor, direction, limit: limit)) { store throws(ReadError) in
            try await store.readPage(of: stream, from: cursor, direction: direction, limit: limit)
        } answer: { page in
            .streamPage(page.events.map(ObservedEvent.init), page.state, isAtEnd: page.isAtEnd)
        }
    }

    public func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try await record(.readLog(from: cursor, direction, filter, limit: limit)) { store throws(ReadError) in
            try await store.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
        } answer: { page in
            .logPage(
                page.events.map(ObservedEvent.init), scannedThrough: page.scannedThrough, isAtEnd: page.isAtEnd)
        }
    }

    public func state(of stream: StreamName) async throws(ReadError) -> StreamState {
        try await record(.state(of: stream)) { store throws(ReadError) in
            try await store.state(of: stream)
        } answer: {
            .state($0)
        }
    }

    public func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await record(.streams(after: after, limit: limit)) { store throws(ReadError) in
            try await store.streams(after: after, limit: limit)
        } answer: {
            .streams($0)
        }
    }

    public func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await record(.receipt(for: command)) { store throws(ReadError) in
            try await store.receipt(for: command)
        } answer: {
            .receipt($0)
        }
    }

    public func head() async throws(ReadError) -> Position {
        try await record(.head) { store throws(ReadError) in
            try await store.head()
        } answer: {
            .head($0)
        }
    }

    public func head(beyond position: Position) async throws(ReadError) -> Position {
        try await record(.headBeyond(position)) { store throws(ReadError) in
            try await store.head(beyond: position)
        } answer: {
            .head($0)
        }
    }

    private func record<Value>(
        _ call: HistoryCall, _ read: (any EventStore) async throws(ReadError) -> Value,
        answer: (Value) -> HistoryAnswer
    ) async throws(ReadError) -> Value {
        let token = recorder.begin(call, by: client)
        do throws(ReadError) {
            let value = try await read(base)
            recorder.end(token, answer(value))
            return value
        } catch {
            recorder.end(token, HistoryAnswer(error))
            throw error
        }
    }
}
