import DaybookCore
import DaybookSQLite
import Synchronization

/// What a test asked a store to append, and what it answered: every later state of the file is held against this.
final class AppendHistory: Sendable {
    private struct Entry {
        let request: AppendRequest
        /// What the store answered, or what a state that the test went on with had.
        var result: AppendResult?
    }

    private let entries = Mutex<[Entry]>([])

    var acknowledgedCount: Int { entries.withLock { $0.count { $0.result != nil } } }

    /// Appends, and remembers the request and its answer.
    @discardableResult
    func append(_ request: AppendRequest, to store: SQLiteEventStore) async throws(AppendError) -> AppendResult {
        let index = entries.withLock { entries in
            entries.append(Entry(request: request))
            return entries.count - 1
        }
        let result = try await store.append(request)
        entries.withLock { $0[index].result = result }
        return result
    }

    /// Goes on from a state: what it has counts as acknowledged from now on, and what it has not must never appear.
    func settle(on store: SQLiteEventStore) async throws {
        let log = try await Log(of: store)
        entries.withLock { entries in
            entries = entries.compactMap { entry in
                if entry.result != nil { return entry }
                guard let result = log.result(of: entry.request) else { return nil }
                return Entry(request: entry.request, result: result)
            }
        }
    }

    /// Counts whatever was not acknowledged as if it had been, and requests that no store ever got: what one that lies
    /// would leave behind.
    func acknowledgeAll(and others: [AppendRequest] = []) {
        entries.withLock { entries in
            entries += others.map { Entry(request: $0) }
            var last = Position.start
            for index in entries.indices {
                if entries[index].result == nil {
                    let count = entries[index].request.newEvents.count
                    entries[index].result = AppendResult(
                        streams: [], position: Position(last.rawValue + Int64(count)), eventCount: count,
                        recordedAt: Timestamp(microseconds: 0))
                }
                last = entries[index].result?.position ?? last
            }
        }
    }

    /// Events that were acknowledged, and that a reading of the whole log does not have as they were.
    func missing(among events: [RecordedEvent]) -> [String] {
        let found = Dictionary(events.map { ($0.id, Array($0.data)) }, uniquingKeysWith: { $1 })
        return entries.withLock { $0 }.filter { $0.result != nil }.flatMap(\.request.newEvents)
            .filter { found[$0.event.id] != $0.event.data }
            .map { "event \($0.event.id) was acknowledged, and is not read" }
    }

    /// The requests that were acknowledged, and that a store does not have.
    func lostCount(in store: SQLiteEventStore) async throws -> Int {
        let head = try await store.head()
        return entries.withLock { $0.count { ($0.result?.position ?? .start) > head } }
    }

    /// Everything in which a store is not what this history allows.
    ///
    /// - Parameter mayLoseLatest: Whether what was acknowledged behind the end of the log may be missing.
    func violations(in store: SQLiteEventStore, mayLoseLatest: Bool = false) async throws -> [String] {
        let log = try await Log(of: store)
        let head = try await store.head()
        var violations = log.violations
        var known = 0
        for entry in entries.withLock({ $0 }) {
            let events = entry.request.newEvents
            let found = events.filter { log.events[$0.event.id] != nil }
            known += found.count
            let name = "the request of \(events.count) events with \(events.first?.event.id.description ?? "none")"
            if found.count != 0 && found.count != events.count {
                violations.append("\(found.count) of \(events.count) events of \(name) are there")
                continue
            }
            if mayLoseLatest, let result = entry.result, found.isEmpty, result.position > head { continue }
            if let result = entry.result, found.isEmpty {
                violations.append("\(name), acknowledged at position \(result.position), is missing")
                continue
            }
            for (event, stream) in found {
                guard let recorded = log.events[event.id] else { continue }
                if recorded.stream != stream || recorded.type != event.type || Array(recorded.data) != event.data
                    || recorded.tags != event.tags
                {
                    violations.append("event \(event.id) at position \(recorded.position) is not what was appended")
                }
            }
            if let result = entry.result, !result.isSamePlace(as: log.result(of: entry.request)) {
                violations.append("\(name) was acknowledged as \(result), and is elsewhere")
            }
            if let command = entry.request.commandID {
                let receipt = try await store.receipt(for: command)
                if let receipt, !receipt.isSamePlace(as: log.result(of: entry.request)) {
                    violations.append("the receipt of command '\(command)' is \(receipt)")
                } else if (receipt == nil) != found.isEmpty {
                    violations.append("command '\(command)' has \(receipt == nil ? "no" : "a") receipt")
                }
            }
        }
        if known != log.events.count { violations.append("\(log.events.count - known) events were never appended") }
        violations += try await log.indexViolations(in: store)
        return violations
    }
}

/// The log as a store serves it.
private struct Log {
    private(set) var events: [EventID: RecordedEvent] = [:]
    private(set) var streams: [StreamName: [EventID]] = [:]
    private(set) var violations: [String] = []

    init(of store: SQLiteEventStore) async throws {
        var last: RecordedEvent?
        for try await event in store.events(filter: .everything, pageSize: 100) {
            if event.position != (last?.position ?? .start).next {
                violations.append("position \(event.position) follows \(last?.position ?? .start)")
            }
            if let last, event.recordedAt < last.recordedAt {
                violations.append("the event at \(event.position) was recorded before the one in front of it")
            }
            if event.version.rawValue != Int64(streams[event.stream, default: []].count) {
                violations.append("version \(event.version) of stream '\(event.stream)' is not the next")
            }
            if events.updateValue(event, forKey: event.id) != nil {
                violations.append("event \(event.id) is there twice")
            }
            streams[event.stream, default: []].append(event.id)
            last = event
        }
    }

    /// Where a request stands in the log; nil when it is not there whole.
    func result(of request: AppendRequest) -> AppendResult? {
        let recorded = request.newEvents.compactMap { events[$0.event.id] }
        guard recorded.count == request.newEvents.count, let first = recorded.first, let last = recorded.last,
            zip(recorded, recorded.dropFirst()).allSatisfy({ $0.position.next == $1.position })
        else { return nil }
        let ends = request.writes.map { write in
            AppendResult.StreamEnd(
                stream: write.stream, version: recorded.last { $0.stream == write.stream }?.version)
        }
        return AppendResult(
            streams: ends, position: last.position, eventCount: recorded.count, recordedAt: first.recordedAt)
    }

    /// Every way to an event through the index leads where the log does.
    func indexViolations(in store: SQLiteEventStore) async throws -> [String] {
        var violations: [String] = []
        for (stream, ids) in streams {
            var found: [EventID] = []
            for try await event in store.events(of: stream) { found.append(event.id) }
            if found != ids { violations.append("stream '\(stream)' has \(found.count) of its \(ids.count) events") }
        }
        for tag in Set(events.values.flatMap(\.tags)) {
            var count = 0
            for try await _ in store.events(filter: EventFilter(tags: [tag])) { count += 1 }
            let expected = events.values.count { $0.tags.contains(tag) }
            if count != expected { violations.append("tag '\(tag)' leads to \(count) of \(expected) events") }
        }
        let names = try await store.streams(after: nil, limit: Limits.eventsPerPage)
        if Set(names) != Set(streams.keys) { violations.append("the streams are \(names), not \(streams.keys)") }
        return violations
    }
}

extension AppendRequest {
    fileprivate var newEvents: [(event: NewEvent, stream: StreamName)] {
        writes.flatMap { write in
            guard case .append(let events) = write.action else { return [(event: NewEvent, stream: StreamName)]() }
            return events.map { ($0, write.stream) }
        }
    }

    /// A request for one to four streams, now and then with a command identifier, as a seed has it.
    static func random(writer: Int, number: Int, using generator: inout SeededGenerator) -> AppendRequest {
        var request = AppendRequest()
        if Int.random(in: 0..<3, using: &generator) == 0 {
            request.commandID = CommandID(unchecked: "\(writer)-\(EventID())")
        }
        let own = "own-\(writer)-\(number % 3)"
        let streams = ["shared-1", "shared-2", "shared-3", own].shuffled(using: &generator)
        for stream in streams.prefix(Bool.random(using: &generator) ? 1 : Int.random(in: 2...4, using: &generator)) {
            let events = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                let size =
                    Int.random(in: 0..<10, using: &generator) == 0 ? 6000 : Int.random(in: 2...300, using: &generator)
                return NewEvent(
                    type: "Counted", data: Array(repeating: UInt8.random(in: 32...126, using: &generator), count: size),
                    tags: ["writer:\(writer)"].map { Tag(unchecked: $0) })
            }
            request.append(events, to: StreamName(unchecked: stream))
        }
        return request
    }
}

extension AppendResult {
    fileprivate func isSamePlace(as other: AppendResult?) -> Bool {
        other.map { $0.streams == streams && $0.position == position && $0.eventCount == eventCount } ?? false
    }
}
