import Daybook
import DaybookCore
import DaybookTesting
import Foundation
import Synchronization
import Testing

@Suite("A consumer group")
struct ConsumerGroupTests {
    typealias Store = any EventStore & ReadModelStore

    private struct Unwilling: Error {}

    /// What handlers did, and a signal when it is enough.
    private final class Diary: Sendable {
        private let state = Mutex(
            (lines: [(key: ConsumerKey, position: Position)](), busy: [ConsumerKey: Int](), most: 0, overlaps: 0))
        let (written, signal) = AsyncStream.makeStream(of: Int.self)

        var positions: [Position] { state.withLock { $0.lines.map(\.position) } }
        var byKey: [ConsumerKey: [Position]] {
            state.withLock { Dictionary(grouping: $0.lines, by: \.key).mapValues { $0.map(\.position) } }
        }
        var most: Int { state.withLock(\.most) }
        var overlaps: Int { state.withLock(\.overlaps) }

        func begin(_ key: ConsumerKey) {
            state.withLock { state in
                state.busy[key, default: 0] += 1
                if state.busy[key] != 1 { state.overlaps += 1 }
                state.most = max(state.most, state.busy.values.reduce(0, +))
            }
        }

        func end(_ key: ConsumerKey) { state.withLock { $0.busy[key, default: 0] -= 1 } }

        func write(_ key: ConsumerKey, _ position: Position) {
            let count = state.withLock { state in
                state.lines.append((key, position))
                return state.lines.count
            }
            signal.yield(count)
        }

        /// What handlers refused, and whether they still do.
        private let faults = Mutex((refusals: 0, isMended: false))
        var refusals: Int { faults.withLock(\.refusals) }
        var isMended: Bool { faults.withLock(\.isMended) }
        func refuse() { faults.withLock { $0.refusals += 1 } }
        func mend() { faults.withLock { $0.isMended = true } }

        func wait(for count: Int) async { for await written in written where written >= count { return } }
    }

    private let policy = ConsumerPolicy(
        inFlight: 4, window: 16, deliveries: 3, backoff: .zero, pollInterval: .milliseconds(1))

    private func group(_ store: Store, _ policy: ConsumerPolicy? = nil) -> ConsumerGroup<AccountEvent> {
        ConsumerGroup("g", of: store, AccountEvent.self, in: store, policy: policy ?? self.policy)
    }

    private func fill(_ store: Store, keys: Int, count: Int, from first: Int = 1) async throws {
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        for number in first..<first + count {
            try await handler.handle(.deposit(amount: number), id: "\(number % keys)")
        }
    }

    /// Waits until a group's status is as wanted; the test's time limit bounds it.
    private func wait(
        _ group: ConsumerGroup<AccountEvent>, until isThere: (ConsumerGroupStatus) -> Bool
    ) async throws {
        while true {
            if isThere(try await group.status()) { return }
            await Task.yield()
        }
    }

    @Test(
        "gives each event to one member, one of a key at a time", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func members(_ store: TestStore) async throws {
        let store = try await store.make()
        try await fill(store, keys: 7, count: 60)
        let group = group(store)
        let diary = Diary()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<3 {
                tasks.addTask {
                    try await group.run { delivery in
                        diary.begin(delivery.key)
                        for _ in 0..<5 { await Task.yield() }
                        diary.end(delivery.key)
                        diary.write(delivery.key, delivery.recorded.position)
                    }
                }
            }
            await diary.wait(for: 60)
            try await fill(store, keys: 7, count: 20, from: 61)  // Live ones, too.
            await diary.wait(for: 80)
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        #expect(diary.overlaps == 0)
        #expect(diary.most <= 12)
        #expect(diary.positions.sorted() == (1...80).map { Position($0) })
        for positions in diary.byKey.values { #expect(positions == positions.sorted()) }
        let status = try await group.status()
        #expect(status.checkpoint == 80 && status.settled == 80 && status.members.isEmpty && status.inFlight == 0)
    }

    @Test("delivers after a restart only what was not acknowledged", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func restart(_ store: TestStore) async throws {
        let store = try await store.make()
        try await fill(store, keys: 3, count: 9)
        let group = group(store)
        let first = Diary()
        // The events of account 1 are never finished: the member is cancelled over them.
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run { delivery in
                    if delivery.key == "account-1" {
                        while true {
                            try Task.checkCancellation()
                            await Task.yield()
                        }
                    }
                    first.write(delivery.key, delivery.recorded.position)
                }
            }
            await first.wait(for: 6)
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        #expect(try await group.status().checkpoint == 0)
        let second = Diary()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run { delivery in
                    #expect(delivery.attempt == 1)
                    second.write(delivery.key, delivery.recorded.position)
                }
            }
            await second.wait(for: 3)
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        #expect(second.positions == [1, 4, 7])
        #expect(try await group.status().settled == 9)
    }

    @Test(
        "parks an event that fails, goes on with other keys, and replays in order", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func parkAndReplay(_ store: TestStore) async throws {
        let store = try await store.make()
        try await fill(store, keys: 3, count: 9)
        try await store.append([NewEvent(type: "account.frozen", data: Array("{}".utf8))], to: "account-7")
        let group = group(store)
        let diary = Diary()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run { delivery in
                    if delivery.recorded.position == 1, !diary.isMended {
                        diary.refuse()
                        throw Unwilling()
                    }
                    if delivery.recorded.position == 2, !diary.isMended { throw ParkEvent("by hand") }
                    diary.write(delivery.key, delivery.recorded.position)
                }
            }
            try await wait(group) { $0.held == 7 && $0.checkpoint == 10 }
            #expect(diary.positions == [3, 6, 9])
            let parked = try await group.parked()
            #expect(parked.map(\.position) == [1, 2, 10])
            #expect(parked.map(\.waiting) == [2, 2, 0])
            #expect(parked.map(\.deliveries) == [3, 1, 1])
            #expect(parked[0].reason.contains("Unwilling") && parked[1].reason == "by hand")
            #expect(parked[2].reason.contains("account.frozen"))
            #expect(diary.refusals == 3)
            diary.mend()
            try await group.replay("account-1")
            try await group.skip(2, reason: "settled by telephone")
            try await group.skip(10, reason: "a type of the future")
            try await wait(group) { $0.settled == 10 }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        #expect(diary.byKey["account-1"] == [1, 4, 7])
        #expect(diary.byKey["account-2"] == [5, 8])
        let skipped = try await group.skipped()
        #expect(skipped.map(\.position) == [2, 10] && skipped[0].reason == "settled by telephone")
        #expect(try await group.skipped(after: 2).map(\.position) == [10])
        #expect(try await group.parked().isEmpty)
        await #expect(throws: ConsumerError.refused(.keyNotParked("account-1"))) {
            try await group.replay("account-1")
        }
    }

    /// Loses the answer to a change, which takes effect.
    private final class LosingModels: ForwardingReadModelStore {
        let models: any ReadModelStore
        private let isLosing = Mutex(false)

        init(_ models: any ReadModelStore) { self.models = models }

        func loseNext() { isLosing.withLock { $0 = true } }

        func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
            try await models.commit(batch)
            let isLost = isLosing.withLock { isLosing in
                defer { isLosing = false }
                return isLosing
            }
            if isLost { throw .storageFailed(reason: "a test") }
        }
    }

    @Test(
        "has back at once what a member did not handle that does not know whether it has saved its answers",
        .timeLimit(.minutes(1)), arguments: TestStore.all)
    func lostAnswer(_ store: TestStore) async throws {
        let store = try await store.make()
        try await fill(store, keys: 2, count: 4)
        let models = LosingModels(store)
        let losing = ConsumerGroup("g", of: store, AccountEvent.self, in: models, policy: policy)
        let error = await #expect(throws: ConsumerError.self) {
            try await losing.run { delivery in
                if delivery.recorded.position == 1 { return models.loseNext() }
                while true {
                    try Task.checkCancellation()
                    await Task.yield()
                }
            }
        }
        #expect(error == .store(.storageFailed(reason: "a test")))
        let group = group(store)
        let status = try await group.status()
        #expect(status.checkpoint == 1 && status.members.isEmpty && status.inFlight == 0)
        let diary = Diary()
        try await group.catchUp { delivery in
            #expect(delivery.attempt == 1)
            diary.write(delivery.key, delivery.recorded.position)
        }
        #expect(diary.positions.sorted() == [2, 3, 4])
    }

    @Test("has a name that leaves room for that of its read model")
    func name() throws {
        _ = try ConsumerGroupName(String(repeating: "x", count: 502))
        #expect(throws: InvalidName.self) { try ConsumerGroupName(String(repeating: "x", count: 503)) }
    }

    @Test("stops a member whose name another has taken", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func putOut(_ store: TestStore) async throws {
        let store = try await store.make()
        try await fill(store, keys: 1, count: 1)
        let group = group(store)
        let diary = Diary()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            let former = Task {
                try await group.run(as: "a") { delivery in
                    diary.write(delivery.key, delivery.recorded.position)
                    while true {
                        try Task.checkCancellation()
                        await Task.yield()
                    }
                }
            }
            await diary.wait(for: 1)
            tasks.addTask {
                try await group.run(as: "a") { delivery in
                    #expect(delivery.attempt == 2)
                    diary.write(delivery.key, delivery.recorded.position)
                }
            }
            do {
                try await former.value
                Issue.record("went on without a lease")
            } catch let error as ConsumerError {
                guard case .refused(.leaseLost) = error else { throw error }
            }
            await diary.wait(for: 2)
            try await wait(group) { $0.settled == 1 }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    @Test("handles no more at once than it may, and reads no more than its window", .timeLimit(.minutes(1)))
    func backPressure() async throws {
        let store = InMemoryEventStore()
        try await fill(store, keys: 40, count: 40)
        let group = group(store, ConsumerPolicy(inFlight: 4, window: 6, pollInterval: .milliseconds(1)))
        let diary = Diary()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run { delivery in
                    diary.begin(delivery.key)
                    diary.write(delivery.key, delivery.recorded.position)
                    while true {
                        try Task.checkCancellation()
                        await Task.yield()
                    }
                }
            }
            await diary.wait(for: 4)
            try await wait(group) { $0.inFlight == 4 }
            #expect(diary.most == 4 && diary.positions.sorted() == [1, 2, 3, 4])
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    @Test(
        "stops at an event that it cannot read, when told to, and counts no delivery of it", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func stops(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        try await accounts.handle(.deposit(amount: 1), id: "1")
        try await store.append([NewEvent(type: "account.frozen", data: Array("{}".utf8))], to: "account-2")
        try await accounts.handle(.deposit(amount: 3), id: "1")
        let stopping = ConsumerPolicy(
            inFlight: 1, window: 16, deliveries: 3, backoff: .zero, unreadable: .stop, pollInterval: .milliseconds(1))
        let diary = Diary()
        // More often than an event may be delivered.
        for _ in 0..<5 {
            let error = await #expect(throws: ConsumerError.self) {
                try await group(store, stopping).catchUp { delivery in
                    diary.write(delivery.key, delivery.recorded.position)
                }
            }
            guard case .undecodable(let cause)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(cause.position == 2 && cause.type == "account.frozen")
        }
        let status = try await group(store).status()
        #expect(try await group(store).parked().isEmpty && status.settled == 1)
        // A program that can read it goes on there.
        struct Knowing: EventReader {
            func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [AccountEvent] {
                event.type == "account.frozen" ? [] : try AccountEvent.makeReader().decode(event)
            }
        }
        let mended = ConsumerGroup(
            "g", of: store, AccountEvent.self, in: store, reader: Knowing(), policy: stopping)
        try await mended.catchUp { delivery in diary.write(delivery.key, delivery.recorded.position) }
        #expect(diary.positions.sorted() == [1, 3])
        #expect(try await mended.status().settled == 3)
    }

    @Test("runs a handler in the context of its event", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func context(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        try await CommandContext.with(correlationID: "request-5", actor: "clerk-7") {
            _ = try await handler.handle(.deposit(amount: 1), id: "1")
        }
        let group = group(store)
        let diary = Diary()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run { delivery in
                    if delivery.key == "account-1" { try await handler.handle(.deposit(amount: 2), id: "2") }
                    diary.write(delivery.key, delivery.recorded.position)
                }
            }
            await diary.wait(for: 2)
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        let events = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 10).events
        let metadata = try EventMetadata(decoding: try #require(events.last).metadata)
        #expect(metadata.correlationID == "request-5" && metadata.causationID == events[0].id.description)
        #expect(metadata.actor == "clerk-7")
    }

    @Test(
        "cancels a handler that takes too long, and counts it as failed", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func timeout(_ store: TestStore) async throws {
        let store = try await store.make()
        try await fill(store, keys: 2, count: 4)
        let group = group(
            store,
            ConsumerPolicy(
                deliveries: 2, backoff: .zero, handlerTimeout: .milliseconds(20), pollInterval: .milliseconds(1)))
        let diary = Diary()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run { delivery in
                    if delivery.recorded.position == 1 { try await Task.sleep(for: .seconds(3600)) }
                    diary.write(delivery.key, delivery.recorded.position)
                }
            }
            try await wait(group) { $0.held == 2 && $0.checkpoint == 4 }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        let parked = try #require(try await group.parked().first)
        #expect(parked.position == 1 && parked.deliveries == 2 && parked.waiting == 1)
        #expect(parked.reason.contains("0.02 seconds"), "\(parked.reason)")
        #expect(diary.positions == [2, 4])
    }

    @Test(
        "keeps the key of a handler that does not heed its cancellation, and tells of it", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func hanging(_ store: TestStore) async throws {
        let store = try await store.make()
        try await fill(store, keys: 2, count: 4)
        let group = group(
            store,
            ConsumerPolicy(backoff: .zero, handlerTimeout: .milliseconds(20), pollInterval: .milliseconds(1)))
        let diary = Diary()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run { delivery in
                    if delivery.recorded.position == 1 { while !diary.isMended { await Task.yield() } }
                    diary.write(delivery.key, delivery.recorded.position)
                }
            }
            await diary.wait(for: 2)
            try await wait(group) { $0.overdue == 1 && $0.inFlight == 1 }
            #expect(Set(diary.positions) == [2, 4])
            diary.mend()
            await diary.wait(for: 4)
            try await wait(group) { $0.overdue == 0 && $0.settled == 4 }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        #expect(diary.positions.filter { $0 == 1 || $0 == 3 } == [1, 3])
    }

    @Test("gives handlers as much time as a clock can count", .timeLimit(.minutes(1)))
    func patient() async throws {
        let store = InMemoryEventStore()
        try await fill(store, keys: 2, count: 4)
        let group = group(
            store, ConsumerPolicy(handlerTimeout: .seconds(Int64.max), pollInterval: .milliseconds(1)))
        #expect(try await group.catchUp { _ in } == 4)
    }

    @Test("catches up with what is recorded, and leaves", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func catchUp(_ store: TestStore) async throws {
        let store = try await store.make()
        let group = group(store)
        let diary = Diary()
        #expect(try await group.catchUp { _ in } == .start)
        try await fill(store, keys: 3, count: 30)
        try await store.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
        let reached = try await group.catchUp { delivery in
            if delivery.recorded.position == 4 { throw ParkEvent("unwanted") }
            diary.write(delivery.key, delivery.recorded.position)
        }
        #expect(reached >= 30)
        // Every third event is of the key that stopped at position 4.
        #expect(diary.positions.sorted() == (1...30).filter { $0 % 3 != 1 || $0 == 1 }.map { Position($0) })
        #expect(try await group.status().members.isEmpty)
        #expect(try await group.catchUp { _ in Issue.record("delivered again") } >= 30)
    }

    /// Read models that change whenever somebody looks.
    private final class RestlessModels: ForwardingReadModelStore {
        let models: any ReadModelStore
        private let count = Mutex<Int64>(0)

        init(_ models: any ReadModelStore) { self.models = models }

        func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
            let change = count.withLock { count in
                count += 1
                return count
            }
            return Position(try await models.checkpoint(of: model).rawValue + change)
        }
    }

    @Test("tells of itself though it never stands still", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func restless(_ store: TestStore) async throws {
        let store = try await store.make()
        try await fill(store, keys: 2, count: 4)
        try await group(store).catchUp { if $0.recorded.position == 1 { throw ParkEvent("unwanted") } }
        let watched = ConsumerGroup("g", of: store, AccountEvent.self, in: RestlessModels(store), policy: policy)
        let status = try await watched.status()
        #expect(status.checkpoint == 4 && status.settled == 0 && status.held == 2)
        #expect(try await watched.parked().map(\.position) == [1])
        #expect(try await watched.lag() == 0)
    }

    /// Counts the bytes that are read, and tells whether anybody has waited for events that were there.
    private final class CountingLog: ForwardingStore {
        let base: any EventStore
        private let state = Mutex((bytes: 0, isImpatient: false))

        init(_ base: any EventStore) { self.base = base }

        var bytes: Int { state.withLock(\.bytes) }
        var isImpatient: Bool { state.withLock(\.isImpatient) }

        func readPage(
            from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
        ) async throws(ReadError) -> LogPage {
            let page = try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
            let bytes = page.events.reduce(0) { $0 + $1.data.count }
            state.withLock { $0.bytes += bytes }
            return page
        }

        func head(beyond position: Position) async throws(ReadError) -> Position {
            if try await base.head() > position { state.withLock { $0.isImpatient = true } }
            return try await base.head(beyond: position)
        }
    }

    /// Counts how often the state of a group was looked at.
    private final class CountingModels: ForwardingReadModelStore {
        let models: any ReadModelStore
        private let count = Mutex(0)

        init(_ models: any ReadModelStore) { self.models = models }

        var looks: Int { count.withLock { $0 } }

        func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
            count.withLock { $0 += 1 }
            return try await models.checkpoint(of: model)
        }
    }

    @Test("waits while it has as many bytes in hand as it may, and does not go round", .timeLimit(.minutes(1)))
    func fullHands() async throws {
        let store = InMemoryEventStore()
        let data = Array(#"{"amount":1}"#.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: 1_000_000)
        for _ in 0..<8 {
            let events = (0..<10).map { _ in NewEvent(type: "account.deposited", data: data) }
            try await store.append(events, to: "account-1")
        }
        let (log, models, diary) = (CountingLog(store), CountingModels(store), Diary())
        let group = ConsumerGroup(
            "g", of: log, AccountEvent.self, in: models,
            policy: ConsumerPolicy(inFlight: 1, pollInterval: .milliseconds(1)))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run { _ in while !diary.isMended { await Task.yield() } }
            }
            try await eventually("its hands are full") { log.bytes > 64 << 20 }
            let looks = models.looks
            try await eventually("it has looked again") { models.looks > looks + 3 }
            diary.mend()
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        #expect(!log.isImpatient)
    }

    @Test(
        "holds the events of two keys of which one spells the bytes of the other", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func spelledKeys(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        let ids = ["\u{E9}", "%C3%A9"]
        for id in ids {
            try await handler.handle(.deposit(amount: 1), id: id)
            try await group(store).catchUp { _ in throw ParkEvent("unwanted") }
        }
        #expect(try await group(store).parked().map(\.key.rawValue) == ids.map { "account-\($0)" })
        for id in ids { try await group(store).replay(ConsumerKey("account-\(id)")) }
        let diary = Diary()
        try await group(store).catchUp { diary.write($0.key, $0.recorded.position) }
        #expect(diary.positions.sorted() == [1, 2])
        #expect(try await group(store).status().held == 0)
    }

    #if os(Linux)
    /// The memory that the process holds, in kibibytes.
    private var memory: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    /// A sanitizer holds several times the memory that the program uses, for as long as it likes.
    private static let isSanitized = ProcessInfo.processInfo.environment["DAYBOOK_SANITIZER"] != nil

    @Test(
        "keeps nothing of what is handled, however long a member runs", .timeLimit(.minutes(1)),
        .disabled(if: isSanitized, "The sanitizer's own memory would be counted."))
    func memoryOfHandled() async throws {
        let store = InMemoryEventStore()
        let group = group(store, ConsumerPolicy(inFlight: 64, window: 256, pollInterval: .milliseconds(1)))
        let encoded = try JSONEventCodec<AccountEvent>().encode(.deposited(amount: 1))
        let count = Mutex(0)
        let (reached, signal) = AsyncStream.makeStream(of: Int.self)
        let member = Task {
            try await group.run { _ in
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                if number % 2_000 == 0 { signal.yield(number) }
            }
        }
        var sizes: [Int] = []
        for round in 1...7 {
            for stream in 0..<200 {
                try await store.append(
                    (0..<10).map { _ in NewEvent(type: encoded.type, data: encoded.data) },
                    to: StreamName(unchecked: "account-\(stream)"))
            }
            for await number in reached where number >= round * 2_000 { break }
            sizes.append(memory)
        }
        member.cancel()
        try await member.value
        // Each event that stayed would be 5 KiB and more; the store itself holds less than 1 of each.
        #expect(sizes[6] - sizes[1] < 25_000, "\(sizes)")
    }
    #endif
}
