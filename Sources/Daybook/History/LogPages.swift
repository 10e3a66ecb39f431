import DaybookCore

/// The log between two moments, page by page. What is recorded while it is read does not count.
package struct LogPages {
    private let log: any EventStore
    private let filter: EventFilter
    private let first: LogMoment?
    private let last: LogMoment
    private let pageSize: Int
    private var cursor: LogCursor
    private var isOver = false
    /// Where the reading ends at the latest.
    let end: Position
    /// Everything up to here was read.
    private(set) var reached = Position.start

    /// - Parameters:
    ///   - first: What was recorded by this moment is left out; nil to begin with the first event.
    ///   - last: So is what was recorded after this one.
    ///   - pageSize: The most events of a page.
    package init(
        of log: any EventStore, _ filter: EventFilter, after first: LogMoment? = nil, through last: LogMoment,
        pageSize: Int = Limits.eventsPerPage
    ) async throws(ReadError) {
        self.log = log
        self.filter = filter
        self.first = first
        self.last = last
        self.pageSize = min(max(1, pageSize), Limits.eventsPerPage)
        switch first {
        case nil: cursor = .start
        case .latest: (cursor, isOver) = (.end, true)
        case .position(let position): (cursor, reached) = (.after(position), position)
        case .time(let time): cursor = .time(time)
        }
        let head = try await log.head()
        if case .position(let position) = last { end = min(head, position) } else { end = head }
    }

    /// The events of the next page, which may be none; nil at the end.
    package mutating func next() async throws(ReadError) -> ArraySlice<RecordedEvent>? {
        guard !isOver, reached < end else { return nil }
        guard !Task.isCancelled else { throw .cancelled }
        let page = try await log.readPage(
            from: cursor, direction: .forward, filter: filter, limit: pageSize)
        cursor = .after(page.scannedThrough)
        reached = min(max(reached, page.scannedThrough), end)
        // Behind an event that is too late, all are; and those too early are before all others.
        let late = page.events.firstIndex { $0.position > end || !last.includes($0) }
        isOver = page.isAtEnd || late != nil
        let events = page.events[..<(late ?? page.events.endIndex)]
        guard let first else { return events }
        return events.drop { first.includes($0) }
    }
}
