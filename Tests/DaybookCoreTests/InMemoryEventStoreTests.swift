import DaybookCore
import DaybookTesting
import Testing

@Suite("The in-memory store")
struct InMemoryEventStoreTests {
    @Test("keeps every law", arguments: EventStoreLaw.all)
    func law(_ law: EventStoreLaw) async throws {
        try await law.check(InMemoryEventStore())
    }
}
