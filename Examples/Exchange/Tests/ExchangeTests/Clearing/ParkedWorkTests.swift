import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@testable import Exchange

@Suite("What the clearing could not do")
struct ParkedWorkTests {
    private static let policy = ConsumerPolicy(
        deliveries: 2, backoff: .milliseconds(1), pollInterval: .milliseconds(2))

    /// A store that does not take what is to be appended to one stream, as long as that is down.
    private final class Outage: ForwardingStore, ForwardingReadModelStore {
        let base: any EventStore
        let models: any ReadModelStore
        private let down: Mutex<StreamName?>

        init(_ base: any EventStore & ReadModelStore, of stream: StreamName) {
            self.base = base
            models = base
            down = Mutex(stream)
        }

        func end() { down.withLock { $0 = nil } }

        func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
            if let down = down.withLock(\.self), request.writes.contains(where: { $0.stream == down }) {
                throw .storageFailed(reason: "'\(down)' is down", mayBeWritten: false)
            }
            return try await base.append(request)
        }
    }

    private func open(_ house: ClearingHouse, _ desk: OrderDesk) async throws {
        try await desk.books.handle(.open(Opening(instrument: "X", session: "2026-01-05")), id: "X")
        for account in ["A", "B", "C"] {
            try await house.cash.handle(.deposit(.dollars(500)), id: account)
            try await house.holdings.handle(.deposit(150, of: "X"), id: account)
        }
    }

    private func sell(_ order: OrderID, of seller: AccountID, to buying: OrderID, _ desk: OrderDesk) async throws {
        try await desk.submit(NewOrder(id: order, side: .sell, limit: 10_000, quantity: 10), on: seller, of: "X")
        try await desk.submit(NewOrder(id: buying, side: .buy, limit: 10_000, quantity: 10), on: "A", of: "X")
    }

    @Test(
        "stops its own trade, is told, and is done when it is replayed with the cause mended", arguments: TestStore.all)
    func settlement(_ make: TestStore) async throws {
        let store = try await make()
        try await open(ClearingHouse(in: store, models: store), OrderDesk(in: store))
        let outage = Outage(store, of: "cash-B")
        let house = ClearingHouse(in: outage, models: outage, policy: Self.policy)
        let desk = OrderDesk(in: outage)
        try await sell(1, of: "B", to: 2, desk)
        try await sell(3, of: "C", to: 4, desk)
        try await house.catchUp()
        #expect(try await house.process.state(of: "X#1").state.end == nil)
        #expect(try await house.process.state(of: "X#2").state.end == .settled)
        let parked = try await house.parked()
        let work = try #require(parked.first)
        #expect(parked.count == 1 && work.kind == .settlement && work.key == "clearing-X#1")
        #expect(work.what == "B is to receive 10.00 (X#1)" && work.reason.contains("'cash-B' is down"))
        #expect(work.tries == 2 && work.waiting == 1)

        try await house.replay(work.key)
        try await house.catchUp()
        #expect(try await house.parked().map(\.key) == ["clearing-X#1"])
        outage.end()
        try await house.replay(work.key)
        try await house.catchUp()
        #expect(try await house.parked().isEmpty)
        #expect(try await house.process.state(of: "X#1").state.end == .settled)
        #expect(try await house.cash.state(of: "B").state.available == .dollars(510))
        #expect(try await house.holdings.state(of: "A").state.available == ["X": 170])
        #expect(try await house.confirmations.confirmations().count == 4)
        await #expect(throws: NothingParked(key: work.key)) { try await house.replay(work.key) }
    }

    @Test("may be giving back what an order held, when somebody has taken it away", arguments: TestStore.all)
    func release(_ make: TestStore) async throws {
        let store = try await make()
        let house = ClearingHouse(in: store, models: store, policy: Self.policy)
        let desk = OrderDesk(in: store)
        try await open(house, desk)
        try await desk.submit(NewOrder(id: 1, side: .sell, limit: 10_000, quantity: 10), on: "B", of: "X")
        try await house.holdings.handle(.releaseAll(for: 1), id: "B")
        try await desk.books.handle(.delete(1), id: "X")
        try await house.catchUp()
        let parked = try await house.parked()
        #expect(parked.map(\.key) == ["order:1"] && parked.map(\.kind) == [.release])
        #expect(parked.map(\.what) == ["deleted with 10 left"] && parked.map(\.tries) == [1])
        try await house.holdings.handle(.hold(10, of: "X", for: 1), id: "B")
        try await house.replay("order:1")
        try await house.catchUp()
        #expect(try await house.parked().isEmpty)
        #expect(try await house.holdings.state(of: "B").state.available == ["X": 150])
    }
}
