import DaybookCore
import Foundation
import GRDB

/// A database of which nothing needs to survive anything.
///
/// Its file has no name any more once it is open, so that it goes with the connection, also where the process is killed.
/// Until then nobody else can read it.
final class ScratchDatabase: Sendable {
    /// Usable for as long as this object is referred to.
    let queue: DatabaseQueue

    /// Makes an empty one, or a copy of a file that nobody writes to.
    ///
    /// - Parameter configuration: As the application opens its database: with its functions and collations, and with its
    ///   foreign keys or without.
    init(copying file: URL? = nil, _ configuration: Configuration) throws {
        let folder = try Self.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        if let file { try FileManager.default.copyItem(at: file, to: Self.file(in: folder)) }
        queue = try Self.open(folder, configuration)
        try queue.writeWithoutTransaction { try Self.relax($0) }
    }

    /// Makes a copy of a database that may be in use, as of one of its transactions.
    init(of database: any DatabaseReader) async throws {
        let folder = try Self.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let queue = try Self.open(folder, database.configuration)
        self.queue = queue
        try await database.read { source in
            try queue.writeWithoutTransaction { db in
                try source.backup(to: db)
                // A copy of a database with a write-ahead log says that it has one.
                try Self.relax(db)
            }
        }
    }

    private static func makeFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-scratch-\(EventID())")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return folder
    }

    private static func file(in folder: URL) -> URL { folder.appendingPathComponent("scratch.sqlite") }

    private static func open(_ folder: URL, _ configuration: Configuration) throws -> DatabaseQueue {
        var configuration = configuration
        configuration.readonly = false
        return try DatabaseQueue(path: file(in: folder).path, configuration: configuration)
    }

    /// Opens a file that is kept; it can be read, and not changed.
    init(reading file: URL, _ configuration: Configuration) throws {
        var configuration = configuration
        configuration.readonly = true
        queue = try DatabaseQueue(path: file.path, configuration: configuration)
    }

    func read<Value: Sendable>(_ value: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        // The connection goes with the last reference, which a caller may have given up by now.
        defer { withExtendedLifetime(self) {} }
        return try await queue.read(value)
    }

    func write<Value: Sendable>(_ change: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        defer { withExtendedLifetime(self) {} }
        return try await queue.write(change)
    }

    deinit { try? queue.close() }

    /// A journal in memory also because SQLite makes none in a file for a database whose file has no name any more.
    private static func relax(_ db: Database) throws {
        try db.execute(sql: "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536")
    }
}
