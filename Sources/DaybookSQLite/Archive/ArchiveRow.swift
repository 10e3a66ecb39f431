/// A row of the table `archives`: a file that holds the events of a range of positions.
struct ArchiveRow: Sendable {
    var positions: ClosedRange<Int64>
    /// The file's name, in the folder of the store's file.
    var name: String
    var bytes: Int64
    /// A CRC-32C that runs on from record to record; see ``ArchiveChecksum``.
    var records: UInt32

    static let columns = "first, last, name, bytes, records, crc"

    init(positions: ClosedRange<Int64>, name: String, bytes: Int64, records: UInt32) {
        self.positions = positions
        self.name = name
        self.bytes = bytes
        self.records = records
    }

    /// Nil when the row is not what was written.
    init?(_ row: Statement) {
        let (first, last) = (row.integer(0), row.integer(1))
        guard first >= 1, first <= last else { return nil }
        self.init(
            positions: first...last, name: row.text(2), bytes: row.integer(3),
            records: UInt32(truncatingIfNeeded: row.integer(4)))
        guard row.integer(4) == Int64(records), row.integer(5) == Int64(crc) else { return nil }
    }

    /// Covers every column.
    var crc: UInt32 {
        var covered: [UInt8] = []
        for value in [positions.upperBound, bytes, Int64(records)] {
            withUnsafeBytes(of: value.littleEndian) { covered.append(contentsOf: $0) }
        }
        return CRC32C.of(positions.lowerBound, covered + Array(name.utf8))
    }

    func bind(to statement: Statement) {
        for (index, value) in [positions.lowerBound, positions.upperBound].enumerated() {
            statement.bind(Int32(index + 1), value)
        }
        statement.bind(3, name)
        for (index, value) in [bytes, Int64(records), Int64(crc)].enumerated() {
            statement.bind(Int32(index + 4), value)
        }
    }
}

/// Runs over the records of an archive in the order of their positions: the CRC-32C of each record's position and of its
/// own CRC, continued from record to record.
struct ArchiveChecksum {
    private(set) var value: UInt32 = 0

    mutating func add(_ position: Int64, _ record: EventRecord.View) {
        let crc = record.bytes.loadUnaligned(as: UInt32.self)  // As it is stored.
        value = CRC32C.of(position, Self.bytes(UInt32(littleEndian: crc)) + Self.bytes(value))
    }

    private static func bytes(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}
