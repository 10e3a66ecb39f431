import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Synchronization
import Testing

@Suite("A publisher")
struct EventPublisherTests {
    typealias Store = any EventStore & ReadModelStore
    typealias Account = DowncastTests.Account

    struct Away: Error {}

    /// A target that remembers what it got.
    final class Bus: PublisherTarget {
        private let state = Mutex((events: [CloudEvent](), failures: 0, refused: Set<String>()))

        var events: [CloudEvent] { state.withLock(\.events) }
        func fail(_ times: Int) { state.withLock { $0.failures = times } }
        func refuse(_ subjects: Set<String>) { state.withLock { $0.refused = subjects } }

        func send(_ events: [CloudEvent]) async throws {
            try state.withLock { state in
                if state.failures > 0 {
                    state.failures -= 1
                    // Taken, and the answer is lost, every other time.
                    if state.failures % 2 == 0 { state.events += events }
                    throw Away()
                }
                if let subject = events.first?.subject, state.refused.contains(subject) {
                    throw ParkEvent("no such account")
                }
                state.events += events
            }
        }
    }

    private static let policy = ConsumerPolicy(
        inFlight: 8, window: 64, lease: .seconds(3600), deliveries: .max, backoff: .zero,
        pollInterval: .milliseconds(1))

    private func publisher(
        _ store: Store, _ bus: Bus, in versions: [EventType: UInt32] = [:], name: ConsumerGroupName = "bus"
    ) throws -> EventPublisher {
        try EventPublisher(
            name, of: store, PublishedEvents(Account.self, source: "/bank", in: versions), in: store, to: bus,
            policy: Self.policy)
    }

    private func append(_ type: EventType, _ version: UInt32 = 1, _ data: String, to stream: StreamName, _ store: Store)
        async throws
    {
        try await store.append(
            [NewEvent(type: type, schemaVersion: version, contentType: .json, data: Array(data.utf8))], to: stream)
    }

    private func text(_ event: CloudEvent) -> String {
        "\(event.subject ?? "") \(event.type) \(event.extensions["schemaversion"] ?? "") \(String(decoding: event.data, as: UTF8.self))"
    }

    @Test("sends every event as it is written today, in order for each stream, once", arguments: TestStore.all)
    func today(_ kind: TestStore) async throws {
        let store = try await kind.make()
        let bus = Bus()
        try await append("account.deposited", 1, #"{"amount":3}"#, to: "account-1", store)
        try await append("account.deposited", 2, #"{"cents":4}"#, to: "account-1", store)
        try await append("weather.changed", 1, "{}", to: "weather", store)
        try await append("account.moved", 1, #"{"cents":5}"#, to: "account-1", store)
        #expect(try await publisher(store, bus).lag() == 4)
        try await publisher(store, bus).catchUp()
        try await publisher(store, bus).catchUp()
        #expect(
            bus.events.map(text) == [
                #"account-1 account.deposited 3 {"cents":300,"currency":"EUR"}"#,
                #"account-1 account.deposited 3 {"cents":4,"currency":"EUR"}"#,
                #"account-1 account.deposited 3 {"cents":5,"currency":"EUR"}"#, "account-1 account.closed 1 {}",
            ])
        let recorded = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 10).events
        #expect(
            bus.events.map(\.id) == [
                "\(recorded[0].id)", "\(recorded[1].id)", "\(recorded[3].id)", "\(recorded[3].id).2",
            ])
        #expect(bus.events.map { $0.extensions["position"] } == ["1", "2", "4", "4"])
        try await append("account.closed", 1, "{}", to: "account-2", store)
        try await publisher(store, bus).catchUp()
        #expect(bus.events.count == 5)
        #expect(try await publisher(store, bus).lag() == 0)
        // What is not published does not count.
        for _ in 0..<3 { try await append("weather.changed", 1, "{}", to: "weather", store) }
        #expect(try await publisher(store, bus).lag() == 0)
        try await append("account.closed", 1, "{}", to: "account-3", store)
        #expect(try await publisher(store, bus).lag() == 1)
    }

    @Test("refuses a source that is no URI reference", arguments: ["", "my shop", "/caf\u{E9}", "a\nb"])
    func source(_ text: String) {
        #expect(throws: InvalidEventSource(source: text)) { try PublishedEvents(Account.self, source: text) }
    }

    @Test("catches up with what is being replayed, and not with what is recorded meanwhile", .timeLimit(.minutes(1)))
    func replayUnderLoad() async throws {
        let store = InMemoryEventStore()
        let bus = Bus()
        bus.refuse(["account-1"])
        for _ in 0..<3 { try await append("account.closed", 1, "{}", to: "account-1", store) }
        let publisher = try publisher(store, bus)
        try await publisher.catchUp()
        bus.refuse([])
        try await publisher.replay("account-1")
        let writing = Task {
            while !Task.isCancelled { try await append("account.closed", 1, "{}", to: "account-1", store) }
        }
        try await publisher.catchUp()
        writing.cancel()
        _ = await writing.result
        #expect(bus.events.count >= 3)
    }

    @Test("stops a stream at an event that cannot be said in the version asked for, and goes on when it can")
    func lowered() async throws {
        let store = InMemoryEventStore()
        let bus = Bus()
        try await append("account.deposited", 1, #"{"amount":3}"#, to: "account-1", store)
        try await append("account.deposited", 3, #"{"cents":1,"currency":"CHF"}"#, to: "account-1", store)
        try await append("account.deposited", 3, #"{"cents":2,"currency":"EUR"}"#, to: "account-1", store)
        try await append("account.deposited", 3, #"{"cents":9,"currency":"EUR"}"#, to: "account-2", store)
        try await append("account.frozen", 1, "{}", to: "account-3", store)
        let slow = try publisher(store, bus, in: ["account.deposited": 2])
        try await slow.catchUp()
        #expect(
            Set(bus.events.map(text)) == [
                #"account-1 account.deposited 2 {"cents":300}"#, #"account-2 account.deposited 2 {"cents":9}"#,
            ])
        let parked = try await slow.parked()
        #expect(parked.map(\.position) == [2, 5] && parked.map(\.waiting) == [1, 0])
        #expect(parked[0].reason.contains("cannot be said in version 2"))
        #expect(parked[1].reason.contains("account.frozen"))
        // The receiver has learned the newer version.
        let fast = try publisher(store, bus)
        try await fast.replay("account-1")
        try await fast.catchUp()
        #expect(
            bus.events.suffix(2).map(text) == [
                #"account-1 account.deposited 3 {"cents":1,"currency":"CHF"}"#,
                #"account-1 account.deposited 3 {"cents":2,"currency":"EUR"}"#,
            ])
        try await fast.skip(5, reason: "unknown to everybody")
        try await fast.catchUp()
        #expect(try await fast.parked().isEmpty)
        #expect(try await fast.skipped().map(\.position) == [5])
    }

    @Test("goes on for other streams when the target refuses an event for good")
    func refused() async throws {
        let store = InMemoryEventStore()
        let bus = Bus()
        bus.refuse(["account-1"])
        for stream in ["account-1", "account-2", "account-1"] as [StreamName] {
            try await append("account.closed", 1, "{}", to: stream, store)
        }
        let publisher = try publisher(store, bus)
        try await publisher.catchUp()
        #expect(bus.events.map(\.subject) == ["account-2"])
        #expect(try await publisher.parked().map(\.reason) == ["no such account"])
        bus.refuse([])
        try await publisher.replay("account-1")
        try await publisher.catchUp()
        #expect(bus.events.map(\.subject) == ["account-2", "account-1", "account-1"])
    }

    @Test(
        "sends again what it did not hear of, under the same identifier, for as long as it takes",
        .timeLimit(.minutes(1)))
    func away() async throws {
        let store = InMemoryEventStore()
        let bus = Bus()
        for number in 0..<20 {
            try await append(
                "account.deposited", 2, #"{"cents":\#(number)}"#, to: StreamName(unchecked: "account-\(number % 3)"),
                store)
        }
        bus.fail(60)
        let publisher = try publisher(store, bus)
        try await publisher.catchUp()
        #expect(try await publisher.parked().isEmpty)
        #expect(bus.events.count > 20)
        expectComplete(
            bus.events,
            try await store.readPage(
                from: .start, direction: .forward, filter: .all, limit: 100
            ).events)
    }

    /// Nothing is missing, and the first copies of each stream are in order.
    private func expectComplete(_ sent: [CloudEvent], _ recorded: [RecordedEvent]) {
        var seen: Set<String> = []
        let first = sent.filter { seen.insert($0.id).inserted }
        let byStream = Dictionary(grouping: first, by: \.subject).mapValues { $0.map(\.id) }
        let expected = Dictionary(grouping: recorded, by: \.stream.rawValue).mapValues { $0.map { "\($0.id)" } }
        #expect(byStream == expected)
    }

    @Test("sends everything, in order, when it crashes at any change of its store", arguments: [false, true])
    func torture(onDisk: Bool) async {
        let policy = ConsumerPolicy(
            lease: .seconds(3600), deliveries: .max, backoff: .zero, pollInterval: .milliseconds(1))
        let shared = Bus()
        await SystemTorture<[String]>(in: {
            if onDisk { return try await SQLiteEventStore.temporary() }
            return InMemoryEventStore()
        }) { store in
            try await EventPublisher(
                "bus", of: store, try PublishedEvents(AccountEvent.self, source: "/bank"), in: store, to: shared,
                policy: policy
            ).run(as: "one")
        } until: { store in
            try await ConsumerGroup("bus", of: store, AccountEvent.self, in: store).status().settled == store.head()
        } observing: { store in
            // What was sent of this store's events, each once, by stream.
            let recorded = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 100).events
            let positions = Dictionary(uniqueKeysWithValues: recorded.map { ("\($0.id)", $0) })
            var seen: Set<String> = []
            return shared.events.filter { positions[$0.id] != nil && seen.insert($0.id).inserted }
                .compactMap { positions[$0.id] }
                .enumerated().sorted { ($0.element.stream, $0.offset) < ($1.element.stream, $1.offset) }
                .map { "\($0.element.stream)@\($0.element.version)" }
        }
        .recording(AccountEvent.deposited(amount: 10), AccountEvent.deposited(amount: 20), to: "account-1")
        .recording(AccountEvent.deposited(amount: 5), to: "account-2")
        .recording(AccountEvent.withdrawn(amount: 7), to: "account-1")
        .check(seeds: TestSeeds.first(onDisk ? 20 : 60))
    }
}
