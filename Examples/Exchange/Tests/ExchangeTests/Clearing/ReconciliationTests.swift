import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Testing

@Suite("A reconciliation")
struct ReconciliationTests {
    private func record<Event: DomainEvent>(
        _ events: [Event], to stream: StreamName, in store: any EventStore
    ) async throws {
        let codec = JSONEventCodec<Event>()
        try await store.append(try events.map { NewEvent(try codec.encode($0)) }, to: stream)
    }

    /// Two trades that were reversed before the buyer's cash was taken, which came all the same: the first is given back.
    @Test("expects what a side of a reversed trade gave to be given back, and calls it no fault")
    func refundToCome() async throws {
        let store = InMemoryEventStore()
        try await record([CashAccount.Event.deposited(amount: 1_000)], to: "cash-A", in: store)
        for number in 1...2 {
            let execution = ExecutionID(instrument: "X", number: Int64(number))
            try await record(
                [
                    OrderBook.Event.executed(
                        execution: execution, order: 2, account: "A", side: .buy, price: 100, quantity: 1, against: 1,
                        by: "B", limit: 100)
                ], to: "book-X", in: store)
            try await record(
                [ClearingEvent.reversed(execution: execution, buying: 2, selling: 1, reason: "overdue")],
                to: StreamName("clearing-\(execution)"), in: store)
            try await record(
                [CashAccount.Event.paid(amount: 100, saved: 0, order: 2, execution: execution)], to: "cash-A",
                in: store)
        }
        try await record(
            [CashAccount.Event.refunded(amount: 100, order: 2, execution: "X#1")], to: "cash-A", in: store)
        let result = try await Reconciliation.of(store, models: store)
        #expect(result.faults.isEmpty)
        #expect(result.outstanding.contains("1 reversed executions have cash or shares to be given back"))
        #expect(result.reversed == 2 && result.open == 0)
    }

    @Test("calls it a fault when a settled trade has something between its sides")
    func stuck() async throws {
        let store = InMemoryEventStore()
        try await record([CashAccount.Event.deposited(amount: 1_000)], to: "cash-A", in: store)
        try await record(
            [
                OrderBook.Event.executed(
                    execution: "X#1", order: 2, account: "A", side: .buy, price: 100, quantity: 1, against: 1, by: "B",
                    limit: 100)
            ], to: "book-X", in: store)
        try await record(
            [ClearingEvent.settled(execution: "X#1", buying: 2, selling: 1)], to: "clearing-X#1", in: store)
        try await record(
            [CashAccount.Event.paid(amount: 100, saved: 0, order: 2, execution: "X#1")], to: "cash-A", in: store)
        let result = try await Reconciliation.of(store, models: store)
        #expect(result.faults == ["1 executions have cash or shares between the two sides"])
    }
}
