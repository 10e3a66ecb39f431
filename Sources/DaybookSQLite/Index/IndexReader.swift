/// Looks things up in the segments of the file and in the tail in memory, as if they were one index.
///
/// Used inside a read transaction: ``begin(epoch:)`` takes the list of segments as that transaction sees it, with the
/// tail's epoch of the moment before. A segment that is finished after that is not in the list, but what it holds is
/// still in the tail; should even a second one be finished, lookups throw ``StoreFailure/outdated``, and the page is
/// read anew.
final class IndexReader {
    private let segmentList: Statement
    private let forward: Statement
    private let backward: Statement
    let tail: IndexTail
    private(set) var segments: [IndexSegment] = []
    private var epoch = 0
    private var filters: [Int64: SegmentFilter] = [:]
    /// 0 when there is none.
    private var lost: [IndexKey: Int64] = [:]

    init(_ connection: Connection, tail: IndexTail) throws(SQLiteFailure) {
        self.tail = tail
        segmentList = try connection.prepare("SELECT \(IndexSegment.columns) FROM index_segments ORDER BY first")
        forward = try connection.prepare(
            """
            SELECT first, data FROM index_entries WHERE segment = ?1 AND kind = ?2 AND key = ?3 AND first >= ifnull(
                (SELECT max(first) FROM index_entries WHERE segment = ?1 AND kind = ?2 AND key = ?3 AND first <= ?4), ?4)
            ORDER BY first
            """)
        backward = try connection.prepare(
            """
            SELECT first, data FROM index_entries WHERE segment = ?1 AND kind = ?2 AND key = ?3 AND first <= ?4
            ORDER BY first DESC
            """)
    }

    /// Takes the list of segments as the transaction at hand sees it.
    ///
    /// - Parameter epoch: The tail's, before the transaction began.
    func begin(epoch: Int) throws(StoreFailure) {
        if epoch != self.epoch { forgetLost() }
        self.epoch = epoch
        filters = tail.state.withLock(\.filters)
        segments.removeAll(keepingCapacity: true)
        do {
            while try segmentList.step() {
                do {
                    segments.append(try IndexSegment(segmentList))
                } catch {
                    segmentList.reset()
                    throw StoreFailure.indexDamaged(error.reason)
                }
            }
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: true)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .indexDamaged("\(error)")
        }
    }

    /// Whether any stream was ever deleted or given a retention.
    var hasControls: Bool { tail.hasControls || segments.contains { $0.controls > 0 } }

    /// Numbers under a key from an ordinal on, in the direction asked; at most about `limit`, and more of them only
    /// when fewer come back.
    ///
    /// - Parameter bound: Numbers above it are passed over: they are not committed, or not yet visible.
    func numbers(
        under key: IndexKey, from ordinal: Int64, backward isBackward: Bool, limit: Int, atOrBelow bound: Int64
    ) throws(StoreFailure) -> Postings? {
        isBackward
            ? try numbersBackward(under: key, from: ordinal, limit: limit, atOrBelow: bound)
            : try numbersForward(under: key, from: ordinal, limit: limit, atOrBelow: bound)
    }

    /// The first number under a key of the kind `lost`; nil when there is none. It is remembered until the index is another.
    func firstLost(_ key: IndexKey) throws(StoreFailure) -> Int64? {
        if let known = lost[key] { return known > 0 ? known : nil }
        let first = try numbers(under: key, from: 0, backward: false, limit: 1, atOrBelow: .max)?.numbers.first
        lost[key] = first ?? 0
        return first
    }

    func forgetLost() { lost = [:] }

    private func numbersForward(
        under key: IndexKey, from ordinal: Int64, limit: Int, atOrBelow bound: Int64
    ) throws(StoreFailure) -> Postings? {
        let inMemory = try tail.numbers(
            under: key, ordinals: ordinal...Int64.max, limit: limit, fromEnd: false, epoch: epoch)
        var result: Postings?
        for segment in segments where key.kind.countsPositions ? segment.last >= ordinal : true {
            try rows(of: segment, under: key, from: ordinal, backward: false) { postings in
                let low = postings.index(atOrAbove: ordinal)
                let high = min(postings.numbers.count, low + limit - (result?.numbers.count ?? 0))
                if low < high { Self.append(postings, low..<high, to: &result, key.kind) }
                return (result?.numbers.count ?? 0) < limit
            }
            if (result?.numbers.count ?? 0) >= limit { break }
        }
        if let inMemory, (result?.numbers.count ?? 0) < limit {
            let low = result.map { inMemory.index(atOrAbove: $0.lastOrdinal + 1) } ?? 0
            let high = min(inMemory.numbers.count, low + limit - (result?.numbers.count ?? 0))
            if low < high { Self.append(inMemory, low..<high, to: &result, key.kind) }
        }
        if let end = result?.numbers.firstIndex(atOrAbove: bound == .max ? bound : bound + 1),
            end < (result?.numbers.count ?? 0), key.kind.countsEvents
        {
            result?.numbers.removeSubrange(end...)
        }
        return result.flatMap { $0.numbers.isEmpty ? nil : $0 }
    }

    private func numbersBackward(
        under key: IndexKey, from ordinal: Int64, limit: Int, atOrBelow bound: Int64
    ) throws(StoreFailure) -> Postings? {
        var inMemory = try tail.numbers(
            under: key, ordinals: Int64.min...ordinal, limit: limit, fromEnd: true, epoch: epoch)
        if let end = inMemory?.numbers.firstIndex(atOrAbove: bound == .max ? bound : bound + 1),
            end < (inMemory?.numbers.count ?? 0), key.kind.countsEvents
        {
            // What is not visible yet stands at the end, and may have used up the limit.
            inMemory = try tail.numbers(
                under: key, ordinals: Int64.min...ordinal, limit: .max / 2, fromEnd: true, epoch: epoch)
            if let end = inMemory?.numbers.firstIndex(atOrAbove: bound + 1) { inMemory?.numbers.removeSubrange(end...) }
        }
        var parts: [(Postings, Range<Int>)] = []
        var count = 0
        if let inMemory, !inMemory.numbers.isEmpty {
            let low = max(0, inMemory.numbers.count - limit)
            parts.append((inMemory, low..<inMemory.numbers.count))
            count = inMemory.numbers.count - low
        }
        for segment in segments.reversed() where key.kind.countsPositions ? segment.first <= ordinal : true {
            guard count < limit else { break }
            let before = parts.last.map { $0.0.ordinal($0.1.lowerBound) - 1 } ?? ordinal
            let start = min(ordinal, before)
            try rows(of: segment, under: key, from: start, backward: true) { postings in
                let high = start == .max ? postings.numbers.count : postings.index(atOrAbove: start + 1)
                let low = max(0, high - (limit - count))
                if low < high {
                    parts.append((postings, low..<high))
                    count += high - low
                }
                return count < limit
            }
        }
        var result: Postings?
        for (postings, range) in parts.reversed() { Self.append(postings, range, to: &result, key.kind) }
        return result
    }

    /// The last number under a key and its ordinal, at or below a bound for events.
    func last(
        under key: IndexKey, atOrBelow bound: Int64
    ) throws(StoreFailure) -> (ordinal: Int64, number: Int64)? {
        let memoryBound = key.kind.countsEvents ? bound : .max
        if let last = try tail.last(under: key, atOrBelow: memoryBound, epoch: epoch) { return last }
        var found: (ordinal: Int64, number: Int64)?
        for segment in segments.reversed() where found == nil {
            try rows(of: segment, under: key, from: .max, backward: true) { postings in
                let end =
                    key.kind.countsEvents && bound != .max
                    ? postings.numbers.firstIndex(atOrAbove: bound + 1) : postings.numbers.count
                if end > 0 { found = (postings.ordinal(end - 1), postings.numbers[end - 1]) }
                return found == nil
            }
        }
        return found
    }

    /// Goes through a key's rows in one segment, from the one that has an ordinal on, until told to stop.
    private func rows(
        of segment: IndexSegment, under key: IndexKey, from ordinal: Int64, backward isBackward: Bool,
        _ body: (Postings) -> Bool
    ) throws(StoreFailure) {
        if let filter = filters[segment.id], !filter.mayContain(key) { return }
        let statement = isBackward ? backward : forward
        statement.bind(1, segment.id)
        statement.bind(2, Int64(key.kind.rawValue))
        statement.bind(3, key.key)
        statement.bind(4, ordinal)
        do {
            while try statement.step() {
                let postings: Postings
                do {
                    postings = try Postings(
                        decoding: statement.bytes(1), segment: segment.id, key: key, first: statement.integer(0))
                } catch {
                    statement.reset()
                    throw StoreFailure.indexDamaged(error.reason)
                }
                if !body(postings) {
                    statement.reset()
                    return
                }
            }
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: true)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .indexDamaged("\(error)")
        }
    }

    /// Reads every row, and tells what is wrong with them: a row whose key is damaged, or that is missing, is not found
    /// by any lookup. Makes the filters of the segments on the way.
    ///
    /// - Complexity: O(rows).
    func damage(_ connection: Connection) throws(StoreFailure) -> [String] {
        var rows: [Int64: Int64] = [:]
        var damaged: [Int64: Int64] = [:]
        var filters: [Int64: SegmentFilter] = [:]
        for segment in segments { filters[segment.id] = SegmentFilter(keys: Int(clamping: segment.entries)) }
        do {
            let statement = try connection.prepare("SELECT segment, kind, key, first, data FROM index_entries")
            var previous = (Int64.min, Int64.min, Int64.min, Int64.min)
            while try statement.step() {
                let segment = statement.integer(0)
                let row = (segment, statement.integer(1), statement.integer(2), statement.integer(3))
                // A lookup goes by the order, and would pass over what stands elsewhere.
                guard row > previous else { return ["the rows of the index are out of order"] }
                previous = row
                rows[segment, default: 0] += 1
                if let kind = IndexKey.Kind(rawValue: UInt8(clamping: statement.integer(1))) {
                    let key = IndexKey(kind: kind, key: statement.integer(2))
                    filters[segment]?.add(key)
                    if (try? Postings(
                        decoding: statement.bytes(4), segment: segment, key: key, first: statement.integer(3))) != nil
                    {
                        continue
                    }
                }
                damaged[segment, default: 0] += 1
            }
        } catch {
            if error.isCorruption { return ["the index cannot be read: \(error)"] }
            throw .sqlite(error)
        }
        tail.state.withLock { [filters] in $0.filters.merge(filters) { _, new in new } }
        return segments.compactMap { segment in
            let found = rows[segment.id, default: 0]
            let broken = damaged[segment.id, default: 0]
            guard broken > 0 || found != segment.entries else { return nil }
            return
                "segment \(segment.id) of the index has \(found) of \(segment.entries) rows, \(broken) of them damaged"
        }
    }

    private static func append(
        _ postings: Postings, _ range: Range<Int>, to result: inout Postings?, _ kind: IndexKey.Kind
    ) {
        if result == nil {
            result = Postings(
                kind: kind, first: postings.ordinal(range.lowerBound), numbers: Array(postings.numbers[range]))
        } else {
            result?.numbers.append(contentsOf: postings.numbers[range])
        }
    }
}

extension IndexKey.Kind {
    /// Whether the numbers are positions of events.
    var countsEvents: Bool { self != .name && self != .command && self != .lost }
    /// Whether the ordinals are positions of events, so that whole segments can be passed over.
    var countsPositions: Bool { countsEvents && self != .stream }
}
