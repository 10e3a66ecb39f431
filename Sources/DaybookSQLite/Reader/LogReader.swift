import DaybookCore

/// Reads the log through one connection: records by position, the index, names. One thread uses it at a time.
final class LogReader {
    let connection: Connection
    let index: IndexReader
    let names: NameReader
    let scavenged: ScavengedPositions
    let archives: ArchiveReader
    let file: String
    private let one: Statement
    private let ascending: Statement
    private let descending: Statement
    private let commit: Statement
    let beginTransaction: Statement
    let endTransaction: Statement
    /// Tells which stream names are of control streams, by their numbers.
    private var isControl: RecentCache<Int64, Bool>
    private var lastStream: (number: Int64, name: StreamName)?
    private var lastType: (number: Int64, type: EventType)?
    private var lastContentType: (number: Int64, type: ContentType)?

    private var derived: DerivedTables?

    /// Checkpoints, snapshots and documents through the same connection.
    func derivedTables() throws(SQLiteFailure) -> DerivedTables {
        if let derived { return derived }
        let tables = try DerivedTables(connection)
        derived = tables
        return tables
    }

    /// - Parameter fileSystem: The one that the store's archives are read through.
    init(
        _ connection: Connection, tail: IndexTail, file: String, nameCapacity: Int, fileSystem: String? = nil
    ) throws(SQLiteFailure) {
        self.connection = connection
        self.file = file
        index = try IndexReader(connection, tail: tail)
        names = try NameReader(connection, index: index, capacity: nameCapacity)
        scavenged = ScavengedPositions(connection)
        archives = ArchiveReader(connection, store: file, fileSystem: fileSystem)
        one = try connection.prepare("SELECT record FROM events WHERE position = ?")
        ascending = try connection.prepare(
            "SELECT position, record FROM events WHERE position >= ? AND position <= ? ORDER BY position")
        descending = try connection.prepare(
            "SELECT position, record FROM events WHERE position <= ? AND position >= ? ORDER BY position DESC")
        commit = try connection.prepare("SELECT record FROM commits WHERE number = ?")
        beginTransaction = try connection.prepare("BEGIN")
        endTransaction = try connection.prepare("COMMIT")
        isControl = RecentCache(capacity: nameCapacity)
    }

    /// Forgets what it knows of names, some of which were never committed.
    func forget() {
        names.forget()
        index.forgetLost()
        isControl.removeAll()
        lastStream = nil
        lastType = nil
        lastContentType = nil
    }

    /// Looks at the record at a position.
    ///
    /// - Throws: ``StoreFailure/damaged(position:stream:reason:)`` when it is missing or not what was written.
    func withRecord<Result>(
        at position: Int64, _ body: (EventRecord.View) throws(StoreFailure) -> Result
    ) throws(StoreFailure) -> Result {
        guard let result = try withRecordIfKept(at: position, body) else {
            throw .damaged(position: position, stream: nil, reason: "it was scavenged, and is still needed")
        }
        return result
    }

    /// Looks at the record at a position; nil when it was scavenged.
    func withRecordIfKept<Result>(
        at position: Int64, _ body: (EventRecord.View) throws(StoreFailure) -> Result
    ) throws(StoreFailure) -> Result? {
        one.bind(1, position)
        let found: Bool
        do { found = try one.step() } catch { throw StoreFailure(reading: error, fromIndex: false).at(position) }
        guard found else {
            guard try scavenged.range(containing: position) == nil else { return nil }
            guard let archive = try archives.archive(containing: position)?.file else {
                throw .damaged(position: position, stream: nil, reason: "it is missing")
            }
            let result = try archive.withBytes(at: position) { bytes throws(StoreFailure) in
                try body(view(bytes, at: position))
            }
            guard let result else {
                throw .damaged(position: position, stream: nil, reason: "it is missing in \(archive.path)")
            }
            return result
        }
        defer { one.reset() }
        return try body(view(one.bytes(0), at: position))
    }

    /// Whether there is an event at a position, be it damaged.
    func isKept(_ position: Int64) throws(StoreFailure) -> Bool {
        one.bind(1, position)
        let found: Bool
        do { found = try one.step() } catch { return true }
        one.reset()
        if found { return true }
        return try scavenged.range(containing: position) == nil
    }

    /// Looks at the records of consecutive positions, in either direction, until told to stop. Positions that were
    /// scavenged are passed over; every other one is there, or in an archive.
    ///
    /// - Returns: The position that it stopped at; the last one when it was not told to stop.
    @discardableResult
    func records(
        from first: Int64, through last: Int64,
        _ body: (Int64, EventRecord.View) throws(StoreFailure) -> Bool
    ) throws(StoreFailure) -> Int64 {
        let statement = first <= last ? ascending : descending
        statement.bind(1, first)
        statement.bind(2, last)
        defer { statement.reset() }
        let step: Int64 = first <= last ? 1 : -1
        var expected = first
        while true {
            do {
                guard try statement.step() else { break }
            } catch {
                throw StoreFailure(reading: error, fromIndex: false).at(expected)
            }
            let position = statement.integer(0)
            if position != expected,
                let stopped = try recordsElsewhere(from: expected, through: position - step, body)
            {
                return stopped
            }
            if try !body(position, view(statement.bytes(1), at: position)) { return position }
            expected = position + step
        }
        if expected != last + step, let stopped = try recordsElsewhere(from: expected, through: last, body) {
            return stopped
        }
        return last
    }

    /// Goes on over consecutive positions, in either direction, without an event in the table: each was scavenged, or is in
    /// an archive, which is read.
    ///
    /// - Returns: The position that it was told to stop at; nil when it was not.
    private func recordsElsewhere(
        from first: Int64, through last: Int64,
        _ body: (Int64, EventRecord.View) throws(StoreFailure) -> Bool
    ) throws(StoreFailure) -> Int64? {
        let step: Int64 = first <= last ? 1 : -1
        var next = first
        while step > 0 ? next <= last : next >= last {
            if let range = try scavenged.range(containing: next) {
                next = step > 0 ? range.upperBound + 1 : range.lowerBound - 1
                continue
            }
            guard let archive = try archives.archive(containing: next) else {
                throw .damaged(position: next, stream: nil, reason: "it is missing")
            }
            var end =
                step > 0 ? min(last, archive.positions.upperBound) : max(last, archive.positions.lowerBound)
            // What was scavenged since the archive was written is still in it.
            if index.tail.hasScavenged.load(ordering: .acquiring),
                let range = try scavenged.nextRange(from: next, backward: step < 0)
            {
                end = step > 0 ? min(end, range.lowerBound - 1) : max(end, range.upperBound + 1)
            }
            var stopped: Int64?
            try archive.file.eachBytes(from: next, through: end) { position, bytes throws(StoreFailure) in
                guard position == next else { return false }
                if try !body(position, view(bytes, at: position)) {
                    stopped = position
                    return false
                }
                next += step
                return true
            }
            if let stopped { return stopped }
            guard next == end + step else {
                throw .damaged(position: next, stream: nil, reason: "it is missing in \(archive.file.path)")
            }
        }
        return nil
    }

    /// The last of the positions from one on that have no row, and were neither scavenged nor archived; the one before it
    /// when it has a row or is in an archive.
    ///
    /// Each is looked up: where pages are damaged, the next row that a search finds need not be the next one.
    ///
    /// - Parameter limit: Looks at no more positions than this.
    func lastMissing(from position: Int64, through last: Int64, limit: Int64) throws(StoreFailure) -> Int64 {
        let scavenged = try scavenged.nextRange(from: position, backward: false)?.lowerBound ?? .max
        let archived =
            try archives.all().first { $0.positions.upperBound >= position }?.positions.lowerBound ?? .max
        let end = min(last, scavenged - 1, archived - 1, position + limit - 1)
        var next = position
        while next <= end {
            one.bind(1, next)
            do {
                if try one.step() { break }
            } catch {
                // What cannot be read is damaged, and not missing.
                if !error.isDamage { throw StoreFailure(reading: error, fromIndex: false).at(next) }
                break
            }
            next += 1
        }
        one.reset()
        return next - 1
    }

    private func view(_ bytes: UnsafeRawBufferPointer, at position: Int64) throws(StoreFailure) -> EventRecord.View {
        do {
            return try EventRecord.View(bytes, at: position)
        } catch {
            throw .damaged(position: position, stream: streamIfTold(bytes), reason: error.reason)
        }
    }

    /// The stream and version that a damaged record seems to have; nil when it is missing or too short to tell.
    func placeTold(byDamaged position: Int64) throws(StoreFailure) -> (stream: Int64, version: Int64)? {
        one.bind(1, position)
        let found: Bool
        do { found = try one.step() } catch { return nil }
        guard found else {
            guard let archive = try archives.archive(containing: position)?.file else { return nil }
            let place = try archive.withBytes(at: position) { bytes throws(StoreFailure) in Self.place(toldBy: bytes) }
            guard let place else { return nil }
            return place
        }
        defer { one.reset() }
        return Self.place(toldBy: one.bytes(0))
    }

    private static func place(toldBy bytes: UnsafeRawBufferPointer) -> (stream: Int64, version: Int64)? {
        guard bytes.count >= EventRecord.headerBytes else { return nil }
        return (
            Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 32, as: Int64.self)),
            Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 40, as: Int64.self))
        )
    }

    /// The stream that a damaged record seems to be of, for the message.
    private func streamIfTold(_ bytes: UnsafeRawBufferPointer) -> StreamName? {
        guard bytes.count >= EventRecord.headerBytes else { return nil }
        let number = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 32, as: Int64.self))
        return (try? names.text(number, .stream)).map { StreamName(unchecked: $0) }
    }

    func stream(_ number: Int64) throws(StoreFailure) -> StreamName {
        if let lastStream, lastStream.number == number { return lastStream.name }
        let name = StreamName(unchecked: try names.text(number, .stream))
        lastStream = (number, name)
        return name
    }

    func type(_ number: Int64) throws(StoreFailure) -> EventType {
        if let lastType, lastType.number == number { return lastType.type }
        let type = EventType(unchecked: try names.text(number, .type))
        lastType = (number, type)
        return type
    }

    func contentType(_ number: Int64) throws(StoreFailure) -> ContentType {
        if let lastContentType, lastContentType.number == number { return lastContentType.type }
        let type = ContentType(unchecked: try names.text(number, .contentType))
        lastContentType = (number, type)
        return type
    }

    func tags(of record: EventRecord.View) throws(StoreFailure) -> [Tag] {
        var tags: [Tag] = []
        guard record.tagCount > 0 else { return tags }
        tags.reserveCapacity(record.tagCount)
        for index in 0..<record.tagCount {
            tags.append(Tag(unchecked: try names.text(record.tag(index), .tag)))
        }
        return tags
    }

    func isControl(stream number: Int64) throws(StoreFailure) -> Bool {
        if let known = isControl[number] { return known }
        let answer = StreamName(unchecked: try names.text(number, .stream)).isControl
        isControl[number] = answer
        return answer
    }

    /// What was decided about a stream last, up to a head.
    func control(ofStream number: Int64, head: Int64) throws(StoreFailure) -> StreamControl {
        guard index.hasControls,
            let last = try index.last(under: IndexKey(kind: .control, key: number), atOrBelow: head)
        else { return StreamControl() }
        return try withRecord(at: last.number) { record throws(StoreFailure) in
            let data = record.bytes[record.dataOffset..<record.dataOffset + record.dataLength]
            guard let control = StreamControl(decoding: data) else {
                throw .damaged(position: last.number, stream: nil, reason: "it is no record of a stream's settings")
            }
            return control
        }
    }

    func lastVersion(ofStream number: Int64, head: Int64) throws(StoreFailure) -> StreamVersion? {
        try index.last(under: IndexKey(kind: .stream, key: number), atOrBelow: head).map { StreamVersion($0.ordinal) }
    }

    /// The commit that a command left, or nil when there is none.
    func commit(of command: CommandID) throws(StoreFailure) -> CommitRecord? {
        let key = IndexKey.command(command.rawValue)
        let numbers = try index.numbers(under: key, from: 0, backward: false, limit: .max / 2, atOrBelow: .max)
        for number in numbers?.numbers ?? [] {
            guard let record = try commitRecord(number) else {
                try checkIsUncommitted(commit: number)
                continue
            }
            if CommandID(unchecked: record.command) == command { return record }
        }
        if let lost = try index.firstLost(.lostCommits) {
            throw .damaged(
                position: nil, stream: nil,
                reason: "there is no receipt of command '\(command)', which may be commit \(lost): \(LostRecord.reason)"
            )
        }
        return nil
    }

    /// Why nothing may be appended to the log as it is; nil when it has lost nothing, or only what is told where it belongs.
    func reasonNotToAppend() throws(StoreFailure) -> String? {
        let advice = "restore the file from a backup"
        let unplaced = try index.numbers(
            under: .unplacedEvents, from: 0, backward: false, limit: .max / 2, atOrBelow: .max)
        if let unplaced, let first = unplaced.numbers.first {
            return
                "\(unplaced.numbers.count) damaged events, the first at position \(first), cannot be told their streams, "
                + "one of which may have lost its end: \(advice)"
        }
        if let name = try index.firstLost(.lostNames) {
            return "name \(name) is lost, and would get another number when it is used again: \(advice)"
        }
        return nil
    }

    /// What a row of a lost commit tells.
    func lostCommit(_ number: Int64) -> (isLost: Bool, hash: Int64?) {
        commit.bind(1, number)
        guard (try? commit.step()) == true else { return (false, nil) }
        defer { commit.reset() }
        let bytes = commit.bytes(0)
        return (LostRecord.isOne(bytes, number), LostRecord.commandHash(bytes))
    }

    /// A commit without a row is one whose transaction is not committed, behind all that have one.
    private func checkIsUncommitted(commit number: Int64) throws(StoreFailure) {
        let last: Int64
        do {
            last = try connection.integer("SELECT max(number) FROM commits") ?? 0
        } catch {
            throw StoreFailure(reading: error, fromIndex: false)
        }
        guard last < number else {
            throw .damaged(position: nil, stream: nil, reason: "commit \(number) is missing")
        }
    }

    /// Nil when there is no such row, because its transaction is not committed.
    func commitRecord(_ number: Int64) throws(StoreFailure) -> CommitRecord? {
        commit.bind(1, number)
        do {
            guard try commit.step() else { return nil }
        } catch {
            throw StoreFailure(reading: error, fromIndex: false)
        }
        defer { commit.reset() }
        do {
            return try CommitRecord(commit.bytes(0), number: number)
        } catch {
            throw .damaged(position: nil, stream: nil, reason: "the record of commit \(number): \(error.reason)")
        }
    }

    /// What the commands left, in the order of their numbers, up to the first whose events readers may not see yet: whoever goes
    /// on behind the last one would never come back for it.
    func commands(after number: Int64, limit: Int, head: Int64) throws(StoreFailure) -> [RecordedCommand] {
        var commands: [RecordedCommand] = []
        var number = max(0, number)
        while commands.count < limit, number < .max {
            guard let record = try commitRecord(number + 1) else {
                try checkIsUncommitted(commit: number + 1)
                break
            }
            number += 1
            guard record.position <= head else { break }
            commands.append(
                RecordedCommand(
                    number: number, command: CommandID(unchecked: record.command), digest: record.digest,
                    result: try result(of: record)))
        }
        return commands
    }

    func result(of commit: CommitRecord) throws(StoreFailure) -> AppendResult {
        var ends: [AppendResult.StreamEnd] = []
        for stream in commit.streams {
            ends.append(
                AppendResult.StreamEnd(
                    stream: try self.stream(stream.name),
                    version: stream.version < 0 ? nil : StreamVersion(stream.version)))
        }
        return AppendResult(
            streams: ends, position: Position(commit.position), eventCount: Int(commit.eventCount),
            recordedAt: Timestamp(microseconds: commit.recordedAt))
    }
}

extension StoreFailure {
    /// The same, about this position when it is about none yet.
    func at(_ position: Int64) -> StoreFailure {
        guard case .damaged(nil, let stream, let reason) = self else { return self }
        return .damaged(position: position, stream: stream, reason: reason)
    }
}
