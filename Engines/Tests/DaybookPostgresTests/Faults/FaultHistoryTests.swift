import DaybookCore
import DaybookTesting
import Testing

/// What histories are judged by whose server failed, where no server is needed.
@Suite("A history whose server failed", .timeLimit(.minutes(5)))
struct FaultHistoryTests {
    @Test(
        "has no violations when the store is correct, and each that is planted is reported",
        arguments: TestSeeds.first(2))
    func planted(seed: UInt64) async throws {
        let history = try await HistoryWorkload(seed: seed, operations: 3_000).run(on: InMemoryEventStore())
        let judged = FaultHistory(history)
        let violations = judged.violations()
        #expect(violations.isEmpty, "seed \(seed), \(violations.count): \(violations.prefix(3))")
        #expect(judged.missed(seed: seed) == [], "seed \(seed)")
        #expect(HistoryCanary(history).missed(seed: seed) == [], "seed \(seed)")
    }

    @Test("shows nothing when it has few appends")
    func fewAppends() async throws {
        let history = try await HistoryWorkload(seed: 1, operations: 100).run(on: InMemoryEventStore())
        #expect(FaultHistory(history).violations().count == 1)
    }
}
