import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

@Suite("The embedded store")
struct SQLiteEventStoreLawTests {
    /// Small enough that every law meets segments on the file, a segment being written, and a tail in memory.
    static let small: SQLiteEventStore.Configuration = {
        var configuration = SQLiteEventStore.Configuration()
        configuration.indexEntriesInMemory = 40
        configuration.cachedNames = 8
        return configuration
    }()

    @Test("keeps every law", arguments: EventStoreLaw.all)
    func law(_ law: EventStoreLaw) async throws {
        try await law.check(SQLiteEventStore.temporary())
    }

    @Test("keeps every law with little memory", arguments: EventStoreLaw.all)
    func lawWithLittleMemory(_ law: EventStoreLaw) async throws {
        try await law.check(SQLiteEventStore.temporary(configuration: Self.small))
    }

    @Test("keeps every law of derived state", arguments: DerivedStateLaw.all)
    func derivedStateLaw(_ law: DerivedStateLaw) async throws {
        try await law.check(SQLiteEventStore.temporary())
    }

    @Test("keeps every law across an opening", arguments: DurabilityLaw.all)
    func durabilityLaw(_ law: DurabilityLaw) async throws {
        for configuration in [SQLiteEventStore.Configuration(), Self.small] {
            let folder = try TemporaryFolder()
            var open: SQLiteEventStore?
            try await law.check {
                await open?.close()
                let store = try await SQLiteEventStore.open(folder.path("log.daybook"), configuration: configuration)
                open = store
                return store
            }
            await open?.close()
        }
    }
}
