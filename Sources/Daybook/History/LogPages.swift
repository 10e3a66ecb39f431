import DaybookCore

/// The log up to a moment, page by page. What is recorded while it is read does not count.
struct LogPages {
    private let log: any EventStore
    private let filter: EventFilter
    private let moment: LogMoment
    private var cursor: LogCursor
    private var isOver = false
    /// Where the reading ends at the latest.
    let end: Position
    /// Everything up to here was read.
    private(set) var reached = Position.start

    init(
        of log: any EventStore, _ filter: EventFilter, from cursor: LogCursor = .start, through moment: LogMoment
    ) async throws(ReadError) {
        self.log = log
        self.filter = filter
        self.moment = moment
        self.cursor = cursor
        let head = try await log.head()
        if case .position(let position) = moment { end = min(head, position) } else { end = head }
    }

    /// The events of the next page, which may be none; nil at the end.
    mutating func next() async throws(ReadError) -> ArraySlice<RecordedEvent>? {
        guard !isOver, reached < end else { return nil }
        guard !Task.isCancelled else { throw .cancelled }
        let page = try await log.readPage(
            from: cursor, direction: .forward, filter: filter, limit: Limits.eventsPerPage)
        cursor = .after(page.scannedThrough)
        reached = min(max(reached, page.scannedThrough), end)
        // Behind an event that is too late, all are.
        let late = page.events.firstIndex { $0.position > end || !moment.includes($0) }
        isOver = page.isAtEnd || late != nil
        return page.events[..<(late ?? page.events.endIndex)]
    }
}
