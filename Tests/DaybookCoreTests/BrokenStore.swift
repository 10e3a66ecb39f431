import DaybookCore
import Synchronization
import Testing

/// A store that breaks one promise on purpose, to show that the laws and the model can tell.
final class BrokenStore: EventStore {
    enum Fault: String, CaseIterable, CustomTestStringConvertible {
        case losesLastEventOfBatch, losesMetadata, losesTags, writesStreamsOneByOne, acknowledgesWithoutWriting
        case ignoresConditions, ignoresChecks, ignoresExpectedVersions, writesRepeatsAgain, hidesRepeats
        case forgetsReceipts, ignoresCommandBodies
        case skipsInPages, showsLastEventBeforeTheOneBelow, startsBackwardReadsTooLow, startsTimeReadsTooHigh
        case filtersWithoutTags, filtersWithoutCategories, filtersWithoutControl, clampsLimits, neverIsAtEnd
        case showsHiddenEvents, forgetsDeletions, reportsWrongHead, listsStreamsBackward

        var testDescription: String { rawValue }
    }

    let fault: Fault
    private let store = InMemoryEventStore()
    private let appends = Mutex(0)

    init(_ fault: Fault) { self.fault = fault }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        let number = appends.withLock { count in
            count += 1
            return count
        }
        var request = request
        switch fault {
        case .losesLastEventOfBatch:
            change(&request) { if $0.count > 1 { $0.removeLast() } }
        case .losesMetadata:
            change(&request) { for index in $0.indices { $0[index].metadata = [] } }
        case .losesTags:
            change(&request) { for index in $0.indices { $0[index].tags = Array($0[index].tags.prefix(1)) } }
        case .writesStreamsOneByOne where request.writes.count > 1:
            var result: AppendResult?
            for write in request.writes { result = try await store.append(AppendRequest(writes: [write])) }
            if let result { return result }
        case .acknowledgesWithoutWriting where number % 7 == 0:
            return AppendResult(
                streams: request.writes.map { .init(stream: $0.stream, version: 0) }, position: 1, eventCount: 1,
                recordedAt: Timestamp(microseconds: 0))
        case .ignoresConditions: request.condition = nil
        case .ignoresChecks: request.checks = []
        case .ignoresExpectedVersions:
            for index in request.writes.indices { request.writes[index].expected = .any }
        case .writesRepeatsAgain:
            change(&request) { for index in $0.indices { $0[index].id = EventID() } }
            for index in request.writes.indices { request.writes[index].expected = .any }
        case .forgetsReceipts: if !request.writes.isEmpty { request.commandID = nil }
        case .ignoresCommandBodies:
            if let id = request.commandID, var first = try? await store.receipt(for: id) {
                first.isRepeat = true
                return first
            }
        case .forgetsDeletions:
            for index in request.writes.indices where request.writes[index].action == .delete {
                request.writes[index].action = .setRetention(.unlimited)
            }
        default: break
        }
        var result = try await store.append(request)
        if fault == .hidesRepeats { result.isRepeat = false }
        return result
    }

    private func change(_ request: inout AppendRequest, _ change: (inout [NewEvent]) -> Void) {
        for index in request.writes.indices {
            guard case .append(var events) = request.writes[index].action else { continue }
            change(&events)
            request.writes[index].action = .append(events)
        }
    }

    func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        var cursor = cursor
        if fault == .startsBackwardReadsTooLow, direction == .backward, case .version(let version) = cursor {
            cursor = .version(version.rawValue == .min ? version : version.advanced(by: -1))
        }
        var page = try await store.readPage(
            of: stream, from: cursor, direction: direction,
            limit: fault == .clampsLimits ? min(max(limit, 1), Limits.eventsPerPage) : limit)
        if fault == .showsHiddenEvents, page.events.isEmpty, direction == .forward {
            let log = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 1000)
            page.events = log.events.filter { $0.stream == stream }
        }
        return page
    }

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        var filter = filter
        var cursor = cursor
        switch fault {
        case .filtersWithoutTags: filter.tags = []
        case .filtersWithoutCategories: filter.categories = []
        case .filtersWithoutControl: filter.includesControlEvents = true
        case .startsTimeReadsTooHigh:
            if case .time(let time) = cursor, direction == .forward, time.microseconds < .max {
                cursor = .time(Timestamp(microseconds: time.microseconds + 1))
            }
        default: break
        }
        var page = try await store.readPage(
            from: cursor, direction: direction, filter: filter,
            limit: fault == .clampsLimits ? min(max(limit, 1), Limits.eventsPerPage) : limit)
        switch fault {
        case .skipsInPages where page.events.count > 2: page.events.remove(at: page.events.count / 2)
        case .showsLastEventBeforeTheOneBelow where page.isAtEnd && direction == .forward && page.events.count > 1:
            page.events.remove(at: page.events.count - 2)
        case .neverIsAtEnd where page.events.count > 0: page.isAtEnd = false
        default: break
        }
        return page
    }

    func state(of stream: StreamName) async throws(ReadError) -> StreamState { try await store.state(of: stream) }

    func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        let names = try await store.streams(after: after, limit: limit)
        return fault == .listsStreamsBackward ? names.reversed() : names
    }

    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await store.receipt(for: command)
    }

    func head() async throws(ReadError) -> Position {
        let head = try await store.head()
        return fault == .reportsWrongHead && head > .start ? head.previous : head
    }

    func head(beyond position: Position) async throws(ReadError) -> Position {
        try await store.head(beyond: position)
    }
}
