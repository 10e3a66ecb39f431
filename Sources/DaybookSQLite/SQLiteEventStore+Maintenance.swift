import CSQLite
import DaybookCore
import Foundation

extension SQLiteEventStore {
    /// Reads the whole log, checks every record, and compares the index with it.
    ///
    /// - Parameter progress: Told now and then how many positions of how many were read; on a thread of the store.
    /// - Complexity: O(events), about a million a second.
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

    /// Sizes and counts of the file.
    public func statistics() async throws(ReadError) -> StoreStatistics {
        let status = committer.currentStatus
        let path = path
        return try await read { reader, head throws(StoreFailure) in
            do {
                func count(_ kind: NameKind, _ condition: String = "") throws(SQLiteFailure) -> Int64 {
                    try reader.connection.integer(
                        "SELECT count(*) FROM names WHERE kind = \(kind.rawValue) \(condition)") ?? 0
                }
                func size(_ suffix: String) -> Int64 {
                    let attributes = try? FileManager.default.attributesOfItem(atPath: path + suffix)
                    return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
                }
                return StoreStatistics(
                    path: path, sqliteVersion: String(cString: sqlite3_libversion()), fileBytes: size(""),
                    walBytes: size("-wal"), head: Position(head), events: head,
                    streams: try count(.stream, "AND substr(text, 1, 2) <> '$$'"), eventTypes: try count(.type),
                    tags: try count(.tag), commands: try reader.connection.integer("SELECT count(*) FROM commits") ?? 0,
                    indexedThrough: Position(reader.index.segments.last?.last ?? 0),
                    indexSegments: reader.index.segments.count,
                    indexRows: reader.index.segments.reduce(0) { $0 + $1.entries }, failure: status.failure)
            } catch let failure as SQLiteFailure {
                throw StoreFailure(reading: failure, fromIndex: false)
            } catch {
                throw .damaged(position: nil, stream: nil, reason: "\(error)")
            }
        }
    }
}

/// A check of the whole log on its way, some thousand events at a time.
private struct LogVerification: Sendable {
    var position: Int64 = 0
    var report = VerificationReport()
    private var versions: [Int64: Int64] = [:]
    /// Damaged events whose streams have not been met since: each leaves a gap in the versions of one.
    private var unplaced: Int64 = 0
    private var recordedAt = Int64.min
    /// Which event of how many of its append comes next, the first again when the last was one's last; nil when that is not known.
    private var nextInAppend: (index: Int, count: Int)? = (0, 0)
    /// What the index says of the next versions of some streams.
    private var indexed: [Int64: (first: Int64, positions: [Int64])] = [:]
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
                    try state.check(record, at: at, reader)
                    state.position = at
                    state.report.eventsChecked += 1
                    return true
                }
                self = state
            } catch {
                guard case .damaged(let at, let stream, let reason) = error else { throw error }
                self = state
                add(at ?? position + 1, stream, reason)
                unplaced += 1
                nextInAppend = nil
                position = max(position, at ?? position + 1)
            }
        }
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
        let expected = versions[record.stream, default: -1] + 1
        if record.version > expected, record.version - expected <= unplaced {
            unplaced -= record.version - expected
        } else if record.version != expected {
            add(position, stream, "its version is \(record.version); \(expected) comes next")
        }
        versions[record.stream] = max(record.version, expected)
        if record.recordedAt < recordedAt { add(position, stream, "it was recorded before the event in front of it") }
        recordedAt = max(recordedAt, record.recordedAt)
        checkAppend(Int(record.indexInAppend), of: Int(record.eventsInAppend), at: position, stream)
        if try indexedPosition(of: record.stream, record.version, reader) != position {
            add(position, stream, "the index does not lead to it; run 'daybook reindex'")
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

    /// Every name is what was written, and has one number: else some of its events are led to by another.
    private mutating func checkNames(_ connection: Connection) throws(SQLiteFailure) {
        let names = try connection.prepare("SELECT id, kind, text, crc FROM names ORDER BY id")
        while try names.step() {
            let number = names.integer(0)
            if names.integer(3) != Int64(NameReader.crc(number, names.integer(1), names.text(2))) {
                add(nil, nil, "the CRC-32C of name \(number) is wrong")
            }
        }
        let repeated = try connection.prepare(
            "SELECT text, count(*) FROM names GROUP BY kind, text HAVING count(*) > 1 ORDER BY min(id)")
        while try repeated.step() {
            add(nil, nil, "the name '\(repeated.text(0))' has \(repeated.integer(1)) numbers")
        }
    }

    /// Where the index says that a version of a stream is; nil when it does not say.
    ///
    /// It is asked for many versions at a time: what one costs is the decoding of a whole block of the index.
    private mutating func indexedPosition(
        of stream: Int64, _ version: Int64, _ reader: LogReader
    ) throws(StoreFailure) -> Int64? {
        if let known = indexed[stream], version >= known.first, version < known.first + Int64(known.positions.count) {
            return known.positions[Int(version - known.first)]
        }
        var positions: [Int64] = []
        do {
            positions = try reader.positions(
                of: stream, from: version, backward: false, count: Self.positionsAhead, head: .max)
        } catch {
            // Only damage is a finding: an index that moved on, or a disk that cannot be read now, is none.
            switch error {
            case .damaged, .indexDamaged: break
            case .sqlite, .stopped, .outdated: throw error
            }
        }
        if indexedCount + positions.count > Self.mostPositionsAhead {
            indexed = [:]
            indexedCount = 0
        }
        indexedCount += positions.count - (indexed[stream]?.positions.count ?? 0)
        indexed[stream] = (version, positions)
        return positions.first
    }

    mutating func finish(_ reader: LogReader, head: Int64) throws(StoreFailure) {
        do {
            let last = try reader.connection.integer("SELECT max(number) FROM commits") ?? 0
            var number: Int64 = 1
            while number <= last {
                do {
                    if try reader.commitRecord(number) == nil { add(nil, nil, "commit \(number) is missing") }
                } catch {
                    guard case .damaged(_, _, let reason) = error else { throw error }
                    add(nil, nil, reason)
                }
                number += 1
            }
            if let next = nextInAppend, next.index > 0 {
                add(head, nil, "it is event \(next.index) of the \(next.count) of its append, and the last of the log")
            }
            try checkNames(reader.connection)
            for reason in try reader.index.damage(reader.connection) {
                add(nil, nil, "\(reason); run 'daybook reindex'")
            }
            let check = try reader.connection.prepare("PRAGMA quick_check(20)")
            while try check.step() {
                let message = check.text(0)
                if let code = Self.readFailure(in: message) {
                    throw SQLiteFailure(code, nil, "PRAGMA quick_check")
                }
                if message != "ok" { add(nil, nil, message) }
            }
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: false)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .damaged(position: nil, stream: nil, reason: "\(error)")
        }
        report.streams = Int64(versions.count)
    }

    /// The code with which a page could not be read, when a message of SQLite's own check is about that and not about damage.
    private static func readFailure(in message: String) -> Int32? {
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
