#if Postgres
import DaybookCore

/// A read of one page of one stream.
struct StreamRead {
    let stream: StreamName
    let direction: ReadDirection
    let limit: Int
    let now: Timestamp
    let connection: Connection

    private var isForward: Bool { direction == .forward }

    /// The events are asked for together with the state, as if no retention hid any; asked for again where one does.
    ///
    /// The state is read first: what was recorded behind it meanwhile is left out.
    func page(from cursor: StreamCursor) throws -> StreamPage {
        let state: StreamState
        var rows: Rows?
        var guess: ClosedRange<Int64>?
        switch (cursor, direction) {
        case (.start, .forward): guess = 0...Int64.max
        case (.version(let version), .forward): guess = max(version.rawValue, 0)...Int64.max
        case (.end, .backward): guess = 0...Int64.max
        case (.version(let version), .backward) where version >= .first: guess = 0...version.rawValue
        default: guess = nil
        }
        let states = GroupStatements.streams.with { $0.addArray([stream.rawValue]) }
        var inParts: [RecordedEvent]?
        if let guess, isForward, guess.lowerBound <= .max - Int64(limit) {
            (state, inParts) = try statePage(states, from: guess.lowerBound)
        } else if let guess {
            let found = try connection.run([states, events(in: guess)])
            state = try Self.state(found[0], of: stream)
            rows = found[1]
        } else {
            state = try Self.state(try connection.run(states), of: stream)
        }

        guard state.status == .live, let last = state.lastVersion?.rawValue,
            let visible = try visibleVersions(state, last: last)
        else { return StreamPage(events: [], state: state, isAtEnd: true) }
        let start: Int64
        switch cursor {
        case .start: start = visible.lowerBound
        case .end: start = visible.upperBound
        case .version(let version): start = version.rawValue
        case .position(let position):
            start =
                try isForward
                ? firstVersion(in: visible, where: "position >=", position.rawValue)
                : firstVersion(in: visible, where: "position >", position.rawValue) - 1
        case .time(let time):
            start =
                try isForward
                ? firstVersion(in: visible, where: "recorded_at >=", time.microseconds)
                : firstVersion(in: visible, where: "recorded_at >", time.microseconds) - 1
        }
        let first = isForward ? max(start, visible.lowerBound) : min(start, visible.upperBound)
        var end = isForward ? visible.upperBound : visible.lowerBound
        switch (cursor, direction) {  // From an end, away from the events: that one event.
        case (.start, .backward), (.end, .forward): end = first
        default: break
        }
        guard isForward ? first <= end : first >= end else {
            return StreamPage(events: [], state: state, isAtEnd: true)
        }
        let wanted = min(first, end)...max(first, end)
        let isGuessed: Bool
        if let guess {
            isGuessed = isForward ? guess.lowerBound == first : guess.upperBound >= first
        } else {
            isGuessed = false
        }
        // Backward, events behind the state come first: with a page full of them, the guess has missed.
        var found: [RecordedEvent] = []
        if isGuessed {
            found = inParts ?? rows.map { EventRows.events($0) { wanted.contains($1) } } ?? []
            if inParts != nil, let last = found.last, last.version.rawValue > wanted.upperBound {
                found.removeAll { $0.version.rawValue > wanted.upperBound }
            }
        }
        if found.first?.version.rawValue != first || !isForward && rows?.count ?? 0 != found.count {
            found = EventRows.events(try connection.run(events(in: wanted)))
        }
        if found.count < limit, found.last?.version.rawValue != end,
            found.reduce(0, { $0 + $1.data.count + $1.metadata.count }) < Limits.pageBytes
        {
            // Fewer rows than there are, for fear of their bytes.
            found = EventRows.events(try connection.run(events(in: wanted, isExact: true)))
        }
        let reached = found.last?.version.rawValue ?? end
        return StreamPage(events: found, state: state, isAtEnd: isForward ? reached >= end : reached <= end)
    }

    /// The state, and the events from a version on as far as they follow one another.
    private func statePage(_ states: Command, from first: Int64) throws -> (StreamState, [RecordedEvent]) {
        var state: Rows?
        var events: [RecordedEvent] = []
        var room = Limits.pageBytes
        let parts = EventRows.parts(of: first...first + Int64(limit) - 1).map { self.events(in: $0) }
        try connection.run([states] + parts) { rows in
            guard state != nil else {
                state = rows
                return
            }
            // A part that lacks rows, for fear of their bytes, is the last one that counts.
            guard rows.count > 0, rows.integer(0, 2) == first + Int64(events.count) else { return }
            EventRows.append(rows, to: &events, room: &room)
        }
        guard let state else { throw ServerFailure.lost("the server did not tell the stream's state") }
        return (try Self.state(state, of: stream), events)
    }

    static func state(_ rows: Rows, of stream: StreamName) throws -> StreamState {
        var control = StreamControl()
        if !rows.isNull(0, 3) {
            guard let stored = StreamControl(decoding: Array(rows.bytes(0, 3))) else {
                throw DamagedControl(stream: stream)
            }
            control = stored
        }
        return control.state(lastVersion: rows.optionalInteger(0, 0).map { StreamVersion($0) })
    }

    private func events(in versions: ClosedRange<Int64>, isExact: Bool = false) -> Command {
        let page = EventRows.stream(forward: isForward)
        return (isExact ? page.exact : page.quick).with {
            $0.add(stream.rawValue)
            $0.add(versions.lowerBound)
            $0.add(versions.upperBound)
            $0.add(Int64(limit))
        }
    }

    /// The versions that retention leaves visible; nil when none.
    private func visibleVersions(_ state: StreamState, last: Int64) throws -> ClosedRange<Int64>? {
        var first = state.firstVisibleVersion.rawValue
        guard first <= last else { return nil }
        if let maxAge = state.retention.maxAge {
            first = try firstVersion(
                in: first...last, where: "recorded_at >", now.advanced(by: .zero - maxAge).microseconds)
            guard first <= last else { return nil }
        }
        return first...last
    }

    /// The first version of a range whose event fulfils something that all later ones fulfil too; the one behind the range
    /// when none does. A binary search, made by the server.
    private func firstVersion(
        in range: ClosedRange<Int64>, where condition: String, _ value: Int64
    ) throws(ServerFailure) -> Int64 {
        let statement = Statement(
            "first version, \(condition)",
            """
            WITH RECURSIVE search(low, high) AS (
                SELECT $2::bigint, $3::bigint
                UNION ALL
                SELECT CASE WHEN m.holds THEN low ELSE (low + high) / 2 + 1 END,
                    CASE WHEN m.holds THEN (low + high) / 2 ELSE high END
                FROM search CROSS JOIN LATERAL (
                    SELECT \(condition) $4::bigint AS holds FROM events WHERE stream = $1::text AND version = (low + high) / 2
                ) m
                WHERE low < high
            )
            SELECT low FROM search WHERE low = high
            """)
        let rows = try connection.run(
            statement.with {
                $0.add(stream.rawValue)
                $0.add(range.lowerBound)
                $0.add(range.upperBound + 1)
                $0.add(value)
            })
        return rows.count > 0 ? rows.integer(0, 0) : range.lowerBound
    }
}
#endif
