import DaybookCore

/// Adds to the log through the one connection that writes. Belongs to the writer's thread.
///
/// Between ``begin()`` and ``didCommit()`` or ``didRollBack()`` it knows the log as the open transaction sees it.
final class LogWriter {
    let connection: Connection
    let reader: LogReader
    let tail: IndexTail
    let recent: RecentEvents
    private let time: TimeSource
    private let insertName: Statement
    private let insertEvent: Statement
    private let insertCommit: Statement
    private var buffer = RecordBuffer()
    /// Whether the events of the open transaction are kept for those who follow the log, and those kept.
    var keepsEvents = false
    private var kept: [RecordedEvent] = []

    /// The last numbers given, also in the open transaction, and those that are committed.
    private(set) var last: LogNumbers
    private(set) var committed: LogNumbers

    private var streams: RecentCache<Int64, StreamHead>
    /// The last position of each tag and type, when known.
    private var lastPositions: RecentCache<IndexKey, Int64>
    /// The stream that was asked for last: most appends ask several times for one.
    private var current: (name: StreamName, number: Int64?)?
    private var currentHead: (stream: Int64, head: StreamHead)?
    /// Streams that were asked for, and do not exist: nobody but this writer makes them.
    private var missingStreams: RecentCache<StreamName, Bool>
    /// Why the last decision could not be taken.
    var lookupFailure: StoreFailure?

    struct StreamHead {
        /// -1 when the stream has no event.
        var lastVersion: Int64
        var lastID: EventID?
        var control: StreamControl
        var category: Int64
    }

    init(
        _ connection: Connection, reader: LogReader, recent: RecentEvents, last: LogNumbers, time: TimeSource,
        cacheCapacity: Int
    ) throws(SQLiteFailure) {
        self.connection = connection
        self.reader = reader
        tail = reader.index.tail
        self.recent = recent
        self.time = time
        self.last = last
        committed = last
        insertName = try connection.prepare("INSERT INTO names(id, kind, text, crc) VALUES(?, ?, ?, ?)")
        insertEvent = try connection.prepare("INSERT INTO events(position, record) VALUES(?, ?)")
        insertCommit = try connection.prepare("INSERT INTO commits(number, record) VALUES(?, ?)")
        streams = RecentCache(capacity: cacheCapacity)
        lastPositions = RecentCache(capacity: cacheCapacity)
        missingStreams = RecentCache(capacity: cacheCapacity)
    }

    /// Readers may be told of the new end from now on.
    func didCommit() {
        committed = last
        recent.add(kept, through: last.position)
        kept.removeAll(keepingCapacity: true)
    }

    /// Forgets everything that was not committed.
    func didRollBack() {
        last = committed
        forget(above: committed)
    }

    /// Forgets what was recorded since the numbers stood at these, within the open transaction: a savepoint was undone.
    func didUndo(to before: LogNumbers) {
        last = before
        forget(above: before)
    }

    private func forget(above numbers: LogNumbers) {
        kept.removeAll { $0.position.rawValue > numbers.position }
        streams.removeAll()
        lastPositions.removeAll()
        missingStreams.removeAll()
        current = nil
        currentHead = nil
        reader.forget()
        tail.state.withLock { state in
            state.active.removeUncommitted(aboveEvent: numbers.position, name: numbers.name, commit: numbers.commit)
        }
    }

    /// Takes the decision on a request.
    ///
    /// - Throws: ``StoreFailure`` when the store failed, and not the request.
    func decide(
        _ request: AppendRequest, digest: UInt64
    ) throws(StoreFailure) -> Result<AppendDecision, AppendError> {
        lookupFailure = nil
        var basis = self
        let decision = Result { () throws(AppendError) in try request.decide(on: &basis, digest: digest) }
        if let lookupFailure { throw lookupFailure }
        return decision
    }

    /// Records a request that breaks no rule.
    func record(_ request: AppendRequest, digest: UInt64) throws(StoreFailure) -> AppendResult {
        do {
            let recordedAt = max(time.now.microseconds, last.recordedAt)
            let before = last.position
            let total = request.eventCount
            var ends: [AppendResult.StreamEnd] = []
            var numbers: [(name: Int64, version: Int64)] = []
            var index = 0
            for write in request.writes {
                let stream = try number(creating: write.stream)
                var head = try head(ofStream: stream, named: write.stream)
                switch write.action {
                case .append(let events):
                    for event in events {
                        try insert(
                            event, in: stream, named: write.stream, &head, at: recordedAt, index, of: total,
                            controls: nil)
                        index += 1
                    }
                    remember(head, of: stream)
                case .setRetention, .delete, .tombstone:
                    let version = head.lastVersion < 0 ? nil : StreamVersion(head.lastVersion)
                    guard let (control, event) = head.control.applying(write, lastVersion: version) else { break }
                    head.control = control
                    remember(head, of: stream)
                    let controlStream = try number(creating: write.stream.control)
                    var controlHead = try self.head(ofStream: controlStream, named: write.stream.control)
                    try insert(
                        event, in: controlStream, named: write.stream.control, &controlHead, at: recordedAt, index,
                        of: total, controls: stream)
                    index += 1
                    remember(controlHead, of: controlStream)
                }
                ends.append(
                    AppendResult.StreamEnd(
                        stream: write.stream, version: head.lastVersion < 0 ? nil : StreamVersion(head.lastVersion)))
                numbers.append((stream, head.lastVersion))
            }
            let result = AppendResult(
                streams: ends, position: Position(last.position), eventCount: Int(last.position - before),
                recordedAt: Timestamp(microseconds: recordedAt))
            if let command = request.commandID {
                try insertCommit(
                    CommitRecord(
                        digest: digest, position: last.position, recordedAt: recordedAt,
                        eventCount: UInt32(result.eventCount), command: command.rawValue, streams: numbers))
            }
            return result
        } catch let failure as SQLiteFailure {
            throw .sqlite(failure)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .damaged(position: nil, stream: nil, reason: "\(error)")
        }
    }

    /// Leaves a receipt for a command whose events were recorded without it.
    func remember(
        _ request: AppendRequest, digest: UInt64, _ result: AppendResult
    ) throws(StoreFailure) -> AppendResult {
        guard let command = request.commandID else { return result }
        var ends: [(name: Int64, version: Int64)] = []
        for end in result.streams {
            guard let number = try number(of: end.stream) else {
                throw .indexDamaged("nothing leads to the name of stream '\(end.stream)'")
            }
            ends.append((number, end.version?.rawValue ?? -1))
        }
        do {
            try insertCommit(
                CommitRecord(
                    digest: digest, position: result.position.rawValue, recordedAt: result.recordedAt.microseconds,
                    eventCount: UInt32(result.eventCount), command: command.rawValue, streams: ends, pointsBack: true))
        } catch {
            throw .sqlite(error)
        }
        return result
    }

    func insert(
        _ event: NewEvent, in stream: Int64, named name: StreamName, _ head: inout StreamHead, at recordedAt: Int64,
        _ index: Int, of total: Int, controls controlled: Int64?
    ) throws {
        let position = last.position + 1
        let version = head.lastVersion + 1
        let type = try number(creating: .type, event.type.rawValue)
        let contentType = try number(creating: .contentType, event.contentType.rawValue)
        var tags: [Int64] = []
        var distinct: [Tag] = []
        for tag in event.tags {
            let number = try number(creating: .tag, tag.rawValue)
            if tags.contains(number) { continue }
            tags.append(number)
            distinct.append(tag)
        }
        let record = EventRecord(
            recordedAt: recordedAt, id: event.id, stream: stream, version: version, type: type,
            contentType: contentType, schemaVersion: event.schemaVersion, indexInAppend: UInt16(index),
            eventsInAppend: UInt16(total))
        record.encode(tags: tags, data: event.data, metadata: event.metadata, at: position, into: &buffer)
        insertEvent.bind(1, position)
        try insertEvent.run(binding: buffer.bytes, at: 2)
        last.position = position
        last.recordedAt = recordedAt
        head.lastVersion = version
        head.lastID = event.id
        lastPositions[IndexKey(kind: .type, key: type)] = position
        for tag in tags { lastPositions[IndexKey(kind: .tag, key: tag)] = position }
        if keepsEvents, total <= RecentEvents.mostEvents {
            kept.append(
                RecordedEvent(
                    id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
                    data: event.data[...], metadata: event.metadata[...], tags: distinct, stream: name,
                    version: StreamVersion(version), position: Position(position),
                    recordedAt: Timestamp(microseconds: recordedAt)))
        } else {
            kept.removeAll(keepingCapacity: true)
        }
        let category = head.category
        tail.state.withLock { state in
            state.active.add(
                position, stream: stream, version: version, category: category, type: type, tags: tags,
                controls: controlled)
        }
    }

    func insertCommit(_ commit: CommitRecord) throws(SQLiteFailure) {
        let number = last.commit + 1
        commit.encode(number: number, into: &buffer)
        insertCommit.bind(1, number)
        try insertCommit.run(binding: buffer.bytes, at: 2)
        last.commit = number
        tail.state.withLock { $0.active.add(number, ordinal: number, under: .command(commit.command)) }
    }

    /// The number of a stream's name, which is new when the stream is; with its category.
    func number(creating stream: StreamName) throws -> Int64 {
        if let number = try number(of: stream) { return number }
        _ = try number(creating: .category, stream.category.rawValue)
        let number = try number(creating: .stream, stream.rawValue)
        missingStreams[stream] = nil
        current = (stream, number)
        return number
    }

    private func number(creating kind: NameKind, _ text: String) throws -> Int64 {
        if let number = try reader.names.number(kind, text) { return number }
        let number = last.name + 1
        insertName.bind(1, number)
        insertName.bind(2, Int64(kind.rawValue))
        insertName.bind(3, text)
        insertName.bind(4, Int64(NameReader.crc(number, Int64(kind.rawValue), text)))
        try insertName.run()
        last.name = number
        reader.names.remember(kind, text, number: number)
        tail.state.withLock { $0.active.add(number, ordinal: number, under: .name(kind, text)) }
        return number
    }

    func number(of stream: StreamName) throws(StoreFailure) -> Int64? {
        if let current, current.name == stream { return current.number }
        let number =
            missingStreams[stream] == nil ? try reader.names.number(.stream, stream.rawValue) : nil as Int64?
        if number == nil { missingStreams[stream] = true }
        current = (stream, number)
        return number
    }

    func head(ofStream number: Int64, named name: StreamName) throws(StoreFailure) -> StreamHead {
        if let currentHead, currentHead.stream == number { return currentHead.head }
        if let head = streams[number] {
            currentHead = (number, head)
            return head
        }
        guard let category = try reader.names.number(.category, name.category.rawValue) else {
            throw .indexDamaged("nothing leads to the category of stream '\(name)'")
        }
        var head = StreamHead(
            lastVersion: -1, lastID: nil,
            control: try reader.control(ofStream: number, head: last.position), category: category)
        let key = IndexKey(kind: .stream, key: number)
        if let end = try reader.index.last(under: key, atOrBelow: last.position) {
            try reader.withRecord(at: end.number) { record throws(StoreFailure) in
                guard record.stream == number, record.version == end.ordinal else {
                    throw .indexDamaged("the last entry of stream '\(name)' leads to another event")
                }
                head.lastVersion = record.version
                head.lastID = record.id
            }
        }
        remember(head, of: number)
        return head
    }

    func remember(_ head: StreamHead, of stream: Int64) {
        streams[stream] = head
        currentHead = (stream, head)
    }
}

/// The last numbers that were given.
struct LogNumbers: Sendable, Equatable {
    var position: Int64 = 0
    var name: Int64 = 0
    var commit: Int64 = 0
    /// When the last event was recorded, in microseconds.
    var recordedAt: Int64 = .min
}

extension AppendRequest {
    /// Events that it records, those of control streams too.
    var eventCount: Int {
        writes.reduce(0) { count, write in
            if case .append(let events) = write.action { count + events.count } else { count + 1 }
        }
    }
}

extension IndexTail.Generation {
    /// Adds everything that leads to one event.
    mutating func add(
        _ position: Int64, stream: Int64, version: Int64, category: Int64, type: Int64, tags: [Int64],
        controls controlled: Int64?
    ) {
        add(position, ordinal: version, under: IndexKey(kind: .stream, key: stream))
        add(position, ordinal: position, under: IndexKey(kind: .category, key: category))
        add(position, ordinal: position, under: IndexKey(kind: .type, key: type))
        for tag in tags { add(position, ordinal: position, under: IndexKey(kind: .tag, key: tag)) }
        if let controlled { add(position, ordinal: position, under: IndexKey(kind: .control, key: controlled)) }
    }
}

// MARK: - What the rules of an append look at

extension LogWriter: AppendBasis {
    var head: Position { Position(last.position) }

    func control(of stream: StreamName) throws(AppendError) -> StreamControl {
        try known(stream)?.control ?? StreamControl()
    }

    func lastVersion(of stream: StreamName) throws(AppendError) -> StreamVersion? {
        try known(stream).flatMap { $0.lastVersion < 0 ? nil : StreamVersion($0.lastVersion) }
    }

    func lastEventID(of stream: StreamName) throws(AppendError) -> EventID? { try known(stream)?.lastID }

    private func known(_ stream: StreamName) throws(AppendError) -> StreamHead? {
        try asking { () throws(StoreFailure) in
            guard let number = try number(of: stream) else { return nil }
            return try head(ofStream: number, named: stream)
        }
    }

    func places(
        of stream: StreamName, from version: StreamVersion, count: Int
    ) throws(AppendError) -> [EventPlace?] {
        try asking { () throws(StoreFailure) in
            guard let number = try number(of: stream) else { return [] }
            var places: [EventPlace?] = []
            var next = version.rawValue
            let lastVersion = try head(ofStream: number, named: stream).lastVersion
            guard next <= lastVersion else { return [] }
            let kept = try reader.firstKeptVersion(of: number, in: next...lastVersion, head: last.position)
            while next < kept, places.count < count {
                places.append(nil)
                next += 1
            }
            while places.count < count {
                let positions = try reader.positions(
                    of: number, from: next, backward: false, count: count - places.count, head: last.position)
                guard !positions.isEmpty else { break }
                try reader.eachRecord(at: positions) { position, record throws(StoreFailure) in
                    places.append(
                        EventPlace(
                            id: record.id, position: Position(position),
                            recordedAt: Timestamp(microseconds: record.recordedAt)))
                    return true
                }
                next += Int64(positions.count)
            }
            return places
        }
    }

    func receipt(for command: CommandID) throws(AppendError) -> Receipt? {
        try asking { () throws(StoreFailure) in
            guard let commit = try reader.commit(of: command) else { return nil }
            return Receipt(digest: commit.digest, result: try reader.result(of: commit))
        }
    }

    func firstMatch(of query: EventQuery, after position: Position) throws(AppendError) -> Position? {
        try asking { () throws(StoreFailure) in
            guard last.position > position.rawValue else { return nil }
            let filter = EventFilter(query: query, includesControlEvents: true)
            guard let expression = try reader.expression(for: query) else {
                var first: Int64?
                try reader.records(from: max(position, .start).rawValue + 1, through: last.position) {
                    candidate, _ throws(StoreFailure) in
                    first = candidate
                    return false
                }
                return first.map { Position($0) }
            }
            if try isCertainlyBefore(expression, position.rawValue) { return nil }
            var next = position.rawValue + 1
            while true {
                let found = try reader.positions(
                    of: expression, from: next, backward: false, limit: 64, head: last.position)
                var match: Position?
                try reader.eachRecord(at: found.positions) { candidate, record throws(StoreFailure) in
                    let tags = try reader.tags(of: record)
                    if filter.query?.matches(type: try reader.type(record.type), tags: tags) == true {
                        match = Position(candidate)
                    }
                    return match == nil
                }
                if let match { return match }
                guard let through = found.through else { return nil }
                next = through + 1
            }
        }
    }

    /// Whether the last positions known of its terms already tell that an expression finds nothing after a position.
    private func isCertainlyBefore(_ expression: TermExpression, _ position: Int64) throws(StoreFailure) -> Bool {
        switch expression {
        case .none: return true
        case .term(let key):
            let known: Int64
            if let cached = lastPositions[key] {
                known = cached
            } else {
                known = try reader.index.last(under: key, atOrBelow: last.position)?.number ?? 0
                lastPositions[key] = known
            }
            return known <= position
        case .union(let parts):
            for part in parts where try !isCertainlyBefore(part, position) { return false }
            return true
        case .intersection(let parts):
            for part in parts where try isCertainlyBefore(part, position) { return true }
            return false
        }
    }

    /// Looks something up for a decision. What fails inside is kept, since the rules only know ``AppendError``.
    private func asking<Answer>(_ body: () throws(StoreFailure) -> Answer) throws(AppendError) -> Answer {
        do {
            return try body()
        } catch {
            lookupFailure = error
            throw .storageFailed(reason: error.reason(file: reader.file), mayBeWritten: false)
        }
    }
}
