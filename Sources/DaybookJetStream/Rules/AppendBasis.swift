#if JetStream
import DaybookCore

/// What the rules of an append look at: a store's knowledge at the one moment at which it decides.
protocol AppendBasis {
    var head: Position { get }
    mutating func control(of stream: StreamName) throws(AppendError) -> StreamControl
    mutating func lastVersion(of stream: StreamName) throws(AppendError) -> StreamVersion?
    /// The identifier of the stream's last event.
    mutating func lastEventID(of stream: StreamName) throws(AppendError) -> EventID?
    /// The places of events at consecutive versions of a stream, whether its readers see them or not; fewer when it
    /// ends before. Nil for an event that was removed since, of which nothing is known any more.
    mutating func places(
        of stream: StreamName, from version: StreamVersion, count: Int
    ) throws(AppendError) -> [EventPlace?]
    mutating func receipt(for command: CommandID) throws(AppendError) -> Receipt?
    /// The first event after a position that fits a query.
    mutating func firstMatch(of query: EventQuery, after position: Position) throws(AppendError) -> Position?
}

/// Where an event was recorded, and which one it is.
struct EventPlace: Sendable {
    var id: EventID
    var position: Position
    var recordedAt: Timestamp

    init(id: EventID, position: Position, recordedAt: Timestamp) {
        self.id = id
        self.position = position
        self.recordedAt = recordedAt
    }
}

/// What a store remembers of a command for good.
struct Receipt: Sendable, Hashable {
    var digest: UInt64
    var result: AppendResult

    init(digest: UInt64, result: AppendResult) {
        self.digest = digest
        self.result = result
    }
}

/// What a store is to do with a request that breaks no rule.
enum AppendDecision {
    /// Record the writes.
    case record
    /// Answer with the first result; write nothing.
    case answer(AppendResult)
    /// The events are recorded already, but this command is not: leave it a receipt with their first result, so that it
    /// is answered the same when the events are no longer the last of their streams. Then answer with that result.
    case remember(AppendResult)
}

extension AppendRequest {
    /// The rules of an append, the same for every store: receipts, then repeats, then expectations, then the condition.
    ///
    /// - Parameter digest: The request's ``RequestDigest``, when it has a command identifier.
    func decide(
        on basis: inout some AppendBasis, digest: UInt64
    ) throws(AppendError) -> AppendDecision {
        if let commandID, let receipt = try basis.receipt(for: commandID) {
            guard receipt.digest == digest else { throw .commandReused(id: commandID) }
            var result = receipt.result
            result.isRepeat = true
            return .answer(result)
        }
        if let result = try repeatedResult(on: &basis) {
            return commandID == nil ? .answer(result) : .remember(result)
        }
        for write in writes { try Self.check(write.stream, at: write.expected, isWrite: true, on: &basis) }
        for check in checks { try Self.check(check.stream, at: check.expected, isWrite: false, on: &basis) }
        if let condition {
            guard condition.after <= basis.head else {
                throw .invalid(.conditionBeyondHead(after: condition.after, head: basis.head))
            }
            if let conflict = try basis.firstMatch(of: condition.failIfEventsMatch, after: condition.after) {
                throw .conditionFailed(after: condition.after, conflict: conflict)
            }
        }
        return .record
    }

    private static func check(
        _ stream: StreamName, at expected: ExpectedVersion, isWrite: Bool, on basis: inout some AppendBasis
    ) throws(AppendError) {
        let last = try basis.lastVersion(of: stream)
        let state = try basis.control(of: stream).state(lastVersion: last)
        if state.status == .tombstoned, isWrite || expected != .any { throw .streamTombstoned(stream: stream) }
        let holds =
            switch expected {
            case .any: true
            case .noStream: state.status != .live
            case .streamExists: state.status == .live
            case .version(let version): last == version
            }
        guard holds else {
            throw .wrongExpectedVersion(
                stream: stream, expected: expected, actual: state.status == .deleted ? nil : last)
        }
    }

    /// The result of the first time, when every write's events stand where this request would have put them.
    private func repeatedResult(on basis: inout some AppendBasis) throws(AppendError) -> AppendResult? {
        guard !writes.isEmpty else { return nil }
        var ends: [AppendResult.StreamEnd] = []
        var last: EventPlace?
        var count = 0
        for write in writes {
            guard case .append(let events) = write.action,
                let (version, place) = try Self.recorded(events, of: write, on: &basis)
            else { return nil }
            ends.append(AppendResult.StreamEnd(stream: write.stream, version: version))
            if place.position > (last?.position ?? .start) { last = place }
            count += events.count
        }
        guard let last else { return nil }
        return AppendResult(
            streams: ends, position: last.position, eventCount: count, recordedAt: last.recordedAt, isRepeat: true)
    }

    /// The version and place of the last of some events, when all of them stand where this write would have put them.
    private static func recorded(
        _ events: [NewEvent], of write: StreamWrite, on basis: inout some AppendBasis
    ) throws(AppendError) -> (StreamVersion, EventPlace)? {
        guard let last = try basis.lastVersion(of: write.stream) else { return nil }
        var starts: [StreamVersion]
        switch write.expected {
        case .version(let version): starts = version < last ? [version.next] : []
        case .noStream:
            starts = [.first]
            if let deleted = try basis.control(of: write.stream).deletedBefore, deleted > .first {
                starts.append(deleted)  // The stream may have been begun anew.
            }
        case .any, .streamExists:
            guard try basis.lastEventID(of: write.stream) == events.last?.id else { return nil }
            starts = [last.advanced(by: 1 - events.count)]
        }
        for start in starts where start >= .first && start <= last {
            let end = start.advanced(by: events.count - 1)
            guard end <= last else { continue }
            let places = try basis.places(of: write.stream, from: start, count: events.count)
            // The last event tells for those before it that were removed since: it comes from the same append.
            if places.count == events.count, zip(places, events).allSatisfy({ $0 == nil || $0?.id == $1.id }),
                case let place?? = places.last
            {
                return (end, place)
            }
        }
        return nil
    }
}
#endif
