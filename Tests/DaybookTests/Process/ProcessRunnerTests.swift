import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

enum SaleEvent: DomainEvent, Equatable {
    case placed(sale: String)
    case paid(sale: String)
    static let typePrefix = "sale"
    var sale: String {
        switch self {
        case .placed(let sale), .paid(let sale): sale
        }
    }
}

/// One shelf of goods: reserves, ships and gives back.
enum Shelf: Decider {
    struct State: Sendable, Equatable {
        var left = 5
        var reserved: Set<String> = []
        var shipped: [String] = []
        var released: [String] = []
    }
    enum Command: Codable, Sendable, Equatable {
        case reserve(String)
        case ship(String)
        case release(String)
    }
    enum Event: DomainEvent, Equatable {
        case reserved(String)
        case shipped(String)
        case released(String)
        static let typePrefix = "shelf"
    }
    enum Rejection: Error { case empty, unknown }
    static let initialState = State()
    static func decide(_ command: Command, in state: State) throws(Rejection) -> [Event] {
        switch command {
        case .reserve(let sale):
            guard state.left > 0 else { throw .empty }
            return [.reserved(sale)]
        case .ship(let sale):
            guard state.reserved.contains(sale) else { throw .unknown }
            return [.shipped(sale)]
        case .release(let sale):
            guard state.reserved.contains(sale) else { throw .unknown }
            return [.released(sale)]
        }
    }
    static func evolve(_ state: inout State, with event: Event) {
        switch event {
        case .reserved(let sale):
            state.left -= 1
            state.reserved.insert(sale)
        case .shipped(let sale):
            state.reserved.remove(sale)
            state.shipped.append(sale)
        case .released(let sale):
            state.left += 1
            state.reserved.remove(sale)
            state.released.append(sale)
        }
    }
}

/// Reserves what is sold, ships it when it is paid, and gives it back when it is not paid within a minute.
enum Fulfilment: ProcessManager {
    enum Event: DomainEvent, Equatable {
        case started(sale: String)
        case finished
        case failed(reason: String)
        static let typePrefix = "fulfilment"
    }
    struct State: Sendable, Equatable {
        var sale: String?
        var isOpen = false
        var failure: String?
    }
    typealias Action = ProcessAction<Event, Shelf.Command>
    struct Unwanted: Error {}

    static let category: DaybookCore.Category = "fulfilment"
    static let initialState = State()

    static func processIDs(for input: SaleEvent, recorded: RecordedEvent) throws -> [String] {
        if input.sale == "unwanted" { throw Unwanted() }
        return [input.sale]
    }
    static func react(to input: SaleEvent, in state: State) -> [Action] {
        switch input {
        case .placed(let sale):
            state.sale == nil
                ? [.record(.started(sale: sale)), .send(.reserve(sale)), .setDeadline("payment", after: .seconds(60))]
                : []
        case .paid(let sale):
            state.isOpen ? [.cancelDeadline("payment"), .send(.ship(sale)), .record(.finished)] : []
        }
    }
    static func react(toDeadline name: String, in state: State) -> [Action] {
        state.isOpen ? [.send(.release(state.sale ?? "")), .record(.failed(reason: "not paid"))] : []
    }
    static func react(toRejectionOf command: Shelf.Command, reason: String, in state: State) -> [Action] {
        guard case .reserve = command, state.isOpen else { return [] }
        return [.cancelDeadline("payment"), .record(.failed(reason: reason))]
    }
    static func evolve(_ state: inout State, with event: Event) {
        switch event {
        case .started(let sale):
            state.sale = sale
            state.isOpen = true
        case .finished: state.isOpen = false
        case .failed(let reason):
            state.isOpen = false
            state.failure = reason
        }
    }
}

/// Counts inputs, so that one that has its effect twice shows.
enum Tally: ProcessManager {
    enum Event: DomainEvent {
        case counted
        static let typePrefix = "tally"
    }
    static let category: DaybookCore.Category = "tally"
    static let initialState = 0
    static func processIDs(for input: SaleEvent, recorded: RecordedEvent) -> [String] { ["all", input.sale] }
    static func react(to input: SaleEvent, in state: Int) -> [ProcessAction<Event, String>] { [.record(.counted)] }
    static func react(
        toRejectionOf command: String, reason: String, in state: Int
    ) -> [ProcessAction<Event, String>] { [] }
    static func evolve(_ state: inout Int, with event: Event) { state += 1 }
}

@Suite("A process manager")
struct ProcessRunnerTests {
    typealias Store = any EventStore & ReadModelStore
    private static let policy = ConsumerPolicy(
        lease: .milliseconds(300), deliveries: 1000, backoff: .milliseconds(1), backoffCeiling: .milliseconds(5),
        pollInterval: .milliseconds(2))

    private final class Errors: Sendable {
        private let list = Mutex<[ProcessError]>([])
        var all: [ProcessError] { list.withLock { $0 } }
        func add(_ error: ProcessError) { list.withLock { $0.append(error) } }
    }

    private func record(_ events: [SaleEvent], in store: any EventStore) async throws {
        let codec = JSONEventCodec<SaleEvent>()
        let encoded = try events.map { try codec.encode($0) }
        try await store.append(encoded.map { NewEvent(type: $0.type, data: $0.data) }, to: "sales")
    }

    private func runner(
        _ log: any EventStore, _ store: Store, time: DrivenTime,
        shelf: CommandHandler<Shelf>
    ) -> ProcessRunner<Fulfilment> {
        ProcessRunner(Fulfilment.self, of: log, in: store, policy: Self.policy, time: time.source) { command, id in
            try await shelf.handle(command, id: "1", commandID: id)
        }
    }

    /// Waits until something is so, which it can become only when the log grows.
    private func until(_ store: any EventStore, _ holds: () async throws -> Bool) async throws {
        while true {
            let head = try await store.head()
            if try await holds() { return }
            _ = try await store.head(beyond: head)
        }
    }

    @Test(
        "sends commands, cancels and passes deadlines, and takes rejections back", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func wholeStory(_ make: TestStore) async throws {
        let clock = DrivenClock()
        let store = try await make.make(time: clock.time.source)
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        // One command after another, so that the last two find the shelf empty. Leases go by the machine's clock, which
        // goes on while this one stands still.
        let policy = ConsumerPolicy(inFlight: 1, lease: .seconds(3600), pollInterval: .milliseconds(500))
        let runner = ProcessRunner(
            Fulfilment.self, of: store, in: store, policy: policy, time: clock.time.source, clock: clock
        ) { command, id in
            try await shelf.handle(command, id: "1", commandID: id)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await record((1...7).map { .placed(sale: "\($0)") }, in: store)
            try await until(store) {
                let failures = try await (runner.state(of: "6").state.failure, runner.state(of: "7").state.failure)
                return failures.0 != nil && failures.1 != nil
            }
            #expect(try await runner.state(of: "7").state.failure == "empty")
            #expect(try await runner.deadlines(of: "7").isEmpty)
            #expect(try await runner.deadlines(of: "1").keys.sorted() == ["payment"])
            try await record([.paid(sale: "1"), .paid(sale: "1"), .paid(sale: "7")], in: store)
            try await until(store) { try await shelf.state(of: "1").state.shipped == ["1"] }
            clock.advance(by: .seconds(59))
            try await clock.wait(forSleepers: 2)
            #expect(try await runner.deadlines(of: "2").keys.sorted() == ["payment"])
            // The time goes on whenever the runner sleeps, until the deadlines of a minute have passed.
            while try await shelf.state(of: "1").state.released.count < 4 {
                try await clock.wait(forSleepers: 1)
                clock.advance(by: .milliseconds(500))
            }
            #expect(try await shelf.state(of: "1").state.left == 4)
            #expect(try await runner.state(of: "2").state.failure == "not paid")
            group.cancelAll()
        }
        let records = JSONEventCodec<ProcessRecord<Shelf.Command>>()
        var passed = 0
        for try await event in store.events(filter: EventFilter(types: ["process.deadlinePassed"])) {
            guard case .deadlinePassed(_, let at) = try records.decode(event)[0] else { continue }
            passed += 1
            #expect(try event.recordedAt >= #require(Timestamp(at)), "a deadline passed before its time")
        }
        #expect(passed == 4)
        var begun: Set<String> = []
        for try await event in store.events(of: "sales") { begun.insert(event.id.description) }
        var sent = 0
        for try await event in store.events(filter: EventFilter(types: ["process.sent", "process.deadlinePassed"])) {
            if event.type == "process.sent" { sent += 1 }
            let metadata = try EventMetadata(decoding: event.metadata)
            #expect(metadata.causationID != nil && metadata.actor == "fulfilment")
            // Also what follows from a deadline belongs to what the process began with.
            #expect(metadata.correlationID.map(begun.contains) == true, "\(event.data)")
        }
        #expect(sent == 7 + 1 + 4)
    }

    @Test(
        "has each effect once, whichever append fails before or after it", arguments: TestStore.all, TestSeeds.first(4))
    func crashes(_ make: TestStore, seed: UInt64) async throws {
        let store = try await make.make()
        let random = Mutex(SplitMix64(seed: seed))
        let faults = Countdown(60)
        @Sendable func fault() throws(AppendError) {
            let isBad = random.withLock { Int.random(in: 0..<3, using: &$0) == 0 }
            if isBad, faults.take() { throw .storageFailed(reason: "a test", mayBeWritten: true) }
        }
        let faulty = WatchedStore(
            store, beforeAppend: { _ throws(AppendError) in try fault() },
            afterAppend: { _ throws(AppendError) in try fault() })
        // The deadlines follow from when the store recorded the inputs, which is later the slower the machine is.
        let time = DrivenTime(at: TimeSource.system.now)
        let plain = CommandHandler(Shelf.self, in: store, category: "shelf")
        let work = Task {
            // Each failure is a crash: a new runner with nothing in memory goes on.
            while !Task.isCancelled {
                let shelf = CommandHandler(Shelf.self, in: faulty, category: "shelf")
                let runner = runner(faulty, store, time: time, shelf: shelf)
                do { try await runner.run() } catch {}
            }
        }
        for number in 1...5 { try await record([.placed(sale: "\(number)")], in: store) }
        try await eventually("all are reserved") { try await plain.state(of: "1").state.reserved.count == 5 }
        try await record([.paid(sale: "2"), .paid(sale: "4")], in: store)
        try await eventually("two are shipped") { try await plain.state(of: "1").state.shipped.count == 2 }
        time.advance(by: .seconds(3600))
        try await eventually("three are given back") { try await plain.state(of: "1").state.released.count == 3 }
        work.cancel()
        await work.value
        let state = try await plain.state(of: "1").state
        #expect(state.left == 3 && state.reserved.isEmpty, "seed \(seed)")
        #expect(state.shipped.sorted() == ["2", "4"] && state.released.sorted() == ["1", "3", "5"], "seed \(seed)")
        var kinds: [String: Int] = [:]
        for try await event in store.events(filter: EventFilter(categories: ["fulfilment"])) {
            kinds[event.type.rawValue, default: 0] += 1
        }
        #expect(
            kinds == [
                "fulfilment.started": 5, "fulfilment.finished": 2, "fulfilment.failed": 3, "process.sent": 10,
                "process.deadlineSet": 5, "process.deadlineCancelled": 2, "process.deadlinePassed": 3,
            ], "seed \(seed)")
    }

    @Test("records nothing when it is started again and there is nothing to do", arguments: TestStore.all)
    func idle(_ make: TestStore) async throws {
        let store = try await make.make()
        func start() async throws {
            try await ProcessRunner(Fulfilment.self, of: store, in: store) { _, _ in }.react()
        }
        try await start()
        let head = try await store.head()
        for _ in 0..<3 { try await start() }
        #expect(try await store.head() == head)
    }

    @Test("goes on sending after its lease ran out", arguments: TestStore.all)
    func lostLease(_ make: TestStore) async throws {
        let store = try await make.make()
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        let time = DrivenTime(at: TimeSource.system.now)
        let runner = runner(store, store, time: time, shelf: shelf)
        let isFirst = Countdown(1)
        let (sending, signal) = AsyncStream.makeStream(of: String.self)
        let slow = ProcessRunner(Fulfilment.self, of: store, in: store, policy: Self.policy, time: time.source) {
            command, id in
            if isFirst.take() {
                signal.yield("begun")
                while !Task.isCancelled { await Task.yield() }
                signal.yield("ended")
            }
            try await shelf.handle(command, id: "1", commandID: id)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await slow.run() }
            try await record([.placed(sale: "1")], in: store)
            for await word in sending where word == "begun" { break }
            // Another takes the place of the member, as if its lease had run out, and leaves again.
            for member in try await slow.commands.status().members {
                group.addTask {
                    let thief = Task {
                        try await slow.commands.run(as: member) { _ in
                            while !Task.isCancelled { await Task.yield() }
                            throw CancellationError()
                        }
                    }
                    for await word in sending where word == "ended" { break }
                    thief.cancel()
                    try await thief.value
                }
            }
            try await eventually("one is reserved") { try await shelf.state(of: "1").state.reserved == ["1"] }
            group.cancelAll()
        }
        #expect(try await runner.state(of: "1").state.isOpen)
    }

    @Test(
        "lets other deadlines pass when a process was deleted, and begins it anew", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func deletedProcess(_ make: TestStore) async throws {
        let store = try await make.make()
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        let time = DrivenTime(at: TimeSource.system.now)
        try await record([.placed(sale: "1"), .placed(sale: "2")], in: store)
        try await runner(store, store, time: time, shelf: shelf).react()
        try await store.delete("fulfilment-1")
        let runner = runner(store, store, time: time, shelf: shelf)
        time.advance(by: .seconds(3600))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await eventually("the other is given back") {
                try await runner.state(of: "2").state.failure == "not paid"
            }
            try await record([.placed(sale: "1")], in: store)
            try await eventually("it is begun anew") { try await runner.state(of: "1").state.sale == "1" }
            group.cancelAll()
        }
    }

    @Test(
        "remembers nothing of a process that was deleted meanwhile", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func deletedMeanwhile(_ make: TestStore) async throws {
        let store = try await make.make()
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        let time = DrivenTime(at: TimeSource.system.now)
        let runner = runner(store, store, time: time, shelf: shelf)
        try await record([.placed(sale: "1"), .placed(sale: "2")], in: store)
        try await runner.react()
        for id in ["1", "2"] { try await store.delete(StreamName("fulfilment-\(id)")) }
        try await record([.placed(sale: "1")], in: store)
        try await runner.react()
        let first = try await runner.state(of: "1")
        #expect(first.state.isOpen && first.version == 5)
        time.advance(by: .seconds(3600))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await eventually("the deadline of the new one has passed") {
                try await runner.state(of: "1").state.failure == "not paid"
            }
            group.cancelAll()
        }
        // Its deadline came before.
        #expect(try await store.state(of: "fulfilment-2").status == .deleted)
        #expect(try await runner.state(of: "2").version == nil)
    }

    @Test(
        "keeps no deadlines of processes that were deleted", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func forgottenDeadlines(_ make: TestStore) async throws {
        let store = try await make.make()
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        let time = DrivenTime(at: TimeSource.system.now)
        let runner = runner(store, store, time: time, shelf: shelf)
        func deadlines() async throws -> Int {
            let list = ReadModelName(unchecked: "$process-timers-fulfilment")
            return try await store.documents(of: list, after: nil, limit: 10).count
        }
        try await record([.placed(sale: "1"), .placed(sale: "2")], in: store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await eventually("there are two") { try await deadlines() == 2 }
            for id in ["1", "2"] { try await store.delete(StreamName("fulfilment-\(id)")) }
            time.advance(by: .seconds(3600))
            try await eventually("there are none") { try await deadlines() == 0 }
            group.cancelAll()
        }
        #expect(try await store.state(of: "fulfilment-1").status == .deleted)
    }

    @Test(
        "records nothing of a process that was deleted after it was read", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func deletedBeforeAppend(_ make: TestStore) async throws {
        let base = try await make.make()
        let stream: StreamName = "fulfilment-1"
        let deletions = Countdown(1)
        let store = WatchedStore(
            base,
            beforeAppend: { request throws(AppendError) in
                let isDeadline = request.writes.contains { write in
                    guard case .append(let events) = write.action else { return false }
                    return events.contains { $0.type == "process.deadlinePassed" }
                }
                guard isDeadline, deletions.take() else { return }
                try await base.append(AppendRequest(writes: [StreamWrite(stream: stream, action: .delete)]))
            })
        let shelf = CommandHandler(Shelf.self, in: base, category: "shelf")
        let time = DrivenTime(at: TimeSource.system.now)
        let runner = runner(store, base, time: time, shelf: shelf)
        try await record([.placed(sale: "1")], in: base)
        try await runner.react()
        time.advance(by: .seconds(3600))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await eventually("it was deleted, and its deadline looked at") {
                let list = ReadModelName(unchecked: "$process-timers-fulfilment")
                let deadlines = try await base.documents(of: list, after: nil, limit: 1)
                let control = try await base.state(of: stream.control)
                return deadlines.isEmpty && control.lastVersion != nil
            }
            group.cancelAll()
        }
        #expect(try await base.state(of: stream).status == .deleted)
        #expect(try await base.state(of: stream).lastVersion == 2)
    }

    @Test("reads a process anew that is deleted before it reacts", arguments: TestStore.all)
    func deletedBeforeReaction(_ make: TestStore) async throws {
        let base = try await make.make()
        let deletions = Countdown(1)
        let store = WatchedStore(
            base,
            beforeAppend: { request throws(AppendError) in
                let isThere = request.writes.contains { $0.stream == "fulfilment-1" && $0.expected != .noStream }
                guard isThere, deletions.take() else { return }
                try await base.append(AppendRequest(writes: [StreamWrite(stream: "fulfilment-1", action: .delete)]))
            })
        let shelf = CommandHandler(Shelf.self, in: base, category: "shelf")
        try await record([.placed(sale: "1")], in: base)
        try await runner(base, base, time: DrivenTime(), shelf: shelf).react()
        try await record([.paid(sale: "1")], in: base)
        // Another one, which has to read it.
        try await runner(store, base, time: DrivenTime(), shelf: shelf).react()
        #expect(!deletions.take())
        // What is not there is not open, and nothing is shipped.
        #expect(try await base.state(of: "fulfilment-1").status == .deleted)
        #expect(try await base.state(of: "fulfilment-1").lastVersion == 2)
    }

    @Test("stops before an input that it refuses, after those before it", arguments: TestStore.all)
    func poison(_ make: TestStore) async throws {
        let store = try await make.make()
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        let runner = runner(store, store, time: DrivenTime(), shelf: shelf)
        try await record([.placed(sale: "1"), .placed(sale: "unwanted"), .placed(sale: "2")], in: store)
        for _ in 0..<2 {
            let error = await #expect(throws: ProcessError.self) { try await runner.react() }
            guard case .failed(let place, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(place.position == 2)
        }
        #expect(try await runner.state(of: "1").state.isOpen)
        #expect(try await runner.state(of: "2").version == nil)
    }

    @Test("runs once at a time", arguments: TestStore.all)
    func fenced(_ make: TestStore) async throws {
        let store = try await make.make()
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        let runners = (0..<2).map { _ in runner(store, store, time: DrivenTime(), shelf: shelf) }
        let errors = Errors()
        await withTaskGroup(of: Void.self) { group in
            for runner in runners {
                group.addTask {
                    do throws(ProcessError) { try await runner.run() } catch { errors.add(error) }
                }
            }
            group.addTask {
                for number in 0..<2000 where errors.all.isEmpty {
                    try? await self.record([.placed(sale: "\(number)")], in: store)
                }
            }
            while await group.next() != nil {
                if !errors.all.isEmpty { break }
            }
            group.cancelAll()
        }
        #expect(!errors.all.isEmpty)
        _ = try? await runners[0].react()
        var started: [String: Int] = [:]
        for try await event in store.events(filter: EventFilter(types: ["fulfilment.started"])) {
            started[event.stream.rawValue, default: 0] += 1
        }
        #expect(started.values.allSatisfy { $0 == 1 })
    }

    @Test("that another runner overtakes records nothing, and says so", arguments: TestStore.all)
    func overtaken(_ make: TestStore) async throws {
        let store = try await make.make()
        try await record((0..<300).map { .placed(sale: "\($0 % 7)") }, in: store)
        let other = ProcessRunner(Tally.self, of: store, in: store) { _, _ in }
        let isFirst = Countdown(1)
        let slow = WatchedStore(
            store,
            beforeAppend: { request throws(AppendError) in
                guard request.writes.contains(where: { $0.stream == "tally-all" }), isFirst.take() else { return }
                _ = try? await other.react()
            })
        let runner = ProcessRunner(Tally.self, of: slow, in: store, batchSize: 100) { _, _ in }
        await #expect(throws: ProcessError.moved(category: "tally")) { try await runner.react() }
        #expect(try await other.state(of: "all").state == 300)
        try await record([.paid(sale: "1")], in: store)
        #expect(try await runner.react() >= 301)
        #expect(try await other.state(of: "all").state == 301)
        #expect(try await other.state(of: "1").state == 44)
    }

    @Test(
        "has each input's effect once, however its inputs are cut into batches", arguments: TestStore.all,
        TestSeeds.first(3))
    func batches(_ make: TestStore, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let store = try await make.make()
        var expected: [String: Int] = [:]
        for _ in 0..<10 {
            let sales = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                "\(Int.random(in: 0..<30, using: &random))"
            }
            for sale in sales + sales.map({ _ in "all" }) { expected[sale, default: 0] += 1 }
            try await record(sales.map { .placed(sale: $0) }, in: store)
            let size = Int.random(in: 1...50, using: &random)
            _ = try await ProcessRunner(Tally.self, of: store, in: store, batchSize: size) { _, _ in }.react()
        }
        let reader = ProcessRunner(Tally.self, of: store, in: store) { _, _ in }
        for (id, count) in expected { #expect(try await reader.state(of: id).state == count, "seed \(seed)") }
    }
}
