import ArgumentParser
import DaybookSQLite

/// The store that a verb works on.
struct StoreOptions: ParsableArguments {
    @Option(name: .customLong("store"), help: ArgumentHelp("The store's file.", valueName: "file"))
    var path: String

    /// Opens the store, and closes it when the operation ends, however it ends.
    ///
    /// - Parameter creates: Whether the file is made when it is not there.
    func withStore<Value>(
        creates: Bool, _ operation: (SQLiteEventStore) async throws -> Value
    ) async throws -> Value {
        var configuration = SQLiteEventStore.Configuration()
        configuration.createsFile = creates
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        do {
            let value = try await operation(store)
            await store.close()
            return value
        } catch {
            await store.close()
            throw error
        }
    }
}
