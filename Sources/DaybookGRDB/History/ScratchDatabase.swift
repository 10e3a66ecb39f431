import DaybookCore
import Foundation
import GRDB

/// A database that is thrown away with the last reference to it: nothing of it needs to survive anything.
final class ScratchDatabase: Sendable {
    /// Usable for as long as this object is referred to.
    let queue: DatabaseQueue
    /// Nil for one that others keep, and that is only read.
    private let file: URL?

    /// Makes an empty one, or a copy of a file that nobody writes to.
    init(copying file: URL? = nil) throws {
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-scratch-\(EventID()).sqlite")
        if let file { try FileManager.default.copyItem(at: file, to: copy) }
        self.file = copy
        queue = try DatabaseQueue(path: copy.path)
        try queue.writeWithoutTransaction { try Self.relax($0) }
    }

    /// Makes a copy of a database that may be in use, as of one of its transactions.
    convenience init(of database: any DatabaseReader) async throws {
        try self.init()
        let queue = queue
        try await database.read { source in
            try queue.writeWithoutTransaction { db in
                try source.backup(to: db)
                // A copy of a database with a write-ahead log says that it has one.
                try Self.relax(db)
            }
        }
    }

    /// Opens a file that is kept; it can be read, and not changed.
    init(reading file: URL) throws {
        var configuration = Configuration()
        configuration.readonly = true
        queue = try DatabaseQueue(path: file.path, configuration: configuration)
        self.file = nil
    }

    func read<Value: Sendable>(_ value: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        // The file and the connection go with the last reference, which a caller may have given up by now.
        defer { withExtendedLifetime(self) {} }
        return try await queue.read(value)
    }

    func write<Value: Sendable>(_ change: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        defer { withExtendedLifetime(self) {} }
        return try await queue.write(change)
    }

    deinit {
        try? queue.close()
        if let file { try? FileManager.default.removeItem(at: file) }
    }

    private static func relax(_ db: Database) throws {
        try db.execute(sql: "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536")
    }
}
