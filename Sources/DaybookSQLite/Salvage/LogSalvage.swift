import CSQLite
import DaybookCore
import Foundation

/// Copies whatever is whole in a damaged file into a new one, and leaves a mark at each number of which nothing was found.
struct LogSalvage {
    private let source: DamagedFile
    private let scanner: PageScanner
    private let connection: Connection
    private let insertEvent: Statement
    private let insertCommit: Statement
    private let insertName: Statement
    private var report = SalvageReport()
    /// The highest numbers that anything whole in the file speaks of.
    private var last = LogNumbers()
    /// Rows that can be read as an event and as a commit.
    private var ambiguous: [DamagedRow] = []
    /// What damaged records say of the stream and version that they are of, by position.
    private var remains: [Int64: (stream: Int64, version: Int64)] = [:]
    private var receipts: LostReceipts
    private var absent: AbsentPositions
    private var changes = 0

    private static let changesPerTransaction = 20_000
    private static let mostRanges = 1000
    private static let mostRemains = 1_000_000

    /// - Parameters:
    ///   - sourcePath: Of the damaged file.
    ///   - path: The new file, which is not there yet.
    init(_ source: DamagedFile, at sourcePath: String, to path: String) throws {
        self.source = source
        absent = AbsentPositions(beside: [path, sourcePath])
        scanner = PageScanner(source)
        receipts = LostReceipts(source, scanner)
        connection = try Connection(path: path, readOnly: false, creates: true, fileSystem: nil)
        connection.keepNoFiles()
        try connection.execute("PRAGMA journal_mode = WAL")
        try connection.execute("PRAGMA synchronous = FULL")
        try connection.execute(
            """
            BEGIN IMMEDIATE; \(Schema.log) \(Schema.index)
            PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = \(Schema.version); COMMIT
            """)
        insertEvent = try connection.prepare("INSERT OR IGNORE INTO events(position, record) VALUES(?, ?)")
        insertCommit = try connection.prepare("INSERT OR IGNORE INTO commits(number, record) VALUES(?, ?)")
        insertName = try connection.prepare("INSERT OR IGNORE INTO names(id, kind, text, crc) VALUES(?, ?, ?, ?)")
    }

    /// Does it all, and syncs the new file.
    ///
    /// - Parameter progress: Told now and then how many pages of how many were looked at.
    mutating func run(progress: ((Int64, Int64) -> Void)?) throws -> SalvageReport {
        try connection.execute("BEGIN IMMEDIATE")
        try scan(progress, scanner.rows)
        if receipts.mayBeMore { know(LogNumbers(commit: last.commit + 1)) }
        // A list of rows that became shorter looks sound: only when something is missing is it worth the time.
        if try isIncomplete() { try scan(progress, scanner.everyRow) }
        try resolveAmbiguous()
        report.savedEvents -= try absent.save(in: connection)
        try fillGaps()
        try connection.execute("COMMIT")
        let end = LogEnd(last)
        if end.position > 0 { try end.save(in: connection) }
        try connection.checkpoint(.truncate)
        return report
    }

    private mutating func scan(
        _ progress: ((Int64, Int64) -> Void)?,
        _ rows: (DamagedFile.Image, (DamagedRow) throws -> Bool) throws -> Void
    ) throws {
        let total = Int64(source.images.count)
        for (number, image) in source.images.enumerated() {
            var found: [DamagedRow] = []
            var told: [Int64: (stream: Int64, version: Int64)] = [:]
            func look(at row: DamagedRow) -> Bool {
                let (isWhole, isOfLog) = Self.look(at: row)
                if isWhole, isOfLog { found.append(row) }
                if !isWhole, let place = Self.place(toldBy: row) { told[row.rowID] = place }
                return isWhole
            }
            try rows(image, look)
            // Of a page that is certainly damaged the list may be shorter than it was.
            if image.isBroken { try scanner.everyRow(of: image, look) }
            if remains.count < Self.mostRemains { remains.merge(told) { first, _ in first } }
            for row in found { try take(row) }
            if let lost = receipts.note(image, found) { know(LogNumbers(commit: lost)) }
            if number % 256 == 0 { progress?(Int64(number), total) }
        }
        progress?(total, total)
    }

    // MARK: - Rows

    /// Whether a row is whole as far as can be told, and one that says something of the log.
    static func look(at row: DamagedRow) -> (isWhole: Bool, isOfLog: Bool) {
        switch row.columns.count {
        case 2:
            guard case .null = row.columns[0], case .blob(let range) = row.columns[1] else { return (true, false) }
            let isWhole = row.payload.withUnsafeBytes { payload in
                let record = UnsafeRawBufferPointer(rebasing: payload[range])
                return isEvent(record, row.rowID) || isCommit(record, row.rowID) || LostRecord.isOne(record, row.rowID)
                    || (try? IndexBlock(record, id: row.rowID)) != nil
            }
            return (isWhole, isWhole)
        case 3:
            guard case .null = row.columns[0] else { return (true, false) }
            let isWhole = ScavengedRange(row) != nil
            return (isWhole, isWhole)
        case 4:
            guard case .null = row.columns[0], let kind = row.integer(1), case .text(let range) = row.columns[2],
                let crc = row.integer(3)
            else { return (true, false) }
            let isWhole = row.payload.withUnsafeBytes { payload in
                let text = UnsafeRawBufferPointer(rebasing: payload[range])
                return (0...5).contains(kind) && Int64(CRC32C.of(row.rowID, UInt8(kind), text)) == crc
            }
            return (isWhole, isWhole)
        case 5:
            return (true, LogEnd(row) != nil)
        case 6:
            guard case .null = row.columns[0] else { return (true, false) }
            let isWhole = ArchiveRow(row) != nil
            return (isWhole, isWhole)
        case 10:
            return (true, IndexSegment(row) != nil)
        default: return (true, false)
        }
    }

    /// Whether a row looks like one with a record in it, whole or not.
    static func hasShapeOfRecord(_ row: DamagedRow) -> Bool {
        guard row.columns.count == 2, case .null = row.columns[0], case .blob = row.columns[1] else { return false }
        return true
    }

    /// Whether a row can be read as a commit, or as the mark of a lost one.
    static func mayBeReceipt(_ row: DamagedRow) -> Bool {
        test(row) { record, number in
            isCommit(record, number)
                || (LostRecord.isOne(record, number) && record.count == CommitRecord.headerBytes)
        }
    }

    /// Whether a row can be read as that, and not as an event.
    static func isSurelyReceipt(_ row: DamagedRow) -> Bool { mayBeReceipt(row) && !test(row, isEvent) }

    private static func test(_ row: DamagedRow, _ test: (UnsafeRawBufferPointer, Int64) -> Bool) -> Bool {
        guard hasShapeOfRecord(row), case .blob(let range) = row.columns[1] else { return false }
        return row.payload.withUnsafeBytes { test(UnsafeRawBufferPointer(rebasing: $0[range]), row.rowID) }
    }

    /// The stream and version that the record of a damaged event has in its places for them.
    private static func place(toldBy row: DamagedRow) -> (stream: Int64, version: Int64)? {
        guard row.columns.count == 2, row.rowID > 0, case .blob(let range) = row.columns[1],
            range.count >= EventRecord.headerBytes
        else { return nil }
        return row.payload.withUnsafeBytes { payload in
            func value(_ offset: Int) -> Int64 {
                Int64(littleEndian: payload.loadUnaligned(fromByteOffset: range.lowerBound + offset, as: Int64.self))
            }
            return value(32) > 0 && value(40) >= 0 ? (value(32), value(40)) : nil
        }
    }

    /// The entries of a block of the index that was found whole; none when the row is no such block.
    private static func indexEntries(of row: DamagedRow) -> [(key: IndexKey, postings: Postings)] {
        guard row.columns.count == 2, case .blob(let range) = row.columns[1] else { return [] }
        return row.payload.withUnsafeBytes { payload in
            guard var block = try? IndexBlock(UnsafeRawBufferPointer(rebasing: payload[range]), id: row.rowID) else {
                return []
            }
            var entries: [(key: IndexKey, postings: Postings)] = []
            while let entry = try? block.next(), let postings = try? entry.postings() {
                entries.append((entry.key, postings))
            }
            return entries
        }
    }

    private static func isEvent(_ record: UnsafeRawBufferPointer, _ position: Int64) -> Bool {
        guard let view = try? EventRecord.View(record, at: position) else { return false }
        return view.indexInAppend < view.eventsInAppend && record[6] == 0 && record[7] == 0
            && view.tagCount <= Limits.tagsPerEvent
    }

    private static func isCommit(_ record: UnsafeRawBufferPointer, _ number: Int64) -> Bool {
        guard let commit = try? CommitRecord(record, number: number) else { return false }
        return !commit.command.isEmpty && commit.command.utf8.count <= Limits.nameBytes
    }

    private mutating func take(_ row: DamagedRow) throws {
        switch row.columns.count {
        case 2:
            guard case .blob(let range) = row.columns[1] else { return }
            let (event, commit) = row.payload.withUnsafeBytes { payload in
                let record = UnsafeRawBufferPointer(rebasing: payload[range])
                return (Self.isEvent(record, row.rowID), Self.isCommit(record, row.rowID))
            }
            if event, commit {
                ambiguous.append(row)
            } else if event {
                try takeEvent(row, range)
            } else if commit {
                try takeCommit(row, range)
            } else {
                for entry in Self.indexEntries(of: row) {
                    guard let number = entry.postings.numbers.last else { continue }
                    switch entry.key.kind {
                    case .name: know(LogNumbers(name: number))
                    case .command: know(LogNumbers(commit: number))
                    case .lost: break
                    default: know(LogNumbers(position: number))
                    }
                }
            }
        case 3:
            if let range = ScavengedRange(row) {
                absent.add(range)
                know(LogNumbers(position: range.positions.upperBound))
            }
        case 4:
            guard let kind = row.integer(1), kind > 0, case .text(let range) = row.columns[2], let crc = row.integer(3)
            else { return }
            insertName.bind(1, row.rowID)
            insertName.bind(2, kind)
            insertName.bind(3, String(decoding: row.payload[range], as: UTF8.self))
            insertName.bind(4, crc)
            try insertName.run()
            report.savedNames += Int64(connection.changedRows)
            last.name = max(last.name, row.rowID)
        case 5:
            if let end = LogEnd(row) {
                know(LogNumbers(position: end.position, name: end.name, commit: end.commit))
            }
        case 6:
            if let archive = ArchiveRow(row) {
                absent.add(archive)
                know(LogNumbers(position: archive.positions.upperBound))
            }
        case 10:
            if let segment = IndexSegment(row) {
                know(LogNumbers(position: segment.last, name: segment.lastName, commit: segment.lastCommit))
            }
        default: break
        }
        changes += 1
        if changes % Self.changesPerTransaction == 0 { try connection.execute("COMMIT; BEGIN IMMEDIATE") }
    }

    private mutating func know(_ numbers: LogNumbers) {
        last.position = max(last.position, numbers.position)
        last.name = max(last.name, numbers.name)
        last.commit = max(last.commit, numbers.commit)
    }

    private mutating func takeEvent(_ row: DamagedRow, _ range: Range<Int>) throws {
        insertEvent.bind(1, row.rowID)
        try row.payload.withUnsafeBytes { payload in
            let record = UnsafeRawBufferPointer(rebasing: payload[range])
            try insertEvent.run(binding: record, at: 2)
            let view = try EventRecord.View(record, at: row.rowID)
            let tags = (0..<view.tagCount).map(view.tag)
            know(
                LogNumbers(
                    position: row.rowID, name: ([view.stream, view.type, view.contentType] + tags).max() ?? 0))
        }
        report.savedEvents += Int64(connection.changedRows)
    }

    private mutating func takeCommit(_ row: DamagedRow, _ range: Range<Int>) throws {
        insertCommit.bind(1, row.rowID)
        try row.payload.withUnsafeBytes { payload in
            let record = UnsafeRawBufferPointer(rebasing: payload[range])
            try insertCommit.run(binding: record, at: 2)
            let commit = try CommitRecord(record, number: row.rowID)
            know(
                LogNumbers(
                    position: commit.position, name: commit.streams.map(\.name).max() ?? 0, commit: row.rowID))
        }
        report.savedCommits += Int64(connection.changedRows)
    }

    /// Tells events and commits apart by the kinds of the names that they refer to.
    private mutating func resolveAmbiguous() throws {
        let kind = try connection.prepare("SELECT kind FROM names WHERE id = ?")
        func isName(_ number: Int64, _ wanted: NameKind) throws -> Bool {
            kind.bind(1, number)
            guard try kind.step() else { return false }
            defer { kind.reset() }
            return kind.integer(0) == Int64(wanted.rawValue)
        }
        for row in ambiguous {
            guard case .blob(let range) = row.columns[1] else { continue }
            let isEvent = try row.payload.withUnsafeBytes { payload in
                let view = try EventRecord.View(UnsafeRawBufferPointer(rebasing: payload[range]), at: row.rowID)
                return try isName(view.stream, .stream) && isName(view.type, .type)
                    && isName(view.contentType, .contentType)
            }
            if isEvent { try takeEvent(row, range) } else { try takeCommit(row, range) }
        }
        ambiguous = []
    }

    // MARK: - What is missing

    private func isIncomplete() throws -> Bool {
        let missing = try missingEvents().reduce(0) { $0 + $1.count }
        // One row may stand in several images of its page.
        return missing > Set(ambiguous.map(\.rowID)).count || report.savedCommits < last.commit
            || report.savedNames < last.name
    }

    /// Positions of which nothing was found, and should have been.
    private func missingEvents() throws -> [ClosedRange<Int64>] {
        absent.missing(of: try gaps("events", "position", through: last.position))
    }

    private mutating func fillGaps() throws {
        report.head = Position(last.position)
        let positions = try missingEvents()
        let commits = try gaps("commits", "number", through: last.commit)
        let names = try gaps("names", "id", through: last.name)
        let (places, hashes) = try told(positions, commits)
        for range in names {
            for id in range {
                insertName.bind(1, id)
                insertName.bind(2, Int64(NameKind.lost.rawValue))
                insertName.bind(3, "")
                insertName.bind(4, Int64(NameReader.crc(id, Int64(NameKind.lost.rawValue), "")))
                try insertName.run()
                report.lostNames += 1
            }
        }
        for range in commits {
            for number in range {
                insertCommit.bind(1, number)
                try LostRecord.commit(number, hash: hashes[number]).withUnsafeBytes {
                    try insertCommit.run(binding: $0, at: 2)
                }
                report.lostCommits += 1
            }
        }
        for range in positions {
            for position in range {
                insertEvent.bind(1, position)
                try LostRecord.event(at: position, stream: places[position]?.stream, version: places[position]?.version)
                    .withUnsafeBytes { try insertEvent.run(binding: $0, at: 2) }
                report.lostEvents += 1
                try list(position, places[position]?.stream)
            }
        }
        if !names.isEmpty { try countNameless(names) }
    }

    /// Ranges of numbers that a table lacks.
    private func gaps(_ table: String, _ column: String, through last: Int64) throws -> [ClosedRange<Int64>] {
        var gaps: [ClosedRange<Int64>] = []
        let rows = try connection.prepare("SELECT \(column) FROM \(table) ORDER BY \(column)")
        var next: Int64 = 1
        while try rows.step() {
            let number = rows.integer(0)
            if number > next { gaps.append(next...number - 1) }
            next = number + 1
        }
        if next <= last { gaps.append(next...last) }
        return gaps
    }

    /// What the index of the damaged file tells of lost events and commits: of which stream and version they are, and the
    /// hash of the command.
    private func told(
        _ positions: [ClosedRange<Int64>], _ commits: [ClosedRange<Int64>]
    ) throws -> (places: [Int64: (stream: Int64, version: Int64)], hashes: [Int64: Int64]) {
        var places: [Int64: (stream: Int64, version: Int64)] = [:]
        var hashes: [Int64: Int64] = [:]
        guard !positions.isEmpty || !commits.isEmpty else { return (places, hashes) }
        func isIn(_ ranges: [ClosedRange<Int64>], _ number: Int64) -> Bool {
            var low = 0
            var high = ranges.count
            while low < high {
                let middle = (low + high) / 2
                if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
            }
            return low < ranges.count && ranges[low].contains(number)
        }
        for image in source.images {
            try scanner.rows(of: image) { row in
                for (key, postings) in Self.indexEntries(of: row) {
                    for (index, number) in postings.numbers.enumerated() {
                        if key.kind == .stream, isIn(positions, number) {
                            places[number] = (key.key, postings.ordinal(index))
                        } else if key.kind == .command, isIn(commits, number) {
                            hashes[number] = key.key
                        }
                    }
                }
                return true
            }
        }
        for (position, place) in try fitting(remains.filter { places[$0.key] == nil && isIn(positions, $0.key) }) {
            places[position] = place
        }
        return (places, hashes)
    }

    /// Of what damaged records say of themselves, that which fits in with the events that were saved: earlier ones of the stream
    /// have lower versions, later ones higher.
    private func fitting(
        _ told: [Int64: (stream: Int64, version: Int64)]
    ) throws -> [Int64: (stream: Int64, version: Int64)] {
        guard !told.isEmpty else { return told }
        var fitting = told
        let byStream = Dictionary(grouping: told, by: \.value.stream)
        let rows = try connection.prepare("SELECT position, record FROM events")
        while try rows.step() {
            let position = rows.integer(0)
            guard let view = try? EventRecord.View(rows.bytes(1), at: position) else { continue }
            for (other, place) in byStream[view.stream] ?? []
            where (position < other) != (view.version < place.version) || view.version == place.version {
                fitting[other] = nil
            }
        }
        return fitting
    }

    private mutating func list(_ position: Int64, _ stream: Int64?) throws {
        var name: StreamName?
        if let stream {
            let text = try connection.prepare(
                "SELECT text FROM names WHERE id = ? AND kind = \(NameKind.stream.rawValue)")
            text.bind(1, stream)
            if try text.step() { name = StreamName(unchecked: text.text(0)) }
        }
        if let end = report.lostPositions.last, end.last.rawValue == position - 1, end.stream == name {
            report.lostPositions[report.lostPositions.count - 1].last = Position(position)
        } else if report.lostPositions.count < Self.mostRanges {
            report.lostPositions.append(
                SalvageReport.LostPositions(first: Position(position), last: Position(position), stream: name))
        }
    }

    private mutating func countNameless(_ names: [ClosedRange<Int64>]) throws {
        let lost = Set(names.joined())
        let rows = try connection.prepare("SELECT position, record FROM events")
        while try rows.step() {
            guard let view = try? EventRecord.View(rows.bytes(1), at: rows.integer(0)) else { continue }
            let used = [view.stream, view.type, view.contentType] + (0..<view.tagCount).map(view.tag)
            if used.contains(where: lost.contains) { report.namelessEvents += 1 }
        }
    }
}

extension LogEnd {
    /// Nil when the row is no whole row of `log_end`.
    fileprivate init?(_ row: DamagedRow) {
        guard row.columns.count == 5, let position = row.integer(1), let name = row.integer(2),
            let commit = row.integer(3), let crc = row.integer(4)
        else { return nil }
        self.init(LogNumbers(position: position, name: name, commit: commit))
        guard row.rowID == Self.row, crc == Int64(self.crc) else { return nil }
    }
}

extension IndexSegment {
    /// Nil when the row is no whole row of `index_segments`.
    fileprivate init?(_ row: DamagedRow) {
        let values = (1..<9).compactMap { row.columns.count == 10 ? row.integer($0) : nil }
        guard values.count == 8 else { return nil }
        self.init(
            id: row.rowID, level: values[0], first: values[1], last: values[2], lastName: values[3],
            lastCommit: values[4], blocks: values[5], controls: values[6])
        guard values[7] == Int64(crc) else { return nil }
    }
}
