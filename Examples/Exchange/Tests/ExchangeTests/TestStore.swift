import Daybook
import DaybookCore
import DaybookSQLite

/// A store that the exchange's tests run on.
struct TestStore: Sendable, CustomStringConvertible {
    typealias Store = any EventStore & ReadModelStore & SnapshotStore

    let description: String
    let make: @Sendable (TimeSource) async throws -> Store

    func callAsFunction(time: TimeSource = .system) async throws -> Store { try await make(time) }

    static let all = [
        TestStore(description: "in memory") { InMemoryEventStore(time: $0) },
        TestStore(description: "SQLite") { time in
            var configuration = SQLiteEventStore.Configuration()
            configuration.time = time
            return try await SQLiteEventStore.temporary(configuration: configuration)
        },
    ]
}
