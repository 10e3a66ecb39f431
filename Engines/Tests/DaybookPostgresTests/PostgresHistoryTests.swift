import DaybookCore
import DaybookPostgres
import DaybookTesting
import Testing

@Suite(
    "Histories of the PostgreSQL store", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(10)),
    .serialized)
struct PostgresHistoryTests {
    @Test("have an order that explains every answer", arguments: TestSeeds.first(3))
    func linearizable(seed: UInt64) async throws {
        try await Server.withStore { store in
            let history = try await HistoryWorkload(seed: seed, operations: 3_000).run(on: store)
            let check = history.check()
            #expect(check.violations.isEmpty, "seed \(seed), \(check.violations.count): \(check.violations.prefix(3))")
            #expect(check.commitCount > 300 && check.operationCount >= 3_000)
            guard seed == 1 else { return }
            #expect(HistoryCanary(history).missed(seed: seed).isEmpty)
        }
    }

    @Test("have one across stores that share a database", arguments: TestSeeds.first(3))
    func shared(seed: UInt64) async throws {
        try await Server.withSchema { schema in
            let stores = [try await Server.open(schema), try await Server.open(schema)]
            let history = try await HistoryWorkload(seed: seed, operations: 3_000).run(on: TwoStores(stores))
            for store in stores { await store.close() }
            let check = history.check()
            #expect(check.violations.isEmpty, "seed \(seed), \(check.violations.count): \(check.violations.prefix(3))")
            #expect(check.commitCount > 300 && check.operationCount >= 3_000)
        }
    }

    @Test("have one while connections are cut", arguments: TestSeeds.first(3))
    func cutConnections(seed: UInt64) async throws {
        try await Server.withSchema { schema in
            let stores = [try await Server.open(schema), try await Server.open(schema)]
            let (history, cuts) = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    var cuts = 0
                    var random = SplitMix64(seed: seed)
                    while !Task.isCancelled {
                        let cut = try Server.sql(
                            """
                            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE application_name LIKE 'daybook %' AND random() < 0.3
                            """)
                        cuts += cut.count
                        try? await Task.sleep(for: .milliseconds(Int.random(in: 5...60, using: &random)))
                    }
                    return cuts
                }
                let history = try await HistoryWorkload(seed: seed, operations: 3_000).run(on: TwoStores(stores))
                group.cancelAll()
                return (history, try await group.next() ?? 0)
            }
            for store in stores { await store.close() }
            let check = history.check()
            #expect(check.violations.isEmpty, "seed \(seed), \(check.violations.count): \(check.violations.prefix(3))")
            #expect(check.commitCount > 300 && check.operationCount >= 3_000)
            #expect(cuts > 20, "Only \(cuts) connections were cut.")
        }
    }
}
