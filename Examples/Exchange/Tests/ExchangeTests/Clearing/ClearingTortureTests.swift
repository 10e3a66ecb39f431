import Daybook
import DaybookCore
import DaybookTesting
import Testing

@testable import Exchange

@Suite("The clearing under torture")
struct ClearingTortureTests {
    private static let policy = ConsumerPolicy(
        deliveries: 1_000, backoff: .milliseconds(1), backoffCeiling: .milliseconds(5), pollInterval: .milliseconds(2))
    private static let accounts = ["A", "B", "C", "D"]

    /// The clearing house under the one name that it has, however often it is started; D's custodian never answers.
    private static func house(in store: any EventStore & ReadModelStore, _ time: DrivenTime) -> ClearingHouse {
        ClearingHouse(in: store, models: store, policy: policy, member: "house", time: time.source) { command in
            if case .deliver(_, "D", _, _) = command { true } else { false }
        }
    }

    private static func ends(in store: any EventStore) async throws -> [ClearingEvent] {
        var ends: [ClearingEvent] = []
        let filter = EventFilter(types: ["clearing.settled", "clearing.reversed"])
        for try await event in store.events(filter: filter) { ends += try ClearingEvent.makeReader().decode(event) }
        return ends
    }

    /// What the clearing leaves behind.
    private struct Outcome: Equatable {
        var ends: Set<ClearingEvent>
        var cash: [String: CashAccount.State] = [:]
        var holdings: [String: Holdings.State] = [:]
        var confirmations: [Exchange.Confirmation]

        init(of store: any EventStore & ReadModelStore, _ time: DrivenTime) async throws {
            let house = house(in: store, time)
            let all = try await ClearingTortureTests.ends(in: store)
            ends = Set(all)
            #expect(ends.count == all.count, "A trade ends once.")
            for account in accounts {
                cash[account] = try await house.cash.state(of: account).state
                holdings[account] = try await house.holdings.state(of: account).state
            }
            confirmations = try await house.confirmations.confirmations()
        }
    }

    @Test("settles, reverses, gives back and confirms each thing once, whatever crashes when")
    func clearing() async {
        let time = DrivenTime()
        await SystemTorture(in: {
            time.set(to: ScriptedMarket.opening)
            return InMemoryEventStore(time: time.source)
        }) { store in
            try await Self.house(in: store, time).run()
        } until: { store in
            // D's trade waits for its deadline.
            let isOverdue = time.now > ScriptedMarket.opening
            guard try await Self.ends(in: store).count == (isOverdue ? 3 : 2) else { return false }
            return try await Self.house(in: store, time).isIdle()
        } observing: { store in
            try await Outcome(of: store, time)
        }
        .recording { store in
            let (house, desk) = (Self.house(in: store, time), OrderDesk(in: store))
            func submit(_ order: OrderID, _ side: Side, _ quantity: Quantity, _ account: AccountID) async throws {
                try await desk.submit(
                    NewOrder(id: order, side: side, limit: 10_000, quantity: quantity), on: account, of: "X")
            }
            try await desk.books.handle(.open(Opening(instrument: "X", session: "2026-01-05")), id: "X")
            for account in Self.accounts {
                try await house.cash.handle(.deposit(.dollars(500)), id: account)
                try await house.holdings.handle(.deposit(150, of: "X"), id: account)
            }
            try await submit(1, .sell, 10, "B")
            try await submit(2, .buy, 10, "A")
            try await submit(3, .sell, 20, "C")
            try await house.holdings.handle(.releaseAll(for: 3), id: "C")  // C cannot deliver.
            try await submit(4, .buy, 20, "A")
            try await submit(5, .sell, 30, "D")
            try await submit(6, .buy, 30, "A")
            try await submit(7, .buy, 5, "A")
            try await desk.books.handle(.delete(7), id: "X")
        }
        .recording { _ in time.advance(by: Clearing.patience) }
        .check(seeds: TestSeeds.first(40))
    }

    @Test("confirms each execution once, without gaps for any account, however often and in which order it is told")
    func confirmations() async {
        func executed(_ execution: ExecutionID, _ seller: AccountID, _ buyer: AccountID) -> OrderBook.Event {
            .executed(
                execution: execution, order: 1, account: seller, side: .sell, price: 1_000, quantity: 10, against: 2,
                by: buyer, limit: 1_200)
        }
        await HandlerTorture(in: { InMemoryEventStore() }) { store, recorded in
            let events = try OrderBook.Event.makeReader().decode(recorded)
            try await Inbox("confirmations", model: Confirmations.model, in: store).once(recorded) { documents in
                for event in events { try await Confirmations.confirm(event, recorded, &documents) }
            }
        } observing: { store in
            // Which of two books comes first is chance.
            let all = try await Confirmations(of: store, in: store).confirmations()
            return Dictionary(grouping: all, by: \.account).mapValues { confirmations in
                #expect(confirmations.map(\.number) == Array(1...confirmations.count))
                return confirmations.map(\.execution.rawValue).sorted()
            }
        }
        .recording(executed("X#1", "A", "B"), executed("X#2", "B", "C"), executed("X#3", "A", "C"), to: "book-X")
        .recording(executed("Y#1", "A", "B"), executed("Y#2", "C", "A"), to: "book-Y")
        .check(seeds: TestSeeds.first(100))
    }
}
