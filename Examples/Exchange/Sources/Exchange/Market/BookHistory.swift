import Daybook
import DaybookCore

/// The books of the past: folded from the log, as of a version, a position or a time of the market.
public struct BookHistory: Sendable {
    /// A book, and the last event that it takes into account.
    public struct Entry: Sendable {
        public var book: OrderBook.State
        public var version: StreamVersion
        public var position: Position
        public var marketTime: Timestamp
        public var recordedAt: Timestamp
    }

    private let store: any EventStore

    public init(in store: any EventStore) { self.store = store }

    /// The book of an instrument as of a moment; nil when it had no event then.
    ///
    /// Market time never goes back within a book, so that the first event that is too late ends the search. That is
    /// the venue's time for imported books, and not the time at which an import recorded them.
    ///
    /// - Complexity: O(events up to the moment).
    public func book(of instrument: Instrument, asOf moment: MarketMoment) async throws -> Entry? {
        let codec = JSONEventCodec<OrderBook.Event>()
        var book = OrderBook.initialState
        var last: RecordedEvent?
        for try await event in store.events(of: instrument.bookStream, pageSize: 2_000) {
            switch moment {
            case .latest: break
            case .version(let version): if event.version > version { return try entry(book, last) }
            case .position(let position): if event.position > position { return try entry(book, last) }
            case .time(let time): if try event.marketTime() > time { return try entry(book, last) }
            }
            for event in try codec.decode(event) { OrderBook.evolve(&book, with: event) }
            last = event
        }
        return try entry(book, last)
    }

    private func entry(_ book: OrderBook.State, _ last: RecordedEvent?) throws -> Entry? {
        guard let last else { return nil }
        return Entry(
            book: book, version: last.version, position: last.position, marketTime: try last.marketTime(),
            recordedAt: last.recordedAt)
    }

    /// The instruments that have a book, in the order in which these came into being.
    public func instruments() async throws -> [Instrument] {
        var instruments: [Instrument] = []
        var last: StreamName?
        while true {
            let names = try await store.streams(after: last, limit: 1_000)
            for name in names where name.category == OrderBook.category {
                if let id = name.id, let instrument = Instrument(String(id)) { instruments.append(instrument) }
            }
            guard names.count == 1_000 else { return instruments }
            last = names.last
        }
    }
}
