import CSQLite
import DaybookCore

extension SQLiteEventStore {
    /// Reads the whole log, checks every record, and compares the index with it.
    ///
    /// - Parameter progress: Told now and then how many positions of how many were read; on a thread of the store.
    /// - Complexity: O(events), about 600,000 a second with a tag each.
    public func verify(
        progress: (@Sendable (_ done: Int64, _ total: Int64) -> Void)? = nil
    ) async throws(ReadError) -> VerificationReport {
        var verification = LogVerification()
        let head = signal.head
        while verification.position < head {
            let before = verification
            verification = try await read { reader, _ throws(StoreFailure) in
                var next = before
                try next.step(reader, through: head)
                return next
            }
            progress?(verification.position, head)
        }
        return try await read { [verification] reader, _ throws(StoreFailure) in
            var last = verification
            try last.finish(reader, head: head)
            return last.report
        }
    }

    /// Builds the index anew from the log. Appends wait until it is done; reads go on.
    ///
    /// - Complexity: O(events), about 500,000 a second.
    public func reindex(
        progress: (@Sendable (_ done: Int64, _ total: Int64) -> Void)? = nil
    ) async throws(ReadError) {
        if let failure = await rebuildIndex(progress: progress) { throw failure.readError(file: path) }
    }
}

/// A check of the whole log on its way, some thousand events at a time.
private struct LogVerification: Sendable {
    var position: Int64 = 0
    var report = VerificationReport()
    private var versions: [Int64: Int64] = [:]
    /// Damaged events whose streams have not been met since: each leaves a gap in the versions of one.
    private var unplaced: Int64 = 0
    /// Scavenged events whose streams have not been met since: each was at the beginning of one.
    private var removed: Int64 = 0
    private var recordedAt = Int64.min
    private var unreadableArchives: Set<String> = []
    /// Which event of how many of its append comes next, the first again when the last was one's last; nil when that is not known.
    private var nextInAppend: (index: Int, count: Int)? = (0, 0)
    /// What the index says of the next events of some streams, categories, types and tags, and of what is done to streams.
    private var indexed: [IndexKey: Postings] = [:]
    private var indexedCount = 0

    private static let positionsAhead = 512
    /// 8 bytes each.
    private static let mostPositionsAhead = 500_000
    private static let eventsPerStep: Int64 = 20_000
    private static let mostFindings = 1000

    mutating func step(_ reader: LogReader, through head: Int64) throws(StoreFailure) {
        let end = min(head, position + Self.eventsPerStep)
        while position < end {
            var state = self
            do {
                try reader.records(from: position + 1, through: end) { at, record throws(StoreFailure) in
                    state.passOver(through: at - 1)
                    try state.check(record, at: at, reader)
                    state.position = at
                    state.report.eventsChecked += 1
                    return true
                }
                self = state
                passOver(through: end)
            } catch {
                self = state
                if case .archive(let at, let file, let reason) = error,
                    let row = try reader.archives.row(containing: at)
                {
                    passOver(through: at - 1)
                    add(
                        at, nil,
                        "its archive \(file) cannot be read (\(reason)): put it back; its events were not checked")
                    unreadableArchives.insert(row.name)
                    nextInAppend = nil
                    unplaced += row.positions.upperBound - at + 1
                    position = row.positions.upperBound
                    continue
                }
                guard case .damaged(let at, let stream, let reason) = error else { throw error }
                passOver(through: (at ?? 0) - 1)
                add(at ?? position + 1, stream, reason)
                unplaced += 1
                nextInAppend = nil
                position = max(position, at ?? position + 1)
            }
        }
    }

    /// Counts the positions up to one, at which there is no event, since it was scavenged.
    private mutating func passOver(through last: Int64) {
        guard last > position else { return }
        removed += last - position
        report.scavenged += last - position
        position = last
        nextInAppend = nil
    }

    private mutating func check(
        _ record: EventRecord.View, at position: Int64, _ reader: LogReader
    ) throws(StoreFailure) {
        let stream: StreamName
        do {
            stream = try reader.stream(record.stream)
            _ = try reader.type(record.type)
            _ = try reader.contentType(record.contentType)
            _ = try reader.tags(of: record)
        } catch {
            throw error.at(position)
        }
        var expected = versions[record.stream, default: -1] + 1
        if expected == 0 {
            expected = min(record.version, removed)
            removed -= expected
        }
        if record.version > expected, record.version - expected <= unplaced {
            unplaced -= record.version - expected
        } else if record.version != expected {
            add(position, stream, "its version is \(record.version); \(expected) comes next")
        }
        versions[record.stream] = max(record.version, expected)
        if record.recordedAt < recordedAt { add(position, stream, "it was recorded before the event in front of it") }
        recordedAt = max(recordedAt, record.recordedAt)
        checkAppend(Int(record.indexInAppend), of: Int(record.eventsInAppend), at: position, stream)
        let key = IndexKey(kind: .stream, key: record.stream)
        if try indexedPosition(under: key, record.version, reader) != position {
            add(position, stream, "the index does not lead to it; run 'daybook reindex'")
        }
        for (key, what) in try keys(of: record, in: stream, reader)
        where try indexedPosition(under: key, position, reader) != position {
            add(position, stream, "the index does not lead to it by \(what); run 'daybook reindex'")
        }
    }

    /// What an event is found by, beside its stream.
    private func keys(
        of record: EventRecord.View, in stream: StreamName, _ reader: LogReader
    ) throws(StoreFailure) -> [(IndexKey, String)] {
        var keys = [(IndexKey(kind: .type, key: record.type), "its type")]
        for index in 0..<record.tagCount { keys.append((IndexKey(kind: .tag, key: record.tag(index)), "its tags")) }
        // A name that nothing leads to is told of once, with the names.
        if let category = try Self.number(.category, stream.category.rawValue, reader) {
            keys.append((IndexKey(kind: .category, key: category), "its category"))
        }
        if let controlled = stream.controlled, let number = try Self.number(.stream, controlled.rawValue, reader) {
            keys.append((IndexKey(kind: .control, key: number), "the stream that it is about"))
        }
        return keys
    }

    private static func number(
        _ kind: NameKind, _ text: String, _ reader: LogReader
    ) throws(StoreFailure) -> Int64? {
        do {
            return try reader.names.number(kind, text)
        } catch {
            guard case .damaged = error else { throw error }
            return nil
        }
    }

    /// An append is there whole: its events follow one on the other, to the last.
    private mutating func checkAppend(_ index: Int, of count: Int, at position: Int64, _ stream: StreamName) {
        if let next = nextInAppend, position == self.position + 1,
            index != next.index || (index > 0 && count != next.count)
        {
            add(
                position, stream,
                "it is event \(index + 1) of the \(count) of its append; event \(next.index + 1) comes next")
        }
        nextInAppend = index + 1 < count ? (index + 1, count) : (0, count)
    }

    /// Where the index says that the event with an ordinal under a key is; nil when it does not say. Ordinals of a key come in
    /// order.
    ///
    /// It is asked for many at a time: what one costs is the decoding of a whole block of the index.
    private mutating func indexedPosition(
        under key: IndexKey, _ ordinal: Int64, _ reader: LogReader
    ) throws(StoreFailure) -> Int64? {
        if let known = indexed[key], !known.numbers.isEmpty, (known.ordinal(0)...known.lastOrdinal).contains(ordinal) {
            return known.number(at: ordinal)
        }
        var found: Postings?
        do {
            found = try reader.index.numbers(
                under: key, from: ordinal, backward: false, limit: Self.positionsAhead, atOrBelow: .max)
        } catch {
            // Only damage is a finding: an index that moved on, or a disk that cannot be read now, is none.
            switch error {
            case .damaged, .indexDamaged: break
            case .sqlite, .stopped, .outdated, .archive: throw error
            }
        }
        let count = found?.numbers.count ?? 0
        if indexedCount + count > Self.mostPositionsAhead {
            indexed = [:]
            indexedCount = 0
        }
        indexedCount += count - (indexed[key]?.numbers.count ?? 0)
        indexed[key] = found
        return found?.number(at: ordinal)
    }

    /// Checks what is not one event: names, commits, the index, and what is derived from the log.
    mutating func finish(_ reader: LogReader, head: Int64) throws(StoreFailure) {
        report.streams = Int64(versions.count)
        do {
            note(try Self.damage { try check(namesOf: reader) }, "the names")
            note(try Self.damage { try check(commitsOf: reader) }, "the commits")
            try checkScavenged(reader)
            try checkArchives(reader)
            if let next = nextInAppend, next.index > 0 {
                add(head, nil, "it is event \(next.index) of the \(next.count) of its append, and the last of the log")
            }
            for reason in try reader.index.damage() {
                add(nil, nil, "\(reason); run 'daybook reindex'")
            }
            note(try Self.damage { try check(endOf: reader) }, "the note of the log's end")
            note(try Self.damage { try check(snapshotsOf: reader) }, "the snapshots")
            // A damaged definition leaves its rows to be counted, and nothing else.
            note(
                try Self.damage { _ = try DerivedTables(reader.connection) },
                "the tables of checkpoints, snapshots and documents")
            for table in ["checkpoints", "read_models", "documents"] {
                let damage = try Self.damage {
                    _ = try reader.connection.integer("SELECT count(*) FROM \(table)")
                }
                note(damage, "the table '\(table)'")
            }
            note(try Self.damage { try check(pagesOf: reader) }, "the pages of the file")
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: false)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .damaged(position: nil, stream: nil, reason: "\(error)")
        }
    }

    /// What keeps a part of the file from being read; nil when nothing does.
    private static func damage(_ body: () throws -> Void) throws -> SQLiteFailure? {
        do {
            try body()
            return nil
        } catch let failure as SQLiteFailure where failure.isDamage {
            return failure
        }
    }

    private mutating func note(_ damage: SQLiteFailure?, _ what: String) {
        guard let damage else { return }
        add(nil, nil, "\(what) cannot be read on (\(damage)); salvage the file, or restore it from a backup")
    }

    private mutating func check(pagesOf reader: LogReader) throws {
        let check = try reader.connection.prepare("PRAGMA integrity_check(20)")
        while try check.step() {
            let message = check.text(0)
            if let code = Self.readFailure(in: message) { throw SQLiteFailure(code, nil, "PRAGMA integrity_check") }
            if message != "ok" { add(nil, nil, "\(message); salvage the file, or restore it from a backup") }
        }
    }

    private mutating func check(namesOf reader: LogReader) throws {
        let names = try reader.connection.prepare("SELECT id, kind, text, crc FROM names ORDER BY id")
        defer { names.reset() }
        var next: Int64 = 1
        while try names.step() {
            let number = names.integer(0)
            if number > next { add(nil, nil, "names \(next) to \(number - 1) are missing: restore them from a backup") }
            do {
                _ = try NameReader.name(names, expecting: number)
            } catch {
                guard case .damaged(_, _, let reason) = error else { throw error }
                add(nil, nil, "\(reason); events that use it cannot be read: restore it from a backup")
            }
            next = number + 1
        }
        let repeated = try reader.connection.prepare(
            "SELECT text, count(*) FROM names WHERE kind > 0 GROUP BY kind, text HAVING count(*) > 1 ORDER BY min(id)")
        while try repeated.step() {
            add(
                nil, nil,
                "the name '\(repeated.text(0))' has \(repeated.integer(1)) numbers, so that some of its events are led to by "
                    + "another: restore it from a backup")
        }
    }

    private mutating func check(commitsOf reader: LogReader) throws {
        let last = try reader.connection.integer("SELECT max(number) FROM commits") ?? 0
        for number in stride(from: Int64(1), through: last, by: 1) {
            do {
                if try reader.commitRecord(number) == nil {
                    add(nil, nil, "commit \(number) is missing: its command may be done again")
                }
            } catch {
                guard case .damaged(_, _, let reason) = error else { throw error }
                add(nil, nil, "\(reason); the result of its command is not known")
            }
        }
    }

    private mutating func check(endOf reader: LogReader) throws {
        let rows = try reader.connection.integer("SELECT count(*) FROM sqlite_master WHERE name = 'log_end'") ?? 0
        guard rows > 0 else { return }
        guard let end = try LogEnd(savedIn: reader.connection) else {
            return add(
                nil, nil, "the note of the log's end is damaged; it is made anew when the store is written and closed")
        }
        // The log may have grown since the check began, and the note with it.
        let last = try reader.connection.integer("SELECT max(position) FROM events") ?? 0
        if end.position > last {
            add(nil, nil, "the log has been as long as position \(end.position), and ends before")
        }
    }

    private mutating func check(snapshotsOf reader: LogReader) throws {
        let rows = try reader.connection.prepare("SELECT key, version, data, crc FROM snapshots")
        defer { rows.reset() }
        while try rows.step() {
            guard rows.integer(3) != Int64(CRC32C.of(rows.integer(1), rows.bytes(2))) else { continue }
            add(nil, nil, "snapshot '\(rows.text(0))' is damaged: delete it, and it is made anew from the log")
        }
    }

    /// Compares what is told of scavenged events with the log: no more are missing than was removed, and no fewer.
    private mutating func checkScavenged(_ reader: LogReader) throws {
        guard try reader.scavenged.isAny() else { return }
        let rows = try reader.connection.prepare("SELECT first, last, crc FROM scavenged ORDER BY first")
        var last: Int64 = -1
        while try rows.step() {
            guard let positions = ScavengedRange(rows)?.positions, positions.lowerBound > last + 1 else {
                add(rows.integer(0), nil, "the row that says what was scavenged from here on is damaged")
                continue
            }
            last = positions.upperBound
        }
        let present = try reader.connection.prepare(
            "SELECT position FROM scavenged JOIN events ON position BETWEEN first AND scavenged.last LIMIT 20")
        while try present.step() { add(present.integer(0), nil, "it is told to be scavenged, and is there") }
        if removed > 0, unplaced == 0 {
            add(nil, nil, "\(removed) more events are told to be scavenged than are missing from streams")
        }
    }

    /// Reads every archive as a whole, and compares it with what was written.
    private mutating func checkArchives(_ reader: LogReader) throws {
        let rows = try reader.archives.all()
        let count = try reader.archives.count()
        if Int64(rows.count) != count { add(nil, nil, "a row that tells of an archive is damaged") }
        for row in rows where !unreadableArchives.contains(row.name) {
            do {
                try ArchiveFile(row, beside: reader.file, fileSystem: reader.archives.fileSystem).check(row)
            } catch let damage as ArchiveDamage {
                add(nil, nil, "the archive \(damage.path) cannot be read: \(damage.reason)")
            } catch let failure as StoreFailure {
                add(nil, nil, failure.reason(file: reader.file))
            }
        }
    }

    /// The code with which a page could not be read, when a message of SQLite's own check is about that and not about damage.
    private static func readFailure(in message: String) -> Int32? {
        // Of a page on a list it does not tell the code; a page that is not in the file has another message.
        if message.contains("failed to get page") { return SQLITE_IOERR | 1 << 8 }
        guard let place = message.range(of: "error code=") else { return nil }
        let code = Int32(message[place.upperBound...].prefix(while: \.isNumber))
        return code.flatMap { $0 & 0xFF == SQLITE_IOERR ? $0 : nil }
    }

    private mutating func add(_ position: Int64?, _ stream: StreamName?, _ reason: String) {
        report.findingCount += 1
        guard report.findings.count < Self.mostFindings else { return }
        report.findings.append(
            VerificationFinding(position: position.map { Position($0) }, stream: stream, reason: reason))
    }
}
