/// The last numbers of the log when its write-ahead log was last copied into the database.
///
/// They stand in a table, and so in a page, of their own, and are saved in front of each copying: damage to the tables of the
/// log, which could make them end earlier and look whole, is found out at the next opening.
struct LogEnd: Equatable {
    var position: Int64
    var name: Int64
    var commit: Int64

    static let row: Int64 = 1

    init(_ numbers: LogNumbers) {
        position = numbers.position
        name = numbers.name
        commit = numbers.commit
    }

    /// The end that was saved; nil when none was, or what was saved is damaged and tells nothing.
    init?(savedIn connection: Connection) throws(SQLiteFailure) {
        do {
            guard try connection.integer("SELECT count(*) FROM sqlite_master WHERE name = 'log_end'") ?? 0 > 0 else {
                return nil
            }
            let saved = try connection.prepare(
                "SELECT position, last_name, last_commit, crc FROM log_end WHERE id = \(Self.row)")
            guard try saved.step() else { return nil }
            defer { saved.reset() }
            position = saved.integer(0)
            name = saved.integer(1)
            commit = saved.integer(2)
            guard saved.integer(3) == Int64(crc) else { return nil }
        } catch {
            guard error.isDamage else { throw error }
            return nil
        }
    }

    /// Whether what stands at these numbers is what was written there, or the mark of what was lost. A number that is damaged may
    /// be far beyond the end: noted down, it would be taken for the end for good, also when the log is salvaged.
    func isWhole(in connection: Connection) throws(SQLiteFailure) -> Bool {
        do throws(SQLiteFailure) {
            let events = try connection.prepare("SELECT record FROM events WHERE position = \(position)")
            guard try events.step() else { return false }
            defer { events.reset() }
            let event = events.bytes(0)
            guard (try? EventRecord.View(event, at: position)) != nil || LostRecord.isOne(event, position) else {
                return false
            }
            if name > 0 {
                let names = try connection.prepare("SELECT kind, text, crc FROM names WHERE id = \(name)")
                guard try names.step() else { return false }
                defer { names.reset() }
                guard names.integer(2) == Int64(NameReader.crc(name, names.integer(0), names.text(1))) else {
                    return false
                }
            }
            if commit > 0 {
                let commits = try connection.prepare("SELECT record FROM commits WHERE number = \(commit)")
                guard try commits.step() else { return false }
                defer { commits.reset() }
                let record = commits.bytes(0)
                guard (try? CommitRecord(record, number: commit)) != nil || LostRecord.isOne(record, commit) else {
                    return false
                }
            }
            return true
        } catch {
            guard error.isDamage else { throw error }
            return false
        }
    }

    /// Saves it in a transaction of its own.
    func save(in connection: Connection) throws(SQLiteFailure) {
        do {
            try connection.execute(
                """
                BEGIN IMMEDIATE; \(Schema.logEnd);
                INSERT OR REPLACE INTO log_end(id, position, last_name, last_commit, crc)
                VALUES(\(Self.row), \(position), \(name), \(commit), \(crc)); COMMIT
                """)
        } catch {
            if connection.isInTransaction { try? connection.execute("ROLLBACK") }
            // Without room, or where its page is damaged, there is none: the log itself can still be copied.
            guard error.isDiskFull || error.isDamage else { throw error }
        }
    }

    var crc: UInt32 {
        var bytes: [UInt8] = []
        for value in [position, name, commit] {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return CRC32C.of(Self.row, bytes)
    }
}
