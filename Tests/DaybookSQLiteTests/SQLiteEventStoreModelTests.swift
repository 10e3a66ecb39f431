import DaybookCore
import DaybookSQLite
import DaybookTesting
import Testing

@Suite("The embedded store, over random requests, reads and openings", .timeLimit(.minutes(5)))
struct SQLiteEventStoreModelTests {
    @Test("does what the model says", arguments: TestSeeds.first(30), [8, 200_000])
    func model(seed: UInt64, indexEntriesInMemory: Int) async throws {
        let time = DrivenTime()
        var configuration = SQLiteEventStore.Configuration()
        configuration.indexEntriesInMemory = indexEntriesInMemory
        configuration.cachedNames = indexEntriesInMemory
        configuration.time = time.source
        let folder = try TemporaryFolder()
        try await EventStoreModelTest(seed: seed, steps: 60, time: time).run {
            try await SQLiteEventStore.open(folder.path("\(EventID()).daybook"), configuration: configuration)
        } reopen: { store in
            let store = try #require(store as? SQLiteEventStore)
            await store.close()
            return try await SQLiteEventStore.open(store.path, configuration: configuration)
        }
    }
}
