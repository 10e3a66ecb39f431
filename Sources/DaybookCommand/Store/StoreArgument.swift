import ArgumentParser
import DaybookCore
import DaybookSQLite
import Foundation

#if Client
import DaybookClient
import DaybookProtocol
#endif

/// The store that a verb works on: a file, or that of a server.
struct StoreArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The store: the path of its file, file:PATH, or a server, daybook://HOST:PORT.", valueName: "store"),
        completion: .file(), transform: StoreAddress.fileOrServer(_:))
    var address: StoreAddress
    /// Only told of here: ``ServerInPlace`` has put it into the place of the store.
    @Option(help: "The store of a server, in place of a file: daybook://HOST:PORT, with ?tls=false without TLS.")
    var server: String?
    @OptionGroup var options: ServerOptions

    var isOnServer: Bool { address.server != nil }

    /// Opens the store, does something with it, and closes it, whatever happened.
    ///
    /// - Parameter creates: Whether a missing file is made; otherwise it is an error.
    func withStore<Result>(
        creates: Bool = false, durability: Durability = .everyCommit, _ body: (any EventStore) async throws -> Result
    ) async throws -> Result {
        guard isOnServer else {
            return try await withFile(creates: creates, durability: durability) { try await body($0) }
        }
        guard durability == .everyCommit else {
            throw CommandFailure(.usage, "How durable appends are is the server's to say: leave --durability out.")
        }
        return try await address.withServer(options.login, body)
    }

    /// The same for what only a file can do.
    func withFile<Result>(
        creates: Bool = false, durability: Durability = .everyCommit, _ body: (SQLiteEventStore) async throws -> Result
    ) async throws -> Result {
        try await withOpenFile(try path(), creates: creates, durability: durability, body)
    }

    /// Does something with the store, or with its file, which is only read, when another process has it open.
    func withFileOrObserving<Result>(
        _ body: (SQLiteEventStore) async throws -> Result, observing: (_ path: String) async throws -> Result
    ) async throws -> Result {
        do { return try await withFile(body) } catch let failure as CommandFailure where failure.code == .unavailable {
            return try await observing(try path())
        }
    }

    func path() throws(CommandFailure) -> String {
        guard let path = address.path else { throw CommandFailure(.usage, "'\(address)' is no file.") }
        return path
    }

    /// Has the store of a server look after itself, and shows how far it is.
    ///
    /// - Parameter title: What it does, as in "Verifying".
    func upkeep<Report: Decodable>(_ task: UpkeepTask, _ title: String) async throws -> Report {
        #if Client
        let working = ProgressBar(title, unit: "events")
        let copying = ProgressBar("Copying", unit: "bytes")
        let verifying = ProgressBar("Verifying", unit: "events")
        let bars = [working, copying, verifying]
        defer { for bar in bars { bar.finish() } }
        let report = try await address.withClient(options.login, isUser: false) { (client) async throws -> [UInt8] in
            do throws(OperationFailure) {
                return try await client.operations.perform(task) { progress in
                    switch progress.step {
                    case .working: working.update(done: progress.done, total: progress.total)
                    case .copying: copying.update(done: progress.done, total: progress.total)
                    case .verifying:
                        copying.finish()
                        verifying.update(done: progress.done, total: progress.total)
                    }
                }
            } catch {
                // Not when it is the server that gave it up.
                if error.code == .cancelled, Task.isCancelled { throw CancellationError() }
                throw CommandFailure(error)
            }
        }
        do { return try JSONDecoder().decode(Report.self, from: Data(report)) } catch {
            throw CommandFailure(
                .malformedInput, "The server's report cannot be read, as of a server of another version: \(error)")
        }
        #else
        throw StoreAddress.withoutClient
        #endif
    }
}

/// Opens the store in a file, does something with it, and closes it, whatever happened.
func withOpenFile<Result>(
    _ path: String, creates: Bool, durability: Durability = .everyCommit,
    _ body: (SQLiteEventStore) async throws -> Result
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
