import Daybook
import DaybookCore
import Synchronization
import Testing

@testable import DaybookTesting

@Suite("A handler under torture", .timeLimit(.minutes(5)))
struct HandlerTortureTests {
    /// What handlers change.
    private final class World: Sendable {
        private let state = Mutex((total: 0, lines: [String](), seen: Set<EventID>()))

        var total: Int { state.withLock(\.total) }
        var lines: [String] { state.withLock(\.lines) }

        func set(_ total: Int) { state.withLock { $0.total = total } }
        func add(_ amount: Int) { state.withLock { $0.total += amount } }
        func write(_ line: String) { state.withLock { $0.lines.append(line) } }
        /// Whether it is for the first time.
        func see(_ id: EventID) -> Bool { state.withLock { $0.seen.insert(id).inserted } }
    }

    private static func amount(of event: RecordedEvent) throws -> Int {
        try JSONEventCodec<AccountEvent>().decode(event).reduce(0) { sum, event in
            if case .deposited(let amount) = event { sum + amount } else { sum }
        }
    }

    private func deposits<World, Observation>(
        _ torture: HandlerTorture<World, Observation>
    ) -> HandlerTorture<World, Observation> {
        torture
            .recording(AccountEvent.deposited(amount: 1), AccountEvent.deposited(amount: 2), to: "account-1")
            .recording(AccountEvent.deposited(amount: 4), to: "account-2")
            .recording(AccountEvent.deposited(amount: 8), to: "account-1")
            .recording(AccountEvent.deposited(amount: 16), to: "account-3")
    }

    @Test("passes with an inbox, which takes each event once")
    func inbox() async {
        await deposits(
            HandlerTorture(in: { InMemoryEventStore() }) { store, event in
                let amount = try Self.amount(of: event)
                try await Inbox("sum", model: "sums", in: store).once(event) { documents in
                    let sum = try await documents.document("sum").flatMap { Int(String(decoding: $0, as: UTF8.self)) }
                    try documents.set(Array(String((sum ?? 0) + amount).utf8), for: "sum")
                }
            } observing: { store in
                try await store.document("sum", of: "sums").map { String(decoding: $0, as: UTF8.self) }
            }
        ).check(seeds: TestSeeds.first(200))
    }

    @Test("fails without one, by one delivery too many")
    func duplicates() async throws {
        let torture = deposits(
            HandlerTorture(in: { World() }) { world, event in
                world.add(try Self.amount(of: event))
            } observing: {
                $0.total
            })
        let failure = try #require(await torture.failure(seeds: Array(1...200)))
        try #require(failure.steps.count == 1, "\(failure)")
        switch failure.steps[0] {
        case .duplicate, .crashAfter: break
        default: Issue.record("\(failure)")
        }
        #expect(failure.difference.contains("31"))
        #expect(failure.description.contains("'account.deposited' at version"))
    }

    @Test("fails when the order of keys matters")
    func order() async throws {
        let torture = deposits(
            HandlerTorture(in: { World() }) { world, event in
                if world.see(event.id) { world.write("\(event.stream) \(event.version)") }
            } observing: {
                $0.lines
            })
        let failure = try #require(await torture.failure(seeds: Array(1...200)))
        #expect(failure.steps.count == 1, "\(failure)")
        // In order within each key, it is the same for whoever looks at one.
        await deposits(
            HandlerTorture(in: { World() }) { world, event in
                if world.see(event.id) { world.write("\(event.stream) \(event.version)") }
            } observing: { world in
                Dictionary(grouping: world.lines) { $0.prefix { $0 != " " } }
            }
        ).check(seeds: TestSeeds.first(200))
    }

    @Test("fails when handlers of two keys read and write the same thing at once")
    func races() async throws {
        let torture = deposits(
            HandlerTorture(in: { World() }) { world, event in
                guard world.see(event.id) else { return }
                let old = world.total
                for _ in 0..<3 { await Task.yield() }
                world.set(old + (try Self.amount(of: event)))
            } observing: {
                $0.total
            })
        let failure = try #require(await torture.failure(seeds: Array(1...200)))
        for case .delay in failure.steps { return }
        Issue.record("\(failure)")
    }

    @Test("fails when a handler keeps in memory what a crash takes from it")
    func memory() async throws {
        final class Pairs: Sendable {
            let waiting = Mutex<Int?>(nil)
        }
        let torture = HandlerTorture(
            in: { World() },
            starting: { world in
                let pairs = Pairs()
                return { event in
                    let amount = try Self.amount(of: event)
                    let sum = pairs.waiting.withLock { waiting -> Int? in
                        defer { waiting = waiting == nil ? amount : nil }
                        return waiting.map { $0 + amount }
                    }
                    if let sum, world.see(event.id) { world.add(sum) }
                }
            }, observing: { $0.total }
        )
        .recording(AccountEvent.deposited(amount: 1), AccountEvent.deposited(amount: 2), to: "account-1")
        #expect(await torture.failure(seeds: Array(1...200)) != nil)
        let outcome = await torture.outcome(under: [.crashBefore(event: 2)])
        #expect(try outcome.observation.get() == 0)
    }

    @Test("gives an event again to a handler that throws, and gives up in the end")
    func throwing() async throws {
        struct Unwilling: Error {}
        let torture = deposits(
            HandlerTorture(in: { World() }) { world, event in
                world.write("\(event.position)")
                let times = world.lines.count { $0 == "\(event.position)" }
                if times < 3 { throw Unwilling() }
            } observing: {
                $0.lines.count
            })
        #expect(try await torture.outcome(under: []).observation.get() == 15)
        let hopeless = deposits(
            HandlerTorture(in: { World() }) { _, _ in
                throw Unwilling()
            } observing: {
                $0.total
            })
        let failure = try #require(await hopeless.failure(seeds: [1]))
        #expect(failure.difference.contains("at event 1, 'account.deposited' in 'account-1', 5 times"))
    }

    @Test("keeps the events of a key in their order, and delivers each at least once", arguments: TestSeeds.first(100))
    func deliveries(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let keys = (0..<12).map { _ in random.pick(["a", "b", "c"]) }
        let steps = HandlerTortureStep.draw(seed, events: keys.count)
        let deliveries = HandlerDelivery.all(of: keys, under: steps)
        for key in ["a", "b", "c"] {
            let events = deliveries.map(\.event).filter { keys[$0] == key }
            #expect(events == events.sorted(), "\(steps)")
        }
        let handled = deliveries.filter { $0.fate == .handled }.map(\.event)
        #expect(Set(handled) == Set(keys.indices), "\(steps)")
        #expect(HandlerDelivery.all(of: keys, under: []).map(\.event) == Array(keys.indices))
    }

    @Test("moves events behind those of other keys alone")
    func places() {
        let keys = ["a", "b", "c", "a", "b"]
        func events(_ steps: HandlerTortureStep...) -> [Int] {
            HandlerDelivery.all(of: keys, under: steps).map { $0.event + 1 }
        }
        #expect(events(.postpone(event: 1, behind: 3)) == [2, 3, 1, 4, 5])
        #expect(events(.postpone(event: 1, behind: 5)) == [2, 3, 1, 4, 5])
        #expect(events(.postpone(event: 3, behind: 5)) == [1, 2, 4, 5, 3])
        #expect(events(.postpone(event: 9, behind: 10)) == [1, 2, 3, 4, 5])
        #expect(events(.duplicate(event: 2, after: 2)) == [1, 2, 2, 3, 4, 5])
        #expect(events(.duplicate(event: 2, after: 4)) == [1, 2, 3, 4, 2, 5])
        #expect(events(.duplicate(event: 2, after: 5)) == [1, 2, 3, 4, 2, 5])
        #expect(events(.crashAfter(event: 3)) == [1, 2, 3, 3, 4, 5])
    }

    @Test("draws the same schedule from the same seed")
    func schedules() {
        let torture = deposits(
            HandlerTorture(in: { World() }) { _, _ in
            } observing: {
                $0.total
            })
        for seed in UInt64(1)...50 { #expect(torture.steps(seed: seed) == torture.steps(seed: seed)) }
        #expect(Set((1...100).map { torture.steps(seed: $0) }).count > 80)
        #expect(
            torture.steps(seed: 1).map(\.description) == [
                "deliver event 4 again after event 5", "deliver event 3 behind event 5",
                "delay event 3 by 9 turns, beside those of other keys",
            ])
    }

    @Test("records the shortest schedule as an issue of the running test")
    func issue() async {
        await expectIssue(saying: ["DAYBOOK_SEED=", "1. deliver event", "expected", "31"]) {
            await deposits(
                HandlerTorture(in: { World() }) { world, event in
                    world.add(try Self.amount(of: event))
                } observing: {
                    $0.total
                }
            ).check(seeds: Array(1...200))
        }
    }
}
