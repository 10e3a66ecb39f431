import DaybookCore
import DaybookPostgres
import Testing

// The samples of the module's page stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The page of the PostgreSQL module")
struct DaybookPostgresPageTests {
    @Test("has samples that compile")
    func compiles() {
        let opening: @Sendable () async throws -> Void = Self.open
        _ = opening
    }

    private static func open() async throws {
        // sample: open
        let store = try await PostgresEventStore.open("postgresql://shop@db1,db2/shop")
        print(store.durability)
        // end of sample
        await store.close()
    }
}
