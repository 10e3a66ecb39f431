import DaybookCore
import DaybookPostgres
import DaybookTesting
import StoreTrials
import Testing

@Suite(
    "The PostgreSQL store, when its server fails", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(15)),
    .serialized)
struct ServerFaultTests {
    private func open(_ engine: Engine) async throws -> PostgresEventStore {
        var configuration = PostgresEventStore.Configuration()
        configuration.reconnectTimeout = .seconds(120)
        return try await PostgresEventStore.open(engine.url, configuration: configuration)
    }

    /// Checks a history in which no append was left without an answer.
    private func expectWhole(_ history: History, _ seed: UInt64) {
        let judged = FaultHistory(history)
        let violations = judged.violations()
        #expect(violations.isEmpty, "seed \(seed), \(violations.count): \(violations.prefix(3))")
        #expect(judged.missed(seed: seed) == [], "seed \(seed): what is planted in the history has to be found.")
    }

    @Test("loses nothing and doubles nothing when the server is killed and started again")
    func kills() async throws {
        let seed = TestSeeds.fromEnvironment ?? 1
        try await Engine.with { engine in
            let stores = [try await open(engine), try await open(engine)]
            let (history, kills) = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    var kills = 0
                    while !Task.isCancelled {
                        try? await Task.sleep(for: .milliseconds(400 + 150 * (kills % 4)))
                        if Task.isCancelled { break }
                        try await engine.run("kill", "1")
                        try await engine.run("start")
                        kills += 1
                    }
                    return kills
                }
                let history = try await HistoryWorkload(seed: seed, operations: 8_000).run(on: TwoStores(stores))
                group.cancelAll()
                return (history, try await group.next() ?? 0)
            }
            for store in stores { await store.close() }
            expectWhole(history, seed)
            #expect(kills >= 2, "The server was killed \(kills) times.")
        }
    }

    @Test("goes on with a standby that is promoted, with every acknowledged event")
    func failOver() async throws {
        let seed = TestSeeds.fromEnvironment ?? 1
        try await Engine.with(standby: true) { engine in
            await #expect(throws: PostgresOpenError.readOnly(address: try Self.shown(engine.url(ofNode: 2)))) {
                try await PostgresEventStore.open(engine.url(ofNode: 2))
            }
            let stores = [try await open(engine), try await open(engine)]
            let (reached, signal) = AsyncStream.makeStream(of: Int.self)
            let history = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await count in reached where count >= 1_500 { break }
                    try await engine.run("kill", "1")
                    try await engine.run("promote", "2")
                }
                let history = try await HistoryWorkload(seed: seed, operations: 4_000).run(on: TwoStores(stores)) {
                    signal.yield($0)
                }
                signal.finish()
                try await group.waitForAll()
                return history
            }
            #expect(stores[0].durability.server != "", "It is connected.")
            for store in stores { await store.close() }
            expectWhole(history, seed)
        }
    }

    /// Has calls wait for the standby, and ends their waits three times, before the standby comes back. None may return
    /// earlier.
    ///
    /// - Parameters:
    ///   - function: Of the server, which ends a wait.
    ///   - use: What the calls' connections are for.
    @discardableResult
    private func endWaits<Value: Sendable>(
        of calls: [@Sendable () async throws -> Value], by function: String, use: String, on engine: Engine
    ) async throws -> [Value] {
        try await engine.run("kill", "2")
        let primary = try engine.url(ofNode: 1)
        let isDone = Flag()
        let tasks = calls.map { call -> Task<Value, any Error> in
            Task {
                let value = try await call()
                isDone.set()
                return value
            }
        }
        let waiting = """
            SELECT pid FROM pg_stat_activity WHERE application_name = 'daybook \(use)' AND wait_event = 'SyncRep'
            """
        for _ in 0..<3 {
            try await eventually("all wait for the standby") {
                try Server.sql(waiting, at: primary).count == calls.count
            }
            try Server.sql("SELECT \(function)(pid) FROM (\(waiting)) w", at: primary)
        }
        try await eventually("they wait again") { try Server.sql(waiting, at: primary).count == calls.count }
        #expect(!isDone.isSet, "Something was acknowledged without the standby.")
        try await engine.run("start")
        var values: [Value] = []
        for task in tasks { values.append(try await task.value) }
        return values
    }

    /// A server that is told to wait for its standby no longer reports success, and the standby does not have the events.
    /// And one whose connection is cut at that moment has committed, and cannot say so.
    @Test(
        "acknowledges nothing that the standby does not have, and what it has once, when the wait for it is ended",
        arguments: ["pg_cancel_backend", "pg_terminate_backend"])
    func endedWait(by function: String) async throws {
        try await Engine.with(standby: true) { engine in
            let store = try await open(engine)
            try await store.append([NewEvent(type: "before", data: [])], to: "account-1")
            let append: @Sendable () async throws -> AppendResult = {
                try await store.append([NewEvent(type: "waited", data: [])], to: "account-1")
            }
            let results = try await endWaits(of: [append], by: function, use: "appends", on: engine)
            let result = try #require(results.first)
            #expect(result.version == 1 && result.position == 2 && !result.isRepeat)
            #expect(try await store.head() == 2)
            await store.close()
        }
    }

    @Test(
        "acknowledges no change of a read model, no checkpoint and no snapshot that the standby does not have",
        arguments: ["pg_cancel_backend", "pg_terminate_backend"])
    func endedWaitOfDerivedState(by function: String) async throws {
        try await Engine.with(standby: true) { engine in
            let store = try await open(engine)
            try await store.commit(batch("old"))
            let changes: [@Sendable () async throws -> Void] = [
                { try await store.commit(batch("new")) }, { try await store.deleteReadModel("old") },
                { try await store.save(Checkpoint(after: 1), for: "publisher") },
                {
                    try await store.save(
                        Snapshot(key: "account-1", version: 0, position: 1, schema: "1", data: [1]))
                },
            ]
            try await endWaits(of: changes, by: function, use: "reads", on: engine)
            #expect(try await store.document("x", of: "new") == [1])
            #expect(try await store.document("x", of: "old") == nil)
            #expect(try await store.checkpoint(for: "publisher") == Checkpoint(after: 1))
            #expect(try await store.snapshot(for: "account-1")?.data == [1])
            await store.close()
        }
    }

    @Test("acknowledges nothing that no standby has when the server is told to have none")
    func noStandbyAnyMore() async throws {
        try await Engine.with(standby: true) { engine in
            var configuration = PostgresEventStore.Configuration()
            configuration.durability = .everyCommitOnStandby
            configuration.reconnectTimeout = .milliseconds(300)
            let store = try await PostgresEventStore.open(engine.url, configuration: configuration)
            // One that waits was decided under the lock, the next one on what is remembered.
            for number in 0..<2 {
                if number > 0 { try await store.append([NewEvent(type: "before", data: [])], to: "account-1") }
                let event = NewEvent(type: "waited", data: [])
                try await giveUpStandby(of: engine) {
                    try await store.append([event], to: "account-1")
                } meanwhile: {
                    try await store.save(Checkpoint(after: Position(Int64(number))), for: "publisher")
                }
                #expect(try await store.append([event], to: "account-1").isRepeat)
            }
            #expect(try await store.head() == 3)
            await store.close()
        }
    }

    /// Has two calls wait for the standby, tells the server that there is none, and gives it one again when both have failed.
    private func giveUpStandby(
        of engine: Engine, _ append: @escaping @Sendable () async throws -> AppendResult,
        meanwhile save: @escaping @Sendable () async throws -> Void
    ) async throws {
        let primary = try engine.url(ofNode: 1)
        let names = try Server.sql("SHOW synchronous_standby_names", at: primary)[0][0] ?? ""
        func setNames(_ names: String) async throws {
            try Server.sql("ALTER SYSTEM SET synchronous_standby_names = '\(names)'", at: primary)
            try Server.sql("SELECT pg_reload_conf()", at: primary)
            try await eventually("the server knows") {
                try Server.sql("SHOW synchronous_standby_names", at: primary) == [[names]]
            }
        }
        try await engine.run("kill", "2")
        let appending = Task { try await append() }
        let saving = Task { try await save() }
        try await eventually("both wait for the standby") {
            try Server.sql(
                """
                SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'daybook %' AND wait_event = 'SyncRep'
                """, at: primary) == [["2"]]
        }
        try await setNames("")
        let error = await #expect(throws: AppendError.self) { try await appending.value }
        guard case .storageFailed(_, mayBeWritten: true)? = error else {
            throw Server.Failure(description: "\(String(describing: error))")
        }
        await #expect(throws: DerivedStateError.self) { try await saving.value }
        try await setNames(names)
        try await engine.run("start")
    }

    private func batch(_ model: ReadModelName) -> DocumentBatch {
        DocumentBatch(model: model, changes: ["x": [1]], previous: .start, checkpoint: 1)
    }

    @Test("says that an append may be written when the server does not come back")
    func gone() async throws {
        try await Engine.with { engine in
            var configuration = PostgresEventStore.Configuration()
            configuration.reconnectTimeout = .milliseconds(300)
            let store = try await PostgresEventStore.open(engine.url, configuration: configuration)
            try await store.append([NewEvent(type: "before", data: [])], to: "account-1")
            try await engine.run("kill", "1")
            await #expect {
                try await store.append([NewEvent(type: "after", data: [])], to: "account-1")
            } throws: { error in
                if case AppendError.storageFailed = error { true } else { false }
            }
            await #expect {
                _ = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: 1)
            } throws: { error in
                if case ReadError.storageFailed = error { true } else { false }
            }
            try await engine.run("start")
            try await eventually("it appends again") {
                (try? await store.append([NewEvent(type: "later", data: [])], to: "account-1")) != nil
            }
            await store.close()
        }
    }

    private static func shown(_ url: String) throws -> String {
        let host = url.split(separator: "@")[1].split(separator: "/")[0].split(separator: ":")
        return "user=daybook dbname=daybook host=\(host[0]) port=\(host[1])"
    }
}
