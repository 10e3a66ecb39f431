extension WriterThread {
    private static let eventsPerTransaction = 5_000

    /// Lists an archive: from now on its events may be read from there.
    func add(_ archive: ArchiveRow) throws(StoreFailure) {
        try upgrade()
        // What is in memory only is gathered from the log at the next opening, which must not need the archive.
        try writeIndex(through: archive.positions.upperBound)
        try transaction {
            let insert = try connection.prepare(
                "INSERT INTO archives(\(ArchiveRow.columns)) VALUES(?, ?, ?, ?, ?, ?)")
            archive.bind(to: insert)
            try insert.run()
        }
    }

    /// Removes some of the events up to a position, all of which are in archives.
    ///
    /// - Returns: How many; 0 when none is left.
    func removeArchived(through position: Int64) throws(StoreFailure) -> Int64 {
        do {
            guard let first = try connection.integer("SELECT min(position) FROM events"), first <= position else {
                return 0
            }
        } catch {
            throw .sqlite(error)
        }
        return try transaction {
            let delete = try connection.prepare("DELETE FROM events WHERE position <= ?")
            delete.bind(1, try lastToRemove(through: position))
            try delete.run()
            return Int64(connection.changedRows)
        }
    }

    /// The last event up to a position that one transaction removes, together with all before it.
    private func lastToRemove(through position: Int64) throws(SQLiteFailure) -> Int64 {
        let rows = try connection.prepare(
            """
            SELECT position, length(record) FROM events WHERE position <= ?
            ORDER BY position LIMIT \(Self.eventsPerTransaction)
            """)
        rows.bind(1, position)
        defer { rows.reset() }
        var (last, bytes): (Int64, Int64) = (0, 0)
        while bytes < Self.bytesRemovedPerTransaction, try rows.step() {
            last = rows.integer(0)
            bytes += rows.integer(1)
        }
        return last
    }
}
