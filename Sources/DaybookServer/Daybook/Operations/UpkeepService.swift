#if Server
import DaybookCore
import DaybookProtocol

/// Has a store look after itself while it is served, when an operator asks for it.
struct UpkeepService: Sendable {
    let store: any StoreUpkeep
    let log: KurrentLog
    /// Nil when no backups are made for clients.
    let backupFolder: String?
    private let runs = UpkeepRuns()

    init(store: any StoreUpkeep, log: KurrentLog, backupFolder: String?) {
        self.store = store
        self.log = log
        self.backupFolder = backupFolder
    }

    var routes: RPCRoutes {
        var routes = RPCRoutes()
        routes.add(.performUpkeep, .waitingStore(perform, changes: { !$0.task.onlyLooks }))
        routes.add(.upkeepProgress, .store(progress))
        return routes
    }

    @Sendable private func perform(_ request: UpkeepRequest) async throws(OperationFailure) -> UpkeepReport {
        let task = try located(request.task)
        guard runs.begin(request.id, onlyLooks: task.onlyLooks) else {
            throw OperationFailure(
                .busy, "The server is at work on its store already, for this or another operator: ask again later.")
        }
        defer { runs.end(request.id) }
        // Also when it fails: events may be gone.
        defer { if case .scavenging = task { log.indexTables.forgetAll() } }
        do throws(UpkeepError) {
            let report = try await store.perform(task) { [runs] in runs.note($0, of: request.id) }
            return UpkeepReport(report)
        } catch {
            throw OperationFailure(error)
        }
    }

    /// The task with the place of a backup in the folder for them: a client names a file, and never a path.
    private func located(_ task: UpkeepTask) throws(OperationFailure) -> UpkeepTask {
        guard case .backup(var backup) = task else { return task }
        guard let backupFolder else {
            throw OperationFailure(
                .unsupported,
                "The server was not told where backups may be: start it by 'daybook serve --backup-folder FOLDER', or copy the "
                    + "log to a file here, 'daybook copy --from daybook://HOST --to file:PATH'.")
        }
        guard Self.isFileName(backup.destination) else {
            throw OperationFailure(
                .invalid,
                "'\(backup.destination.prefix(200))' is no name of a file in the server's folder of backups: use up to "
                    + "\(Self.nameBytes) letters, digits and . _ - behind a letter or digit.")
        }
        backup.destination = "\(backupFolder)/\(backup.destination)"
        return .backup(backup)
    }

    private static let nameBytes = 200

    private static func isFileName(_ text: String) -> Bool {
        guard text.utf8.count <= nameBytes, let first = text.utf8.first, isAlphanumeric(first) else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || "._-".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    @Sendable private func progress(_ request: UpkeepProgressRequest) async throws(OperationFailure) -> MaybeProgress {
        MaybeProgress(runs.progress(of: request.id))
    }
}
#endif
