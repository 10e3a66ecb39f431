import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Synchronization
import Testing

/// The balance of each account; deposits of some amounts are refused until they are mended.
private struct Picky: Projection {
    struct Unwanted: Error {}

    var name: ReadModelName = "picky"
    var refused: Set<Int> = []
    var tellsKeys = true
    var tellsOfNone = false
    /// By what documents are found; nil for all events.
    var tag: DaybookCore.Tag?

    func filter(for key: String) -> EventFilter { tag.map { EventFilter(tags: [$0]) } ?? filter }

    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue, "total"] }

    func keys(forUnreadable recorded: RecordedEvent) -> [String]? {
        tellsOfNone ? [] : tellsKeys ? [recorded.stream.rawValue] : nil
    }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) throws {
        var balance = document ?? Balance(amount: 0, events: 0)
        balance.events += 1
        if case .deposited(let amount) = event {
            // Changed already when it throws: none of it may stay.
            balance.amount += amount
            document = balance
            if refused.contains(amount), key != "total" { throw Unwanted() }
        }
        document = balance
    }
}

@Suite("A projection that parks keys")
struct ProjectionParkingTests {
    typealias Store = any EventStore & ReadModelStore

    private func runner(
        _ store: Store, _ projection: Picky, limit: Int = 100, batchSize: Int = 500, parallelism: Int = 1
    ) -> ProjectionRunner<Picky> {
        ProjectionRunner(
            projection, of: store, in: store, batchSize: batchSize, failurePolicy: .parkKeys(limit: limit),
            parallelism: parallelism)
    }

    private func accounts(in store: any EventStore) -> CommandHandler<CashAccount> {
        CommandHandler(CashAccount.self, in: store, category: "account")
    }

    private func documents(of model: ReadModel<Picky>) async throws -> [String: Balance] {
        var documents: [String: Balance] = [:]
        var after: String?
        while let page = Optional(try await model.documents(after: after, limit: 1)), let entry = page.first {
            documents[entry.key] = entry.document
            after = entry.key
        }
        return documents
    }

    @Test("resumes with what it missed, also where that lacks what documents are found by", arguments: TestStore.all)
    func untagged(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        try await accounts.handle([.deposit(amount: 13), .deposit(amount: 2)], id: "1")
        let stuck = runner(store, Picky(refused: [13], tag: "account:1"))
        try await stuck.catchUp()
        #expect(try await stuck.readModel.document("account-1") == nil)
        try await runner(store, Picky(tag: "account:1")).resume("account-1")
        #expect(try await stuck.readModel.document("account-1") == Balance(amount: 15, events: 2))
    }

    @Test(
        "stops the key of an event that fails, goes on with the others, and resumes in order", arguments: TestStore.all)
    func parks(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        try await accounts.handle(.deposit(amount: 1), id: "1")
        try await accounts.handle([.deposit(amount: 13), .deposit(amount: 2)], id: "1")
        try await accounts.handle(.deposit(amount: 4), id: "2")
        let stuck = runner(store, Picky(refused: [13]))
        #expect(try await stuck.catchUp() == 4)
        #expect(
            try await documents(of: stuck.readModel) == [
                "account-1": Balance(amount: 1, events: 1), "account-2": Balance(amount: 4, events: 1),
                "total": Balance(amount: 20, events: 4),
            ])
        let parked = [ParkedKey(key: "account-1", position: 2, reason: "Unwanted()")]
        #expect(try await stuck.parkedKeys() == parked)
        #expect(try await stuck.readModel.parkedKeys() == parked)
        try await accounts.handle(.deposit(amount: 5), id: "1")
        // A runner that stops at failures leaves parked keys parked.
        let strict = ProjectionRunner(Picky(refused: [13]), of: store, in: store)
        #expect(try await strict.catchUp() == 5)
        #expect(try await stuck.readModel.document("account-1") == Balance(amount: 1, events: 1))
        await #expect(throws: ProjectionError.self) { try await stuck.resume("account-1") }
        #expect(try await stuck.parkedKeys() == parked)
        let half = runner(store, Picky(refused: [5]))
        let error = await #expect(throws: ProjectionError.self) { try await half.resume("account-1") }
        guard case .failed(let place, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(place.position == 5 && place.stream == "account-1")
        #expect(try await half.readModel.document("account-1") == Balance(amount: 16, events: 3))
        #expect(try await half.parkedKeys().map(\.position) == [5])
        let mended = runner(store, Picky())
        try await mended.resume("account-1")
        #expect(try await mended.readModel.document("account-1") == Balance(amount: 21, events: 4))
        #expect(try await mended.parkedKeys().isEmpty)
        await #expect(throws: ProjectionError.keyNotParked("account-1")) { try await mended.resume("account-1") }
        try await accounts.handle(.deposit(amount: 1), id: "1")
        _ = try await mended.catchUp()
        #expect(try await mended.readModel.document("account-1") == Balance(amount: 22, events: 5))
    }

    /// The accounts by the amounts that they got, of which an unreadable event tells nothing.
    private struct ByAmount: Projection {
        let name: ReadModelName = "by-amount"

        func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] {
            if case .deposited(let amount) = event { ["account", "\(amount)"] } else { [] }
        }
        func keys(forUnreadable recorded: RecordedEvent) -> [String]? { ["account"] }
        func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
            document = (document ?? 0) + 1
        }
    }

    /// Cannot read the events at some positions.
    private struct Blind: EventReader {
        var positions: Set<Position>

        func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [AccountEvent] {
            guard !positions.contains(event.position) else {
                throw EventDecodingError(event, as: "AccountEvent", cause: .undecodableData(reason: "blind"))
            }
            return try JSONEventCodec<AccountEvent>().decode(event)
        }
    }

    @Test("refuses to resume a key when another one went on without the event", arguments: TestStore.all)
    func untoldKeys(_ make: TestStore) async throws {
        let store = try await make.make()
        try await accounts(in: store).handle([.deposit(amount: 1), .deposit(amount: 1), .close], id: "1")
        func runner(_ blind: Set<Position>) -> ProjectionRunner<ByAmount> {
            ProjectionRunner(
                ByAmount(), of: store, in: store, reader: Blind(positions: blind), failurePolicy: .parkKeys())
        }
        try await runner([1, 3]).catchUp()
        #expect(try await runner([]).readModel.document("1") == 1)
        // Blind still, then not: it stays refused.
        await #expect(throws: ProjectionError.self) { try await runner([1]).resume("account") }
        for _ in 0..<2 {
            let error = await #expect(throws: ProjectionError.self) { try await runner([]).resume("account") }
            #expect(
                error?.description.contains("'1', under which it was not parked") == true,
                "\(String(describing: error))")
        }
        #expect(try await runner([]).parkedKeys().map(\.position) == [1])
        // One that turns out to concern nobody, or only whom it was parked under, is no problem.
        try await store.deleteReadModel("by-amount")
        try await runner([3]).catchUp()
        #expect(try await runner([]).parkedKeys().map(\.position) == [3])
        try await runner([]).resume("account")
        #expect(try await runner([]).readModel.document("account") == 2)
    }

    @Test("stops the keys of an event that it cannot read, if they can be told", arguments: TestStore.all)
    func unreadable(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        try await accounts.handle(.deposit(amount: 1), id: "1")
        try await store.append([NewEvent(type: "account.frozen", data: Array("{}".utf8))], to: "account-1")
        try await accounts.handle(.deposit(amount: 2), id: "2")
        // One that names no key does not know either: the event is never passed over.
        for blind in [Picky(tellsKeys: false), Picky(tellsOfNone: true)] {
            await #expect(throws: ProjectionError.self) { try await self.runner(store, blind).catchUp() }
            #expect(try await store.checkpoint(of: "picky") == 1)
        }
        let runner = runner(store, Picky())
        #expect(try await runner.catchUp() == 3)
        let parked = try await runner.parkedKeys()
        #expect(parked.map(\.key) == ["account-1"] && parked[0].reason.contains("account.frozen"))
        #expect(try await runner.readModel.document("account-2") == Balance(amount: 2, events: 1))
    }

    @Test("stops when too many keys have failed", arguments: TestStore.all)
    func limit(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        for id in 1...5 { try await accounts.handle([.deposit(amount: 1), .deposit(amount: 13)], id: "\(id)") }
        let runner = runner(store, Picky(refused: [13]), limit: 2)
        for _ in 0..<2 {
            let error = await #expect(throws: ProjectionError.self) { try await runner.catchUp() }
            guard case .tooManyParkedKeys(2, let place, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(place.position == 6)
            #expect(try await store.checkpoint(of: "picky") == 5)
            #expect(try await runner.parkedKeys().map(\.position) == [2, 4])
        }
    }

    @Test(
        "equals the fold of the log once all keys are resumed, however it runs", arguments: TestStore.all,
        TestSeeds.first(8))
    func equalsFold(_ make: TestStore, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let store = try await make.make()
        let accounts = accounts(in: store)
        var expected: [String: Balance] = [:]
        let parallelism = Int.random(in: 1...3, using: &random)
        for _ in 0..<6 {
            for _ in 0..<80 {
                let (id, amount) = (Int.random(in: 0..<9, using: &random), Int.random(in: 1...14, using: &random))
                try await accounts.handle(.deposit(amount: amount), id: "\(id)")
                for key in ["account-\(id)", "total"] {
                    expected[key, default: Balance(amount: 0, events: 0)].amount += amount
                    expected[key]?.events += 1
                }
            }
            let refused: Set<Int> = random.oneIn(3) ? [] : [13]
            let runner = runner(
                store, Picky(refused: refused), batchSize: Int.random(in: 1...400, using: &random),
                parallelism: parallelism)
            let resumed = try await runner.parkedKeys().randomElement(using: &random)
            async let result: Void = { if let key = resumed?.key { try? await runner.resume(key) } }()
            _ = try await runner.catchUp()
            await result
        }
        let mended = runner(store, Picky())
        for parked in try await mended.parkedKeys() { try await mended.resume(parked.key) }
        #expect(try await documents(of: mended.readModel) == expected, "seed \(seed)")
        #expect(try await store.checkpoint(of: "picky") == store.head(), "seed \(seed)")
    }

    @Test("loses no event that is recorded while a key is resumed", arguments: TestStore.all)
    func race(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        try await accounts.handle([.deposit(amount: 13), .deposit(amount: 1)], id: "1")
        _ = try await runner(store, Picky(refused: [13])).catchUp()
        let mended = runner(store, Picky())
        // Between the resumption's read and its commit the projection goes on with the key still parked.
        let isFirst = Countdown(1)
        let models = RivalModels(store) {
            guard isFirst.take() else { return }
            _ = try? await accounts.handle(.deposit(amount: 2), id: "1")
            _ = try? await mended.catchUp()
        }
        let slow = ProjectionRunner(Picky(), of: store, in: models, failurePolicy: .parkKeys())
        try await slow.resume("account-1")
        #expect(try await mended.readModel.document("account-1") == Balance(amount: 16, events: 3))
        // And the other way round: the key is resumed between the projection's read and its commit.
        try await accounts.handle(.deposit(amount: 20), id: "1")
        _ = try await runner(store, Picky(refused: [20])).catchUp()
        try await accounts.handle(.deposit(amount: 3), id: "1")
        let isSecond = Countdown(1)
        let others = RivalModels(store) { if isSecond.take() { try? await mended.resume("account-1") } }
        _ = try await ProjectionRunner(Picky(), of: store, in: others, failurePolicy: .parkKeys()).catchUp()
        #expect(try await mended.readModel.document("account-1") == Balance(amount: 39, events: 5))
        #expect(try await mended.parkedKeys().isEmpty)
    }

    @Test("stays parked before an event of which nobody can say whether it concerns the key", arguments: TestStore.all)
    func unknowable(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        let frozen = NewEvent(type: "account.frozen", data: Array("{}".utf8))
        try await accounts.handle([.deposit(amount: 1), .deposit(amount: 13), .deposit(amount: 2)], id: "1")
        try await store.append([frozen], to: "account-1")
        try await accounts.handle(.deposit(amount: 4), id: "2")
        _ = try await runner(store, Picky(refused: [13])).catchUp()
        var blind = Picky()
        blind.tellsKeys = false
        for _ in 0..<2 {
            await #expect(throws: ProjectionError.self) { try await self.runner(store, blind).resume("account-1") }
            #expect(try await runner(store, blind).parkedKeys().map(\.position) == [4])
            #expect(
                try await runner(store, blind).readModel.document("account-1") == Balance(amount: 16, events: 3))
        }
    }

    @Test("tells keys apart by their bytes", arguments: TestStore.all, [1, 100])
    func twins(_ make: TestStore, batchSize: Int) async throws {
        struct Names: Projection {
            struct Unwanted: Error {}
            let name: ReadModelName = "names"
            var refused = 0
            func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
            func apply(
                _ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?
            ) throws {
                guard case .deposited(let amount) = event else { return }
                if amount == refused { throw Unwanted() }
                document = Balance(amount: (document?.amount ?? 0) + amount, events: (document?.events ?? 0) + 1)
            }
        }
        // The in-memory store keys documents by texts, so that there the two are one.
        guard make.description == "SQLite" else { return }
        let store = try await make.make()
        let accounts = accounts(in: store)
        let (composed, decomposed) = ("\u{E9}", "e\u{301}")
        for (id, amount) in [(composed, 1), (decomposed, 2), (composed, 13), (decomposed, 4), (composed, 8)] {
            try await accounts.handle(.deposit(amount: amount), id: id)
        }
        let runner = ProjectionRunner(
            Names(refused: 13), of: store, in: store, batchSize: batchSize, failurePolicy: .parkKeys())
        try await runner.catchUp()
        #expect(try await runner.readModel.document("account-\(composed)") == Balance(amount: 1, events: 1))
        #expect(try await runner.readModel.document("account-\(decomposed)") == Balance(amount: 6, events: 2))
        let mended = ProjectionRunner(Names(), of: store, in: store, failurePolicy: .parkKeys())
        try await mended.resume("account-\(composed)")
        #expect(try await mended.readModel.document("account-\(composed)") == Balance(amount: 22, events: 3))
        #expect(try await mended.readModel.document("account-\(decomposed)") == Balance(amount: 6, events: 2))
    }

    @Test("is not kept inline while keys are parked")
    func inlineOverParked() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-inline-\(EventID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("log.daybook").path
        let store = try await SQLiteEventStore.open(path)
        try await accounts(in: store).handle(.deposit(amount: 13), id: "1")
        _ = try await runner(store, Picky(refused: [13])).catchUp()
        try await accounts(in: store).handle(.deposit(amount: 1), id: "1")
        await store.close()
        var configuration = SQLiteEventStore.Configuration()
        configuration.inlineReadModels = [InlineProjection(Picky())]
        let error = await #expect(throws: OpenError.self) {
            try await SQLiteEventStore.open(path, configuration: configuration)
        }
        #expect("\(error!)".contains("1 keys of read model 'picky' are parked (account-1)"))
    }

    @Test("keeps its own document out of sight")
    func reserved() async throws {
        struct Rude: Projection {
            let name: ReadModelName = "rude"
            func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { ["\u{1F}parked"] }
            func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) {}
        }
        let store = InMemoryEventStore()
        try await accounts(in: store).handle(.deposit(amount: 1), id: "1")
        let runner = ProjectionRunner(Rude(), of: store, in: store)
        await #expect(throws: ProjectionError.reservedKey("\u{1F}parked")) { try await runner.catchUp() }
        _ = try await self.runner(store, Picky(refused: [1])).catchUp()
        let model = ReadModel(Picky(), of: store, in: store)
        #expect(try await model.document("\u{1F}parked") == nil)
        #expect(try await model.documents(limit: 1).map(\.key) == ["total"])
    }

    @Test("is not switched to before its keys are resumed")
    func rebuild() async throws {
        let store = InMemoryEventStore()
        try await accounts(in: store).handle([.deposit(amount: 1), .deposit(amount: 13)], id: "1")
        _ = try await runner(store, Picky()).catchUp()
        var new = Picky(name: "picky-2", refused: [13])
        let rebuild = try ProjectionRebuild(
            of: "current", from: Picky(), to: new, log: store, models: store, failurePolicy: .parkKeys())
        try await rebuild.build()
        let comparison = try await rebuild.compare()
        #expect(comparison.differences.map(\.key) == ["account-1"])
        #expect(comparison.differences.first?.causes.map(\.position) == [2])
        await #expect(throws: RebuildError.parkedKeys(["account-1"])) {
            try await rebuild.switchOver(comparison, allowing: 10)
        }
        new.refused = []
        let mended = try ProjectionRebuild(of: "current", from: Picky(), to: new, log: store, models: store)
        try await mended.runner.resume("account-1")
        try await mended.switchOver(try await mended.compare())
    }
}

@Suite("A projection in the append's transaction")
struct InlineProjectionTests {
    @Test("is never behind, refuses what it cannot take, and equals the fold")
    func inline() async throws {
        var configuration = SQLiteEventStore.Configuration()
        configuration.inlineReadModels = [InlineProjection(Picky(refused: [13]))]
        let store = try await SQLiteEventStore.temporary(configuration: configuration)
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        let model = ReadModel(Picky(), of: store, in: store)
        for amount in 1...5 {
            let receipt = try await accounts.handle([.deposit(amount: amount), .deposit(amount: 1)], id: "1")
            #expect(try await model.position() == receipt.position)
            #expect(try await model.document("account-1")?.events == amount * 2)
        }
        let error = await #expect(throws: AccountError.self) {
            try await accounts.handle([.deposit(amount: 1), .deposit(amount: 13)], id: "1")
        }
        guard case .append(.refused(by: "picky", let reason))? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("Unwanted"))
        #expect(try await store.head() == 10)
        #expect(try await model.document("total") == Balance(amount: 20, events: 10))
    }
}
