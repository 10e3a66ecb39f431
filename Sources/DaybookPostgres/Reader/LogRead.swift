#if Postgres
import DaybookCore

/// A read of one page of the whole log.
struct LogRead {
    let direction: ReadDirection
    let filter: EventFilter
    let limit: Int
    let connection: Connection

    private var isForward: Bool { direction == .forward }

    func page(from cursor: LogCursor) throws -> LogPage {
        var (start, end): (Int64, Int64)
        switch (cursor, direction) {
        case (.start, .forward): (start, end) = (1, .max)
        case (.position(let position), .forward): (start, end) = (max(position.rawValue, 1), .max)
        case (.time(let time), .forward): (start, end) = (try firstPosition(where: "recorded_at >=", time), .max)
        case (.end, .forward):
            let head = try head()
            (start, end) = (max(head, 1), head)
        case (.start, .backward): (start, end) = (min(1, try head()), 1)
        case (.end, .backward): (start, end) = (try head(), 1)
        case (.position(let position), .backward): (start, end) = (min(position.rawValue, try head()), 1)
        case (.time(let time), .backward):
            (start, end) = (try firstPosition(where: "recorded_at >", time) - 1, 1)
        }
        guard isForward ? start <= end : start >= end else {
            return LogPage(events: [], scannedThrough: Position(isForward ? start - 1 : start + 1), isAtEnd: true)
        }
        if filter.isUnrestricted { return try page(from: start, through: end) }
        return try filteredPage(from: start, through: end)
    }

    /// A page of which at most control events are left out.
    private func page(from start: Int64, through last: Int64) throws -> LogPage {
        // Enough for a full page, unless control events lie in a long row.
        let stretch = Int64(Limits.eventsScannedPerPage)
        let through = isForward ? min(last, start > .max - stretch ? .max : start + stretch) : max(last, start - stretch)
        let rows = try connection.run([
            HeadListener.head.with(),
            EventRows.log(forward: isForward, controls: filter.includesControlEvents).with {
                $0.add(min(start, through))
                $0.add(max(start, through))
                $0.add(Int64(limit) + 1)  // One more tells whether there are more.
            },
        ])
        var events = EventRows.events(rows[1])
        var isFull = events.reduce(0) { $0 + $1.data.count + $1.metadata.count } >= Limits.pageBytes
        if events.count > limit {
            events.removeLast()
            isFull = true
        }
        let reached = events.last?.position.rawValue
        if isForward {
            // The head is asked for first, so that the page has seen every event up to it.
            let end = min(last, max(rows[0].integer(0, 0), reached ?? 0))
            if isFull, let reached { return LogPage(events: events, scannedThrough: Position(reached), isAtEnd: reached >= end) }
            let scanned = max(start - 1, min(through, end))
            return LogPage(events: events, scannedThrough: Position(scanned), isAtEnd: through >= end)
        }
        if isFull, let reached { return LogPage(events: events, scannedThrough: Position(reached), isAtEnd: reached <= last) }
        return LogPage(events: events, scannedThrough: Position(through), isAtEnd: through <= last)
    }

    /// Looks at stretches of the log, longer ones while an index leads to what passes and it is little, until the page is full.
    private func filteredPage(from start: Int64, through end: Int64) throws -> LogPage {
        let head = isForward ? try head() : start
        let last = isForward ? min(end, head) : end
        guard isForward ? start <= last : start >= last else {
            return LogPage(events: [], scannedThrough: Position(isForward ? start - 1 : start + 1), isAtEnd: true)
        }
        var events: [RecordedEvent] = []
        var bytes = 0
        var next = start
        var stretch = Int64(Limits.eventsScannedPerPage)
        while true {
            let through = isForward ? min(last, next + stretch - 1) : max(last, next - stretch + 1)
            var parameters = Parameters()
            parameters.add(min(next, through))
            parameters.add(max(next, through))
            parameters.add(Int64(limit - events.count))
            let expression = FilterExpression(filter, after: parameters)
            let sql = EventRows.page(
                where: "position >= $1::bigint AND position <= $2::bigint AND \(expression.condition)",
                order: isForward ? "position" : "position DESC", limit: 3)
            let found = EventRows.events(
                try connection.run(Command(statement: Statement(once: sql), parameters: expression.parameters)))
            bytes += found.reduce(0) { $0 + $1.data.count + $1.metadata.count }
            events += found
            let isFull = events.count >= limit || bytes >= Limits.pageBytes
            let reached = isFull ? events.last?.position.rawValue ?? through : through
            if isFull || reached == last || !expression.isIndexed {
                return LogPage(events: events, scannedThrough: Position(reached), isAtEnd: reached == last)
            }
            next = isForward ? reached + 1 : reached - 1
            stretch *= 4
        }
    }

    private func head() throws(ServerFailure) -> Int64 { try connection.run(HeadListener.head.with()).integer(0, 0) }

    /// The first position whose event fulfils something that all later ones fulfil too; the one behind the head when none
    /// does. A binary search, made by the server, over positions without gaps.
    private func firstPosition(where condition: String, _ time: Timestamp) throws(ServerFailure) -> Int64 {
        let statement = Statement(
            "first position, \(condition)",
            """
            WITH RECURSIVE search(low, high) AS (
                SELECT 1::bigint, (SELECT coalesce(max(position), 0) + 1 FROM events)
                UNION ALL
                SELECT CASE WHEN m.holds THEN low ELSE (low + high) / 2 + 1 END,
                    CASE WHEN m.holds THEN (low + high) / 2 ELSE high END
                FROM search CROSS JOIN LATERAL (
                    SELECT \(condition) $1::bigint AS holds FROM events WHERE position = (low + high) / 2
                ) m
                WHERE low < high
            )
            SELECT low FROM search WHERE low = high
            """)
        return try connection.run(statement.with { $0.add(time.microseconds) }).integer(0, 0)
    }
}

extension EventFilter {
    /// Whether it keeps no event of an application away.
    fileprivate var isUnrestricted: Bool {
        categories.isEmpty && streamPrefixes.isEmpty && types.isEmpty && typePrefixes.isEmpty && tags.isEmpty
            && query == nil
    }
}
#endif
