import ArgumentParser
import DaybookCore
import DaybookSQLite

/// The store that a verb works on.
struct StoreArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The store: the path of its file, or file:PATH.", valueName: "file"), completion: .file(),
        transform: StoreAddress.path(_:))
    var path: String

    /// Opens the store, does something with it, and closes it, whatever happened.
    ///
    /// - Parameter creates: Whether a missing file is made; otherwise it is an error.
    func withStore<Result>(
        creates: Bool = false, durability: Durability = .everyCommit, _ body: (any EventStore) async throws -> Result
    ) async throws -> Result {
        try await withFile(creates: creates, durability: durability) { try await body($0) }
    }

    /// The same for what only a file can do, such as checking itself.
    func withFile<Result>(
        creates: Bool = false, durability: Durability = .everyCommit, _ body: (SQLiteEventStore) async throws -> Result
    ) async throws -> Result {
        let store = try await openStore(path, creates: creates, durability: durability)
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            throw error
        }
    }

    /// Does something with the store, or with its file, which is only read, when another process has it open.
    func withFileOrObserving<Result>(
        _ body: (SQLiteEventStore) async throws -> Result, observing: (_ path: String) async throws -> Result
    ) async throws -> Result {
        do { return try await withFile(body) } catch let failure as CommandFailure where failure.code == .unavailable {
            return try await observing(path)
        }
    }
}

/// Opens the store in a file.
func openStore(
    _ path: String, creates: Bool, durability: Durability = .everyCommit,
    freeSpaceReserve: Int64 = SQLiteEventStore.Configuration().freeSpaceReserve
) async throws(CommandFailure) -> SQLiteEventStore {
    var configuration = SQLiteEventStore.Configuration()
    configuration.createsFile = creates
    configuration.durability = durability
    configuration.freeSpaceReserve = freeSpaceReserve
    do { return try await SQLiteEventStore.open(path, configuration: configuration) } catch {
        throw CommandFailure(error)
    }
}

extension CommandFailure {
    init(_ error: OpenError) {
        let code: ExitCode =
            switch error {
            case .missing: .missingFile
            case .owned: .unavailable
            case .corrupted, .logTooShort: .damageFound
            case .notADaybook, .newerFormat: .malformedInput
            case .refused: .refused
            case .storageFailed: .inputOutput
            }
        self.init(code, error.description)
    }
}
