import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Synchronization
import Testing

@testable import Daybook

@Suite("A publisher to a target that takes many events at once", .timeLimit(.minutes(2)))
struct BatchPublisherTests {
    typealias Store = any EventStore & ReadModelStore

    /// A target that remembers what it took, in which calls, and answers as it is told.
    final class Bus: BatchPublisherTarget {
        typealias Rule = @Sendable (_ messages: [PublisherMessage], _ call: Int) async -> Void

        private let state = Mutex((taken: [CloudEvent](), calls: [[String]]()))
        private let rule: Rule?

        init(_ rule: Rule? = nil) { self.rule = rule }

        var taken: [CloudEvent] { state.withLock(\.taken) }
        var calls: [[String]] { state.withLock(\.calls) }

        func take(_ message: PublisherMessage) {
            state.withLock { $0.taken += message.events }
            message.answer(.acknowledged)
        }

        func send(_ messages: [PublisherMessage]) async {
            let call = state.withLock { state in
                state.calls.append(messages.map { "\($0.key)@\($0.events[0].extensions["streamversion"] ?? "")" })
                return state.calls.count
            }
            if let rule { await rule(messages, call) } else { for message in messages { take(message) } }
        }
    }

    private static let policy = ConsumerPolicy(
        inFlight: 64, window: 128, lease: .seconds(3600), deliveries: .max, backoff: .zero, isExclusive: true,
        pollInterval: .milliseconds(1))

    private func publisher(
        _ store: Store, _ bus: Bus, policy: ConsumerPolicy = Self.policy, time: TimeSource = .system
    ) throws -> EventPublisher {
        try EventPublisher(
            "bus", of: store, PublishedEvents(AccountEvent.self, source: "/bank"), in: store, to: bus, policy: policy,
            time: time)
    }

    private func append(_ count: Int, to stream: StreamName, _ store: Store) async throws {
        let events = try (0..<count).map {
            let event = try JSONEventCodec<AccountEvent>().encode(AccountEvent.deposited(amount: $0))
            return NewEvent(type: event.type, data: event.data)
        }
        try await store.append(events, to: stream)
    }

    private func versions(_ events: [CloudEvent], of stream: StreamName) -> [String] {
        events.filter { $0.subject == stream.rawValue }.compactMap { $0.extensions["streamversion"] }
    }

    @Test("gives it what waits, of each stream in order, in few calls", arguments: TestStore.all)
    func together(_ kind: TestStore) async throws {
        let store = try await kind.make()
        let bus = Bus()
        try await append(40, to: "account-1", store)
        try await append(3, to: "account-2", store)
        try await append(40, to: "account-1", store)
        try await publisher(store, bus).catchUp()
        #expect(versions(bus.taken, of: "account-1") == (0..<80).map { "\($0)" })
        #expect(versions(bus.taken, of: "account-2") == ["0", "1", "2"])
        // 64 may be in hand: the first call has as many, and the rest follows in one or two.
        #expect(bus.calls.first?.count == 64)
        #expect(bus.calls.count <= 3)
        #expect(try await publisher(store, bus).lag() == 0)
    }

    @Test("gives what failed again with all that is behind it, and nothing twice that was taken")
    func failed() async throws {
        let store = InMemoryEventStore()
        let bus = Mutex<Bus?>(nil)
        let target = Bus { messages, call in
            for message in messages {
                let place = "\(message.key)@\(message.events[0].extensions["streamversion"] ?? "")"
                // Answered although one before it failed: it does not count.
                if call == 1, place == "account-1@5" {
                    message.answer(.failed(reason: "away"))
                } else {
                    bus.withLock { $0 }?.take(message)
                }
            }
        }
        bus.withLock { $0 = target }
        try await append(10, to: "account-1", store)
        try await append(10, to: "account-2", store)
        try await publisher(store, target).catchUp()
        #expect(target.calls.count == 2)
        #expect(target.calls.last == (5..<10).map { "account-1@\($0)" })
        #expect(versions(target.taken, of: "account-2") == (0..<10).map { "\($0)" })
    }

    @Test("takes answers in any order, and each message once")
    func anyOrder() async throws {
        let store = InMemoryEventStore()
        let target = Bus { messages, _ in
            for message in messages.reversed() {
                message.answer(.acknowledged)
                message.answer(.failed(reason: "a second answer"))
            }
        }
        try await append(20, to: "account-1", store)
        try await publisher(store, target).catchUp()
        #expect(target.calls.map(\.count) == [20])
        #expect(try await publisher(store, target).lag() == 0)
    }

    @Test("gives again what has no answer")
    func silence() async throws {
        let store = InMemoryEventStore()
        let target = Bus { messages, call in
            // Of each stream one more is answered with each call.
            var seen: Set<String> = []
            for message in messages where call > 2 || seen.insert(message.key).inserted {
                message.answer(.acknowledged)
            }
        }
        for stream in ["account-1", "account-2"] as [StreamName] { try await append(4, to: stream, store) }
        try await publisher(store, target).catchUp()
        #expect(
            target.calls.map(Set.init)
                == [0, 1, 2].map { first in
                    Set(["account-1", "account-2"].flatMap { stream in (first..<4).map { "\(stream)@\($0)" } })
                })
    }

    @Test("stops a stream at a message that is refused, and sends it and what waits in order when it is replayed")
    func refused() async throws {
        let store = InMemoryEventStore()
        let refuses = Mutex(true)
        let bus = Mutex<Bus?>(nil)
        let target = Bus { messages, _ in
            for message in messages {
                if refuses.withLock({ $0 }), message.key == "account-1",
                    message.events[0].extensions["streamversion"] == "2"
                {
                    message.answer(.refused(reason: "no such account"))
                    continue
                }
                if refuses.withLock({ $0 }), message.key == "account-1",
                    message.events[0].extensions["streamversion"].flatMap(Int.init)! > 2
                {
                    continue
                }
                bus.withLock { $0 }?.take(message)
            }
        }
        bus.withLock { $0 = target }
        for stream in ["account-1", "account-2"] as [StreamName] { try await append(6, to: stream, store) }
        let publisher = try publisher(store, target)
        try await publisher.catchUp()
        let parked = try await publisher.parked()
        #expect(parked.map(\.reason) == ["no such account"] && parked.map(\.waiting) == [3])
        #expect(versions(target.taken, of: "account-1") == ["0", "1"])
        #expect(versions(target.taken, of: "account-2").count == 6)
        refuses.withLock { $0 = false }
        try await publisher.replay("account-1")
        try await publisher.catchUp()
        #expect(versions(target.taken, of: "account-1") == (0..<6).map { "\($0)" })
    }

    @Test("skips nothing and keeps the order, whatever the target answers", arguments: TestSeeds.first(20))
    func anyAnswers(_ seed: UInt64) async throws {
        let store = InMemoryEventStore()
        var random = SplitMix64(seed: seed)
        for _ in 0..<30 {
            let stream = StreamName(unchecked: "account-\(Int.random(in: 0..<4, using: &random))")
            try await append(Int.random(in: 1...8, using: &random), to: stream, store)
        }
        let shared = Mutex((random: random, left: 60))
        let bus = Mutex<Bus?>(nil)
        let target = Bus { messages, _ in
            var stopped: Set<String> = []
            for message in messages where !stopped.contains(message.key) {
                let draw = shared.withLock { shared in
                    shared.left -= 1
                    return shared.left > 0 ? Int.random(in: 0..<6, using: &shared.random) : 5
                }
                switch draw {
                case 0:
                    stopped.insert(message.key)
                    message.answer(.failed(reason: "away"))
                case 1: stopped.insert(message.key)  // Neither taken nor answered.
                default: bus.withLock { $0 }?.take(message)
                }
            }
        }
        bus.withLock { $0 = target }
        try await publisher(store, target).catchUp()
        for number in 0..<4 {
            let stream = StreamName(unchecked: "account-\(number)")
            let last = try await store.state(of: stream).lastVersion?.rawValue ?? -1
            #expect(versions(target.taken, of: stream) == (0..<(last + 1)).map { "\($0)" })
        }
        #expect(try await publisher(store, target).lag() == 0)
    }

    @Test("sends everything, in order, when it crashes at any change of its store", arguments: [false, true])
    func torture(onDisk: Bool) async {
        let shared = Bus()
        await SystemTorture<[String]>(in: {
            if onDisk { return try await SQLiteEventStore.temporary() }
            return InMemoryEventStore()
        }) { store in
            try await EventPublisher(
                "bus", of: store, try PublishedEvents(AccountEvent.self, source: "/bank"), in: store, to: shared,
                policy: Self.policy
            ).run(as: "one")
        } until: { store in
            try await ConsumerGroup("bus", of: store, AccountEvent.self, in: store).status().settled == store.head()
        } observing: { store in
            let recorded = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 100).events
            let positions = Dictionary(uniqueKeysWithValues: recorded.map { ("\($0.id)", $0) })
            var seen: Set<String> = []
            return shared.taken.filter { positions[$0.id] != nil && seen.insert($0.id).inserted }
                .compactMap { positions[$0.id] }
                .enumerated().sorted { ($0.element.stream, $0.offset) < ($1.element.stream, $1.offset) }
                .map { "\($0.element.stream)@\($0.element.version)" }
        }
        .recording(AccountEvent.deposited(amount: 10), AccountEvent.deposited(amount: 20), to: "account-1")
        .recording(AccountEvent.deposited(amount: 30), to: "account-2")
        .recording(AccountEvent.deposited(amount: 40), AccountEvent.deposited(amount: 50), to: "account-1")
        .check(seeds: TestSeeds.first(onDisk ? 20 : 60))
    }

    @Test("sends from one process at a time; another takes over when it leaves", .timeLimit(.minutes(1)))
    func takesOver() async throws {
        let store = InMemoryEventStore()
        let (first, second) = (Bus(), Bus())
        let leader = Task { [publisher = try publisher(store, first)] in try await publisher.run(as: "first") }
        while try await publisher(store, first).status().members != ["first"] {
            try await Task.sleep(for: .milliseconds(1))
        }
        let standby = Task { [publisher = try publisher(store, second)] in try await publisher.run(as: "second") }
        while try await publisher(store, first).status().members.count < 2 {
            try await Task.sleep(for: .milliseconds(1))
        }
        for number in 0..<20 { try await append(2, to: StreamName(unchecked: "account-\(number)"), store) }
        while first.taken.count < 40 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(second.taken.isEmpty)
        leader.cancel()
        _ = await leader.result
        for number in 0..<20 { try await append(1, to: StreamName(unchecked: "account-\(number)"), store) }
        while second.taken.count < 20 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(first.taken.count == 40)
        standby.cancel()
        try await standby.value
    }
}
