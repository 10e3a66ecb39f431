import DaybookCore
import DaybookSQLite

/// A store that the tests of the model run on.
struct TestStore: Sendable, CustomStringConvertible {
    let description: String
    private let open: @Sendable (TimeSource) async throws -> any EventStore & ReadModelStore

    /// A new and empty store.
    ///
    /// - Parameter time: Where recorded times come from.
    func make(time: TimeSource = .system) async throws -> any EventStore & ReadModelStore { try await open(time) }

    static let all = [
        TestStore(description: "in memory") { InMemoryEventStore(time: $0) },
        TestStore(description: "SQLite") { time in
            var configuration = SQLiteEventStore.Configuration()
            configuration.time = time
            return try await SQLiteEventStore.temporary(configuration: configuration)
        },
    ]
}
