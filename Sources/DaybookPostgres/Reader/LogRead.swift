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
        if isForward, limit >= 500, last == .max, start <= .max - Int64(limit), let page = try pageInParts(from: start)
        {
            return page
        }
        // Enough for a full page, unless control events lie in a long row.
        let stretch = Int64(Limits.eventsScannedPerPage)
        let through =
            isForward ? min(last, start > .max - stretch ? .max : start + stretch) : max(last, start - stretch)
        var parameters = Parameters()
        parameters.add(min(start, through))
        parameters.add(max(start, through))
        parameters.add(Int64(limit) + 1)  // One more tells whether there are more.
        let page = EventRows.log(forward: isForward, controls: filter.includesControlEvents)
        let rows = try connection.run([
            HeadListener.head.with(), page.quick.with(parameters), EventRows.boundStatement.with(),
        ])
        var found = rows[1]
        if found.count <= limit, found.count >= rows[2].integer(0, 0) {
            found = try connection.run(page.exact.with(parameters))
        }
        let events = EventRows.events(found, limit: limit)
        let isFull =
            found.count > events.count
            || events.reduce(0) { $0 + $1.data.count + $1.metadata.count } >= Limits.pageBytes
        let reached = events.last?.position.rawValue
        if isFull, let reached {  // The page was read after the head: there may be more than it tells.
            return LogPage(
                events: events, scannedThrough: Position(reached),
                isAtEnd: isForward ? reached >= last : reached <= last)
        }
        guard isForward else {
            return LogPage(events: events, scannedThrough: Position(through), isAtEnd: through <= last)
        }
        // The head is asked for first, so that the page has seen every event up to it.
        let end = min(last, max(rows[0].integer(0, 0), reached ?? 0))
        return LogPage(
            events: events, scannedThrough: Position(max(start - 1, min(through, end))), isAtEnd: through >= end)
    }

    /// A page of the positions from one on, read in parts; nil when large events or control events are among them.
    private func pageInParts(from start: Int64) throws -> LogPage? {
        let through = start + Int64(limit) - 1
        let statement = EventRows.log(forward: true, controls: true).quick
        var head: Int64?
        var bound: Int64 = 0
        var events: [RecordedEvent] = []
        var isWhole = true
        var room = Limits.pageBytes
        let parts = EventRows.parts(of: start...through).map { part in
            statement.with {
                $0.add(part.lowerBound)
                $0.add(part.upperBound)
                $0.add(Int64(part.count))
            }
        }
        var answers = 0
        /// The rows of the last part that has any.
        var lastCount: Int64 = 0
        try connection.run([HeadListener.head.with()] + parts + [EventRows.boundStatement.with()]) { rows in
            answers += 1
            if answers == 1 { head = rows.integer(0, 0) }
            if answers == parts.count + 2 { bound = rows.integer(0, 0) }
            guard (2...parts.count + 1).contains(answers), isWhole, rows.count > 0 else { return }
            lastCount = Int64(rows.count)
            isWhole = rows.integer(0, 0) == start + Int64(events.count)
            guard isWhole else { return }
            isWhole = EventRows.append(rows, to: &events, room: &room) == rows.count
        }
        // Positions have no gaps: where as many follow one another as the page takes, or up to the end, none is missing.
        let reached = start + Int64(events.count) - 1
        guard isWhole, events.last.map({ $0.position.rawValue == reached }) ?? true else { return nil }
        let isFull = events.count == limit
        if !isFull {
            // What is recorded behind the head meanwhile may be left out of a part, for fear of its bytes.
            guard let head, reached >= head || start > head, room > 0, lastCount < bound else { return nil }
        }
        guard filter.includesControlEvents || !events.contains(where: \.stream.isControl) else { return nil }
        return LogPage(
            events: events, scannedThrough: Position(max(reached, start - 1)), isAtEnd: !isFull)
    }

    /// Looks at stretches of the log, longer ones while an index leads to what passes and it is little, until the page is full.
    private func filteredPage(from start: Int64, through end: Int64) throws -> LogPage {
        let head = isForward ? try head() : start
        let last = isForward ? min(end, head) : end
        guard isForward ? start <= last : start >= last else {
            return LogPage(events: [], scannedThrough: Position(isForward ? start - 1 : start + 1), isAtEnd: true)
        }
        var events: [RecordedEvent] = []
        var room = Limits.pageBytes
        var next = start
        var stretch = Int64(Limits.eventsScannedPerPage)
        while true {
            let through = isForward ? min(last, next + stretch - 1) : max(last, next - stretch + 1)
            var parameters = Parameters()
            parameters.add(min(next, through))
            parameters.add(max(next, through))
            parameters.add(Int64(limit - events.count))
            let expression = FilterExpression(filter, after: parameters)
            let condition = "position >= $1::bigint AND position <= $2::bigint AND \(expression.condition)"
            let order = isForward ? "position" : "position DESC"
            let rows = try connection.run([
                Command(
                    statement: Statement(once: EventRows.page(where: condition, order: order, limit: 3)),
                    parameters: expression.parameters), EventRows.boundStatement.with(),
            ])
            var page = rows[0]
            if page.count < limit - events.count, page.count >= rows[1].integer(0, 0) {
                page = try connection.run(
                    Command(
                        statement: Statement(once: EventRows.exactPage(where: condition, order: order, limit: 3)),
                        parameters: expression.parameters))
            }
            EventRows.append(page, to: &events, room: &room)
            let isFull = events.count >= limit || room <= 0
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
    var isUnrestricted: Bool {
        categories.isEmpty && streamPrefixes.isEmpty && types.isEmpty && typePrefixes.isEmpty && tags.isEmpty
            && query == nil
    }
}
#endif
