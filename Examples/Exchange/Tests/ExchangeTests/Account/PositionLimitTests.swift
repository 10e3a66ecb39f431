import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Testing

@Suite("The position limit of an owner")
struct PositionLimitTests {
    typealias Command = PositionLimit.Command

    private func reserve(_ quantity: Quantity, for order: OrderID, on account: AccountID) -> Command {
        .reserve(quantity, of: "X", for: order, on: account, limit: 100)
    }
    private let owning = BoundaryScenario(PositionLimit.self)
        .given(
            .holdings(.deposited(instrument: "X", quantity: 30)), in: "holdings-A", tags: Holdings.tags(ofSubject: "A")
        )
        .given(
            .position(.reserved(order: 1, account: "A.margin", instrument: "X", quantity: 50)), in: "position-A")

    @Test("counts what all accounts of an owner hold and have on order")
    func counts() {
        let reserved = PositionEvent.reserved(order: 2, account: "A", instrument: "X", quantity: 20)
        owning.when(reserve(20, for: 2, on: "A")).then(PlacedEvent(reserved, in: "position-A"))
        owning.when(reserve(21, for: 2, on: "A.other")).thenRejected(
            .beyondLimit("X", owner: "A", requested: 21, held: 30, reserved: 50, limit: 100))
        owning.when(.reserve(100, of: "Y", for: 2, on: "A", limit: 100)).then(
            PlacedEvent(
                PositionEvent.reserved(order: 2, account: "A", instrument: "Y", quantity: 100), in: "position-A"))
        owning.when(reserve(0, for: 2, on: "A")).thenRejected(.quantityOutOfBounds(0))
    }

    @Test("takes in all that happens to holdings and reservations")
    func boundary() throws {
        owning.thenBoundary(
            of: reserve(1, for: 1, on: "A"),
            takesIn: [try SchemaSource(Holdings.self), try SchemaSource(PositionEvent.self)])
    }

    @Test("reserves once for an order, and releases what it has left")
    func repeats() {
        owning.when(reserve(50, for: 1, on: "A.margin")).thenNothing()
        let released = PositionEvent.released(order: 1, account: "A.margin", instrument: "X", quantity: 50)
        owning.when(.release(70, for: 1, on: "A.margin")).then(PlacedEvent(released, in: "position-A"))
        owning.given(.position(released), in: "position-A").when(.release(50, for: 1, on: "A.margin")).thenNothing()
        owning.when(.release(5, for: 9, on: "A")).thenNothing()
    }

    @Test("counts what an order buys once: on order before, and held from then on")
    func receives() {
        let bought = owning.given(
            .holdings(.received(instrument: "X", quantity: 40, order: 1, execution: "X#1")), in: "holdings-A.margin",
            tags: Holdings.tags(ofSubject: "A.margin"))
        bought.when(reserve(21, for: 2, on: "A")).thenRejected(
            .beyondLimit("X", owner: "A", requested: 21, held: 70, reserved: 10, limit: 100))
        let sold = bought.given(
            .holdings(.delivered(instrument: "X", quantity: 30, order: 3, execution: "X#2")), in: "holdings-A",
            tags: Holdings.tags(ofSubject: "A"))
        sold.when(reserve(50, for: 2, on: "A")).then(
            PlacedEvent(PositionEvent.reserved(order: 2, account: "A", instrument: "X", quantity: 50), in: "position-A")
        )
    }

    @Test(
        "is never exceeded by orders on two accounts at the same time, while some are filled and some end",
        arguments: TestStore.all, seeds(2))
    func races(_ make: TestStore, seed: UInt64) async throws {
        let store = try await make()
        let retry = RetryPolicy(attempts: 10_000, base: .microseconds(10), ceiling: .milliseconds(2))
        let limits = BoundaryHandler(PositionLimit.self, in: store, retry: retry)
        let floor = TradingFloor(in: store)
        let accounts: [AccountID] = ["A", "A.margin"]
        try await floor.holdings.handle(.deposit(20, of: "X"), id: "A")
        let refused = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...40 {
                var random = SplitMix64(seed: seed &* 1_000 &+ UInt64(number))
                let quantity = Quantity(Int64.random(in: 1...30, using: &random))
                let account = accounts[number % 2]
                let fate = Int.random(in: 0..<3, using: &random)
                let order = OrderID(Int64(number))
                group.addTask {
                    do { try await limits.handle(reserve(quantity, for: order, on: account)) } catch BoundaryError<
                        PositionLimit.Rejection
                    >.rejected { return 1 }
                    if fate == 0 {
                        try await limits.handle(.release(quantity, for: order, on: account))
                    } else if fate == 1 {
                        try await floor.holdings.handle(
                            .receive(
                                quantity, of: "X", for: order, in: ExecutionID(instrument: "X", number: Int64(number))),
                            id: account.rawValue)
                    }
                    return 0
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(refused > 0, "seed \(seed)")
        var state = PositionLimit.State()
        let reader = PositionLimit.Event.makeReader()
        for try await recorded in store.events(filter: EventFilter(tags: ["owner:A"])) {
            for event in try reader.decode(recorded) { PositionLimit.evolve(&state, with: event, of: recorded.stream) }
            let total = (state.held["X"] ?? 0) + state.reserved(of: "X")
            #expect(total <= 100, "seed \(seed), position \(recorded.position)")
        }
    }
}
