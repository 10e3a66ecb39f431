import DaybookCore
import DaybookSQLite

/// A store that the tests of the model run on.
struct TestStore: Sendable, CustomStringConvertible {
    let description: String
    let make: @Sendable () async throws -> any EventStore & ReadModelStore

    static let all = [
        TestStore(description: "in memory") { InMemoryEventStore() },
        TestStore(description: "SQLite") { try await SQLiteEventStore.temporary() },
    ]
}
