import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Testing

@Suite("A transfer between two cash accounts")
struct CashTransferTests {
    private let funded = BoundaryScenario(CashTransfer.self)
        .given(
            .deposited(amount: 100), .held(amount: 60, order: 1), in: "cash-A", tags: CashAccount.tags(ofSubject: "A"))
    private func transfer(_ amount: Money, _ source: AccountID, _ target: AccountID) -> CashTransfer.Command {
        CashTransfer.Command(amount, from: source, to: target)
    }

    @Test("leaves one account and enters the other")
    func moves() {
        let out = CashAccount.Event.transferredOut(amount: 40, from: "A", to: "A.margin")
        let into = CashAccount.Event.transferredIn(amount: 40, from: "A", to: "A.margin")
        funded.when(transfer(40, "A", "A.margin"))
            .then(PlacedEvent(out, in: "cash-A"), PlacedEvent(into, in: "cash-A.margin"))
        Scenario(CashAccount.self).given(.deposited(amount: 100), out).when(.withdraw(60)).then(.withdrawn(amount: 60))
        Scenario(CashAccount.self).given(into).when(.withdraw(41))
            .thenRejected(.insufficientCash(requested: 41, available: 40))
    }

    @Test("takes what is available, and never what orders hold")
    func available() {
        funded.when(transfer(41, "A", "A.margin"))
            .thenRejected(.insufficientCash(requested: 41, available: 40, held: 60))
        funded.given(.transferredOut(amount: 30, from: "A", to: "B"), in: "cash-A")
            .given(.transferredIn(amount: 30, from: "A", to: "B"), in: "cash-B")
            .when(transfer(11, "A", "B")).thenRejected(.insufficientCash(requested: 11, available: 10, held: 60))
    }

    @Test("refuses the same account twice, strangers' accounts that nobody has, and amounts beyond its bounds")
    func refuses() {
        funded.when(transfer(10, "A", "A")).thenRejected(.sameAccount("A"))
        funded.when(transfer(10, "A", "B")).thenRejected(.unknownAccount("B"))
        funded.when(transfer(10, "C", "A")).thenRejected(.unknownAccount("C"))
        funded.when(transfer(0, "A", "A.margin")).thenRejected(.amountOutOfBounds(0))
        let full = Money.allowed.upperBound
        funded.given(.deposited(amount: full), in: "cash-B", tags: CashAccount.tags(ofSubject: "B")).when(
            transfer(1, "A", "B")
        )
        .thenRejected(.tooMuchCash("B", 1))
    }

    @Test("has every type of cash event in its boundary")
    func boundary() throws {
        funded.thenBoundary(of: transfer(1, "A", "B"), takesIn: [try SchemaSource(CashAccount.self)])
    }

    @Test("happens once by its command identifier, in both streams or in none", arguments: TestStore.all)
    func once(_ make: TestStore) async throws {
        let store = try await make()
        let floor = TradingFloor(in: store)
        let transfers = BoundaryHandler(CashTransfer.self, in: store)
        try await floor.cash.handle(.deposit(100), id: "A")
        for _ in 0..<3 { try await transfers.handle(transfer(30, "A", "A.margin"), commandID: "transfer-1") }
        #expect(try await floor.cash.state(of: "A").state.available == 70)
        #expect(try await floor.cash.state(of: "A.margin").state.available == 30)
        await #expect(throws: BoundaryError<CashTransfer.Rejection>.self) {
            try await transfers.handle(transfer(71, "A", "A.margin"), commandID: "transfer-2")
        }
        #expect(try await floor.cash.state(of: "A").state.total + floor.cash.state(of: "A.margin").state.total == 100)
    }

    @Test(
        "and the orders of both accounts at the same time never spend cash twice", arguments: TestStore.all, seeds(2))
    func races(_ make: TestStore, seed: UInt64) async throws {
        let store = try await make()
        let floor = TradingFloor(in: store)
        let retry = RetryPolicy(attempts: 10_000, base: .microseconds(10), ceiling: .milliseconds(2))
        let transfers = BoundaryHandler(CashTransfer.self, in: store, retry: retry)
        let orders = CommandHandler(CashAccount.self, in: store, category: CashAccount.category, retry: retry)
        for id in ["A", "B"] { try await floor.cash.handle(.deposit(500), id: id) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...30 {
                var random = SplitMix64(seed: seed &* 1_000 &+ UInt64(number))
                let amount = Money(Int64.random(in: 1...90, using: &random))
                let isForward = Bool.random(using: &random)
                group.addTask {
                    do {
                        try await transfers.handle(isForward ? transfer(amount, "A", "B") : transfer(amount, "B", "A"))
                    } catch BoundaryError<CashTransfer.Rejection>.rejected {}
                }
                group.addTask {
                    do {
                        try await orders.handle(.hold(amount, for: OrderID(Int64(number))), id: isForward ? "A" : "B")
                    } catch CommandError<CashAccount.Rejection>.rejected {}
                }
            }
            try await group.waitForAll()
        }
        let states = try await (floor.cash.state(of: "A").state, floor.cash.state(of: "B").state)
        #expect(states.0.total + states.1.total == 1_000, "seed \(seed)")
        // What is available was never below nothing, at no version of either stream.
        for id in ["A", "B"] {
            var state = CashAccount.initialState
            for try await event in store.events(of: StreamName(unchecked: "cash-\(id)")) {
                for event in try JSONEventCodec<CashAccount.Event>().decode(event) {
                    CashAccount.evolve(&state, with: event)
                }
                #expect(state.available >= .zero, "seed \(seed), version \(event.version)")
            }
        }
    }

    @Test(
        "reads an amount from text",
        arguments: [
            ("1250", 12_500_000), ("0.5", 5_000), ("0.0625", 625), ("3.00", 30_000), ("", nil), (".5", nil),
            ("1.", nil),
            ("-1", nil), ("1.23456", nil), ("1,5", nil), ("99999999999999999999", nil),
        ] as [(String, Int64?)])
    func text(text: String, amount: Int64?) { #expect(Money(text) == amount.map { Money($0) }) }
}
