import DaybookCore
import DaybookSQLite
import Testing

/// The stores on which a test of the exchange runs.
enum StoreKind: CaseIterable {
    case memory
    case sqlite

    /// Runs a test on a new store. What is in a file is read and checked afterwards.
    func withStore(_ test: (any EventStore) async throws -> Void) async throws {
        switch self {
        case .memory: try await test(InMemoryEventStore())
        case .sqlite:
            let folder = try Folder()
            let store = try await SQLiteEventStore.open(folder.path + "/day.daybook")
            try await test(store)
            let report = try await store.verify()
            #expect(report.findings.isEmpty)
            await store.close()
        }
    }
}
