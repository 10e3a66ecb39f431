/// The events of the whole log that pass a filter, read page by page: at most two pages are in memory.
public struct LogEvents: AsyncSequence, Sendable {
    public typealias Element = RecordedEvent
    public typealias Failure = ReadError

    let store: any EventStore
    let cursor: LogCursor
    let direction: ReadDirection
    let filter: EventFilter
    let pageSize: Int

    public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

    public struct Iterator: AsyncIteratorProtocol {
        private var pages: EventPages<LogCursor>

        fileprivate init(sequence: LogEvents) {
            pages = EventPages(from: sequence.cursor) { cursor throws(ReadError) in
                let read = try await sequence.store.readPage(
                    from: cursor, direction: sequence.direction, filter: sequence.filter, limit: sequence.pageSize)
                let through = read.scannedThrough
                let next = sequence.direction == .forward ? through.next : through.previous
                return .init(events: read.events, next: read.isAtEnd ? nil : .position(next))
            }
        }

        public mutating func next() async throws -> RecordedEvent? {
            try await next(isolation: #isolation)
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ReadError) -> RecordedEvent? {
            try await pages.next(isolation: actor)
        }
    }
}
