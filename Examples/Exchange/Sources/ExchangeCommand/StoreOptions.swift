import ArgumentParser
import DaybookCore
import DaybookSQLite

/// The store that a verb works on.
struct StoreOptions: ParsableArguments {
    @Option(name: .customLong("store"), help: ArgumentHelp("The store's file.", valueName: "file"))
    var path: String

    /// Opens the store, and closes it when the operation ends, however it ends.
    ///
    /// - Parameters:
    ///   - creates: Whether the file is made when it is not there.
    ///   - time: What the store records as the time of its events.
    func withStore<Value>(
        creates: Bool, time: TimeSource = .system, _ operation: (any MarketStore) async throws -> Value
    ) async throws -> Value {
        var configuration = SQLiteEventStore.Configuration()
        configuration.createsFile = creates
        configuration.time = time
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
