import DaybookCore
import DaybookTesting
import Testing

@Suite("The in-memory store", .timeLimit(.minutes(5)))
struct InMemoryEventStoreTests {
    @Test("keeps every law", arguments: EventStoreLaw.all)
    func law(_ law: EventStoreLaw) async throws {
        try await law.check(InMemoryEventStore())
    }

    @Test("keeps every law of derived state", arguments: DerivedStateLaw.all)
    func derivedState(_ law: DerivedStateLaw) async throws {
        try await law.check(InMemoryEventStore())
    }

    @Test("keeps every law of health", arguments: HealthLaw.all)
    func health(_ law: HealthLaw) async throws {
        try await law.check(InMemoryEventStore())
    }
}
