/// A finished part of the index: everything about the events of a range of positions.
struct IndexSegment {
    var id: Int64
    /// 0 when written from memory, one more with every merge.
    var level: Int64
    /// Positions from `first` to `last`.
    var first: Int64
    var last: Int64
    /// Covers names and commits up to these numbers.
    var lastName: Int64
    var lastCommit: Int64
    /// Blocks in it.
    var blocks: Int64
    /// Numbers under control keys in it.
    var controls: Int64

    static let columns = "id, level, first, last, last_name, last_commit, blocks, controls, crc"

    var crc: UInt32 {
        var bytes: [UInt8] = []
        for value in [level, first, last, lastName, lastCommit, blocks, controls] {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return CRC32C.of(id, bytes)
    }

    init(
        id: Int64, level: Int64, first: Int64, last: Int64, lastName: Int64, lastCommit: Int64, blocks: Int64,
        controls: Int64
    ) {
        self.id = id
        self.level = level
        self.first = first
        self.last = last
        self.lastName = lastName
        self.lastCommit = lastCommit
        self.blocks = blocks
        self.controls = controls
    }

    /// Reads a row of `index_segments`.
    init(_ row: Statement) throws(RecordDamage) {
        self.init(
            id: row.integer(0), level: row.integer(1), first: row.integer(2), last: row.integer(3),
            lastName: row.integer(4), lastCommit: row.integer(5), blocks: row.integer(6), controls: row.integer(7))
        guard row.integer(8) == Int64(crc) else { throw RecordDamage("the CRC-32C of index segment \(id) is wrong") }
    }

    func bind(to statement: Statement) {
        for (index, value) in [id, level, first, last, lastName, lastCommit, blocks, controls, Int64(crc)].enumerated()
        {
            statement.bind(Int32(index + 1), value)
        }
    }
}
