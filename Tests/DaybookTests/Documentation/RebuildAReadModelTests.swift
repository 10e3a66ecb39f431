import Daybook
import DaybookCore
import Testing

// The samples of "Rebuild a read model" stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The guide to rebuilding", .timeLimit(.minutes(1)))
struct RebuildAReadModelTests {
    @Test("runs")
    func rebuilding() async throws {
        struct BalancesV1: Projection {
            let name: ReadModelName = "balances-1"
            func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
            func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
                document = (document ?? 0) + 1
            }
        }
        struct BalancesV2: Projection {
            let name: ReadModelName = "balances-2"
            func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
            func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
                document = (document ?? 0) + 1
            }
        }
        let store = InMemoryEventStore()
        try await CommandHandler(CashAccount.self, in: store, category: "account").handle(.deposit(amount: 1), id: "1")
        _ = try await ProjectionRunner(BalancesV1(), of: store, in: store).catchUp()

        // sample: rebuild
        let rebuild = try ProjectionRebuild(
            of: "balances", from: BalancesV1(), to: BalancesV2(), log: store, models: store)
        try await rebuild.build { print("\(Int($0.fraction * 100)) %, \($0.timeLeft ?? .zero) left") }
        let comparison = try await rebuild.compare()
        for difference in comparison.differences {
            print(difference.kind, difference.key, "by positions", difference.causes.map(\.position))
        }
        try await rebuild.switchOver(comparison, allowing: 0)
        // end of sample

        // sample: ask the alias
        let alias = ReadModelAlias("balances", in: store)
        let isNew = try await alias.target() == "balances-2"
        // end of sample
        #expect(isNew)
    }
}
