import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@testable import Exchange

@Suite("The holdings of all accounts")
struct HoldingsBalancesTests {
    private typealias Balance = HoldingsBalances.Balance

    private static func balance(_ available: Quantity, held: Quantity = 0) -> Balance {
        Balance(positions: ["X": .init(available: available, held: held)])
    }

    @Test(
        "are what is available, and what open orders hold", arguments: [.first, .second] as [HoldingsBalances.Version])
    func balances(version: HoldingsBalances.Version) {
        ProjectionScenario(HoldingsBalances(version))
            .given(
                .deposited(instrument: "X", quantity: 60), .held(instrument: "X", quantity: 50, order: 1),
                in: "holdings-A", tags: [AccountID("A").tag]
            )
            .given(
                .received(instrument: "X", quantity: 20, order: 2, execution: "X#1"), in: "holdings-B",
                tags: [AccountID("B").tag]
            )
            .thenDocuments(["A": Self.balance(10, held: 50), "B": Self.balance(20)])
            .given(
                .delivered(instrument: "X", quantity: 20, order: 1, execution: "X#1"),
                .released(instrument: "X", quantity: 30, order: 1),
                .returned(instrument: "X", quantity: 20, order: 1, execution: "X#1"),
                .withdrawn(instrument: "X", quantity: 1), in: "holdings-A", tags: [AccountID("A").tag]
            )
            .then("A", Self.balance(59))
    }

    @Test("say in the first version of what nothing is left, and not in the second")
    func soldOut() {
        func sold(_ version: HoldingsBalances.Version) -> ProjectionScenario<HoldingsBalances> {
            ProjectionScenario(HoldingsBalances(version))
                .given(
                    .deposited(instrument: "X", quantity: 60), .deposited(instrument: "Y", quantity: 1),
                    .withdrawn(instrument: "Y", quantity: 1), .withdrawn(instrument: "X", quantity: 60),
                    in: "holdings-A", tags: [AccountID("A").tag])
        }
        sold(.first).then("A", Balance(positions: ["X": .init(), "Y": .init()]))
        sold(.second).thenNone("A")
            .given(.deposited(instrument: "Y", quantity: 2), in: "holdings-A", tags: [AccountID("A").tag])
            .then("A", Balance(positions: ["Y": .init(available: 2)]))
    }

    @Test(
        "are rebuilt beside the version that answers, go on where a build stopped, and answer until they are switched back",
        arguments: TestStore.all)
    func rebuilds(_ make: TestStore) async throws {
        let clock = MarketClock(at: ScriptedMarket.opening)
        let store = try await make(time: clock.source)
        try await ScriptedMarket(in: store, models: store, clock: clock).play { _ in }
        let first = try await accounts(in: store)
        let rebuild = try HoldingsBalances.rebuild(of: store, in: store, batchSize: 3)
        let interrupted = Task {
            try await rebuild.build { progress in
                if progress.position > .start { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await #expect(throws: RebuildError.projection(.cancelled)) { try await interrupted.value }
        let reached = Mutex<[Position]>([])
        let end = try await rebuild.build { progress in reached.withLock { $0.append(progress.position) } }
        #expect(reached.withLock(\.first) ?? .start > .start)
        #expect(try await end == store.head())

        let comparison = try await rebuild.compare()
        #expect(comparison.documentCount == 4 && comparison.lostCount == 1 && comparison.differenceCount == 1)
        let difference = try #require(comparison.differences.first)
        #expect(difference.key == "BEN" && difference.causes.map(\.type) == ["holdings.delivered"])
        await #expect(throws: RebuildError.tooManyDifferences(count: 1, allowed: 0, first: ["BEN"])) {
            try await rebuild.switchOver(comparison)
        }
        #expect(try await accounts(in: store) == first)

        try await rebuild.switchOver(comparison, allowing: 1)
        let second = try await accounts(in: store)
        #expect(first.first { $0.account == "BEN" }?.holdings == Balance(positions: ["ALDER": .init()]))
        #expect(second.first { $0.account == "BEN" }?.holdings == Balance())
        #expect(second.map(\.worth) == first.map(\.worth))
        // The version that answers goes on with the log.
        try await CommandHandler(Holdings.self, in: store, category: Holdings.category)
            .handle(.deposit(5, of: "ALDER"), id: "BEN")
        #expect(
            try await accounts(in: store).first { $0.account == "BEN" }?.holdings
                == Balance(positions: ["ALDER": .init(available: 5)]))
        try await rebuild.switchBack()
        #expect(
            try await accounts(in: store).first { $0.account == "BEN" }?.holdings
                == Balance(positions: ["ALDER": .init(available: 5)]))
        #expect(try await HoldingsBalances.answering(in: store).version == .first)
    }

    private func accounts(in store: TestStore.Store) async throws -> [AccountStatement] {
        let models = try await MarketReadModels(of: store, in: store)
        try await models.catchUp()
        return try await models.accounts()
    }
}
