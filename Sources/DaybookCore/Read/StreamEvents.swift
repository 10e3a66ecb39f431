/// The events of one stream, read page by page: at most one page is in memory.
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
        private let sequence: StreamEvents
        private var page: [RecordedEvent] = []
        private var index = 0
        private var next: StreamCursor?

        fileprivate init(sequence: StreamEvents) {
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
                    of: sequence.stream, from: cursor, direction: sequence.direction, limit: sequence.pageSize)
                page = read.events
                index = 0
                next =
                    read.isAtEnd
                    ? nil
                    : page.last.flatMap { last in
                        switch sequence.direction {
                        case .forward: .version(last.version.next)
                        case .backward: last.version > .first ? .version(last.version.advanced(by: -1)) : nil
                        }
                    }
            }
            defer { index += 1 }
            return page[index]
        }
    }
}
