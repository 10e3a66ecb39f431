/// The events of one stream, read page by page: at most two pages are in memory.
public struct StreamEvents: AsyncSequence, Sendable {
    public typealias Element = RecordedEvent
    public typealias Failure = ReadError

    let store: any EventStore
    let stream: StreamName
    let cursor: StreamCursor
    let direction: ReadDirection
    let pageSize: Int

    public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

    public struct Iterator: AsyncIteratorProtocol {
        private var pages: EventPages<StreamCursor>

        fileprivate init(sequence: StreamEvents) {
            pages = EventPages(from: sequence.cursor) { cursor throws(ReadError) in
                let read = try await sequence.store.readPage(
                    of: sequence.stream, from: cursor, direction: sequence.direction, limit: sequence.pageSize)
                guard !read.isAtEnd, let last = read.events.last?.version else {
                    return .init(events: read.events, next: nil)
                }
                switch sequence.direction {
                case .forward: return .init(events: read.events, next: .version(last.next))
                case .backward:
                    return .init(
                        events: read.events, next: last > .first ? .version(last.advanced(by: -1)) : nil)
                }
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
