import DaybookCore
import DaybookSQLite
import Foundation
import GRDB

/// A log and a read model's database that the tests run on.
struct TestDatabase: Sendable, CustomStringConvertible {
    let description: String
    let makeStore: @Sendable () async throws -> any EventStore
    let makeDatabase: @Sendable (TemporaryFolder) throws -> any DatabaseWriter

    static let all = [
        TestDatabase(
            description: "a log in memory, a pool",
            makeStore: { InMemoryEventStore() },
            makeDatabase: { try DatabasePool(path: $0.path("model.sqlite")) }),
        TestDatabase(
            description: "a log in SQLite, a pool",
            makeStore: { try await SQLiteEventStore.temporary() },
            makeDatabase: { try DatabasePool(path: $0.path("model.sqlite")) }),
        TestDatabase(
            description: "a log in SQLite, a queue with a rollback journal",
            makeStore: { try await SQLiteEventStore.temporary() },
            makeDatabase: { try DatabaseQueue(path: $0.path("model.sqlite")) }),
        TestDatabase(
            description: "a log in memory, a database in memory",
            makeStore: { InMemoryEventStore() },
            makeDatabase: { _ in try DatabaseQueue() }),
    ]
}

/// A folder that is removed when nothing refers to it any more.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-test-\(EventID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}
