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

    /// A server that is told to wait for its standby no longer reports success, and the standby does not have the events.
    /// And one whose connection is cut at that moment has committed, and cannot say so.
    @Test(
        "acknowledges nothing that the standby does not have, and what it has once, when the wait for it is ended",
        arguments: ["pg_cancel_backend", "pg_terminate_backend"])
    func endedWait(by function: String) async throws {
        try await Engine.with(standby: true) { engine in
            let store = try await open(engine)
            try await store.append([NewEvent(type: "before", data: [])], to: "account-1")
            try await engine.run("kill", "2")
            let primary = try engine.url(ofNode: 1)
            let isDone = Flag()
            let append = Task {
                let result = try await store.append([NewEvent(type: "waited", data: [])], to: "account-1")
                isDone.set()
                return result
            }
            let waiting = """
                SELECT pid FROM pg_stat_activity WHERE application_name = 'daybook appends' AND wait_event = 'SyncRep'
                """
            for _ in 0..<3 {
                try await eventually("the append waits for the standby") {
                    try !Server.sql(waiting, at: primary).isEmpty
                }
                try Server.sql("SELECT \(function)(pid) FROM (\(waiting)) w", at: primary)
            }
            try await eventually("it waits again") { try !Server.sql(waiting, at: primary).isEmpty }
            #expect(!isDone.isSet, "It was acknowledged without the standby.")
            try await engine.run("start")
            let result = try await append.value
            #expect(result.version == 1 && result.position == 2 && !result.isRepeat)
            #expect(try await store.head() == 2)
            await store.close()
        }
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
