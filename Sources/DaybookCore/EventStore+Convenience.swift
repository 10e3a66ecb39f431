extension EventStore {
    /// Appends events to one stream, in order: all of them or none.
    ///
    /// - Parameters:
    ///   - events: 1 to ``Limits/eventsPerAppend`` events of at most ``Limits/eventBytes`` each.
    ///   - stream: Comes into being with its first event.
    ///   - expected: What the caller last saw of the stream.
    @discardableResult
    public func append(
        _ events: [NewEvent], to stream: StreamName, expecting expected: ExpectedVersion = .any,
        condition: AppendCondition? = nil, commandID: CommandID? = nil
    ) async throws(AppendError) -> AppendResult {
        try await append(
            AppendRequest(
                writes: [StreamWrite(stream: stream, expected: expected, action: .append(events))],
                condition: condition, commandID: commandID))
    }

    /// Replaces a stream's retention, and records who did it and why.
    @discardableResult
    public func setRetention(
        _ retention: Retention, of stream: StreamName, expecting expected: ExpectedVersion = .any,
        metadata: EventMetadata = EventMetadata()
    ) async throws(AppendError) -> AppendResult {
        try await change(stream, expected, .setRetention(retention), metadata)
    }

    /// Deletes a stream: its events are hidden from its readers. It may be written again, and its versions go on.
    @discardableResult
    public func delete(
        _ stream: StreamName, expecting expected: ExpectedVersion = .streamExists,
        metadata: EventMetadata = EventMetadata()
    ) async throws(AppendError) -> AppendResult {
        try await change(stream, expected, .delete, metadata)
    }

    /// Deletes a stream for good: it takes no event ever again.
    @discardableResult
    public func tombstone(
        _ stream: StreamName, expecting expected: ExpectedVersion = .any, metadata: EventMetadata = EventMetadata()
    ) async throws(AppendError) -> AppendResult {
        try await change(stream, expected, .tombstone, metadata)
    }

    private func change(
        _ stream: StreamName, _ expected: ExpectedVersion, _ action: StreamWrite.Action, _ metadata: EventMetadata
    ) async throws(AppendError) -> AppendResult {
        try await append(
            AppendRequest(writes: [
                StreamWrite(stream: stream, expected: expected, action: action, metadata: metadata.encoded())
            ]))
    }

    /// The events of a stream as a sequence that reads page by page.
    ///
    /// - Parameter pageSize: How many events each read takes; the sequence holds at most two pages, the second one read ahead.
    public func events(
        of stream: StreamName, from cursor: StreamCursor = .start, direction: ReadDirection = .forward,
        pageSize: Int = 500
    ) -> StreamEvents {
        StreamEvents(store: self, stream: stream, cursor: cursor, direction: direction, pageSize: pageSize)
    }

    /// The events of the whole log as a sequence that reads page by page and ends at the log's end.
    public func events(
        from cursor: LogCursor = .start, direction: ReadDirection = .forward, filter: EventFilter = .all,
        pageSize: Int = 1000
    ) -> LogEvents {
        LogEvents(store: self, cursor: cursor, direction: direction, filter: filter, pageSize: pageSize)
    }

    /// Follows the log: every event after a position, those recorded already and then those to come.
    public func subscribe(
        after position: Position = .start, filter: EventFilter = .all, pageSize: Int = 500
    ) -> Subscription {
        Subscription(store: self, after: position, filter: filter, pageSize: pageSize)
    }
}
