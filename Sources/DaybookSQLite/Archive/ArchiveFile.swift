import Foundation

/// A file of old events, read through a connection of its own.
final class ArchiveFile {
    let path: String
    private let connection: Connection
    private let one: Statement
    private let ascending: Statement
    private let descending: Statement

    /// "DAYA".
    static let applicationID: Int64 = 0x4441_5941
    static let version: Int64 = 1

    /// Opens a file that is there.
    ///
    /// - Throws: ``ArchiveDamage`` when it is not the one that the row tells of.
    init(_ row: ArchiveRow, beside store: String, fileSystem: String?) throws(ArchiveDamage) {
        path = Self.path(row.name, beside: store)
        guard let bytes = Self.bytes(of: path) else { throw ArchiveDamage(path, "the file is not there") }
        guard bytes == row.bytes else {
            throw ArchiveDamage(path, "the file has \(bytes) bytes; \(row.bytes) were written")
        }
        do {
            connection = try Connection(path: path, fileSystem: fileSystem)
            let id = try connection.integer("PRAGMA application_id")
            let version = try connection.integer("PRAGMA user_version")
            guard id == Self.applicationID, version == Self.version else {
                throw ArchiveDamage(path, "it is no archive of a version that is known")
            }
            one = try connection.prepare("SELECT record FROM events WHERE position = ?")
            ascending = try connection.prepare(
                "SELECT position, record FROM events WHERE position >= ? AND position <= ? ORDER BY position")
            descending = try connection.prepare(
                "SELECT position, record FROM events WHERE position <= ? AND position >= ? ORDER BY position DESC")
        } catch let damage as ArchiveDamage {
            throw damage
        } catch {
            throw ArchiveDamage(path, "\(error)")
        }
    }

    static func path(_ name: String, beside store: String) -> String {
        URL(fileURLWithPath: store).deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// The size of a file; nil when it is not there.
    static func bytes(of path: String) -> Int64? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.int64Value
    }

    /// Looks at a record's bytes; nil when there is none at the position.
    func withBytes<Result>(
        at position: Int64, _ body: (UnsafeRawBufferPointer) throws(StoreFailure) -> Result
    ) throws(StoreFailure) -> Result? {
        one.bind(1, position)
        do {
            guard try one.step() else { return nil }
        } catch {
            throw .archive(position: position, file: path, reason: "\(error)")
        }
        defer { one.reset() }
        return try body(one.bytes(0))
    }

    /// Looks at the bytes of the records at some positions, in either direction, until told to stop.
    func eachBytes(
        from first: Int64, through last: Int64,
        _ body: (Int64, UnsafeRawBufferPointer) throws(StoreFailure) -> Bool
    ) throws(StoreFailure) {
        let statement = first <= last ? ascending : descending
        statement.bind(1, first)
        statement.bind(2, last)
        defer { statement.reset() }
        var next = first
        while true {
            do {
                guard try statement.step() else { return }
            } catch {
                throw .archive(position: next, file: path, reason: "\(error)")
            }
            let position = statement.integer(0)
            guard try body(position, statement.bytes(1)) else { return }
            next = first <= last ? position + 1 : position - 1
        }
    }

    /// Reads every record, and compares them with what was written.
    func check(_ row: ArchiveRow) throws(StoreFailure) {
        var checksum = ArchiveChecksum()
        try eachBytes(from: row.positions.lowerBound, through: row.positions.upperBound) {
            position, bytes throws(StoreFailure) in
            do throws(RecordDamage) {
                checksum.add(position, try EventRecord.View(bytes, at: position))
            } catch {
                throw StoreFailure.archive(position: position, file: path, reason: error.reason)
            }
            return true
        }
        guard checksum.value == row.records else {
            throw .archive(
                position: row.positions.lowerBound, file: path,
                reason: "the checksum of its records is \(checksum.value), not \(row.records)")
        }
    }
}

/// Why an archive cannot be read.
struct ArchiveDamage: Error {
    let path: String
    let reason: String

    init(_ path: String, _ reason: String) {
        self.path = path
        self.reason = reason
    }
}
