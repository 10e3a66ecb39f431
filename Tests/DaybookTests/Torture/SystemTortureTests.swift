import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Synchronization
import Testing

@Suite("A system under torture", .timeLimit(.minutes(5)))
struct SystemTortureTests {
    typealias Base = TortureStore.Base
    /// Leases outlast the slowest machine.
    private static let policy = ConsumerPolicy(
        lease: .seconds(3600), deliveries: 1000, backoff: .zero, pollInterval: .milliseconds(1))

    /// Deposits into two accounts, in pieces.
    private func deposits<Observation>(_ torture: SystemTorture<Observation>) -> SystemTorture<Observation> {
        torture
            .recording(AccountEvent.deposited(amount: 10), AccountEvent.deposited(amount: 20), to: "account-1")
            .recording(AccountEvent.deposited(amount: 5), to: "account-2")
            .recording(AccountEvent.withdrawn(amount: 7), AccountEvent.deposited(amount: 1), to: "account-1")
    }

    /// Makes new stores, in memory or in files.
    private static func stores(onDisk: Bool) -> @Sendable () async throws -> any Base {
        {
            if onDisk { return try await SQLiteEventStore.temporary() }
            return InMemoryEventStore()
        }
    }

    @Test("passes when a projection's documents and checkpoint change together", arguments: [false, true])
    func projection(onDisk: Bool) async {
        await deposits(
            SystemTorture(in: Self.stores(onDisk: onDisk)) { store in
                _ = try await ProjectionRunner(Balances(), of: store, in: store, batchSize: 1).catchUp()
            } observing: { store in
                try await ReadModel(Balances(), of: store, in: store).documents().map { "\($0.key) \($0.document)" }
            }
        ).check(seeds: TestSeeds.first(onDisk ? 20 : 200))
    }

    @Test("fails when a projection saves its checkpoint before its effect")
    func checkpointFirst() async throws {
        let torture = deposits(
            SystemTorture { store in
                try await EarlyCheckpoint(store: store).catchUp()
            } observing: { store in
                try await store.document("total", of: "early").map { String(decoding: $0, as: UTF8.self) }
            })
        let failure = try #require(await torture.failure(seeds: Array(1...200)))
        try #require(failure.steps.count == 1, "\(failure)")
        // Between the two: after the checkpoint, or before the documents.
        let note = try #require(failure.notes[failure.steps[0]])
        switch failure.steps[0] {
        case .crashAfter: #expect(note.hasPrefix("checkpoint 'early'"), "\(failure)")
        case .crashBefore: #expect(note.hasPrefix("commit of 1 documents of 'early'"), "\(failure)")
        default: Issue.record("\(failure)")
        }
        // The steps that are left show it again.
        let undisturbed = try await torture.outcome(under: []).observation.get()
        #expect(try await torture.outcome(under: failure.steps).observation.get() != undisturbed)
    }

    @Test("passes when a consumer group's handlers keep an inbox", arguments: [false, true])
    func consumer(onDisk: Bool) async {
        await deposits(consumers(inbox: true, onDisk: onDisk)).check(seeds: TestSeeds.first(onDisk ? 40 : 100))
    }

    @Test("fails when a consumer group's handlers count without an inbox")
    func consumerWithoutInbox() async throws {
        let failure = try #require(
            await deposits(consumers(inbox: false)).failure(seeds: Array(1...200)))
        #expect(failure.steps.count == 1, "\(failure)")
        #expect(failure.description.contains("crash"), "\(failure)")
    }

    /// A member of a group that adds up deposits, in a read model of its own.
    private func consumers(inbox usesInbox: Bool, onDisk: Bool = false) -> SystemTorture<String?> {
        @Sendable func group(_ store: any Base) -> ConsumerGroup<AccountEvent> {
            ConsumerGroup("adders", of: store, AccountEvent.self, in: store, policy: Self.policy)
        }
        return SystemTorture(in: Self.stores(onDisk: onDisk)) { store in
            let inbox = Inbox("adder", model: "sums", in: store)
            // Under its name it need not wait for the lease of its former self.
            try await group(store).run(as: "one") { delivery in
                let amount = delivery.events.reduce(0) { sum, event in
                    if case .deposited(let amount) = event { sum + amount } else { sum }
                }
                if usesInbox {
                    try await inbox.once(delivery) { documents in
                        let sum = Number.of(try await documents.document("sum"))
                        try documents.set(Number.bytes(sum + amount), for: "sum")
                    }
                } else {
                    try await Number.add(amount, to: "sum", of: "sums", in: store)
                }
            }
        } until: { store in
            try await group(store).status().settled == store.head()
        } observing: { store in
            try await store.document("sum", of: "sums").map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test("passes when a process manager sends commands under their identifiers")
    func process() async {
        await processes { _, id in id }.check(seeds: TestSeeds.first(50))
    }

    @Test("fails when a process manager sends commands under identifiers of chance")
    func processWithoutIdentifiers() async throws {
        let failure = try #require(
            await processes { _, _ in CommandID(unchecked: "\(EventID())") }.failure(seeds: Array(1...200)))
        #expect(failure.steps.count == 1, "\(failure)")
        #expect(failure.difference.contains("left: "), "\(failure)")
    }

    /// Sales that reserve goods, which takes away from the shelf each time.
    private func processes(
        _ id: @escaping @Sendable (Shelf.Command, CommandID) -> CommandID
    ) -> SystemTorture<Shelf.State> {
        SystemTorture { store in
            let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
            let runner = ProcessRunner(
                Fulfilment.self, of: store, in: store, policy: Self.policy, time: DrivenTime().source
            ) { _, _ in }
            _ = try await runner.react()
            // Under its name it need not wait for the lease of its former self.
            try await runner.commands.run(as: "sender") { delivery in
                for case .sent(let command) in delivery.events {
                    let commandID = CommandID(unchecked: "\(delivery.recorded.id)")
                    try await shelf.handle(command, id: "1", commandID: id(command, commandID))
                }
            }
        } until: { store in
            var (inputs, sent, last) = (0, 0, Position.start)
            for try await event in store.events(filter: EventFilter(types: ["process.sent"], typePrefixes: ["sale."])) {
                if event.type == "process.sent" { (sent, last) = (sent + 1, event.position) } else { inputs += 1 }
            }
            let runner = ProcessRunner(Fulfilment.self, of: store, in: store) { _, _ in }
            let settled = try await runner.commands.status().settled
            return sent == inputs && settled >= last
        } observing: { store in
            try await CommandHandler(Shelf.self, in: store, category: "shelf").state(of: "1").state
        }
        .recording(SaleEvent.placed(sale: "1"), SaleEvent.placed(sale: "2"), to: "sales")
        .recording(SaleEvent.paid(sale: "1"), to: "sales")
    }

    private struct Refused: CommandRejection {
        var rejectionReason: String? { "nobody wants it" }
    }

    @Test(
        "passes when a process manager runs as a whole, with deadlines that pass and commands that are rejected",
        arguments: [false, true])
    func wholeProcess(onDisk: Bool) async {
        // Every deadline has passed as soon as it is set.
        let time = DrivenTime(at: TimeSource.system.now.advanced(by: .seconds(3600)))
        @Sendable func runner(_ store: any Base) -> ProcessRunner<Fulfilment> {
            let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
            return ProcessRunner(
                Fulfilment.self, of: store, in: store, policy: Self.policy, member: "sender", time: time.source
            ) { command, id in
                if command == .reserve("3") { throw Refused() }
                try await shelf.handle(command, id: "1", commandID: id)
            }
        }
        await SystemTorture(in: Self.stores(onDisk: onDisk)) { store in
            try await runner(store).run()
        } until: { store in
            var counts: [EventType: Int] = [:]
            var last = Position.start
            for try await event in store.events(
                filter: EventFilter(types: ["process.sent", "sale.placed"], typePrefixes: ["fulfilment."]))
            {
                counts[event.type, default: 0] += 1
                if event.type == "process.sent" { last = event.position }
            }
            let ended = counts["fulfilment.finished", default: 0] + counts["fulfilment.failed", default: 0]
            guard ended == counts["sale.placed"] else { return false }
            return try await runner(store).commands.status().settled >= last
        } observing: { store in
            let state = try await CommandHandler(Shelf.self, in: store, category: "shelf").state(of: "1").state
            var kinds: [String: Int] = [:]
            for try await event in store.events(filter: EventFilter(typePrefixes: ["fulfilment.", "shelf."])) {
                kinds[event.type.rawValue, default: 0] += 1
            }
            // Nothing competes with the deadline of the second.
            let second = try await store.readPage(of: "fulfilment-2", from: .start, direction: .forward, limit: 100)
            return "\(state.left) left, \(state.shipped) shipped, \(kinds.sorted { $0.key < $1.key }), "
                + "\(second.events.map(\.type))"
        }
        .recording(SaleEvent.placed(sale: "1"), SaleEvent.paid(sale: "1"), SaleEvent.placed(sale: "2"), to: "sales")
        .recording(SaleEvent.placed(sale: "3"), to: "sales")
        .check(seeds: TestSeeds.first(onDisk ? 15 : 50))
    }

    @Test("passes when command handlers are given every command again under its identifier", arguments: [false, true])
    func commands(onDisk: Bool) async {
        await commands(onDisk: onDisk) { $0 }.check(seeds: TestSeeds.first(onDisk ? 25 : 100))
    }

    @Test("fails when command handlers are given commands under identifiers of chance")
    func commandsWithoutIdentifiers() async throws {
        let failure = try #require(
            await commands(onDisk: false) { _ in CommandID(unchecked: "\(EventID())") }.failure(
                seeds: Array(1...200)))
        #expect(failure.steps.count == 1, "\(failure)")
    }

    /// Carries out what was wished for from the first wish on, whenever it is started, and twice beside each other.
    private func commands(
        onDisk: Bool, _ id: @escaping @Sendable (CommandID) -> CommandID
    ) -> SystemTorture<[SnapshotTests.Tally.State]> {
        @Sendable func handler(_ store: any Base) -> CommandHandler<SnapshotTests.Tally> {
            CommandHandler(
                SnapshotTests.Tally.self, in: store, category: "tally", snapshots: .every(2), keptIn: store,
                retry: RetryPolicy(attempts: 1_000), cache: .entries(1), clock: LeapingClock())
        }
        return SystemTorture(in: Self.stores(onDisk: onDisk)) { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        let tallies = handler(store)
                        for try await event in store.events(filter: EventFilter(AccountEvent.eventTypes)) {
                            let commandID = id(CommandID(unchecked: "\(event.id)"))
                            for case .deposited(let amount) in try JSONEventCodec<AccountEvent>().decode(event) {
                                let account = event.stream.id.map(String.init) ?? ""
                                try await tallies.handle(.add(amount), id: account, commandID: commandID)
                            }
                        }
                        await tallies.finishSnapshots()
                    }
                }
                try await group.waitForAll()
            }
        } observing: { store in
            var states: [SnapshotTests.Tally.State] = []
            for id in ["1", "2"] { states.append(try await handler(store).state(of: id).state) }
            return states
        }
        .recording(AccountEvent.deposited(amount: 10), AccountEvent.deposited(amount: 20), to: "account-1")
        .recording(AccountEvent.deposited(amount: 5), to: "account-2")
        .recording(AccountEvent.deposited(amount: 1), AccountEvent.deposited(amount: 2), to: "account-1")
    }

    @Test("fails when an append is repeated that the store cannot recognise")
    func repeats() async throws {
        let torture = SystemTorture { store in
            for try await event in store.events(filter: EventFilter(typePrefixes: ["account."])) {
                // The identifier is the event's own, and yet at any version a repeat behind another event is a new one.
                try await store.append([NewEvent(id: event.id, type: "seen", data: [])], to: "seen")
            }
        } observing: { store in
            try await store.state(of: "seen").lastVersion?.description
        }
        .recording(
            AccountEvent.deposited(amount: 1), AccountEvent.deposited(amount: 2), AccountEvent.closed, to: "account-1")
        let failure = try #require(await torture.failure(seeds: Array(1...200)))
        #expect(failure.steps.count == 1)
        let repeated = await torture.outcome(under: [.repeatAppend(change: 1, after: 2)])
        #expect(try repeated.observation.get() == "3")
        #expect(repeated.notes.values.map { $0 } == ["append of seen in 'seen'"])
        #expect(try await torture.outcome(under: [.repeatAppend(change: 1, after: 1)]).observation.get() == "2")
    }

    @Test("lets concurrent work overtake what is delayed")
    func delays() async throws {
        let torture = SystemTorture { store in
            await withTaskGroup(of: Void.self) { group in
                for type: EventType in ["a", "b"] {
                    group.addTask { _ = try? await store.append([NewEvent(type: type, data: [])], to: "letters") }
                }
            }
        } observing: { store in
            try await store.readPage(of: "letters", from: .start, direction: .forward, limit: 2).events.map(\.type)
        }
        // Who is ready first is the machine's to say; that someone is, some time, is not.
        for _ in 0..<1000 {
            let outcome = await torture.outcome(under: [.delay(call: 1, turns: 20)])
            let delayed = try #require(outcome.notes[.delay(call: 1, turns: 20)])
            let types = try outcome.observation.get()
            #expect(Set(types) == ["a", "b"])
            if delayed == "append of \(types[1]) in 'letters'" { return }
        }
        Issue.record("nothing overtook what was delayed")
    }

    @Test("meets most of its systems with most of its schedules")
    func reach() async {
        let torture = processes { _, id in id }
        var met = 0
        for seed in UInt64(1)...25 where await !torture.outcome(under: torture.steps(seed: seed)).notes.isEmpty {
            met += 1
        }
        #expect(met > 12)
    }

    @Test("draws the same schedule from the same seed, and prints it")
    func schedules() {
        let torture = SystemTorture { _ in
        } observing: { _ in
            0
        }
        for seed in UInt64(1)...50 {
            #expect(torture.steps(seed: seed) == torture.steps(seed: seed))
            #expect((1...5).contains(torture.steps(seed: seed).count))
        }
        #expect(
            torture.steps(seed: 1).map(\.description) == [
                "crash after change 32, whose reply is lost", "repeat the append of change 15 after change 17",
                "crash after change 8, whose reply is lost",
            ])
        #expect(Set((1...100).map { torture.steps(seed: $0) }).count > 90)
    }

    @Test("is given up when it stops by itself, calls without end, or waits for ever")
    func bounds() async throws {
        struct Broken: Error {}
        let stops = SystemTorture { _ in
            throw Broken()
        } observing: { _ in
            0
        }.recording { _ in }
        #expect(try #require(await stops.failure(seeds: [1])).description.contains("Undisturbed"))
        #expect(try #require(await stops.failure(seeds: [1])).difference.contains("Broken"))
        let busy = SystemTorture(calls: 100) { store in
            while true { _ = try await store.head() }
        } observing: { _ in
            0
        }.recording { _ in }
        #expect(try #require(await busy.failure(seeds: [1])).difference.contains("more than 100 calls"))
        let clock = DrivenClock()
        let waits = SystemTorture(clock: clock) { store in
            _ = try await store.head(beyond: 7)
        } observing: { _ in
            0
        }.recording { _ in }
        async let failure = waits.failure(seeds: [1])
        try await clock.wait(forSleepers: 1)
        clock.advance(by: .seconds(60))
        #expect(try #require(await failure).difference.contains("60.0 seconds"))
    }

    @Test("records the shortest schedule as an issue of the running test")
    func issue() async {
        await expectIssue(saying: ["DAYBOOK_SEED=", "1. ", "change", "'early'", "expected", "actual"]) {
            await deposits(
                SystemTorture { store in
                    try await EarlyCheckpoint(store: store).catchUp()
                } observing: { store in
                    try await store.document("total", of: "early").map { String(decoding: $0, as: UTF8.self) }
                }
            ).check(seeds: Array(1...200))
        }
    }
}

/// A number as a document.
private enum Number {
    static func of(_ data: [UInt8]?) -> Int { data.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0 }
    static func bytes(_ number: Int) -> [UInt8] { Array(String(number).utf8) }

    /// Adds to a document, whoever else does at the same time.
    static func add(
        _ number: Int, to key: String, of model: ReadModelName, in store: any ReadModelStore, retries: Bool = true
    ) async throws {
        while true {
            let revision = try await store.checkpoint(of: model)
            let sum = of(try await store.document(key, of: model))
            let batch = DocumentBatch(
                model: model, changes: [key: bytes(sum + number)], previous: revision, checkpoint: revision.next)
            do { return try await store.commit(batch) } catch .checkpointMoved where retries {}
        }
    }
}

/// Adds up deposits and withdrawals, and notes how far it has come before it has done so.
private struct EarlyCheckpoint {
    let store: TortureStore

    func catchUp() async throws {
        let codec = JSONEventCodec<AccountEvent>()
        let after = try await store.checkpoint(for: "early")?.position ?? .start
        for try await event in store.events(from: .after(after), filter: EventFilter(AccountEvent.eventTypes)) {
            try await store.save(Checkpoint(after: event.position), for: "early")
            for case .deposited(let amount) in try codec.decode(event) {
                try await Number.add(amount, to: "total", of: "early", in: store)
            }
        }
    }
}
