import DaybookCore
import DaybookPostgres
import DaybookTesting
import Testing

@Suite("The PostgreSQL store", .enabled(if: Server.isGiven, Server.hint))
struct PostgresEventStoreLawTests {
    @Test("keeps every law", arguments: EventStoreLaw.all)
    func law(_ law: EventStoreLaw) async throws {
        try await Server.withStore { try await law.check($0) }
    }

    @Test("keeps every law of derived state", arguments: DerivedStateLaw.all)
    func derivedStateLaw(_ law: DerivedStateLaw) async throws {
        try await Server.withStore { try await law.check($0) }
    }

    @Test("keeps every law of health", arguments: HealthLaw.all)
    func healthLaw(_ law: HealthLaw) async throws {
        try await Server.withStore { try await law.check($0) }
    }

    @Test("keeps every law across an opening", arguments: DurabilityLaw.all)
    func durabilityLaw(_ law: DurabilityLaw) async throws {
        try await Server.withSchema { schema in
            var open: PostgresEventStore?
            try await law.check {
                await open?.close()
                let store = try await Server.open(schema)
                open = store
                return store
            }
            await open?.close()
        }
    }
}
