import DaybookCore
import Synchronization

/// Throws a ``LawViolation`` unless a condition holds.
func require(_ holds: Bool, _ message: @autoclosure () -> String) throws(LawViolation) {
    guard holds else { throw LawViolation(message()) }
}

/// Throws a ``LawViolation`` with both values when they differ.
func requireEqual<Value: Equatable>(
    _ actual: Value, _ expected: Value, _ what: @autoclosure () -> String
) throws(LawViolation) {
    guard actual == expected else { throw LawViolation("\(what()) is \(actual), expected \(expected)") }
}

/// Throws a ``LawViolation`` with the first place at which two runs of events differ.
func requireSame(
    _ actual: [RecordedEvent], _ expected: [RecordedEvent], _ what: @autoclosure () -> String
) throws(LawViolation) {
    for (index, pair) in zip(actual, expected).enumerated() where pair.0 != pair.1 {
        throw LawViolation(
            "\(what()): event \(index) is \(pair.0.place), expected \(pair.1.place)"
                + (pair.0.place == pair.1.place ? " with other contents" : ""))
    }
    guard actual.count == expected.count else {
        let next =
            actual.count > expected.count
            ? "too many, first \(actual[expected.count].place)" : "missing, first \(expected[actual.count].place)"
        throw LawViolation("\(what()): \(actual.count) events, expected \(expected.count): \(next)")
    }
}

/// Throws a ``LawViolation`` unless events of a stream are these, at versions from this one on.
func requireRecorded(
    _ actual: some Collection<RecordedEvent>, _ expected: [NewEvent], in stream: StreamName,
    from version: StreamVersion = .first, _ what: @autoclosure () -> String
) throws(LawViolation) {
    try requireEqual(actual.count, expected.count, "\(what()): the number of events")
    for (index, (event, new)) in zip(actual, expected).enumerated() {
        let place = "\(what()): event \(index)"
        try requireEqual(event.stream, stream, "\(place): its stream")
        try requireEqual(event.version, version.advanced(by: index), "\(place): its version")
        try requireEqual(event.id, new.id, "\(place): its identifier")
        try requireEqual(event.type, new.type, "\(place): its type")
        try requireEqual(event.schemaVersion, new.schemaVersion, "\(place): its schema version")
        try requireEqual(event.contentType, new.contentType, "\(place): its content type")
        try requireEqual(event.data.count, new.data.count, "\(place): the length of its data")
        try require(event.data.elementsEqual(new.data), "\(place): its data has other bytes")
        try require(event.metadata.elementsEqual(new.metadata), "\(place): its metadata has other bytes")
        var tags: [Tag] = []
        for tag in new.tags where !tags.contains(tag) { tags.append(tag) }
        try requireEqual(event.tags, tags, "\(place): its tags")
    }
}

/// Tells readers that the writers they follow are done.
final class Ending: Sendable {
    private let state = Mutex(false)

    var hasCome: Bool { state.withLock { $0 } }

    func come() { state.withLock { $0 = true } }
}

/// Makes checks that do not depend on each other, some at once: a store on a server is waited for by all of them together.
func requireEach<Element: Sendable>(
    _ elements: [Element], _ check: @escaping @Sendable (Element) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, element) in elements.enumerated() {
            if number >= 16 { try await group.next() }
            group.addTask { try await check(element) }
        }
        try await group.waitForAll()
    }
}

/// An event that its number tells apart from others.
func fact(_ number: Int = 0, type: EventType = "counted", tags: [Tag] = []) -> NewEvent {
    NewEvent(type: type, data: Array("{\"number\":\(number)}".utf8), tags: tags)
}

func facts(_ count: Int, type: EventType = "counted", tags: [Tag] = []) -> [NewEvent] {
    (0..<count).map { fact($0, type: type, tags: tags) }
}

extension RecordedEvent {
    /// Where the event stands, in messages.
    var place: String { "\(stream)@\(version) '\(type)' at position \(position)" }
}

extension AppendRequest {
    /// One write of events to one stream.
    static func events(
        _ events: [NewEvent], to stream: StreamName, expecting expected: ExpectedVersion = .any,
        checks: [StreamCheck] = [], condition: AppendCondition? = nil, commandID: CommandID? = nil
    ) -> AppendRequest {
        AppendRequest(
            writes: [StreamWrite(stream: stream, expected: expected, action: .append(events))], checks: checks,
            condition: condition, commandID: commandID)
    }
}

extension EventStore {
    /// Every event of the log with the store's own, read in large pages.
    func wholeLog() async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        for try await event in self.events(filter: .everything, pageSize: Limits.eventsPerPage) { events.append(event) }
        return events
    }

    /// Every event of a stream that its readers see.
    func wholeStream(_ stream: StreamName) async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        for try await event in self.events(of: stream, pageSize: Limits.eventsPerPage) { events.append(event) }
        return events
    }

    /// Throws a ``LawViolation`` unless a request is refused with an error that fits, and leaves the log as it was.
    func requireRefusal(
        of request: AppendRequest, _ what: String, where fits: (AppendError) -> Bool
    ) async throws {
        let head = try await self.head()
        do {
            let result = try await append(request)
            throw LawViolation("\(what) was accepted: \(result)")
        } catch let error as AppendError {
            try require(fits(error), "\(what) was refused by another error: \(error)")
        }
        try requireEqual(try await self.head(), head, "\(what) was refused, but the log moved: its head")
    }

    func requireRefusal(of request: AppendRequest, _ what: String, with expected: AppendError) async throws {
        try await requireRefusal(of: request, "\(what) (expected: \(expected))") { $0 == expected }
    }

    /// Throws a ``LawViolation`` unless a request is answered by an earlier result, and leaves the log as it was.
    func requireRepeat(of request: AppendRequest, _ what: String, answers first: AppendResult) async throws {
        let head = try await self.head()
        let result: AppendResult
        do { result = try await append(request) } catch {
            throw LawViolation("\(what) was not answered by the first result: \(error)")
        }
        var expected = first
        expected.isRepeat = true
        try requireEqual(result, expected, "\(what): the result")
        try requireEqual(try await self.head(), head, "\(what) was a repeat, but the log moved: its head")
    }

    /// Throws a ``LawViolation`` unless a request is recorded anew.
    @discardableResult
    func requireAccepted(_ request: AppendRequest, _ what: String) async throws -> AppendResult {
        let result: AppendResult
        do { result = try await append(request) } catch { throw LawViolation("\(what) was refused: \(error)") }
        try require(!result.isRepeat, "\(what) was taken for a repeat: \(result)")
        return result
    }
}
