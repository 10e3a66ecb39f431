/// Writes index segments: from memory behind the commits, slice by slice, or from the log when the index is to be built
/// anew. Belongs to the writer's thread.
final class IndexWriter {
    private let connection: Connection
    private let insertEntry: Statement
    private let insertSegment: Statement
    private(set) var segments: [IndexSegment] = []
    private var flush: Flush?

    /// Numbers in memory from which on they are written to a segment.
    let numbersPerSegment: Int
    /// Numbers that one commit takes along.
    let numbersPerSlice: Int

    private struct Flush {
        var segment: IndexSegment
        var misplaced: VersionMismatch?
        var keys: [IndexKey]
        var next = 0
        var lists: [IndexKey: IndexTail.List]
        var isComplete = false
    }

    init(
        _ connection: Connection, segments: [IndexSegment], numbersPerSegment: Int, numbersPerSlice: Int
    ) throws(SQLiteFailure) {
        self.connection = connection
        self.segments = segments
        self.numbersPerSegment = numbersPerSegment
        self.numbersPerSlice = numbersPerSlice
        insertEntry = try connection.prepare(
            "INSERT INTO index_entries(segment, kind, key, first, data) VALUES(?, ?, ?, ?, ?)")
        insertSegment = try connection.prepare(
            "INSERT INTO index_segments(\(IndexSegment.columns)) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)")
    }

    /// Whether a slice waits to be written.
    func hasWork(tail: IndexTail) -> Bool { flush != nil }

    /// Begins a segment when enough has gathered in memory. Call only when everything in memory is committed.
    func beginFlush(of tail: IndexTail, through last: LogNumbers) {
        guard flush == nil, tail.state.withLock({ $0.active.count }) >= numbersPerSegment else { return }
        let generation = tail.freeze()
        flush = Flush(
            segment: IndexSegment(
                id: (segments.map(\.id).max() ?? 0) + 1, level: 0, first: (segments.last?.last ?? 0) + 1,
                last: last.position, lastName: last.name, lastCommit: last.commit, entries: 0,
                controls: Int64(generation.controls)),
            misplaced: generation.misplaced, keys: generation.lists.keys.sorted(), lists: generation.lists)
    }

    /// Writes one slice of the segment that was begun, within the open transaction.
    ///
    /// The versions of a stream are given out from what the writer remembers of it. Here they are compared with what the
    /// index says, which was made by another way.
    ///
    /// - Parameter index: What is in the file already.
    func writeSlice(after index: IndexReader) throws {
        guard var flush else { return }
        if let misplaced = flush.misplaced { throw failure(misplaced) }
        let indexed = flush.segment.first - 1
        var written = 0
        while flush.next < flush.keys.count, written < numbersPerSlice {
            let key = flush.keys[flush.next]
            if let list = flush.lists[key] {
                if key.kind == .stream, indexed > 0 {
                    let next = try index.last(under: key, atOrBelow: indexed).map { $0.ordinal + 1 } ?? 0
                    if next != list.first {
                        throw failure(
                            VersionMismatch(
                                stream: key.key, version: list.first, expected: next, position: list.numbers[0]))
                    }
                }
                flush.segment.entries += try insert(list, under: key, segment: flush.segment.id)
                written += list.numbers.count
            }
            flush.next += 1
        }
        if flush.next == flush.keys.count {
            try insert(flush.segment)
            flush.isComplete = true
        }
        self.flush = flush
    }

    private func failure(_ misplaced: VersionMismatch) -> StoreFailure {
        .damaged(position: misplaced.position, stream: nil, reason: misplaced.reason)
    }

    /// Makes the segment that the transaction completed known; true when there was one.
    func didCommit(_ tail: IndexTail) -> Bool {
        guard let finished = flush, finished.isComplete else { return false }
        segments.append(finished.segment)
        flush = nil
        var filter = SegmentFilter(keys: finished.keys.count)
        for key in finished.keys { filter.add(key) }
        tail.retire(finished.segment.id, filter)
        return true
    }

    /// The rows of this transaction are gone: the segment is begun anew, from its first slice.
    func didRollBack() {
        guard var again = flush else { return }
        again.next = 0
        again.segment.entries = 0
        again.isComplete = false
        // Slices that were committed before stay as they are; the new ones get a number of their own.
        again.segment.id += 1
        flush = again
    }

    private func insert(_ list: IndexTail.List, under key: IndexKey, segment: Int64) throws(SQLiteFailure) -> Int64 {
        let postings = Postings(kind: key.kind, first: list.first, numbers: list.numbers)
        var rows: Int64 = 0
        var start = 0
        while start < list.numbers.count {
            let end = min(start + Postings.numbersPerRow, list.numbers.count)
            let (first, data) = postings.encoded(range: start..<end, segment: segment, key: key)
            insertEntry.bind(1, segment)
            insertEntry.bind(2, Int64(key.kind.rawValue))
            insertEntry.bind(3, key.key)
            insertEntry.bind(4, first)
            insertEntry.bind(5, data)
            try insertEntry.run()
            rows += 1
            start = end
        }
        return rows
    }

    private func insert(_ segment: IndexSegment) throws(SQLiteFailure) {
        segment.bind(to: insertSegment)
        try insertSegment.run()
    }

    // MARK: - Building anew

    /// Builds the whole index from the log, beside the old one, and switches at the end.
    ///
    /// Nothing else writes meanwhile. Stopped in the middle, it leaves the old index as it was; what was written is
    /// removed by ``removeOrphans(_:)`` at the next open.
    func rebuild(
        from log: LogScanner, tail: IndexTail, through last: LogNumbers, progress: ((Int64, Int64) -> Void)?
    ) throws(StoreFailure) {
        do {
            try Self.makeTables(connection)
            let firstID =
                max(
                    segments.map(\.id).max() ?? 0, try connection.integer("SELECT max(segment) FROM index_entries") ?? 0
                ) + 2
            var built: [IndexSegment] = []
            var filters: [Int64: SegmentFilter] = [:]
            var done = LogNumbers()
            var gathered = IndexTail.Generation()
            while done.position < last.position || done.name < last.name || done.commit < last.commit {
                try log.gather(into: &gathered, from: &done, through: last, atMost: numbersPerSegment)
                progress?(done.position, last.position)
                guard gathered.count >= numbersPerSegment / 2 else { continue }  // The rest stays in memory.
                var segment = IndexSegment(
                    id: firstID + Int64(built.count), level: 0, first: (built.last?.last ?? 0) + 1, last: done.position,
                    lastName: done.name, lastCommit: done.commit, entries: 0, controls: Int64(gathered.controls))
                try connection.execute("BEGIN IMMEDIATE")
                for key in gathered.lists.keys.sorted() {
                    if let list = gathered.lists[key] {
                        segment.entries += try insert(list, under: key, segment: segment.id)
                    }
                }
                try connection.execute("COMMIT")
                built.append(segment)
                var filter = SegmentFilter(keys: gathered.lists.count)
                for key in gathered.lists.keys { filter.add(key) }
                filters[segment.id] = filter
                gathered = IndexTail.Generation()
            }
            try connection.execute("BEGIN IMMEDIATE")
            try connection.execute("DELETE FROM index_segments")
            for segment in built { try insert(segment) }
            try connection.execute("COMMIT")
            segments = built
            flush = nil
            tail.state.withLock { [gathered, filters] state in
                state = IndexTail.State(
                    active: gathered, epoch: state.epoch + 2, filters: filters, hadControls: state.hasControls)
            }
            try removeOrphans()
        } catch let failure as SQLiteFailure {
            if connection.isInTransaction { try? connection.execute("ROLLBACK") }
            throw .sqlite(failure)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .indexDamaged("\(error)")
        }
    }

    /// Makes the index tables when they are missing, and anew when they cannot be used. One without the other is no use.
    static func makeTables(_ connection: Connection) throws(SQLiteFailure) {
        do {
            let tables = try connection.integer(
                "SELECT count(*) FROM sqlite_master WHERE name IN ('index_segments', 'index_entries')")
            if tables == 1 {
                try connection.execute("DROP TABLE IF EXISTS index_segments; DROP TABLE IF EXISTS index_entries")
            }
            try connection.execute(Schema.index)
            let check = try connection.prepare(
                "SELECT segment, kind, key, first, data FROM index_entries ORDER BY segment DESC LIMIT 1")
            _ = try check.step()
            check.reset()
            let segments = try connection.prepare("SELECT \(IndexSegment.columns) FROM index_segments")
            while try segments.step() {}
        } catch {
            guard error.isCorruption || error.primaryCode == 1 else { throw error }
            try makeTablesAnew(connection)
        }
    }

    /// Makes empty index tables in place of what is there.
    static func makeTablesAnew(_ connection: Connection) throws(SQLiteFailure) {
        for table in ["index_entries", "index_segments"] {
            do {
                try connection.execute("DROP TABLE IF EXISTS \(table)")
            } catch {
                // Its pages cannot even be given back: leave them aside, under another name.
                let aside =
                    try connection.integer("SELECT count(*) FROM sqlite_master WHERE name LIKE 'damaged_%'") ?? 0
                try connection.execute("ALTER TABLE \(table) RENAME TO damaged_\(table)_\(aside + 1)")
            }
        }
        try connection.execute(Schema.index)
    }

    /// Removes rows of segments that were never finished, or are no longer in use.
    ///
    /// - Throws: ``StoreFailure/indexDamaged(_:)`` when the rows are out of order, so that the search would not end.
    func removeOrphans() throws(StoreFailure) {
        do {
            try removeOrphanRows()
        } catch let failure as SQLiteFailure {
            throw .sqlite(failure)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .indexDamaged("\(error)")
        }
    }

    private func removeOrphanRows() throws {
        let known = Set(segments.map(\.id) + (flush.map { [$0.segment.id] } ?? []))
        let next = try connection.prepare("SELECT min(segment) FROM index_entries WHERE segment > ?")
        let remove = try connection.prepare("DELETE FROM index_entries WHERE segment = ?")
        var segment = Int64.min
        while true {
            next.bind(1, segment)
            guard try next.step(), !next.isNull(0) else { break }
            let found = next.integer(0)
            next.reset()
            guard found > segment else {
                throw StoreFailure.indexDamaged("rows of segment \(found) stand behind those of segment \(segment)")
            }
            segment = found
            guard !known.contains(segment) else { continue }
            remove.bind(1, segment)
            try remove.run()
        }
        next.reset()
    }
}
