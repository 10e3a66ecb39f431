import DaybookCore
import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes an archive: under a name of its own, until it is whole, durable and checked.
///
/// Used by one thread at a time.
final class ArchiveWriter {
    private let store: String
    private let fileSystem: String?
    private let partial: String
    private let positions: ClosedRange<Int64>
    private var connection: Connection?
    private var insert: Statement?
    private var checksum = ArchiveChecksum()
    private(set) var events: Int64 = 0

    /// The last position that was copied.
    private(set) var done: Int64

    /// - Throws: ``ArchiveError`` when the file cannot be made.
    init(_ positions: ClosedRange<Int64>, of store: String, fileSystem: String?) throws(ArchiveError) {
        self.store = store
        self.fileSystem = fileSystem
        self.positions = positions
        partial = store + ".archive-partial"
        done = positions.lowerBound - 1
        // What an earlier run has left.
        for suffix in ["", "-journal"] { unlink(partial + suffix) }
        do {
            let connection = try Connection(path: partial, readOnly: false, creates: true, fileSystem: fileSystem)
            try connection.execute(
                """
                PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
                PRAGMA application_id = \(ArchiveFile.applicationID); PRAGMA user_version = \(ArchiveFile.version);
                CREATE TABLE events(position INTEGER PRIMARY KEY, record BLOB NOT NULL)
                """)
            insert = try connection.prepare("INSERT INTO events(position, record) VALUES(?, ?)")
            self.connection = connection
        } catch {
            throw .notWritten(file: partial, reason: "\(error)")
        }
    }

    private var name: String {
        URL(fileURLWithPath: store).lastPathComponent + ".archive-\(positions.lowerBound)-\(positions.upperBound)"
    }

    private var path: String { ArchiveFile.path(name, beside: store) }

    /// Copies some more events.
    func copy(_ count: Int64, from log: LogReader) throws(ArchiveError) {
        let end = min(positions.upperBound, done + count)
        guard done < end, let connection, let insert else { return }
        do {
            try connection.execute("BEGIN")
            try log.records(from: done + 1, through: end) { position, record throws(StoreFailure) in
                insert.bind(1, position)
                do throws(SQLiteFailure) { try insert.run(binding: record.bytes, at: 2) } catch {
                    throw StoreFailure.archive(position: position, file: partial, reason: "\(error)")
                }
                checksum.add(position, record)
                events += 1
                return true
            }
            try connection.execute("COMMIT")
        } catch let failure as StoreFailure {
            if case .archive(_, partial, let reason) = failure { throw .notWritten(file: partial, reason: reason) }
            throw .unreadable(failure.readError(file: store))
        } catch {
            throw .notWritten(file: partial, reason: "\(error)")
        }
        done = end
    }

    /// Gives the archive its name, and reads it again, record by record.
    ///
    /// - Throws: ``ArchiveError``, also when another file has the name.
    func finish() throws(ArchiveError) -> ArchiveRow {
        insert = nil
        connection = nil
        let row = ArchiveRow(
            positions: positions, name: name, bytes: ArchiveFile.bytes(of: partial) ?? 0, records: checksum.value)
        if ArchiveFile.bytes(of: path) == nil {
            try Self.sync(partial)
            guard rename(partial, path) == 0 else {
                throw .notWritten(file: path, reason: "renaming: \(String(cString: strerror(errno)))")
            }
        } else {
            // An earlier run has come as far as this, and was stopped before the store listed its archive.
            guard (try? ArchiveFile(row, beside: store, fileSystem: fileSystem).check(row)) != nil else {
                throw .exists(file: path)
            }
            unlink(partial)
        }
        try Self.sync(URL(fileURLWithPath: path).deletingLastPathComponent().path)
        chmod(path, 0o444)
        do {
            try ArchiveFile(row, beside: store, fileSystem: fileSystem).check(row)
        } catch let failure as StoreFailure {
            throw .notWritten(file: path, reason: failure.reason(file: store))
        } catch let damage as ArchiveDamage {
            throw .notWritten(file: path, reason: damage.reason)
        } catch {
            throw .notWritten(file: path, reason: "\(error)")
        }
        return row
    }

    private static func sync(_ path: String) throws(ArchiveError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .notWritten(file: path, reason: "opening it: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .notWritten(file: path, reason: "syncing it: \(String(cString: strerror(errno)))")
        }
    }
}
