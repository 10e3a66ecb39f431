import DaybookCore
import DaybookTesting
import Testing

@Suite("The in-memory store and the model", .timeLimit(.minutes(5)))
struct InMemoryEventStoreModelTests {
    @Test("agree on random requests and reads", arguments: TestSeeds.first(200))
    func agree(seed: UInt64) async throws {
        let time = DrivenTime()
        try await EventStoreModelTest(seed: seed, steps: 60, time: time).run {
            InMemoryEventStore(time: time.source)
        }
    }

    @Test("agree with the machine's clock", arguments: TestSeeds.first(20))
    func agreeWithSystemTime(seed: UInt64) async throws {
        try await EventStoreModelTest(seed: seed, steps: 60).run { InMemoryEventStore() }
    }
}
