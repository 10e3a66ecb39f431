/// Writes index segments: from memory behind the commits, slice by slice, or from the log when the index is to be built
/// anew; and puts neighbouring segments together as their number grows, so that a lookup asks few of them whatever the
/// length of the log. Belongs to the writer's thread.
final class IndexWriter {
    private let connection: Connection
    private let insertBlock: Statement
    private let insertSegment: Statement
    private let deleteSegment: Statement
    private(set) var segments: [IndexSegment] = []
    private var flush: Flush?
    /// The merge that is going on at each level.
    private var merges: [Int64: SegmentMerge] = [:]
    /// Segments of which blocks may still be in the file, though nothing leads to them.
    private var garbage: [Int64] = []
    /// The highest identifier that a segment was given.
    private var lastID: Int64

    /// Numbers in memory from which on they are written to a segment.
    let numbersPerSegment: Int
    /// Numbers that one commit takes along, at least.
    let numbersPerSlice: Int
    /// Numbers that were in memory when the last slice was written.
    private var numbersBefore = 0
    private static let garbagePerSlice: Int64 = 256

    private struct Flush {
        var segment: IndexSegment
        var misplaced: VersionMismatch?
        var keys: [IndexKey]
        var next = 0
        var lists: [IndexKey: IndexTail.List]
        var builder: SegmentBuilder
        var map: SegmentMap?
    }

    init(
        _ connection: Connection, segments: [IndexSegment], numbersPerSegment: Int, numbersPerSlice: Int
    ) throws(SQLiteFailure) {
        self.connection = connection
        self.segments = segments
        self.numbersPerSegment = numbersPerSegment
        self.numbersPerSlice = numbersPerSlice
        insertBlock = try connection.prepare("INSERT INTO index_blocks(id, data) VALUES(?, ?)")
        insertSegment = try connection.prepare(
            "INSERT INTO index_segments(\(IndexSegment.columns), map) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        deleteSegment = try connection.prepare("DELETE FROM index_segments WHERE id = ?")
        let lastBlock = try connection.integer("SELECT max(id) FROM index_blocks") ?? 0
        lastID = max(segments.map(\.id).max() ?? 0, IndexBlock.segment(ofID: lastBlock))
    }

    private func newID() -> Int64 {
        lastID += 1
        return lastID
    }

    /// Whether a slice waits to be written.
    var hasWork: Bool { flush != nil || !merges.isEmpty || !garbage.isEmpty }

    /// Begins a segment when enough has gathered in memory, and merges where enough segments have. Call only when
    /// everything in memory is committed.
    func beginFlush(of tail: IndexTail, through last: LogNumbers, evenIfSmall: Bool = false) {
        beginMerges(tail)
        let least = evenIfSmall ? 1 : numbersPerSegment
        guard flush == nil, tail.state.withLock({ $0.active.count }) >= least else { return }
        let generation = tail.freeze()
        numbersBefore = 0
        let id = newID()
        flush = Flush(
            segment: IndexSegment(
                id: id, level: 0, first: (segments.last?.last ?? 0) + 1, last: last.position, lastName: last.name,
                lastCommit: last.commit, blocks: 0, controls: Int64(generation.controls)),
            misplaced: generation.misplaced, keys: generation.lists.keys.sorted(), lists: generation.lists,
            builder: SegmentBuilder(insertBlock, segment: id, keys: generation.lists.count))
    }

    private func beginMerges(_ tail: IndexTail) {
        var first = 0
        while first < segments.count {
            let level = segments[first].level
            let end = segments[first...].firstIndex { $0.level != level } ?? segments.count
            if end - first >= SegmentMerge.fanIn, merges[level] == nil {
                let inputs = Array(segments[first..<first + SegmentMerge.fanIn])
                let maps = tail.state.withLock { state in inputs.compactMap { state.maps[$0.id] } }
                if maps.count == inputs.count {
                    merges[level] = SegmentMerge(inputs, maps: maps, id: newID(), insert: insertBlock)
                }
            }
            first = end
        }
    }

    /// Writes one slice of what was begun, within the open transaction: as much as has come in since the last one, and
    /// more, so that what waits does not grow.
    ///
    /// The versions of a stream are given out from what the writer remembers of it. Here they are compared with what the
    /// index says, which was made by another way.
    ///
    /// - Parameter index: What is in the file already.
    func writeSlice(after index: IndexReader) throws {
        let numbers = index.tail.state.withLock { $0.active.count }
        let limit = max(numbersPerSlice, 2 * (numbers - numbersBefore))
        numbersBefore = numbers
        try writeFlush(after: index, limit)
        for level in merges.keys.sorted() {
            try merges[level]?.step(limit, from: index)
            guard let merge = merges[level], let (segment, map) = merge.finished else { continue }
            for input in merge.inputs {
                deleteSegment.bind(1, input.id)
                try deleteSegment.run()
            }
            try insert(segment, map)
        }
        if let segment = garbage.first, try removeBlocks(of: segment) { garbage.removeFirst() }
    }

    private func writeFlush(after index: IndexReader, _ limit: Int) throws {
        guard var flush else { return }
        if let misplaced = flush.misplaced { throw failure(misplaced) }
        let indexed = flush.segment.first - 1
        var written = 0
        while flush.next < flush.keys.count, written < limit {
            let key = flush.keys[flush.next]
            if let list = flush.lists[key] {
                if key.kind == .stream, indexed > 0 {
                    let next = try index.last(under: key, atOrBelow: indexed).map { $0.ordinal + 1 }
                    if next != list.first, try next != nil || list.first > scavenged(before: list.numbers[0]) {
                        throw failure(
                            VersionMismatch(
                                stream: key.key, version: list.first, expected: next ?? 0, position: list.numbers[0]))
                    }
                }
                try flush.builder.add(Postings(kind: key.kind, first: list.first, numbers: list.numbers), under: key)
                written += list.numbers.count
            }
            flush.next += 1
        }
        if flush.next == flush.keys.count {
            let map = try flush.builder.finish()
            flush.segment.blocks = Int64(map.fences.count)
            flush.map = map
            try insert(flush.segment, map)
        }
        self.flush = flush
    }

    /// How many positions before one were scavenged: of an index that was built anew since, a stream may begin with a
    /// version as high as that.
    private func scavenged(before position: Int64) throws(SQLiteFailure) -> Int64 {
        let count = try connection.prepare("SELECT ifnull(sum(last - first + 1), 0) FROM scavenged WHERE first < ?")
        count.bind(1, position)
        defer { count.reset() }
        return try count.step() ? count.integer(0) : 0
    }

    private func failure(_ misplaced: VersionMismatch) -> StoreFailure {
        .damaged(position: misplaced.position, stream: nil, reason: misplaced.reason)
    }

    /// Makes the segments that the transaction completed known; true when there was one.
    func didCommit(_ tail: IndexTail) -> Bool {
        var isChanged = false
        if let finished = flush, let map = finished.map {
            segments.append(finished.segment)
            flush = nil
            tail.retire(finished.segment.id, map)
            isChanged = true
        }
        for (level, merge) in merges {
            guard let (segment, map) = merge.finished else { continue }
            merges[level] = nil
            let old = Set(merge.inputs.map(\.id))
            let place = segments.firstIndex { old.contains($0.id) } ?? 0
            segments.removeAll { old.contains($0.id) }
            segments.insert(segment, at: place)
            garbage += merge.inputs.map(\.id)
            tail.state.withLock { state in
                state.maps[segment.id] = map
                for id in old { state.maps[id] = nil }
            }
            isChanged = true
        }
        return isChanged
    }

    /// The blocks of this transaction are gone: what was being written is begun anew, under an identifier of its own.
    func didRollBack() {
        garbage += merges.values.map(\.id)
        merges = [:]
        numbersBefore = 0
        guard var again = flush else { return }
        garbage.append(again.segment.id)
        again.next = 0
        again.map = nil
        again.segment.blocks = 0
        again.segment.id = newID()
        again.builder = SegmentBuilder(insertBlock, segment: again.segment.id, keys: again.keys.count)
        flush = again
    }

    private func insert(_ segment: IndexSegment, _ map: SegmentMap) throws(SQLiteFailure) {
        segment.bind(to: insertSegment)
        insertSegment.bind(10, map.encoded(segment: segment.id))
        try insertSegment.run()
    }

    /// Removes some blocks that nothing leads to; true when no more are left of the segment.
    private func removeBlocks(of segment: Int64) throws(SQLiteFailure) -> Bool {
        try connection.execute(
            """
            DELETE FROM index_blocks WHERE id IN (SELECT id FROM index_blocks
                WHERE id >= \(IndexBlock.id(segment: segment, number: 0))
                AND id < \(IndexBlock.id(segment: segment + 1, number: 0)) LIMIT \(Self.garbagePerSlice))
            """)
        return connection.changedRows < Self.garbagePerSlice
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
            var built: [(segment: IndexSegment, map: SegmentMap)] = []
            var done = LogNumbers()
            var gathered = IndexTail.Generation()
            func writeSegment() throws {
                let id = newID()
                var builder = SegmentBuilder(insertBlock, segment: id, keys: gathered.lists.count)
                try connection.execute("BEGIN IMMEDIATE")
                for key in gathered.lists.keys.sorted() {
                    guard let list = gathered.lists[key] else { continue }
                    try builder.add(Postings(kind: key.kind, first: list.first, numbers: list.numbers), under: key)
                }
                let map = try builder.finish()
                try connection.execute("COMMIT")
                let segment = IndexSegment(
                    id: id, level: 0, first: (built.last?.segment.last ?? 0) + 1, last: done.position,
                    lastName: done.name, lastCommit: done.commit, blocks: Int64(map.fences.count),
                    controls: Int64(gathered.controls))
                built.append((segment, map))
                gathered = IndexTail.Generation()
            }
            while done.position < last.position || done.name < last.name || done.commit < last.commit {
                try log.gather(into: &gathered, from: &done, through: last, atMost: numbersPerSegment)
                progress?(done.position, last.position)
                // The rest stays in memory.
                guard gathered.count >= numbersPerSegment / 2, done.position < last.position || log.unplaced.isEmpty
                else { continue }
                try writeSegment()
            }
            log.finish(&gathered)
            // Every opening to come has to know what is lost, and its scan begins behind the last segment.
            if !log.unplaced.isEmpty { try writeSegment() }
            try connection.execute("BEGIN IMMEDIATE")
            try connection.execute("DELETE FROM index_segments")
            for (segment, map) in built { try insert(segment, map) }
            // A reader may see the new segments before this goes on behind the COMMIT.
            let old = tail.cover(gathered)
            do {
                try connection.execute("COMMIT")
            } catch {
                tail.replace(by: old)
                throw error
            }
            segments = built.map(\.segment)
            flush = nil
            merges = [:]
            let maps = Dictionary(uniqueKeysWithValues: built.map { ($0.segment.id, $0.map) })
            tail.replace(by: IndexTail.State(active: gathered, maps: maps))
            try findGarbage()
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
                "SELECT count(*) FROM sqlite_master WHERE name IN ('index_segments', 'index_blocks')")
            if tables == 1 {
                try connection.execute("DROP TABLE IF EXISTS index_segments; DROP TABLE IF EXISTS index_blocks")
            }
            try connection.execute(Schema.index)
            let check = try connection.prepare("SELECT id, data FROM index_blocks ORDER BY id DESC LIMIT 1")
            _ = try check.step()
            check.reset()
            let segments = try connection.prepare("SELECT \(IndexSegment.columns), map FROM index_segments")
            while try segments.step() {}
        } catch {
            guard error.isCorruption || error.primaryCode == 1 else { throw error }
            try makeTablesAnew(connection)
        }
    }

    /// Makes empty index tables in place of what is there.
    static func makeTablesAnew(_ connection: Connection) throws(SQLiteFailure) {
        for table in ["index_blocks", "index_segments", "index_entries"] {
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

    /// Finds blocks of segments that were never finished, or are no longer in use; they are removed behind the commits.
    ///
    /// - Throws: ``StoreFailure/indexDamaged(_:)`` when the blocks are out of order, so that the search would not end.
    func findGarbage() throws(StoreFailure) {
        let known = Set(segments.map(\.id))
        garbage = []
        do {
            let next = try connection.prepare("SELECT min(id) FROM index_blocks WHERE id >= ?")
            var segment = Int64.min >> 24
            while true {
                next.bind(1, IndexBlock.id(segment: segment, number: 0))
                guard try next.step(), !next.isNull(0) else { break }
                let found = IndexBlock.segment(ofID: next.integer(0))
                next.reset()
                guard found >= segment else {
                    throw StoreFailure.indexDamaged("blocks of segment \(found) stand behind those of \(segment)")
                }
                if !known.contains(found) { garbage.append(found) }
                segment = found + 1
            }
            next.reset()
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: true)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .indexDamaged("\(error)")
        }
    }
}
