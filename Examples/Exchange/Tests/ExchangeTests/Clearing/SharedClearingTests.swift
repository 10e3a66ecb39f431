import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Testing

@Suite("A clearing house of several processes")
struct SharedClearingTests {
    private static let lease = Duration.milliseconds(300)

    /// One process: its part of the clearing and of the read models.
    private func work(
        _ store: any EventStore & ReadModelStore, models: any ReadModelStore
    ) -> Task<Void, any Error> {
        Task {
            let policy = ConsumerPolicy(
                lease: Self.lease, deliveries: 1000, backoff: .milliseconds(1), backoffCeiling: .milliseconds(5),
                pollInterval: .milliseconds(2))
            func election(_ name: ElectionName) -> LeaderElection {
                LeaderElection(name, in: models, lease: Self.lease, pollInterval: .milliseconds(2))
            }
            let house = ClearingHouse(in: store, models: models, policy: policy)
            let readModels = try await MarketReadModels(of: store, in: models)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await house.run(electing: election("clearing")) }
                group.addTask { try await election("market").run { try await readModels.run() } }
                defer { group.cancelAll() }
                while try await group.next() != nil {}
            }
        }
    }

    @Test(
        "settles, confirms and counts a day once, whichever process is killed", .timeLimit(.minutes(3)),
        arguments: TestStore.all)
    func kills(_ kind: TestStore) async throws {
        let store = try await kind()
        var configuration = OrderFlow.Configuration()
        configuration.seed = 3
        configuration.orders = 300
        configuration.traders = 10
        configuration.arrivalsPerRound = 12
        var flow = OrderFlow(configuration)
        let day = DeskDay(in: store)
        try await day.open(flow)
        var members = (0..<2).map { _ in
            let models = MortalModels(store)
            return (models: models, task: work(store, models: models))
        }
        var rounds = 0
        while let round = try flow.nextRound() {
            try await day.submit(round)
            rounds += 1
            if rounds == 2 {
                let killed = members.removeFirst()  // It joined first, and leads.
                killed.models.kill()
                await #expect(throws: (any Error).self) { try await killed.task.value }
                let models = MortalModels(store)
                members.append((models, work(store, models: models)))
            }
        }
        try await eventually("everything is settled, confirmed and counted") {
            let result = try await Reconciliation.of(store, models: store)
            return result.isComplete || !result.faults.isEmpty
        }
        for member in members { member.task.cancel() }
        for member in members { try await member.task.value }
        let result = try await Reconciliation.of(store, models: store)
        #expect(result.faults.isEmpty)
        #expect(result.executions > 20 && result.settled == result.executions && result.reversed == 0)
        #expect(result.confirmations == 2 * result.executions)
        // Settled one by one or in rounds: everybody has the same in the end.
        let accounts = try await MarketReadModels(of: store, in: store).accounts()
        for (account, cash, holdings) in flow.accounts() {
            let statement = try #require(accounts.first { $0.account == account })
            #expect(statement.cash.total == cash.total && statement.cash.available == cash.available)
            for (instrument, position) in statement.holdings.positions {
                #expect(position.available == holdings.available[Instrument(rawValue: instrument)] ?? 0)
            }
        }
    }
}
