/// Follows the log: every event after a position that passes a filter, in order, those recorded already and then
/// those to come, until the task that reads it is cancelled.
///
/// The subscription pulls: it reads a page when the reader has used up the last one, and waits for the head of the
/// log to move when there is none. A slow reader therefore costs one page of memory, and slows nobody.
///
/// ```swift
/// for try await item in store.subscribe(after: checkpoint.position) {
///     switch item {
///     case .event(let event): try await handle(event)
///     case .checkpoint(let position): try await save(position)  // Nothing fits up to here.
///     case .caughtUp: break                                     // From here on, live.
///     }
/// }
/// ```
public struct Subscription: AsyncSequence, Sendable {
    public typealias Element = SubscriptionItem
    public typealias Failure = ReadError

    let store: any EventStore
    let position: Position
    let filter: EventFilter
    let pageSize: Int

    init(store: any EventStore, after position: Position, filter: EventFilter, pageSize: Int) {
        self.store = store
        self.position = position
        self.filter = filter
        self.pageSize = pageSize
    }

    public func makeAsyncIterator() -> Iterator { Iterator(subscription: self) }

    public struct Iterator: AsyncIteratorProtocol {
        private let subscription: Subscription
        private var page: [RecordedEvent] = []
        private var index = 0
        /// Everything up to here was looked at, by the page at hand.
        private var scanned: Position
        /// The last position that the reader was told.
        private var told: Position
        private var isAtEnd = false
        private var isLive = false

        fileprivate init(subscription: Subscription) {
            self.subscription = subscription
            scanned = subscription.position
            told = subscription.position
        }

        public mutating func next() async throws -> SubscriptionItem? {
            try await next(isolation: #isolation)
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ReadError) -> SubscriptionItem? {
            while true {
                if index < page.count {
                    defer { index += 1 }
                    told = page[index].position
                    return .event(page[index])
                }
                if scanned > told {
                    told = scanned
                    return .checkpoint(scanned)
                }
                if isAtEnd {
                    if !isLive {
                        isLive = true
                        return .caughtUp(scanned)
                    }
                    page = []  // Its events share one buffer, and the wait may be long.
                    index = 0
                    _ = try await subscription.store.head(beyond: scanned)
                }
                guard !Task.isCancelled else { throw .cancelled }
                let read = try await subscription.store.readPage(
                    from: .after(scanned), direction: .forward, filter: subscription.filter,
                    limit: subscription.pageSize)
                page = read.events
                index = 0
                if read.scannedThrough > scanned { scanned = read.scannedThrough }
                isAtEnd = read.isAtEnd
            }
        }
    }
}
