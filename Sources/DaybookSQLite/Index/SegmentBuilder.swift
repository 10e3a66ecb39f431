/// Writes the blocks of one segment, as keys with their numbers come in order; belongs to the writer's thread.
struct SegmentBuilder {
    private let insert: Statement
    let segment: Int64
    private var fences: [SegmentMap.Fence] = []
    private var filter: SegmentFilter
    private var keys = 0
    private var block: [UInt8] = []
    private var fence: SegmentMap.Fence?
    /// Numbers under the last key that may still become more.
    private var pending: (key: IndexKey, postings: Postings)?
    private var lastKey: IndexKey?

    /// - Parameters:
    ///   - insert: `INSERT INTO index_blocks(id, data)`.
    ///   - keys: How many keys will come, at most.
    init(_ insert: Statement, segment: Int64, keys: Int) {
        self.insert = insert
        self.segment = segment
        filter = SegmentFilter(keys: keys)
    }

    var blocks: Int { fences.count }

    /// Adds numbers, which go on those added before when they are under the same key.
    mutating func add(_ postings: Postings, under key: IndexKey) throws(SQLiteFailure) {
        if lastKey != key {
            try endKey()
            lastKey = key
            keys += 1
            filter.add(key)
        }
        if var (_, before) = pending, before.follows(postings) {
            pending = nil
            before.numbers.append(contentsOf: postings.numbers)
            pending = (key, before)
        } else {
            try endKey()
            pending = (key, postings)
        }
        guard let count = pending?.postings.numbers.count, count >= 2 * IndexBlock.numbersPerEntry else { return }
        try writePending(keeping: count % IndexBlock.numbersPerEntry)
    }

    /// Writes what is left, and returns what leads into the segment.
    mutating func finish() throws(SQLiteFailure) -> SegmentMap {
        try endKey()
        try writeBlock()
        return SegmentMap(fences: fences, filter: filter, keys: keys)
    }

    private mutating func endKey() throws(SQLiteFailure) {
        try writePending(keeping: 0)
        pending = nil
    }

    private mutating func writePending(keeping rest: Int) throws(SQLiteFailure) {
        guard let (key, postings) = pending else { return }
        var start = 0
        let end = postings.numbers.count - rest
        while start < end {
            let next = min(start + IndexBlock.numbersPerEntry, end)
            try write(postings, start..<next, under: key)
            start = next
        }
        pending = rest == 0 ? nil : (key, postings.suffix(from: end))
    }

    private mutating func write(_ postings: Postings, _ range: Range<Int>, under key: IndexKey) throws(SQLiteFailure) {
        if block.isEmpty {
            block = [0, 0, 0, 0]
            fence = SegmentMap.Fence(kind: key.kind.rawValue, key: key.key, first: postings.ordinal(range.lowerBound))
        }
        block.append(key.kind.rawValue)
        withUnsafeBytes(of: key.key.littleEndian) { block.append(contentsOf: $0) }
        block.appendVarint(UInt64(bitPattern: postings.ordinal(range.lowerBound)))
        block.appendVarint(UInt64(range.count))
        let deltas = postings.deltas(range)
        block.appendVarint(UInt64(deltas.count))
        block.append(contentsOf: deltas)
        if block.count >= IndexBlock.targetBytes { try writeBlock() }
    }

    private mutating func writeBlock() throws(SQLiteFailure) {
        guard let fence else { return }
        let id = IndexBlock.id(segment: segment, number: fences.count)
        let crc = block.withUnsafeBytes { IndexBlock.crc(UnsafeRawBufferPointer(rebasing: $0[4...]), id: id) }
        for byte in 0..<4 { block[byte] = UInt8(truncatingIfNeeded: crc >> UInt32(byte * 8)) }
        insert.bind(1, id)
        insert.bind(2, block)
        try insert.run()
        fences.append(fence)
        self.fence = nil
        block.removeAll(keepingCapacity: true)
    }
}
