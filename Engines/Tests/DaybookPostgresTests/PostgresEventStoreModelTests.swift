import DaybookCore
import DaybookPostgres
import DaybookTesting
import Testing

@Suite(
    "The PostgreSQL store, over random requests, reads and openings", .enabled(if: Server.isGiven, Server.hint),
    .timeLimit(.minutes(10)))
struct PostgresEventStoreModelTests {
    @Test("does what the model says", arguments: TestSeeds.first(20))
    func model(seed: UInt64) async throws {
        let time = DrivenTime()
        var stores: [PostgresEventStore] = []
        var schemas: [String] = []
        func open(_ schema: String) async throws -> PostgresEventStore {
            let store = try await Server.open(schema) { $0.time = time.source }
            stores.append(store)
            return store
        }
        try await Server.withSchema { prefix in
            let error: (any Error)?
            do {
                try await EventStoreModelTest(seed: seed, steps: 60, time: time).run {
                    schemas.append("\(prefix)_\(schemas.count)")
                    return try await open(schemas[schemas.count - 1])
                } reopen: { _ in
                    await stores[stores.count - 1].close()
                    return try await open(schemas[schemas.count - 1])
                }
                error = nil
            } catch let thrown { error = thrown }
            for store in stores { await store.close() }
            for schema in schemas { try Server.sql("DROP SCHEMA IF EXISTS \(schema) CASCADE") }
            if let error { throw error }
        }
    }
}
