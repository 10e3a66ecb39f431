#if Postgres
import DaybookCore

extension PostgresEventStore {
    public func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try checkPageLimit(limit)
        let now = configuration.time.now
        return try await read { connection in
            try StreamRead(stream: stream, direction: direction, limit: limit, now: now, connection: connection)
                .page(from: cursor)
        }
    }

    public func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try checkPageLimit(limit)
        try filter.query?.validate()
        guard direction == .forward, case .position(let position) = cursor, !Task.isCancelled else {
            return try await read { connection in
                try LogRead(direction: direction, filter: filter, limit: limit, connection: connection)
                    .page(from: cursor)
            }
        }
        let key = ReadAhead.Key(position: position, filter: filter, limit: limit)
        let page: LogPage
        let found = await ahead.take(key)
        if case .page(let taken) = found {
            page = taken
        } else {
            page = try await read { connection in
                try LogRead(direction: .forward, filter: filter, limit: limit, connection: connection)
                    .page(from: cursor)
            }
        }
        if !page.isAtEnd {
            var next = ReadAhead.Key(position: page.scannedThrough.next, filter: filter, limit: limit)
            if case .unknown = found {
                ahead.expect(next)
            } else {
                ahead.read(next)
                // Positions have no gaps, so that it is known where the page behind the next one begins.
                if filter.isUnrestricted, page.events.count == limit {
                    next.position = Position(next.position.rawValue + Int64(limit))
                    ahead.read(next)
                }
            }
        }
        return page
    }

    public func state(of stream: StreamName) async throws(ReadError) -> StreamState {
        try await read { connection in
            let rows = try connection.run(GroupStatements.streams.with { $0.addArray([stream.rawValue]) })
            return try StreamRead.state(rows, of: stream)
        }
    }

    public func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try checkPageLimit(limit)
        return try await read { connection in
            let rows = try connection.run(
                Self.streamNames.with {
                    if let after, !after.isControl { $0.add(after.rawValue) } else { $0.addNull() }
                    $0.add(Int64(limit))
                })
            return (0..<rows.count).map { StreamName(unchecked: rows.text($0, 0)) }
        }
    }

    /// A stream has its place by its first event or its first setting, whichever is earlier, once it has events.
    private static let streamNames = Statement(
        "stream_names",
        """
        SELECT CASE WHEN starts_with(b.stream, '$$') THEN substr(b.stream, 3) ELSE b.stream END
        FROM events b
        WHERE b.version = 0
            AND b.position > coalesce((
                SELECT min(position) FROM events WHERE version = 0 AND stream IN ($1::text, '$$' || $1::text)
            ), 0)
            AND CASE WHEN starts_with(b.stream, '$$')
                THEN EXISTS (
                    SELECT FROM events o WHERE o.stream = substr(b.stream, 3) AND o.version = 0 AND o.position > b.position)
                ELSE NOT EXISTS (
                    SELECT FROM events o WHERE o.stream = '$$' || b.stream AND o.version = 0 AND o.position < b.position)
                END
        ORDER BY b.position LIMIT $2::bigint
        """)

    public func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await read { connection in
            let rows = try connection.run(GroupStatements.receipts.with { $0.addArray([command.rawValue]) })
            return rows.count > 0 ? Receipt(rows, row: 0).result : nil
        }
    }

    public func head() async throws(ReadError) -> Position {
        try await read { [signal] connection in
            let head = try connection.run(HeadListener.head.with()).integer(0, 0)
            signal.publish(head)
            return Position(head)
        }
    }

    /// Runs a read on one of the reading threads.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(ReadError) -> Value {
        guard !Task.isCancelled else { throw .cancelled }
        let readers = readers
        let address = address
        let result: Result<Value, ReadError> = await withUnsafeContinuation { continuation in
            let isAdded = readers.run { pooled in
                do {
                    continuation.resume(returning: .success(try pooled.run(body)))
                } catch let damage as DamagedControl {
                    continuation.resume(
                        returning: .failure(
                            .corrupted(
                                position: nil, stream: damage.stream.control, file: address.shown,
                                reason: damage.description)))
                } catch {
                    continuation.resume(returning: .failure(.storageFailed(reason: "\(address.shown): \(error)")))
                }
            }
            if !isAdded { continuation.resume(returning: .failure(.closed)) }
        }
        return try result.get()
    }
}
#endif
