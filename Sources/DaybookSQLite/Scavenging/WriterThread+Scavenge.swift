import DaybookCore

extension WriterThread {
    /// Records of so many bytes are removed in one transaction, and those of one event more. Where SQLite overwrites what is
    /// removed, as Debian's does, the pages of all of them lie in memory until the commit.
    static let bytesRemovedPerTransaction = 4 << 20

    /// Removes events for good, in one transaction unless they are large, and notes that it was done on purpose.
    ///
    /// Each record is read and checked before it goes. Events of a stream whose settings have changed since the batch was
    /// made stay.
    func scavenge(_ batch: ScavengeBatch) throws(StoreFailure) -> (events: Int64, bytes: Int64) {
        guard let last = batch.positions.last else { return (0, 0) }
        try upgrade()
        // What is in memory only is gathered from the log at the next opening, and would not be there any more.
        try writeIndex(through: last)
        log.tail.hasScavenged.store(true, ordering: .releasing)
        let reader = log.reader
        reader.scavenged.begin()
        defer { reader.scavenged.begin() }
        let archived = try reader.archives.all().last?.positions.upperBound ?? 0
        var removed: (events: Int64, bytes: Int64) = (0, 0)
        var rest = batch.positions
        while !rest.isEmpty {
            let (events, bytes) = try removeFirst(of: &rest, batch.reasons, archivedThrough: archived)
            removed.events += events
            removed.bytes += bytes
        }
        return removed
    }

    /// Makes a file of an earlier version, for which there was no room when it was opened, one of this version.
    func upgrade() throws(StoreFailure) {
        if let failure { throw .stopped(failure) }
        do { try Schema.upgrade(connection) } catch {
            note(error)
            throw .sqlite(error)
        }
    }

    /// Removes the events at the first of some positions, as many as one transaction takes, and these positions.
    private func removeFirst(
        of positions: inout ArraySlice<Int64>, _ reasons: [Int64: ScavengeBatch.Reason], archivedThrough archived: Int64
    ) throws(StoreFailure) -> (events: Int64, bytes: Int64) {
        let reader = log.reader
        let wanted = Array(positions)
        var last = wanted.last ?? 0
        let removed = try transaction { () -> (events: Int64, bytes: Int64) in
            var isUnchanged: [Int64: Bool] = [:]
            var runs: [ClosedRange<Int64>] = []
            var removed: (events: Int64, bytes: Int64) = (0, 0)
            var size = 0
            try reader.eachRecord(at: wanted) { position, record throws(StoreFailure) in
                guard let reason = reasons[record.stream], record.version < reason.below else {
                    throw .indexDamaged("an entry of a stream leads to another event, at position \(position)")
                }
                if isUnchanged[record.stream] == nil {
                    let key = IndexKey(kind: .control, key: record.stream)
                    let control = try reader.index.last(under: key, atOrBelow: log.last.position)?.number
                    isUnchanged[record.stream] = control == reason.control
                }
                guard isUnchanged[record.stream] == true else { return true }
                if let run = runs.last, run.upperBound == position - 1 {
                    runs[runs.count - 1] = run.lowerBound...position
                } else {
                    runs.append(position...position)
                }
                removed.events += 1
                if position > archived { removed.bytes += Int64(record.bytes.count) }
                size += record.bytes.count
                guard size >= Self.bytesRemovedPerTransaction else { return true }
                last = position
                return false
            }
            let delete = try connection.prepare("DELETE FROM events WHERE position BETWEEN ? AND ?")
            let ranges = try ScavengedRangeWriter(connection)
            for run in runs {
                delete.bind(1, run.lowerBound)
                delete.bind(2, run.upperBound)
                try delete.run()
                try ranges.add(run)
            }
            return removed
        }
        positions = positions.drop { $0 <= last }
        return removed
    }

    /// Makes the file as small as what it holds. Nothing is written meanwhile.
    ///
    /// SQLite copies the database into a temporary file, and from there through the write-ahead log in one transaction.
    func compact() throws(ScavengeError) {
        if let failure { throw .storageFailed(reason: "\(path): \(failure)") }
        do throws(any Error) {
            let pages = try connection.integer("PRAGMA page_count") ?? 0
            let free = try connection.integer("PRAGMA freelist_count") ?? 0
            let size = try connection.integer("PRAGMA page_size") ?? 0
            let needed = (2 * (pages - free) * size).addingClamped(configuration.freeSpaceReserve)
            if let room = OwnerLock.freeBytes(beside: path), room < needed {
                throw ScavengeError.noRoom(file: path, needed: needed, free: room)
            }
            try connection.checkpoint(.truncate)
            // In memory the copies would take as much of it as the file has bytes: what goes through the write-ahead log is
            // written there before the commit, as nothing else is.
            try connection.execute("PRAGMA temp_store = FILE; PRAGMA cache_spill = ON")
            defer { try? connection.execute("PRAGMA temp_store = MEMORY; PRAGMA cache_spill = OFF") }
            try connection.execute("VACUUM")
            try connection.checkpoint(.truncate)
        } catch let error as ScavengeError {
            throw error
        } catch let failure as SQLiteFailure {
            note(failure)
            dropUncommittedPages()
            throw .storageFailed(reason: "\(path): \(failure)")
        } catch {
            throw .storageFailed(reason: "\(path): \(error)")
        }
    }

    /// Empties the write-ahead log of what was written before a commit that never came, as far as readers allow: a disk that
    /// drops the next write would leave it in the place of what is acknowledged.
    private func dropUncommittedPages() {
        guard failure == nil else { return }
        do throws(SQLiteFailure) { try connection.checkpoint(.truncate) } catch { note(error) }
    }
}
