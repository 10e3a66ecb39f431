import DaybookCore

// Calls and answers as they stand in a `HistoryFile`: the types of the contract are no `Codable` ones, since nothing else
// writes them down.

enum StoredHistoryCall: Codable {
    case append(StoredRequest)
    case readStream(StreamName, StoredCursor, backward: Bool, limit: Int)
    case readLog(StoredCursor, backward: Bool, StoredFilter, limit: Int)
    case state(StreamName)
    case streams(after: StreamName?, limit: Int)
    case receipt(CommandID)
    case head
    case headBeyond(Position)

    init(_ call: HistoryCall) {
        switch call {
        case .append(let request): self = .append(StoredRequest(request))
        case .readStream(let stream, let cursor, let direction, let limit):
            self = .readStream(stream, StoredCursor(cursor), backward: direction == .backward, limit: limit)
        case .readLog(let cursor, let direction, let filter, let limit):
            self = .readLog(
                StoredCursor(cursor), backward: direction == .backward, StoredFilter(filter), limit: limit)
        case .state(let stream): self = .state(stream)
        case .streams(let after, let limit): self = .streams(after: after, limit: limit)
        case .receipt(let command): self = .receipt(command)
        case .head: self = .head
        case .headBeyond(let position): self = .headBeyond(position)
        }
    }

    var call: HistoryCall {
        switch self {
        case .append(let request): .append(request.request)
        case .readStream(let stream, let cursor, let backward, let limit):
            .readStream(stream, from: cursor.streamCursor, backward ? .backward : .forward, limit: limit)
        case .readLog(let cursor, let backward, let filter, let limit):
            .readLog(from: cursor.logCursor, backward ? .backward : .forward, filter.filter, limit: limit)
        case .state(let stream): .state(of: stream)
        case .streams(let after, let limit): .streams(after: after, limit: limit)
        case .receipt(let command): .receipt(for: command)
        case .head: .head
        case .headBeyond(let position): .headBeyond(position)
        }
    }
}

enum StoredHistoryAnswer: Codable {
    case appended(StoredResult)
    case refused(StoredRefusal)
    case unknown
    case streamPage([ObservedEvent], StoredState, isAtEnd: Bool)
    case logPage([ObservedEvent], scannedThrough: Position, isAtEnd: Bool)
    case state(StoredState)
    case streams([StreamName])
    case receipt(StoredResult?)
    case head(Position)
    case nothing
    case failed(String)

    init(_ answer: HistoryAnswer) {
        switch answer {
        case .appended(let result): self = .appended(StoredResult(result))
        case .refused(let error): self = .refused(StoredRefusal(error))
        case .unknown: self = .unknown
        case .streamPage(let events, let state, let isAtEnd):
            self = .streamPage(events, StoredState(state), isAtEnd: isAtEnd)
        case .logPage(let events, let through, let isAtEnd):
            self = .logPage(events, scannedThrough: through, isAtEnd: isAtEnd)
        case .state(let state): self = .state(StoredState(state))
        case .streams(let names): self = .streams(names)
        case .receipt(let result): self = .receipt(result.map(StoredResult.init))
        case .head(let position): self = .head(position)
        case .nothing: self = .nothing
        case .failed(let error): self = .failed(error.description)
        }
    }

    var answer: HistoryAnswer {
        switch self {
        case .appended(let result): .appended(result.result)
        case .refused(let refusal): .refused(refusal.error)
        case .unknown: .unknown
        case .streamPage(let events, let state, let isAtEnd): .streamPage(events, state.state, isAtEnd: isAtEnd)
        case .logPage(let events, let through, let isAtEnd):
            .logPage(events, scannedThrough: through, isAtEnd: isAtEnd)
        case .state(let state): .state(state.state)
        case .streams(let names): .streams(names)
        case .receipt(let result): .receipt(result?.result)
        case .head(let position): .head(position)
        case .nothing: .nothing
        case .failed(let reason): .failed(.storageFailed(reason: reason))
        }
    }
}

struct StoredRequest: Codable {
    struct Write: Codable {
        var stream: StreamName
        var expected: Expected
        var action: Action
        var metadata: [UInt8]
    }

    enum Expected: Codable {
        case any
        case noStream
        case streamExists
        case version(StreamVersion)

        init(_ expected: ExpectedVersion) {
            switch expected {
            case .any: self = .any
            case .noStream: self = .noStream
            case .streamExists: self = .streamExists
            case .version(let version): self = .version(version)
            }
        }

        var expected: ExpectedVersion {
            switch self {
            case .any: .any
            case .noStream: .noStream
            case .streamExists: .streamExists
            case .version(let version): .version(version)
            }
        }
    }

    enum Action: Codable {
        case append([Event])
        case setRetention(Retention)
        case delete
        case tombstone
    }

    struct Event: Codable {
        var id: EventID
        var type: EventType
        var schemaVersion: UInt32
        var contentType: ContentType
        var data: [UInt8]
        var metadata: [UInt8]
        var tags: [Tag]
    }

    struct Check: Codable {
        var stream: StreamName
        var expected: Expected
    }

    var writes: [Write]
    var checks: [Check]
    var query: StoredQuery?
    var after: Position?
    var commandID: CommandID?

    init(_ request: AppendRequest) {
        writes = request.writes.map { write in
            let action: Action =
                switch write.action {
                case .append(let events):
                    .append(
                        events.map { event in
                            Event(
                                id: event.id, type: event.type, schemaVersion: event.schemaVersion,
                                contentType: event.contentType, data: event.data, metadata: event.metadata,
                                tags: event.tags)
                        })
                case .setRetention(let retention): .setRetention(retention)
                case .delete: .delete
                case .tombstone: .tombstone
                }
            return Write(
                stream: write.stream, expected: Expected(write.expected), action: action, metadata: write.metadata)
        }
        checks = request.checks.map { Check(stream: $0.stream, expected: Expected($0.expected)) }
        query = request.condition.map { StoredQuery($0.failIfEventsMatch) }
        after = request.condition?.after
        commandID = request.commandID
    }

    var request: AppendRequest {
        var request = AppendRequest(commandID: commandID)
        request.writes = writes.map { write in
            let action: StreamWrite.Action =
                switch write.action {
                case .append(let events):
                    .append(
                        events.map { event in
                            NewEvent(
                                id: event.id, type: event.type, schemaVersion: event.schemaVersion,
                                contentType: event.contentType, data: event.data, metadata: event.metadata,
                                tags: event.tags)
                        })
                case .setRetention(let retention): .setRetention(retention)
                case .delete: .delete
                case .tombstone: .tombstone
                }
            return StreamWrite(
                stream: write.stream, expected: write.expected.expected, action: action, metadata: write.metadata)
        }
        request.checks = checks.map { StreamCheck(stream: $0.stream, expected: $0.expected.expected) }
        if let query, let after { request.condition = AppendCondition(failIfEventsMatch: query.query, after: after) }
        return request
    }
}

struct StoredQuery: Codable {
    struct Item: Codable {
        var types: Set<EventType>
        var tags: Set<Tag>
    }

    var items: [Item]

    init(_ query: EventQuery) { items = query.items.map { Item(types: $0.types, tags: $0.tags) } }

    var query: EventQuery { EventQuery(items: items.map { EventQuery.Item(types: $0.types, tags: $0.tags) }) }
}

struct StoredFilter: Codable {
    var categories: Set<Category>
    var streamPrefixes: Set<String>
    var types: Set<EventType>
    var typePrefixes: Set<String>
    var tags: Set<Tag>
    var query: StoredQuery?
    var includesControlEvents: Bool

    init(_ filter: EventFilter) {
        categories = filter.categories
        streamPrefixes = filter.streamPrefixes
        types = filter.types
        typePrefixes = filter.typePrefixes
        tags = filter.tags
        query = filter.query.map(StoredQuery.init)
        includesControlEvents = filter.includesControlEvents
    }

    var filter: EventFilter {
        EventFilter(
            categories: categories, streamPrefixes: streamPrefixes, types: types, typePrefixes: typePrefixes,
            tags: tags, query: query?.query, includesControlEvents: includesControlEvents)
    }
}

enum StoredCursor: Codable {
    case start
    case end
    case version(StreamVersion)
    case position(Position)
    case time(Timestamp)

    init(_ cursor: StreamCursor) {
        switch cursor {
        case .start: self = .start
        case .end: self = .end
        case .version(let version): self = .version(version)
        case .position(let position): self = .position(position)
        case .time(let time): self = .time(time)
        }
    }

    init(_ cursor: LogCursor) {
        switch cursor {
        case .start: self = .start
        case .end: self = .end
        case .position(let position): self = .position(position)
        case .time(let time): self = .time(time)
        }
    }

    var streamCursor: StreamCursor {
        switch self {
        case .start: .start
        case .end: .end
        case .version(let version): .version(version)
        case .position(let position): .position(position)
        case .time(let time): .time(time)
        }
    }

    var logCursor: LogCursor {
        switch self {
        case .start: .start
        case .end: .end
        case .version(let version): .position(Position(version.rawValue))
        case .position(let position): .position(position)
        case .time(let time): .time(time)
        }
    }
}

struct StoredResult: Codable {
    struct End: Codable {
        var stream: StreamName
        var version: StreamVersion?
    }

    var streams: [End]
    var position: Position
    var eventCount: Int
    var recordedAt: Timestamp
    var isRepeat: Bool

    init(_ result: AppendResult) {
        streams = result.streams.map { End(stream: $0.stream, version: $0.version) }
        position = result.position
        eventCount = result.eventCount
        recordedAt = result.recordedAt
        isRepeat = result.isRepeat
    }

    var result: AppendResult {
        AppendResult(
            streams: streams.map { AppendResult.StreamEnd(stream: $0.stream, version: $0.version) },
            position: position, eventCount: eventCount, recordedAt: recordedAt, isRepeat: isRepeat)
    }
}

struct StoredState: Codable {
    var status: StreamState.Status
    var lastVersion: StreamVersion?
    var retention: Retention

    init(_ state: StreamState) {
        status = state.status
        lastVersion = state.lastVersion
        retention = state.retention
    }

    var state: StreamState { StreamState(status: status, lastVersion: lastVersion, retention: retention) }
}

enum StoredRefusal: Codable {
    case wrongExpectedVersion(StreamName, StoredRequest.Expected, actual: StreamVersion?)
    case streamTombstoned(StreamName)
    case conditionFailed(after: Position, conflict: Position)
    case conditionBeyondHead(after: Position, head: Position)
    case commandReused(CommandID)
    case cancelled
    case closed
    case storageFailed(String)
    case other(String)

    init(_ error: AppendError) {
        switch error {
        case .wrongExpectedVersion(let stream, let expected, let actual):
            self = .wrongExpectedVersion(stream, StoredRequest.Expected(expected), actual: actual)
        case .streamTombstoned(let stream): self = .streamTombstoned(stream)
        case .conditionFailed(let after, let conflict): self = .conditionFailed(after: after, conflict: conflict)
        case .invalid(.conditionBeyondHead(let after, let head)): self = .conditionBeyondHead(after: after, head: head)
        case .commandReused(let id): self = .commandReused(id)
        case .cancelled: self = .cancelled
        case .closed: self = .closed
        case .storageFailed(let reason, _): self = .storageFailed(reason)
        case .invalid, .unsupported, .refused: self = .other(error.description)
        }
    }

    var error: AppendError {
        switch self {
        case .wrongExpectedVersion(let stream, let expected, let actual):
            .wrongExpectedVersion(stream: stream, expected: expected.expected, actual: actual)
        case .streamTombstoned(let stream): .streamTombstoned(stream: stream)
        case .conditionFailed(let after, let conflict): .conditionFailed(after: after, conflict: conflict)
        case .conditionBeyondHead(let after, let head): .invalid(.conditionBeyondHead(after: after, head: head))
        case .commandReused(let id): .commandReused(id: id)
        case .cancelled: .cancelled(mayBeWritten: false)
        case .closed: .closed
        case .storageFailed(let reason): .storageFailed(reason: reason, mayBeWritten: false)
        case .other(let text): .refused(by: "", reason: text)
        }
    }
}
