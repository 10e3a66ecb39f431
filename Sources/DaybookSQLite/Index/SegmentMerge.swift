/// Puts neighbouring segments together into one of the next level, a slice at a time.
struct SegmentMerge {
    let inputs: [IndexSegment]
    private var cursors: [Cursor]
    private var builder: SegmentBuilder
    /// Set when the slice at hand wrote the last entry.
    private(set) var finished: (segment: IndexSegment, map: SegmentMap)?

    /// So many neighbours of a level are put together.
    static let fanIn = 8

    init(_ inputs: [IndexSegment], maps: [SegmentMap], id: Int64, insert: Statement) {
        self.inputs = inputs
        cursors = inputs.map(Cursor.init)
        builder = SegmentBuilder(insert, segment: id, keys: maps.reduce(0) { $0 + $1.keys })
    }

    /// The identifier of the segment that is being written.
    var id: Int64 { builder.segment }

    /// Takes over the next entries, until they hold so many numbers.
    mutating func step(_ limit: Int, from index: IndexReader) throws {
        guard finished == nil else { return }
        var written = 0
        for position in cursors.indices { try cursors[position].fill(from: index) }
        while written < limit {
            var least: Int?
            for position in cursors.indices {
                guard let key = cursors[position].key else { continue }
                // Of one key, the older segment's numbers come first.
                if least.flatMap({ cursors[$0].key }).map({ key < $0 }) ?? true { least = position }
            }
            guard let least, let (key, postings) = cursors[least].take() else {
                let map = try builder.finish()
                finished = (segment(blocks: builder.blocks), map)
                return
            }
            try builder.add(postings, under: key)
            written += postings.numbers.count + 4  // An entry costs more than its numbers.
            try cursors[least].fill(from: index)
        }
    }

    private func segment(blocks: Int) -> IndexSegment {
        let last = inputs[inputs.count - 1]
        return IndexSegment(
            id: builder.segment, level: last.level + 1, first: inputs[0].first, last: last.last,
            lastName: last.lastName, lastCommit: last.lastCommit, blocks: Int64(blocks),
            controls: inputs.reduce(0) { $0 + $1.controls })
    }

    /// Goes through the entries of one input, a block at a time.
    private struct Cursor {
        let segment: IndexSegment
        private var nextBlock = 0
        private var entries: [(IndexKey, Postings)] = []
        private var next = 0

        init(_ segment: IndexSegment) { self.segment = segment }

        var key: IndexKey? { next < entries.count ? entries[next].0 : nil }

        mutating func take() -> (IndexKey, Postings)? {
            guard next < entries.count else { return nil }
            defer { next += 1 }
            return entries[next]
        }

        mutating func fill(from index: IndexReader) throws(StoreFailure) {
            guard next == entries.count, nextBlock < segment.blocks else { return }
            entries = try index.entries(ofBlock: nextBlock, of: segment)
            next = 0
            nextBlock += 1
        }
    }
}
