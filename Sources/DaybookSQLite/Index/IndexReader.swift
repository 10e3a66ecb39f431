/// Looks things up in the segments of the file and in the tail in memory, as if they were one index.
///
/// Used inside a read transaction: ``begin(epoch:)`` takes the list of segments as that transaction sees it, with the
/// tail's epoch of the moment before. A segment that is finished after that is not in the list, but what it holds is
/// still in the tail; should even a second one be finished, lookups throw ``StoreFailure/outdated``, and the page is
/// read anew.
final class IndexReader {
    private let segmentKeys: Statement
    private let segmentList: Statement
    private let block: Statement
    private let map: Statement
    let tail: IndexTail
    private(set) var segments: [IndexSegment] = []
    /// Identifiers and checksums of the segments, in the order of the former: the list is the same as long as these are.
    private var keys: [SegmentKey] = []
    private var epoch = 0
    private var maps: [Int64: SegmentMap] = [:]
    /// 0 when there is none.
    private var lost: [IndexKey: Int64] = [:]

    init(_ connection: Connection, tail: IndexTail) throws(SQLiteFailure) {
        self.tail = tail
        segmentKeys = try connection.prepare("SELECT id, crc FROM index_segments ORDER BY id")
        // The first ones of an index that was built anew may have names and commits alone, and no event.
        segmentList = try connection.prepare(
            "SELECT \(IndexSegment.columns) FROM index_segments ORDER BY first, last, last_name, last_commit")
        block = try connection.prepare("SELECT data FROM index_blocks WHERE id = ?")
        map = try connection.prepare("SELECT map FROM index_segments WHERE id = ?")
    }

    /// Takes the list of segments as the transaction at hand sees it.
    ///
    /// - Parameter epoch: The tail's, before the transaction began.
    func begin(epoch: Int) throws(StoreFailure) {
        if epoch != self.epoch { forgetLost() }
        self.epoch = epoch
        maps = tail.state.withLock(\.maps)
        do {
            if try !hasSameSegments() { try readSegments() }
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: true)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .indexDamaged("\(error)")
        }
    }

    private struct SegmentKey: Equatable {
        var id: Int64
        var crc: Int64
    }

    /// Whether the segments are those of the last transaction. A segment is written once, under an identifier of its own.
    private func hasSameSegments() throws(SQLiteFailure) -> Bool {
        var count = 0
        while try segmentKeys.step() {
            let key = SegmentKey(id: segmentKeys.integer(0), crc: segmentKeys.integer(1))
            guard count < keys.count, keys[count] == key else {
                segmentKeys.reset()
                return false
            }
            count += 1
        }
        return count == keys.count
    }

    private func readSegments() throws {
        keys = []
        segments = []
        var found: [IndexSegment] = []
        defer { segmentList.reset() }
        while try segmentList.step() {
            do {
                found.append(try IndexSegment(segmentList))
            } catch {
                throw StoreFailure.indexDamaged(error.reason)
            }
        }
        segments = found
        keys = found.map { SegmentKey(id: $0.id, crc: Int64($0.crc)) }.sorted { $0.id < $1.id }
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

    // MARK: - Inside a segment

    /// Goes through the numbers of a key in one segment, an entry at a time, from the one that has an ordinal on, until
    /// told to stop.
    private func rows(
        of segment: IndexSegment, under key: IndexKey, from ordinal: Int64, backward isBackward: Bool,
        _ body: (Postings) -> Bool
    ) throws(StoreFailure) {
        let map = try map(of: segment)
        guard map.filter.mayContain(key) else { return }
        var number = map.block(of: key, at: ordinal)
        while true {
            var found = try entries(ofBlock: number, of: segment, under: key)
            if isBackward { found.reverse() }
            for postings in found where isBackward ? postings.first <= ordinal : postings.lastOrdinal >= ordinal {
                if !body(postings) { return }
            }
            if isBackward {
                guard number > 0, map.begins(number, with: key) else { return }
                number -= 1
            } else {
                guard number + 1 < map.fences.count, map.begins(number + 1, with: key) else { return }
                number += 1
            }
        }
    }

    /// What leads into a segment, read from the file when it is not in memory.
    func map(of segment: IndexSegment) throws(StoreFailure) -> SegmentMap {
        if let known = maps[segment.id] { return known }
        map.bind(1, segment.id)
        do {
            guard try map.step() else {
                throw StoreFailure.indexDamaged("segment \(segment.id) of the index has no map")
            }
            defer { map.reset() }
            let found = try SegmentMap(decoding: map.bytes(0), segment: segment.id)
            guard found.fences.count == segment.blocks else {
                throw RecordDamage("the map of index segment \(segment.id) is another's")
            }
            maps[segment.id] = found
            tail.state.withLock { $0.maps[segment.id] = found }
            return found
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: true)
        } catch let failure as StoreFailure {
            throw failure
        } catch let damage as RecordDamage {
            throw .indexDamaged(damage.reason)
        } catch {
            throw .indexDamaged("\(error)")
        }
    }

    /// The entries of a block under a key, in order.
    private func entries(
        ofBlock number: Int, of segment: IndexSegment, under key: IndexKey
    ) throws(StoreFailure) -> [Postings] {
        try withBlock(number, of: segment) { block throws(RecordDamage) in
            var found: [Postings] = []
            while let entry = try block.next() {
                if entry.key == key { found.append(try entry.postings()) } else if key < entry.key { break }
            }
            return found
        }
    }

    /// All entries of a block, in order.
    func entries(ofBlock number: Int, of segment: IndexSegment) throws(StoreFailure) -> [(IndexKey, Postings)] {
        try withBlock(number, of: segment) { block throws(RecordDamage) in
            var found: [(IndexKey, Postings)] = []
            while let entry = try block.next() { found.append((entry.key, try entry.postings())) }
            return found
        }
    }

    private func withBlock<Value>(
        _ number: Int, of segment: IndexSegment, _ body: (inout IndexBlock) throws(RecordDamage) -> Value
    ) throws(StoreFailure) -> Value {
        let id = IndexBlock.id(segment: segment.id, number: number)
        block.bind(1, id)
        do {
            guard try block.step() else {
                throw StoreFailure.indexDamaged("block \(number) of segment \(segment.id) of the index is missing")
            }
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: true)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .indexDamaged("\(error)")
        }
        defer { block.reset() }
        do {
            var view = try IndexBlock(block.bytes(0), id: id)
            return try body(&view)
        } catch {
            throw .indexDamaged(error.reason)
        }
    }

    /// Reads every block, and tells what is wrong with them.
    ///
    /// - Complexity: O(blocks).
    func damage() throws(StoreFailure) -> [String] {
        var found: [String] = []
        for segment in segments {
            do throws(StoreFailure) {
                let map = try map(of: segment)
                for number in 0..<map.fences.count {
                    var previous: IndexKey?
                    for (key, _) in try entries(ofBlock: number, of: segment) {
                        guard map.filter.mayContain(key), !(previous.map { key < $0 } ?? false) else {
                            throw StoreFailure.indexDamaged(
                                "block \(number) of segment \(segment.id) of the index is out of order")
                        }
                        previous = key
                    }
                }
            } catch {
                guard case .indexDamaged(let reason) = error else { throw error }
                found.append(reason)
            }
        }
        return found
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
