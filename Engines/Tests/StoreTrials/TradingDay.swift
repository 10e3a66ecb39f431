import Daybook
import DaybookCore
import DaybookSQLite
import Exchange
import Testing

/// A day of the exchange on a store, and all that it came to: what is the same on every store.
public struct TradingDay: Equatable, Sendable {
    public typealias Store = CheckpointStore & EventStore & ReadModelStore & SnapshotStore

    /// An event, without what is different in every store: its identifier, position and time.
    public struct Event: Equatable, Sendable {
        var stream: StreamName
        var version: StreamVersion
        var type: EventType
        var data: [UInt8]
        var tags: [DaybookCore.Tag]
    }

    public var events: [Event] = []
    public var accounts: [AccountStatement] = []
    public var trades: [String: TradeTape.Trade] = [:]
    public var books: [Instrument: OrderBook.State] = [:]
    public var storySteps = 0

    /// Records a day, with read models that follow while it is recorded, and reads what it came to.
    public static func record(orders: Int, in store: any Store) async throws -> TradingDay {
        var configuration = OrderFlow.Configuration()
        configuration.orders = orders
        configuration.traders = 20
        var flow = OrderFlow(configuration)
        let models = try await MarketReadModels(of: store, in: store)
        let following = Task { try await models.run() }
        defer { following.cancel() }
        let floor = TradingFloor(in: store, snapshots: store)
        var position = try await floor.record(flow.openings, named: "open").position
        var round = 0
        while let next = try flow.nextRound() {
            round += 1
            position = try await floor.record(next, named: "round-\(round)").position
        }
        try await floor.cash.pruneSnapshots()
        try await models.wait(for: position)
        following.cancel()
        try? await following.value
        return try await read(flow, in: store)
    }

    /// Expects the same of a day on another store.
    public func expectSame(as other: TradingDay, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(events.count == other.events.count, sourceLocation: sourceLocation)
        for (mine, theirs) in zip(events, other.events) where mine != theirs {
            Issue.record("\(mine) is \(theirs) elsewhere.", sourceLocation: sourceLocation)
        }
        #expect(accounts == other.accounts, sourceLocation: sourceLocation)
        #expect(trades == other.trades, sourceLocation: sourceLocation)
        #expect(books == other.books, sourceLocation: sourceLocation)
        #expect(storySteps == other.storySteps, sourceLocation: sourceLocation)
    }

    /// Reads what a recorded day came to. The books come from snapshots and the events since.
    private static func read(_ flow: OrderFlow, in store: any Store) async throws -> TradingDay {
        let models = try await MarketReadModels(of: store, in: store)
        let floor = TradingFloor(in: store, snapshots: store)
        var day = TradingDay()
        for try await event in store.events(filter: .everything) {
            day.events.append(
                Event(
                    stream: event.stream, version: event.version, type: event.type, data: Array(event.data),
                    tags: event.tags))
        }
        // Streams that are written beside each other may come in any order.
        day.events.sort { ($0.stream.rawValue, $0.version) < ($1.stream.rawValue, $1.version) }
        day.accounts = try await models.accounts()
        var last: String?
        while true {
            let page = try await models.trades.documents(after: last, limit: 500)
            for (key, trade) in page { day.trades[key] = trade }
            guard let end = page.last?.key else { break }
            last = end
        }
        for listing in flow.configuration.listings {
            day.books[listing.instrument] = try await floor.books.state(of: listing.instrument.rawValue).state
        }
        day.storySteps = try await OrderStory(of: flow.eventfulOrder, in: store).steps.count
        return day
    }
}
