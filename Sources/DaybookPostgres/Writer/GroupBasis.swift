#if Postgres
import DaybookCore

/// What a group of appends is decided on: what the database holds, read under the store's lock, and what the appends before
/// in the same group will add to it.
struct GroupBasis: AppendBasis {
    /// What is known of a stream.
    struct Stream {
        var lastVersion: Int64?
        var lastID: EventID?
        var control: StreamControl
        var lastControlVersion: Int64?
        /// From this version on its events are those of the group.
        var firstOfGroup: Int64
    }

    /// An event that the group will add.
    struct Pending {
        var stream: StreamName
        var version: Int64
        var event: NewEvent
        var recordedAt: Int64
    }

    /// One item of a condition, and the position after which it is asked for.
    struct Question: Hashable {
        var item: EventQuery.Item
        var after: Int64
    }

    private let connection: Connection
    /// The last position in the database, and the time of its event.
    let baseHead: Int64
    private(set) var lastRecordedAt: Int64
    private(set) var pending: [Pending] = []
    private(set) var newReceipts: [(command: CommandID, receipt: Receipt)] = []
    private(set) var streams: [StreamName: Stream] = [:]
    private var receipts: [CommandID: Receipt] = [:]
    private var matches: [Question: Int64?] = [:]
    /// The positions in ``pending`` of each stream's events.
    private var pendingOfStream: [StreamName: [Int]] = [:]
    /// Why the database did not answer; the group is then given up.
    private(set) var failure: ServerFailure?

    // MARK: - Reading under the lock

    /// The commands that read what some requests are decided on, behind the lock.
    static func commands(for requests: [AppendRequest]) -> [Command] {
        return [
            GroupStatements.end.with(),
            GroupStatements.streams.with { $0.addArray(names(in: requests).map(\.rawValue)) },
            GroupStatements.receipts.with { $0.addArray(requests.compactMap(\.commandID?.rawValue)) },
            command(GroupStatements.matches, for: questions(in: requests)),
        ]
    }

    /// The streams that requests write or check, each once.
    static func names(in requests: [AppendRequest]) -> [StreamName] {
        var names: [StreamName] = []
        var seen: Set<StreamName> = []
        for request in requests {
            for write in request.writes where seen.insert(write.stream).inserted { names.append(write.stream) }
            for check in request.checks where seen.insert(check.stream).inserted { names.append(check.stream) }
        }
        return names
    }

    /// What their conditions ask, each once.
    static func questions(in requests: [AppendRequest]) -> [Question] {
        var questions: [Question] = []
        var asked: Set<Question> = []
        for request in requests {
            guard let condition = request.condition else { continue }
            for item in condition.failIfEventsMatch.items {
                let question = Question(item: item, after: condition.after.rawValue)
                if asked.insert(question).inserted { questions.append(question) }
            }
        }
        return questions
    }

    static func command(_ statement: Statement, for questions: [Question]) -> Command {
        statement.with { parameters in
            parameters.addArray(questions.map { $0.item.tags.map(\.rawValue).arrayLiteral })
            parameters.addArray(questions.map { $0.item.types.map(\.rawValue).arrayLiteral })
            parameters.addArray(questions.map(\.after))
        }
    }

    /// A basis that is not read but remembered; what it is made of is to be compared with the database in the transaction.
    init(
        head: Int64, lastRecordedAt: Int64, streams: [StreamName: Stream], on connection: Connection
    ) {
        self.connection = connection
        baseHead = head
        self.lastRecordedAt = lastRecordedAt
        self.streams = streams
    }

    /// - Parameter rows: What ``commands(for:)`` of the same requests have returned.
    init(for requests: [AppendRequest], _ rows: ArraySlice<Rows>, on connection: Connection) throws {
        self.connection = connection
        let (end, found, receipts, matches) = (
            rows[rows.startIndex], rows[rows.startIndex + 1], rows[rows.startIndex + 2], rows[rows.startIndex + 3]
        )
        baseHead = end.optionalInteger(0, 0) ?? 0
        lastRecordedAt = end.optionalInteger(0, 1) ?? .min
        for (row, name) in Self.names(in: requests).enumerated() {
            let lastVersion = found.optionalInteger(row, 0)
            var control = StreamControl()
            if !found.isNull(row, 3) {
                guard let stored = StreamControl(decoding: Array(found.bytes(row, 3))) else {
                    throw DamagedControl(stream: name)
                }
                control = stored
            }
            streams[name] = Stream(
                lastVersion: lastVersion, lastID: found.isNull(row, 1) ? nil : found.id(row, 1), control: control,
                lastControlVersion: found.optionalInteger(row, 2), firstOfGroup: (lastVersion ?? -1) + 1)
        }
        for row in 0..<receipts.count {
            self.receipts[CommandID(unchecked: receipts.text(row, 0))] = Receipt(receipts, row: row)
        }
        for (row, question) in Self.questions(in: requests).enumerated() {
            self.matches[question] = matches.optionalInteger(row, 0)
        }
    }

    // MARK: - What the rules ask for

    var head: Position { Position(baseHead + Int64(pending.count)) }

    func control(of stream: StreamName) -> StreamControl { known(stream).control }

    func lastVersion(of stream: StreamName) -> StreamVersion? { known(stream).lastVersion.map { StreamVersion($0) } }

    func lastEventID(of stream: StreamName) -> EventID? { known(stream).lastID }

    mutating func places(
        of stream: StreamName, from version: StreamVersion, count: Int
    ) throws(AppendError) -> [EventPlace?] {
        let known = known(stream)
        var places: [EventPlace?] = []
        let end = min(version.rawValue + Int64(count), (known.lastVersion ?? -1) + 1)
        if version.rawValue < min(end, known.firstOfGroup) {
            do {
                let rows = try connection.run(
                    GroupStatements.places.with {
                        $0.add(stream.rawValue)
                        $0.add(version.rawValue)
                        $0.add(min(end, known.firstOfGroup))
                    })
                for row in 0..<rows.count {
                    places.append(
                        EventPlace(
                            id: rows.id(row, 0), position: Position(rows.integer(row, 1)),
                            recordedAt: Timestamp(microseconds: rows.integer(row, 2))))
                }
            } catch {
                failure = error
                throw .storageFailed(reason: error.description, mayBeWritten: false)
            }
        }
        for index in pendingOfStream[stream] ?? []
        where pending[index].version >= version.rawValue && pending[index].version < end {
            places.append(
                EventPlace(
                    id: pending[index].event.id, position: Position(baseHead + Int64(index) + 1),
                    recordedAt: Timestamp(microseconds: pending[index].recordedAt)))
        }
        return places
    }

    func receipt(for command: CommandID) -> Receipt? { receipts[command] }

    func firstMatch(of query: EventQuery, after position: Position) -> Position? {
        var first: Int64?
        for item in query.items {
            if let found = matches[Question(item: item, after: position.rawValue)] ?? nil {
                first = min(found, first ?? found)
            }
        }
        if let first { return Position(first) }
        for (index, event) in pending.enumerated() where baseHead + Int64(index) + 1 > position.rawValue {
            if query.matches(type: event.event.type, tags: event.event.tags) {
                return Position(baseHead + Int64(index) + 1)
            }
        }
        return nil
    }

    private func known(_ stream: StreamName) -> Stream {
        // What the group decides about a stream is known of that stream alone.
        if let written = stream.controlled.flatMap({ streams[$0] }) {
            return Stream(
                lastVersion: written.lastControlVersion, control: StreamControl(),
                firstOfGroup: (written.lastControlVersion ?? -1) + 1)
        }
        guard let known = streams[stream] else {
            preconditionFailure("Stream '\(stream)' was not read for its append.")
        }
        return known
    }

    // MARK: - What the group adds

    /// Adds the writes of a request that breaks no rule.
    mutating func record(_ request: AppendRequest, digest: UInt64, now: Timestamp) -> AppendResult {
        lastRecordedAt = max(now.microseconds, lastRecordedAt)
        let before = pending.count
        var ends: [AppendResult.StreamEnd] = []
        ends.reserveCapacity(request.writes.count)
        for write in request.writes {
            var stream = known(write.stream)
            if case .append(let events) = write.action {
                var version = (stream.lastVersion ?? -1) + 1
                for event in events {
                    add(event, to: write.stream, version: version)
                    version += 1
                }
                stream.lastVersion = version - 1
                stream.lastID = events.last?.id
            } else if let (control, event) = stream.control.applying(
                write, lastVersion: stream.lastVersion.map { StreamVersion($0) })
            {
                let version = (stream.lastControlVersion ?? -1) + 1
                stream.control = control
                stream.lastControlVersion = version
                add(event, to: write.stream.control, version: version)
            }
            streams[write.stream] = stream
            ends.append(
                AppendResult.StreamEnd(stream: write.stream, version: stream.lastVersion.map { StreamVersion($0) }))
        }
        let result = AppendResult(
            streams: ends, position: head, eventCount: pending.count - before,
            recordedAt: Timestamp(microseconds: lastRecordedAt))
        if let command = request.commandID { keep(Receipt(digest: digest, result: result), for: command) }
        return result
    }

    /// Leaves a receipt for a command whose events were recorded without it.
    mutating func remember(_ request: AppendRequest, digest: UInt64, _ result: AppendResult) -> AppendResult {
        if let command = request.commandID {
            var first = result
            first.isRepeat = false
            keep(Receipt(digest: digest, result: first), for: command)
        }
        return result
    }

    private mutating func add(_ event: NewEvent, to stream: StreamName, version: Int64) {
        pendingOfStream[stream, default: []].append(pending.count)
        pending.append(Pending(stream: stream, version: version, event: event, recordedAt: lastRecordedAt))
    }

    private mutating func keep(_ receipt: Receipt, for command: CommandID) {
        receipts[command] = receipt
        newReceipts.append((command, receipt))
    }

    /// The events that were added from a place in ``pending`` on.
    func events(from index: Int) -> [RecordedEvent] {
        pending.indices[index...].map { index in
            let added = pending[index]
            return RecordedEvent(
                id: added.event.id, type: added.event.type, schemaVersion: added.event.schemaVersion,
                contentType: added.event.contentType, data: added.event.data[...], metadata: added.event.metadata[...],
                tags: added.event.distinctTags, stream: added.stream, version: StreamVersion(added.version),
                position: Position(baseHead + Int64(index) + 1),
                recordedAt: Timestamp(microseconds: added.recordedAt))
        }
    }
}

/// The last event of a control stream does not tell the state of its stream.
struct DamagedControl: Error, CustomStringConvertible {
    var stream: StreamName

    var description: String { "the last event of the control stream of '\(stream)' is damaged" }
}

extension Receipt {
    init(_ rows: Rows, row: Int) {
        let ends = zip(rows.texts(row, 5), rows.integers(row, 6)).map { name, version in
            AppendResult.StreamEnd(
                stream: StreamName(unchecked: name), version: version.map { StreamVersion($0) })
        }
        self.init(
            digest: UInt64(bitPattern: rows.integer(row, 1)),
            result: AppendResult(
                streams: ends, position: Position(rows.integer(row, 2)), eventCount: Int(rows.integer(row, 3)),
                recordedAt: Timestamp(microseconds: rows.integer(row, 4))))
    }
}
#endif
