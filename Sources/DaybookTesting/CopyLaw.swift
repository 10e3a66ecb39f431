import DaybookCore
import Synchronization

/// A promise that every store keeps whose log can be copied (``CopyableStore``). Where a store does not keep positions, those are not
/// compared, but the order of the events is.
///
/// ```swift
/// @Test("keeps every law of copying", arguments: CopyLaw.all)
/// func law(_ law: CopyLaw) async throws {
///     try await law.check { try await SQLiteEventStore.temporary() }
/// }
/// ```
public struct CopyLaw: Sendable, CustomStringConvertible {
    /// The promise, as a sentence.
    public let name: String
    private let body: @Sendable (() async throws -> any CopyableStore) async throws -> Void

    private init(
        _ name: String, _ body: @escaping @Sendable (() async throws -> any CopyableStore) async throws -> Void
    ) {
        self.name = name
        self.body = body
    }

    /// Every law.
    public static let all: [CopyLaw] = [
        CopyLaw("A log that is copied there is the same, and goes on as it would have gone on.") { make in
            let source = try await Self.log()
            let target = try await make()
            try await Self.copy(source, to: target)
            try await Self.expectSame(source, target)
            // Whatever comes next has the same place and the same answer.
            for store in [source, target] as [any EventStore] {
                let repeated = try await store.append(
                    [Self.event("opened", 1)], to: "account-1", expecting: .noStream, commandID: "open-1")
                let third = try await Self.events(of: store)[2].position
                try require(
                    repeated.isRepeat && repeated.position == third, "the command's first result is the third event")
                try require(
                    third == 3 || !((store as? any CopyableStore)?.keepsPositions ?? true), "which is at position 3")
                try await Self.requireFailure("a command that is used for another event") {
                    try await store.append([Self.event("other", 9)], to: "account-1", commandID: "open-1")
                }
                try await Self.requireFailure("an append to a tombstoned stream") {
                    try await store.append([Self.event("opened", 1)], to: "account-3")
                }
                let next = try await store.append([Self.event("closed", 2)], to: "account-1", expecting: .version(1))
                try require(next.version == 2, "the stream goes on at version 2")
                let hidden = try await store.readPage(of: "account-2", from: .start, direction: .forward, limit: 10)
                try require(hidden.events.map(\.version) == [1], "a retention hides what it hid")
                let sinceThen = try await store.readPage(
                    from: .time(next.recordedAt), direction: .forward, filter: .everything, limit: 1000)
                try require(
                    sinceThen.events.contains { $0.position == next.position }, "it is found by the time that it has")
            }
            let times = try await Self.events(of: target).map(\.recordedAt)
            try require(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 }, "time does not go back")
        },
        CopyLaw("What is recorded behind a copied log is not earlier, also when that comes from a clock that is ahead.")
        {
            make in
            let ahead = Timestamp(microseconds: TimeSource.system.now.microseconds + 3_600_000_000)
            let source = InMemoryEventStore(time: TimeSource { ahead })
            try await Self.record(in: source)
            let target = try await make()
            try await Self.copy(source, to: target)
            let next = try await target.append([Self.event("opened", 1)], to: "account-9", commandID: "late")
            try require(next.recordedAt == ahead, "its time is that of the last event of the copied log")
            let read = try await Self.events(of: target).last
            try require(read?.recordedAt == ahead, "and it is read with that time")
            try require(try await target.receipt(for: "late")?.recordedAt == ahead, "as its command has it")
            let page = try await target.readPage(
                from: .time(Timestamp(microseconds: ahead.microseconds + 1)), direction: .forward, filter: .everything,
                limit: 10)
            try require(page.events.isEmpty, "nothing was recorded later")
        },
        CopyLaw("A copy that is cut off anywhere goes on when it is begun again.") { make in
            let source = try await Self.log()
            let events = try await Self.events(of: source)
            for cut in 0...events.count + 6 {
                let target = try await make()
                let isCut: Bool
                do {
                    _ = try await LogCopy(from: source, to: CutStore(base: target, allowed: cut)).run()
                    isCut = false
                } catch LogCopyError.storageFailed(CutStore.reason, true) {
                    isCut = true
                }
                try require(
                    isCut == (cut < events.count + 5), "it was cut off after \(cut) of \(events.count + 5) parts")
                try await Self.copy(source, to: target)
                try await Self.expectSame(source, target)
            }
        },
        CopyLaw("A log that is copied from there is the same.") { make in
            let source = try await make()
            try await Self.record(in: source)
            let target = InMemoryEventStore()
            try await Self.copy(source, to: target)
            try await Self.expectSame(source, target)
        },
        CopyLaw("A copy that is begun again goes on where it stopped, and copies nothing twice.") { make in
            let source = try await Self.log()
            let target = try await make()
            let all = try await source.readPage(from: .start, direction: .forward, filter: .everything, limit: 1000)
            try await target.importEvents(Array(all.events.prefix(2)))
            try await Self.copy(source, to: target)
            try await Self.copy(source, to: target)
            try await Self.expectSame(source, target)
            try await source.append([Self.event("opened", 1)], to: "account-9", commandID: "open-9")
            try await Self.copy(source, to: target)
            try await Self.expectSame(source, target)
        },
        CopyLaw("Events that do not follow on the log are refused, and nothing of them is there.") { make in
            let source = try await Self.log()
            let target = try await make()
            let all = try await source.readPage(from: .start, direction: .forward, filter: .everything, limit: 1000)
                .events
            if target.keepsPositions {
                try await Self.requireError(.notNext(position: 2, head: 0), "an event is missing") {
                    try await target.importEvents(Array(all.dropFirst()))
                }
                try await Self.requireError(.notNext(position: 3, head: 1), "a hole in the middle") {
                    try await target.importEvents([all[0], all[2]])
                }
            }
            try await Self.requireFailure("events in another order") {
                try await target.importEvents([all[1], all[0]])
            }
            let late = Self.changed(all[1], recordedAt: Timestamp(microseconds: 0))
            try await Self.requireError(.goesBackInTime(position: 2), "time that goes back") {
                try await target.importEvents([all[0], late])
            }
            let elsewhere = Self.changed(all[1], version: 7)
            try await Self.requireError(
                .wrongVersion(stream: "account-77", version: 7, position: 2, last: nil), "a version too high"
            ) {
                try await target.importEvents([all[0], elsewhere])
            }
            try require(try await target.head() == .start, "nothing was written")
            let receipts = try await source.commands(after: 0, limit: 10)
            try await Self.requireError(
                .unknownResult(command: receipts[0].command), "a result of events that are not there"
            ) {
                try await target.importCommands(receipts)
            }
            try require(try await target.receipt(for: receipts[0].command) == nil, "no receipt was written")
            let nothing = receipts.filter { $0.result.eventCount == 0 }
            try require(nothing.count == 1, "a command had nothing to record")
            try await Self.requireError(
                .unknownResult(command: nothing[0].command), "a result that lies behind the end of the log"
            ) {
                try await target.importCommands(nothing)
            }
            try await target.importEvents(all)
            let other = RecordedCommand(
                number: 1, command: receipts[0].command, digest: receipts[0].digest ^ 1, result: receipts[0].result)
            try await target.importCommands(receipts)
            try await Self.requireError(.commandDiffers(command: other.command), "a command of another request") {
                try await target.importCommands([other])
            }
        },
    ]

    /// Checks the law.
    ///
    /// - Parameter make: Makes an empty store.
    /// - Throws: ``LawViolation``, or an error of the store.
    public func check(_ make: () async throws -> any CopyableStore) async throws { try await body(make) }

    public var description: String { name }
}

extension CopyLaw {
    private static func event(_ type: EventType, _ number: Int) -> NewEvent {
        NewEvent(
            type: type, schemaVersion: 2, data: Array(#"{"n":\#(number)}"#.utf8),
            metadata: EventMetadata(actor: "teller"), tags: [Tag(unchecked: "owner:\(number % 3)"), "all"])
    }

    private static func log() async throws -> InMemoryEventStore {
        let store = InMemoryEventStore()
        try await record(in: store)
        return store
    }

    /// Events of several streams, appended together and alone, settings, deletions, and commands.
    private static func record(in store: any EventStore) async throws {
        try await store.append([event("opened", 7)], to: "account-2")
        try await store.append([event("moved", 8)], to: "account-2")
        try await store.append([event("opened", 1)], to: "account-1", expecting: .noStream, commandID: "open-1")
        var both = AppendRequest(commandID: "transfer-1")
        both.append([event("moved", 2)], to: "account-1")
        both.append([event("opened", 5), event("moved", 6)], to: "account-3")
        try await store.append(both)
        try await store.append(
            AppendRequest(writes: [
                StreamWrite(stream: "account-2", action: .setRetention(Retention(maxCount: 1)))
            ]))
        try await store.append(
            AppendRequest(writes: [StreamWrite(stream: "account-3", action: .tombstone)], commandID: "close-3"))
        try await store.append(
            AppendRequest(writes: [
                StreamWrite(stream: "account-4", action: .setRetention(Retention(truncateBefore: 3)))
            ]))
        try await store.append([event("opened", 1)], to: "account-5")
        try await store.append(AppendRequest(writes: [StreamWrite(stream: "account-5", action: .delete)]))
        // A command that has nothing to record.
        try await store.append(AppendRequest(commandID: "nothing"))
        try await store.append(
            [NewEvent(type: "binary", contentType: .bytes, data: [0, 255, 10])], to: "caf\u{E9}-1", commandID: "b")
    }

    private static func copy(_ source: any CopyableStore, to target: any CopyableStore) async throws {
        let copy = LogCopy(from: source, to: target)
        let end = try await copy.run()
        try require(end.position == end.head, "it copied everything")
        try await copy.compare()
    }

    private static func events(of store: any EventStore) async throws -> [RecordedEvent] {
        try await store.readPage(from: .start, direction: .forward, filter: .everything, limit: 1000).events
    }

    private static func expectSame(_ source: any CopyableStore, _ target: any CopyableStore) async throws {
        let (left, all) = (try await events(of: source), try await events(of: target))
        // Where positions are not kept, the events of the target are seen as if they stood where those of the source do.
        let keepsPositions = source.keepsPositions && target.keepsPositions
        let places = Dictionary(
            keepsPositions ? [] : zip(all, left).map { ($0.position, $1.position) }, uniquingKeysWith: { one, _ in one }
        )
        func place(_ position: Position) -> Position { places[position] ?? position }
        func placed(_ events: [RecordedEvent]) -> [RecordedEvent] { events.map { changed($0, at: place($0.position)) } }
        try require(left == placed(all), "the events are the same")
        try require(
            try await source.streams(after: nil, limit: 100) == target.streams(after: nil, limit: 100),
            "the streams are the same, in the same order")
        for number in 1...5 {
            let stream = StreamName(unchecked: "account-\(number)")
            try require(
                try await source.state(of: stream) == target.state(of: stream), "\(stream) is in the same state")
        }
        let commands = try await source.commands(after: 0, limit: 100)
        try require(commands.count >= 4, "the commands are there")
        for receipt in commands {
            var result = try await target.receipt(for: receipt.command)
            if let position = result?.position { result?.position = place(position) }
            try require(result == receipt.result, "\(receipt.command) has its first result")
        }
        for event in left {
            for direction in [ReadDirection.forward, .backward] {
                let (mine, theirs) = (
                    try await source.readPage(
                        from: .time(event.recordedAt), direction: direction, filter: .everything, limit: 100),
                    try await target.readPage(
                        from: .time(event.recordedAt), direction: direction, filter: .everything, limit: 100)
                )
                try require(mine.events == placed(theirs.events), "the time \(event.recordedAt) leads to the same")
            }
        }
        let moved = try await target.commands(after: 0, limit: 100)
        try require(
            moved.map(\.command) == commands.map(\.command) && moved.map(\.digest) == commands.map(\.digest),
            "the commands come in the same order, for the same requests")
        for tag in ["owner:1", "all"] as [Tag] {
            let query = EventFilter(query: EventQuery(tags: [tag]))
            let (mine, theirs) = (
                try await source.readPage(from: .start, direction: .forward, filter: query, limit: 100),
                try await target.readPage(from: .start, direction: .forward, filter: query, limit: 100)
            )
            try require(
                mine.events == placed(theirs.events) && !mine.events.isEmpty, "the tag \(tag) leads to the same")
        }
    }

    private static func changed(
        _ event: RecordedEvent, version: StreamVersion? = nil, recordedAt: Timestamp? = nil,
        at position: Position? = nil
    ) -> RecordedEvent {
        RecordedEvent(
            id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
            data: event.data, metadata: event.metadata, tags: event.tags,
            stream: version == nil ? event.stream : "account-77", version: version ?? event.version,
            position: position ?? event.position, recordedAt: recordedAt ?? event.recordedAt)
    }

    private static func requireFailure(_ what: String, _ body: () async throws -> Void) async throws {
        do { try await body() } catch { return }
        throw LawViolation("\(what) was taken")
    }

    private static func requireError(
        _ expected: LogCopyError, _ what: String, _ body: () async throws -> Void
    ) async throws {
        do { try await body() } catch let error as LogCopyError {
            try requireEqual(error, expected, "the error for \(what)")
            return
        }
        throw LawViolation("\(what) was taken")
    }
}

/// A store that takes so many events and results of commands, and then no more, as if the program that copies had died.
private final class CutStore: ForwardingStore, CopyableStore {
    static let reason = "cut off"

    private let copy: any CopyableStore
    private let allowed: Mutex<Int>

    var base: any EventStore { copy }

    init(base: any CopyableStore, allowed: Int) {
        copy = base
        self.allowed = Mutex(allowed)
    }

    private func take(_ count: Int) -> Int {
        allowed.withLock { allowed in
            let taken = min(allowed, count)
            allowed -= taken
            return taken
        }
    }

    var keepsPositions: Bool { copy.keepsPositions }

    func importEvents(_ events: [RecordedEvent]) async throws(LogCopyError) -> [Position] {
        let count = take(events.count)
        let places = try await copy.importEvents(Array(events.prefix(count)))
        guard count == events.count else { throw .storageFailed(reason: Self.reason, mayBeWritten: true) }
        return places
    }

    func importCommands(_ commands: [RecordedCommand]) async throws(LogCopyError) {
        let count = take(commands.count)
        try await copy.importCommands(Array(commands.prefix(count)))
        guard count == commands.count else { throw .storageFailed(reason: Self.reason, mayBeWritten: true) }
    }

    func commands(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand] {
        try await copy.commands(after: number, limit: limit)
    }
}
