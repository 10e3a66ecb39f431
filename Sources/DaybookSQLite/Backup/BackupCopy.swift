import CSQLite
import DaybookCore
import Foundation

/// Copies a store's file, as one read transaction sees it, by SQLite's online backup interface
/// (https://sqlite.org/c3ref/backup_finish.html).
///
/// The transaction lasts as long as the copy, so that the copy need not begin again when somebody writes. Meanwhile the
/// source's write-ahead log cannot be emptied.
struct BackupCopy {
    let source: String
    let fileSystem: String?
    /// The source's own: the copy stops before appends would be refused.
    let freeSpaceReserve: Int64
    /// Why to stop, asked between two steps.
    let interruption: () -> BackupError?
    let progress: (_ bytes: Int64, _ total: Int64) -> Void

    struct Result: Sendable {
        var head: Int64
        var bytes: Int64
        var sourceWALBytes: Int64
    }

    /// 4 MiB with pages of 4 KiB.
    private static let pagesPerStep: Int32 = 1024
    /// Room that the write-ahead log may take between two looks at the disk.
    private static let bytesPerLook: Int64 = 16 << 20

    func run(to destination: BackupDestination) throws(BackupError) -> Result {
        do {
            return try copy(to: destination)
        } catch let error as BackupError {
            throw error
        } catch let failure as SQLiteFailure {
            throw .storageFailed(path: source, reason: failure.description)
        } catch {
            throw .storageFailed(path: source, reason: "\(error)")
        }
    }

    private func copy(to destination: BackupDestination) throws -> Result {
        let connection = try open()
        try connection.execute("BEGIN")
        let head = try connection.integer("SELECT ifnull(max(position), 0) FROM events") ?? 0
        let pageBytes = try connection.integer("PRAGMA page_size") ?? 4096
        let bytes = pageBytes * (try connection.integer("PRAGMA page_count") ?? 0)
        try checkRoom(for: bytes, at: destination)

        let copy: Connection
        do {
            copy = try Connection(path: destination.partial, readOnly: false, creates: false, fileSystem: nil)
            // It is synced as a whole when it is done, and thrown away when it is not.
            try copy.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        } catch {
            throw BackupError.storageFailed(path: destination.partial, reason: error.description)
        }
        guard let backup = sqlite3_backup_init(copy.handle, "main", connection.handle, "main") else {
            let failure = SQLiteFailure(sqlite3_errcode(copy.handle), copy.handle, "beginning a backup")
            throw BackupError.storageFailed(path: destination.partial, reason: failure.description)
        }
        var code = SQLITE_OK
        var stop: BackupError?
        while code == SQLITE_OK, stop == nil {
            code = sqlite3_backup_step(backup, Self.pagesPerStep)
            let total = Int64(sqlite3_backup_pagecount(backup)) * pageBytes
            progress(total - Int64(sqlite3_backup_remaining(backup)) * pageBytes, total)
            stop = interruption() ?? shortage()
        }
        // Closing it tells of an error that a step met.
        let closed = sqlite3_backup_finish(backup)
        withExtendedLifetime(copy) {}
        if let stop, code == SQLITE_OK { throw stop }
        if code == SQLITE_DONE { code = closed }
        guard code == SQLITE_OK else { throw failure(code, destination) }
        let wal = Self.size(of: source + "-wal")
        try connection.execute("COMMIT")
        return Result(head: head, bytes: Self.size(of: destination.partial), sourceWALBytes: wal)
    }

    private func open() throws -> Connection {
        guard FileManager.default.fileExists(atPath: source) else {
            throw BackupError.sourceUnusable(.missing(path: source))
        }
        do {
            let connection = try Connection(observing: source, fileSystem: fileSystem)
            let applicationID = try connection.integer("PRAGMA application_id") ?? 0
            let version = try connection.integer("PRAGMA user_version") ?? 0
            guard applicationID == Schema.applicationID else {
                throw BackupError.sourceUnusable(
                    .notADaybook(path: source, reason: "application_id \(applicationID)"))
            }
            guard version <= Schema.version else {
                throw BackupError.sourceUnusable(.newerFormat(path: source, found: version, known: Schema.version))
            }
            return connection
        } catch let failure as SQLiteFailure where failure.primaryCode == SQLITE_NOTADB {
            throw BackupError.sourceUnusable(.notADaybook(path: source, reason: failure.message))
        }
    }

    private func checkRoom(for bytes: Int64, at destination: BackupDestination) throws(BackupError) {
        guard let free = OwnerLock.freeBytes(beside: destination.partial) else { return }
        let kept =
            BackupDestination.isOnOneDisk(source, destination.partial) && freeSpaceReserve > 0
            ? freeSpaceReserve.addingClamped(Self.bytesPerLook) : 0
        let needed = bytes.addingClamped(kept)
        guard free < needed else { return }
        throw .noRoom(path: destination.path, neededBytes: needed, freeBytes: free)
    }

    private func shortage() -> BackupError? {
        guard freeSpaceReserve > 0, let free = OwnerLock.freeBytes(beside: source),
            free < freeSpaceReserve.addingClamped(Self.bytesPerLook)
        else { return nil }
        return .sourceDiskFilled(path: source, freeBytes: free)
    }

    /// A code of SQLite does not tell which of the two files it is about.
    private func failure(_ code: Int32, _ destination: BackupDestination) -> BackupError {
        let failure = SQLiteFailure(code, nil, "copying it to \(destination.partial)")
        switch failure.primaryCode {
        case SQLITE_FULL:
            return .noRoom(
                path: destination.path, neededBytes: Self.size(of: source),
                freeBytes: OwnerLock.freeBytes(beside: destination.partial) ?? 0)
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            return .damaged(
                path: source, finding: VerificationFinding(position: nil, stream: nil, reason: failure.description),
                count: 1)
        default: return .storageFailed(path: source, reason: failure.description)
        }
    }

    private static func size(of path: String) -> Int64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    }
}
