import Daybook
import DaybookCore
import DaybookTesting
import Testing

@testable import Exchange

@Suite("What changed in the accounts")
struct AccountChangeTests {
    @Test(
        "is what an account has more or less than at an earlier moment, by the events since", arguments: TestStore.all)
    func changes(_ make: TestStore) async throws {
        let time = DrivenTime()
        let store = try await make(time: time.source)
        let floor = TradingFloor(in: store)
        try await floor.cash.handle(.deposit(100), id: "A")
        try await floor.cash.handle(.deposit(100), id: "B")
        try await floor.holdings.handle(.deposit(60, of: "X"), id: "B")
        let (noon, position) = (time.now, try await store.head())
        time.advance(by: .seconds(1))
        try await floor.cash.handle([.hold(30, for: 1), .releaseAll(for: 1)], id: "A")
        try await floor.cash.handle(.hold(40, for: 2), id: "B")
        try await floor.holdings.handle(.withdraw(60, of: "X"), id: "B")
        try await floor.holdings.handle(.deposit(5, of: "Y"), id: "C")
        for earlier in [.position(position), .time(noon)] as [LogMoment] {
            let changes = try await AccountChange.all(in: store, from: earlier)
            // What A has is what it had.
            #expect(changes.map(\.account) == ["B", "C"])
            #expect(
                changes[0].cash
                    == .init(before: .init(available: 100, held: 0), after: .init(available: 60, held: 40)))
            #expect(changes[0].holdings == .init(before: .init(positions: ["X": .init(available: 60)]), after: .init()))
            #expect(changes[0].events.map(\.what) == ["held 0.0040 in cash", "withdrew 60 X"])
            #expect(changes[0].events.map(\.event) == ["cash-B@1", "holdings-B@1"])
            #expect(changes[1].cash == nil)
            #expect(
                changes[1].holdings == .init(before: .init(), after: .init(positions: ["Y": .init(available: 5)])))
        }
        #expect(
            try await AccountChange.all(in: store, from: .position(position), to: .position(position.next)).map(
                \.account)
                == ["A"])
        #expect(try await AccountChange.all(in: store, from: .latest).isEmpty)
    }
}
