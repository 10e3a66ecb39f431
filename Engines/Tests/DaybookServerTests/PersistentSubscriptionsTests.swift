import DaybookCore
import Testing

@testable import DaybookServer

@Suite(.timeLimit(.minutes(1))) struct PersistentSubscriptionsTests {
    private static let name = PersistentGroupName(stream: "order", group: "g")

    private static var settings: PersistentSettings {
        var settings = PersistentSettings()
        settings.maxCheckpointCount = 1
        settings.maxRetryCount = 0
        return settings
    }

    private static func events(_ count: Int) -> [NewEvent] {
        (0..<count).map { NewEvent(type: "Placed", data: Array("{\"n\":\($0)}".utf8)) }
    }

    /// The groups of a store, while they run.
    private static func running(
        _ store: InMemoryEventStore, correlations: CorrelationIndex? = nil,
        _ body: (PersistentSubscriptions, KurrentLog) async throws -> Void
    ) async throws {
        let log = try await KurrentLog.open(store, correlations: correlations)
        let signals = StreamSignals(store: store)
        let subscriptions = try await PersistentSubscriptions.open(log: log, signals: signals, checkpoints: store)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await signals.run() }
            tasks.addTask { await subscriptions.run() }
            defer { tasks.cancelAll() }
            try await body(subscriptions, log)
        }
    }

    /// So many events that a client is sent.
    private static func take(
        _ count: Int, from group: PersistentGroupDriver, _ client: GroupClient.ID
    ) async throws -> [GroupEvent] {
        var events: [GroupEvent] = []
        while events.count < count { events += try await group.outgoing(for: client, atMost: count - events.count) }
        return events
    }

    private static func until(_ holds: () async throws -> Bool) async throws {
        while try await !holds() { await Task.yield() }
    }

    @Test func aGroupGoesOnBehindItsCheckpointInAnotherServer() async throws {
        let store = InMemoryEventStore()
        try await Self.running(store) { subscriptions, log in
            _ = try await log.append(Self.events(3), to: "order", expecting: .any)
            try await subscriptions.create(Self.name, settings: Self.settings, filter: nil)
            let group = try subscriptions.group(Self.name)
            let client = try group.connect(name: "c", user: "u", bufferSize: 10)
            let events = try await Self.take(3, from: group, client)
            #expect(events.map(\.original.revision) == [0, 1, 2])
            group.change { $0.acknowledge(events.prefix(2).map(\.id), now: .now) }
            let second = events[1].original.position
            try await Self.until { try await store.checkpoint(for: Self.name.checkpoint)?.position.rawValue == second }
        }
        try await Self.running(store) { subscriptions, log in
            let group = try subscriptions.group(Self.name)
            let client = try group.connect(name: "c", user: "u", bufferSize: 10)
            let left = try await Self.take(1, from: group, client)
            #expect(left.map(\.original.revision) == [2])
            _ = try await log.append(Self.events(1), to: "order", expecting: .any)
            let new = try await Self.take(1, from: group, client)
            #expect(new.map(\.original.revision) == [3])
        }
    }

    @Test func aGroupIsNotTakenForAsFarAsTheLogWhereItsIndexIsBehind() async throws {
        let store = InMemoryEventStore()
        let index = CorrelationIndex(store: store)
        let name = PersistentGroupName(stream: "$bc-a", group: "g")
        let events = (0..<2).map { _ in
            NewEvent(type: "Placed", data: [], metadata: Array(#"{"$correlationId":"a"}"#.utf8))
        }
        try await Self.running(store, correlations: index) { subscriptions, _ in
            try await store.append([events[0]], to: "order-1")
            while try await !index.indexPage().isAtEnd {}
            try await subscriptions.create(name, settings: Self.settings, filter: nil)
            let group = try subscriptions.group(name)
            let client = try group.connect(name: "c", user: "u", bufferSize: 10)
            let seen = try await Self.take(1, from: group, client)
            group.change { $0.acknowledge(seen.map(\.id), now: .now) }
            try await Self.until { try await store.checkpoint(for: name.checkpoint) != nil }

            // Recorded, and not in the index yet, when the group reads to the end.
            try await store.append([events[1]], to: "order-2")
            let head = try await store.head()
            try await subscriptions.update(name, settings: Self.settings)
            let begun = try subscriptions.group(name)
            try await Self.until { begun.look(\.isLive) }
            let place = try #require(begun.look(\.lastPlace))
            #expect(place.position < head.rawValue)

            while try await !index.indexPage().isAtEnd {}
            try await subscriptions.update(name, settings: Self.settings)
            let last = try subscriptions.group(name)
            let again = try last.connect(name: "c", user: "u", bufferSize: 10)
            let left = try await Self.take(1, from: last, again)
            #expect(left.map(\.original.revision) == [1])
        }
    }

    @Test func aDeletionThatIsRepeatedTakesTheCheckpointThatWasLeft() async throws {
        let store = InMemoryEventStore()
        try await Self.running(store) { subscriptions, _ in
            try await store.save(Checkpoint(after: 7), for: Self.name.checkpoint)
            await #expect(throws: RPCStatus.groupMissing(Self.name)) { try await subscriptions.delete(Self.name) }
            #expect(try await store.checkpoint(for: Self.name.checkpoint) == nil)
            // Another group's, whose checkpoint has the same name, stays.
            let other = PersistentGroupName(stream: "secret", group: "b::g")
            try await subscriptions.create(other, settings: Self.settings, filter: nil)
            try await store.save(Checkpoint(after: 7), for: other.checkpoint)
            let same = PersistentGroupName(stream: "secret::b", group: "g")
            await #expect(throws: RPCStatus.groupMissing(same)) { try await subscriptions.delete(same) }
            #expect(try await store.checkpoint(for: other.checkpoint)?.position == 7)
        }
    }

    @Test func whatAnotherServerHasMadeIsNotWrittenOver() async throws {
        let store = InMemoryEventStore()
        let other = PersistentGroupName(stream: "order", group: "other")
        try await Self.running(store) { first, _ in
            try await Self.running(store) { second, _ in
                try await first.create(Self.name, settings: Self.settings, filter: nil)
                try await store.save(Checkpoint(after: 1), for: Self.name.checkpoint)
                for name in [Self.name, other] {
                    await #expect(throws: RPCStatus.self) {
                        try await second.create(name, settings: Self.settings, filter: nil)
                    }
                }
                await #expect(throws: RPCStatus.self) { try await second.delete(Self.name) }
                #expect(try await store.checkpoint(for: Self.name.checkpoint)?.position == 1)
                try await second.restart()
                try await second.create(other, settings: Self.settings, filter: nil)
                // And so again, by who was first.
                await #expect(throws: RPCStatus.self) { try await first.delete(Self.name) }
                try await first.restart()
                try await first.update(other, settings: Self.settings)
            }
        }
        try await Self.running(store) { subscriptions, _ in
            #expect(subscriptions.groups(of: nil)?.map(\.name.group) == ["g", "other"])
        }
    }

    @Test func aStorageThatFailsIsNoRefusal() async throws {
        let store = InMemoryEventStore()
        let subscriptions = try await PersistentSubscriptions.open(
            log: try await KurrentLog.open(store), signals: StreamSignals(store: store),
            checkpoints: BrokenCheckpoints())
        await #expect(throws: GroupStorageError.self) {
            try await subscriptions.create(Self.name, settings: Self.settings, filter: nil)
        }
        #expect(subscriptions.groups(of: nil)?.count == 0)
    }

    private struct BrokenCheckpoints: CheckpointStore {
        private static let failure = DerivedStateError.storageFailed(reason: "the disk is gone")

        func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? { throw Self.failure }
        func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
            throw Self.failure
        }
        func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) { throw Self.failure }
    }

    @Test func parkedEventsAreLinksAndComeBack() async throws {
        let store = InMemoryEventStore()
        try await Self.running(store) { subscriptions, log in
            _ = try await log.append(Self.events(2), to: "order", expecting: .any)
            try await subscriptions.create(Self.name, settings: Self.settings, filter: nil)
            let group = try subscriptions.group(Self.name)
            let client = try group.connect(name: "c", user: "u", bufferSize: 10)
            let events = try await Self.take(2, from: group, client)
            group.change { $0.reject(events.map(\.id), .park, reason: "") }
            try await Self.until { try await group.parkedStream.bounds() == 0..<2 }
            try await group.replayParked(until: nil)
            let again = try await Self.take(2, from: group, client)
            #expect(again.map { $0.resolved.event?.revision } == [0, 1])
            #expect(again.map(\.original.stream) == [Self.name.parkedStream, Self.name.parkedStream])
            group.change { $0.acknowledge(again.map(\.id), now: .now) }
            try await Self.until { try await group.parkedStream.bounds().isEmpty }
        }
    }

    @Test func aGroupIsOfItsStreamAlone() async throws {
        let store = InMemoryEventStore()
        let name = PersistentGroupName(stream: "secret", group: "b::g")
        let other = PersistentGroupName(stream: "secret::b", group: "g")
        try await Self.running(store) { subscriptions, _ in
            try await subscriptions.create(name, settings: Self.settings, filter: nil)
            #expect(try subscriptions.group(name).name.stream == "secret")
            #expect(throws: RPCStatus.groupMissing(other)) { _ = try subscriptions.group(other) }
            // What each keeps would have the same name.
            await #expect(throws: RPCStatus.groupExists(other)) {
                try await subscriptions.create(other, settings: Self.settings, filter: nil)
            }
        }
    }

    @Test func aGroupOfAllIsNotGivenWhatItParks() async throws {
        let store = InMemoryEventStore()
        let name = PersistentGroupName(stream: "$all", group: "g")
        try await Self.running(store) { subscriptions, log in
            try await subscriptions.create(
                name, settings: Self.settings,
                filter: KurrentFilter.Definition(subject: .type, regex: "^(Placed|\\$>)$"))
            let group = try subscriptions.group(name)
            let client = try group.connect(name: "c", user: "u", bufferSize: 10)
            _ = try await log.append(Self.events(1), to: "order", expecting: .any)
            let first = try await Self.take(1, from: group, client)
            group.change { $0.reject(first.map(\.id), .park, reason: "") }
            try await Self.until { try await group.parkedStream.bounds() == 0..<1 }
            _ = try await log.append(Self.events(1), to: "other", expecting: .any)
            let second = try await Self.take(1, from: group, client)
            #expect(second.map(\.original.stream) == ["other"])
        }
    }

    @Test func whoIsDroppedIsTold() async throws {
        let store = InMemoryEventStore()
        try await Self.running(store) { subscriptions, log in
            try await subscriptions.create(Self.name, settings: Self.settings, filter: nil)
            let group = try subscriptions.group(Self.name)
            let client = try group.connect(name: "c", user: "u", bufferSize: 10)
            let events = Task { try await group.outgoing(for: client, atMost: 1) }
            try await subscriptions.update(Self.name, settings: Self.settings)
            await #expect(throws: RPCStatus.groupDropped(Self.name)) { _ = try await events.value }
            #expect(throws: RPCStatus.groupDropped(Self.name)) {
                _ = try group.connect(name: "c", user: "u", bufferSize: 1)
            }
            // The group is another one now.
            _ = try subscriptions.group(Self.name).connect(name: "c", user: "u", bufferSize: 1)
        }
    }

    @Test func aDeletedGroupLeavesNothingToItsNamesake() async throws {
        let store = InMemoryEventStore()
        try await Self.running(store) { subscriptions, log in
            _ = try await log.append(Self.events(2), to: "order", expecting: .any)
            for _ in 0..<2 {
                try await subscriptions.create(Self.name, settings: Self.settings, filter: nil)
                let group = try subscriptions.group(Self.name)
                let client = try group.connect(name: "c", user: "u", bufferSize: 10)
                let events = try await Self.take(2, from: group, client)
                #expect(events.map(\.original.revision) == [0, 1])
                group.change { $0.acknowledge([events[0].id], now: .now) }
                group.change { $0.reject([events[1].id], .park, reason: "") }
                try await Self.until { try await !group.parkedStream.bounds().isEmpty }
                let last = events[1].original.position
                try await Self.until {
                    // What follows in the log is no event of the group, so that it may be further.
                    try await store.checkpoint(for: Self.name.checkpoint)?.position.rawValue ?? 0 >= last
                }
                try await subscriptions.delete(Self.name)
                #expect(try await group.parkedStream.bounds().isEmpty)
                #expect(try await store.checkpoint(for: Self.name.checkpoint) == nil)
                #expect(throws: RPCStatus.groupMissing(Self.name)) { _ = try subscriptions.group(Self.name) }
            }
            #expect(subscriptions.groups(of: "order")?.count == 0)
            #expect(subscriptions.groups(of: "other")?.count == nil)
        }
    }

    @Test func changesComeOneAfterAnother() async throws {
        let turnstile = Turnstile()
        let order = try await withThrowingTaskGroup(of: Int.self) { tasks in
            for number in 0..<100 {
                tasks.addTask {
                    try await turnstile.pass {
                        await Task.yield()
                        return number
                    }
                }
            }
            return try await tasks.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(order.count == 100)
    }
}
