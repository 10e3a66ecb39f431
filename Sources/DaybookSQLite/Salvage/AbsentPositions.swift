import DaybookCore

/// Positions of a damaged file that have no event in it on purpose: those that were scavenged, and those that are in
/// archives.
///
/// What tells of them only grows: an older row, found in the room that a newer one has left, says nothing wrong.
struct AbsentPositions {
    /// What was scavenged, in the order in which it was found: put in order once, since a set takes the longer for each the more
    /// it has.
    private var removed: [Range<Int64>] = []
    /// Those whose files are whole, by their first positions.
    private(set) var archives: [Int64: ArchiveRow] = [:]
    private var archived = RangeSet<Int64>()
    private var unusable: Set<Int64> = []
    /// Beside which the archives may lie.
    private let stores: [String]

    init(beside stores: [String]) { self.stores = stores }

    mutating func add(_ range: ScavengedRange) { removed.append(Range(range.positions)) }

    private var scavenged: RangeSet<Int64> { RangeSet(removed.sorted { $0.lowerBound < $1.lowerBound }) }

    /// Reads the archive that a row tells of, when it is met first. The events of one that is not there, or not whole, are
    /// lost.
    mutating func add(_ row: ArchiveRow) {
        let first = row.positions.lowerBound
        guard archives[first] == nil, !unusable.contains(first) else { return }
        guard stores.contains(where: { (try? ArchiveFile(row, beside: $0, fileSystem: nil).check(row)) != nil }) else {
            unusable.insert(first)
            return
        }
        archives[first] = row
        archived.insert(contentsOf: Range(row.positions))
    }

    /// What of some ranges should be in the file.
    func missing(of ranges: [ClosedRange<Int64>]) -> [ClosedRange<Int64>] {
        var expected: [Range<Int64>] = []
        var next = Int64.min
        for range in scavenged.union(archived).ranges {
            expected.append(next..<range.lowerBound)
            next = range.upperBound
        }
        expected.append(next..<Int64.max)
        let missing = RangeSet(ranges.map { Range($0) }).intersection(RangeSet(expected))
        return missing.ranges.map { $0.lowerBound...$0.upperBound - 1 }
    }

    /// Takes over what tells of them into a new file, and removes from it what still stood of them in a page.
    ///
    /// - Returns: How many events that were saved are gone again.
    func save(in connection: Connection) throws(SQLiteFailure) -> Int64 {
        let scavenged = scavenged
        var count: Int64 = 0
        let remove = try connection.prepare("DELETE FROM events WHERE position BETWEEN ? AND ?")
        let insert = try connection.prepare("INSERT INTO scavenged(first, last, crc) VALUES(?, ?, ?)")
        for range in scavenged.union(archived).ranges {
            remove.bind(1, range.lowerBound)
            remove.bind(2, range.upperBound - 1)
            try remove.run()
            count += Int64(connection.changedRows)
        }
        for range in scavenged.ranges {
            let positions = range.lowerBound...range.upperBound - 1
            insert.bind(1, positions.lowerBound)
            insert.bind(2, positions.upperBound)
            insert.bind(3, Int64(ScavengedRange(positions).crc))
            try insert.run()
        }
        let list = try connection.prepare("INSERT INTO archives(\(ArchiveRow.columns)) VALUES(?, ?, ?, ?, ?, ?)")
        for (_, row) in archives {
            row.bind(to: list)
            try list.run()
        }
        return count
    }
}

extension ScavengedRange {
    /// Nil when the row is no whole row of `scavenged`.
    init?(_ row: DamagedRow) {
        guard row.columns.count == 3, case .null = row.columns[0], let last = row.integer(1), let crc = row.integer(2),
            row.rowID >= 1, row.rowID <= last, last < .max
        else { return nil }
        self.init(row.rowID...last)
        guard crc == Int64(self.crc) else { return nil }
    }
}

extension ArchiveRow {
    /// Nil when the row is no whole row of `archives`.
    init?(_ row: DamagedRow) {
        guard row.columns.count == 6, case .null = row.columns[0], let last = row.integer(1),
            case .text(let name) = row.columns[2], let bytes = row.integer(3),
            let records = row.integer(4).flatMap({ UInt32(exactly: $0) }), let crc = row.integer(5),
            row.rowID >= 1, row.rowID <= last, last < .max
        else { return nil }
        self.init(
            positions: row.rowID...last, name: String(decoding: row.payload[name], as: UTF8.self), bytes: bytes,
            records: records)
        guard crc == Int64(self.crc) else { return nil }
    }
}
