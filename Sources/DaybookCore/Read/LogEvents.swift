/// The events of the whole log that pass a filter, read page by page: at most one page is in memory.
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
        private let sequence: LogEvents
        private var page: [RecordedEvent] = []
        private var index = 0
        private var next: LogCursor?

        fileprivate init(sequence: LogEvents) {
            self.sequence = sequence
            next = sequence.cursor
        }

        public mutating func next() async throws -> RecordedEvent? {
            try await next(isolation: #isolation)
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ReadError) -> RecordedEvent? {
            while index == page.count {
                guard let cursor = next else { return nil }
                guard !Task.isCancelled else { throw .cancelled }
                let read = try await sequence.store.readPage(
                    from: cursor, direction: sequence.direction, filter: sequence.filter, limit: sequence.pageSize)
                page = read.events
                index = 0
                next =
                    read.isAtEnd
                    ? nil
                    : sequence.direction == .forward
                        ? .position(read.scannedThrough.next) : .position(read.scannedThrough.previous)
            }
            defer { index += 1 }
            return page[index]
        }
    }
}
