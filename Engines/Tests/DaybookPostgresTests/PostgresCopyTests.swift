import DaybookCore
import DaybookPostgres
import DaybookTesting
import Foundation
import Testing

@Suite(
    "A log that is copied to and from PostgreSQL", .enabled(if: Server.isGiven, Server.hint),
    .timeLimit(.minutes(5)))
struct PostgresCopyTests {
    /// Stores that a law asks for, each in a schema of its own.
    private actor Stores {
        private var opened: [(schema: String, store: PostgresEventStore)] = []

        func open() async throws -> PostgresEventStore {
            let schema = "test_\(EventID().description.replacingOccurrences(of: "-", with: "_"))"
            let store = try await Server.open(schema)
            opened.append((schema, store))
            return store
        }

        func remove() async {
            for (schema, store) in opened {
                await store.close()
                _ = try? Server.sql("DROP SCHEMA IF EXISTS \(schema) CASCADE")
            }
            opened = []
        }
    }

    /// Else a page of as many rows as fit when events are small would bring gigabytes.
    @Test("tells readers how large its events may be")
    func largeEvents() async throws {
        try await Server.withSchema { schema in
            let source = InMemoryEventStore()
            try await source.append([NewEvent(type: "small", data: [1])], to: "account-1")
            try await source.append(
                [NewEvent(type: "large", data: [UInt8](repeating: 7, count: Limits.eventBytes))], to: "account-1")
            let target = try await Server.open(schema)
            try await LogCopy(from: source, to: target).run()
            #expect(
                try Server.sql("SELECT size >= \(Limits.eventBytes) FROM \(schema).largest_event") == [["t"]])
            await target.close()
        }
    }

    @Test("keeps every law of copying", arguments: CopyLaw.all)
    func law(_ law: CopyLaw) async throws {
        let stores = Stores()
        do {
            try await law.check { try await stores.open() }
        } catch {
            await stores.remove()
            throw error
        }
        await stores.remove()
    }
}
