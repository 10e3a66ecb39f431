import Daybook
import DaybookCore
import DaybookGRDB
import DaybookTesting
import GRDB
import Testing

@testable import FollowUntilKilled

@Suite("A rebuild of an SQL projection")
struct SQLRebuildTests {
    struct Unwanted: Error {}

    static let view = SQLVersionedView(
        "current", key: ["account"], old: "SELECT account, amount FROM balances",
        new: "SELECT account, amount FROM balances_2")
    static let entries = SQLVersionedView(
        "all entries", key: ["position", "account"], old: "SELECT * FROM entries", new: "SELECT * FROM entries_2")

    private func second(_ amount: @escaping @Sendable (RecordedEvent, Int) -> Int) -> Ledger {
        var ledger = Ledger(name: "ledger-2", suffix: "_2")
        ledger.amount = amount
        return ledger
    }

    private func rebuild(
        _ store: any EventStore, _ database: any DatabaseWriter, from old: Ledger = Ledger(), to new: Ledger? = nil,
        policy: ProjectionFailurePolicy = .stop
    ) async throws -> SQLProjectionRebuild<Ledger, Ledger> {
        try await SQLProjectionRebuild(
            of: [Self.view, Self.entries], from: old, to: new ?? Ledger(name: "ledger-2", suffix: "_2"), log: store,
            in: database, batchSize: 7, failurePolicy: policy)
    }

    private func shown(_ database: any DatabaseReader) async throws -> [String: Int] {
        try await database.read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT account, amount FROM current")
            return Dictionary(uniqueKeysWithValues: rows.map { ($0["account"], $0["amount"]) })
        }
    }

    @Test("compares, switches in one step, and back", arguments: TestDatabase.all)
    func switches(_ kind: TestDatabase) async throws {
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        let database = try kind.makeDatabase(folder)
        var generator = SplitMix64(seed: 8)
        try await store.fillLedger(60, using: &generator)
        let runner = try await SQLProjectionRunner(Ledger(), of: store, in: database)
        try await runner.catchUp()
        let next = second { $1 * 2 }
        let rebuild = try await rebuild(store, database, to: next)
        try await rebuild.switchBack()
        let before = try await LedgerTable.folded(store)
        #expect(try await shown(database) == before.balances)

        try await rebuild.build()
        // The old version goes on.
        try await store.fillLedger(5, using: &generator)
        try await runner.catchUp()
        let comparison = try await rebuild.compare()
        let now = try await LedgerTable.folded(store)
        let differing = now.balances.filter { $0.value != 0 }
        #expect(try await comparison.position == store.head())
        #expect(comparison.views["current"]?.changedCount == differing.count)
        #expect(comparison.views["current"]?.rowCount == now.balances.count)
        #expect(comparison.views["all entries"]?.differenceCount == now.entries.count)
        #expect(comparison.differenceCount == differing.count + now.entries.count)
        let allowed = comparison.differenceCount
        do throws(SQLRebuildError) {
            try await rebuild.switchOver(comparison, allowing: allowed - 1)
            Issue.record("switched")
        } catch {
            guard case .tooManyDifferences(allowed, allowed - 1, _) = error else { throw error }
        }
        #expect(try await shown(database) == now.balances)
        try await rebuild.switchOver(comparison, allowing: allowed)
        #expect(try await shown(database) == now.balances.mapValues { $0 * 2 })
        try await rebuild.switchBack()
        #expect(try await shown(database) == now.balances)
    }

    @Test("names the event at which the versions of a row parted", arguments: TestSeeds.first(5))
    func causes(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        let database = try DatabasePool(path: folder.path("model.sqlite"))
        let store = InMemoryEventStore()
        var generator = SplitMix64(seed: seed)
        try await store.fillLedger(700, using: &generator)
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        let odd = Set((0..<8).map { _ in Int64.random(in: 1...900, using: &generator) })
        let next = second { recorded, amount in
            odd.contains(recorded.position.rawValue) ? amount + 1 : amount
        }
        let rebuild = try await rebuild(store, database, to: next)
        try await rebuild.build()
        let comparison = try await rebuild.compare()
        let olds = SQLProjectionHistory(Ledger(), of: store)
        let news = SQLProjectionHistory(next, of: store)
        for difference in comparison.views["current"]?.differences ?? [] {
            let account = try #require((difference.old ?? difference.new)?["account"])
            func versions(_ position: Position) async throws -> [Int?] {
                [
                    try await olds.read(asOf: .position(position)) { db in
                        try Int.fetchOne(
                            db, sql: "SELECT amount FROM balances WHERE account = ?", arguments: [account])
                    },
                    try await news.read(asOf: .position(position)) { db in
                        try Int.fetchOne(
                            db, sql: "SELECT amount FROM balances_2 WHERE account = ?", arguments: [account])
                    },
                ]
            }
            let parting = try #require(difference.causes.first).position
            let (before, after) = (try await versions(parting.previous), try await versions(parting))
            #expect(before[0] == before[1] && after[0] != after[1], "seed \(seed), \(account)")
            #expect(difference.causes.count <= 10)
        }
        let entries = try #require(comparison.views["all entries"])
        for difference in entries.differences {
            let row = try #require(difference.old)
            let position = try #require(row["position"]?.storage.value as? Int64)
            #expect(difference.causes.map(\.position.rawValue) == [position] && odd.contains(position))
        }
        #expect(!entries.differences.isEmpty, "seed \(seed)")
        #expect(entries.addedCount == 0 && entries.lostCount == 0)
    }

    @Test("counts rows that were added and lost")
    func addedAndLost() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await store.record(AccountEvent.closed, in: "account-1")
        try await store.record(AccountEvent.deposited(amount: 2), in: "account-2")
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        let view = SQLVersionedView(
            "accounts", key: ["account"], old: "SELECT account FROM balances",
            new: "SELECT account FROM entries_2 WHERE amount < 2")
        let rebuild = try await SQLProjectionRebuild(
            of: [view], from: Ledger(), to: Ledger(name: "ledger-2", suffix: "_2"), log: store, in: database)
        try await rebuild.build()
        let comparison = try #require(try await rebuild.compare().views["accounts"])
        #expect(comparison.addedCount == 1 && comparison.lostCount == 1 && comparison.changedCount == 0)
        #expect(comparison.differences.map(\.key) == ["\"account-1\"", "\"account-2\""])
        #expect(comparison.differences.map(\.causes.first?.position) == [2, 3])
    }

    @Test("is exact while both versions run", .timeLimit(.minutes(1)))
    func running() async throws {
        let folder = try TemporaryFolder()
        let database = try DatabasePool(path: folder.path("model.sqlite"))
        let store = InMemoryEventStore()
        var generator = SplitMix64(seed: 9)
        try await store.fillLedger(50, using: &generator)
        let old = try await SQLProjectionRunner(Ledger(), of: store, in: database)
        try await old.catchUp()
        let rebuild = try await rebuild(store, database)
        try await rebuild.switchBack()
        // Another process runs the new version: neither comparing nor switching may end it.
        let new = try await SQLProjectionRunner(rebuild.new, of: store, in: database)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for run in [{ try await old.run() }, { try await new.run() }] as [@Sendable () async throws -> Void] {
                group.addTask { await #expect(throws: Never.self) { try await run() } }
            }
            group.addTask {
                var generator = SplitMix64(seed: 10)
                while !Task.isCancelled {
                    let head = try await store.head()
                    try await store.fillLedger(30, using: &generator)
                    // Neither falls behind for good, and neither is ever up to date for long.
                    try await old.wait(for: head)
                    try await new.wait(for: head)
                }
            }
            var last = Position.start
            for _ in 0..<5 {
                let comparison = try await rebuild.compare()
                #expect(comparison.differenceCount == 0)
                try await rebuild.switchOver(comparison)
                try await rebuild.switchBack()
                #expect(comparison.position > last)
                last = comparison.position
            }
            group.cancelAll()
        }
    }

    @Test("compares with an old version that cannot take an event as they were before it", arguments: [false, true])
    func stuckOldVersion(isNewAhead: Bool) async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        for amount in 1...4 { try await store.record(AccountEvent.deposited(amount: amount), in: "account-1") }
        var broken = Ledger()
        broken.beforeStatement = { recorded, _ in if recorded.position == 3 { throw Unwanted() } }
        let old = try await SQLProjectionRunner(broken, of: store, in: database)
        await #expect(throws: ProjectionError.self) { try await old.catchUp() }
        let next = second { $0.position == 2 ? 20 : $1 }
        let rebuild = try await rebuild(store, database, from: broken, to: next)
        if isNewAhead { try await rebuild.build() }
        let comparison = try await rebuild.compare()
        #expect(comparison.position == 2)
        let row = try #require(comparison.views["current"]?.differences.first)
        #expect(row.old?["amount"] == 3.databaseValue && row.new?["amount"] == 21.databaseValue)
        #expect(row.causes.map(\.position) == [2])
        try await rebuild.switchOver(comparison, allowing: 2)
        #expect(try await shown(database) == ["account-1": 28])
    }

    @Test("is refused where it would lose something, and says why")
    func refusals() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        for amount in 1...3 { try await store.record(AccountEvent.deposited(amount: amount), in: "account-\(amount)") }
        await #expect(throws: SQLRebuildError.sameName("ledger-1")) {
            _ = try await self.rebuild(store, database, to: Ledger())
        }
        let rebuild = try await rebuild(store, database)
        await #expect(throws: SQLRebuildError.noReadModel("ledger-1")) { try await rebuild.compare() }
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        try await rebuild.build()
        let comparison = try await rebuild.compare()
        let other = try await SQLProjectionRebuild(
            of: [Self.view], from: Ledger(), to: Ledger(name: "ledger-2", suffix: "_2"), log: store, in: database)
        await #expect(throws: SQLRebuildError.otherComparison(old: "ledger-1", new: "ledger-2")) {
            try await other.switchOver(comparison)
        }
        // A table is in the way of the view.
        try await database.write { try $0.execute(sql: "CREATE TABLE current (id INTEGER)") }
        do throws(SQLRebuildError) {
            try await rebuild.switchOver(comparison)
            Issue.record("switched")
        } catch {
            guard case .viewNotChanged = error else { throw error }
        }
        #expect(try await database.read { try !$0.viewExists("all entries") })
        let unknown = SQLVersionedView("v", key: [], old: "SELECT * FROM balances", new: "SELECT * FROM nowhere")
        let broken = try await SQLProjectionRebuild(
            of: [unknown], from: Ledger(), to: Ledger(name: "ledger-2", suffix: "_2"), log: store, in: database)
        do throws(SQLRebuildError) {
            _ = try await broken.compare()
            Issue.record("compared")
        } catch {
            guard case .comparison(.queryFailed) = error else { throw error }
        }

        // Keys that the new version has parked.
        var parking = Ledger(name: "ledger-3", suffix: "_3")
        parking.beforeStatement = { recorded, _ in if recorded.position == 2 { throw Unwanted() } }
        let parked = try await self.rebuild(store, database, to: parking, policy: .parkKeys())
        try await parked.build()
        await #expect(throws: SQLRebuildError.parkedKeys(["account-2"])) { try await parked.compare() }
    }

    @Test("is refused when the new version does not get as far as the old one is")
    func behind() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        let old = try await SQLProjectionRunner(Ledger(), of: store, in: database)
        try await old.catchUp()
        let rebuild = try await rebuild(store, database)
        try await rebuild.switchBack()
        let comparison = try await rebuild.compare()
        #expect(comparison.differenceCount == 0)
        // The switch brings the new version up to the old one.
        try await rebuild.switchOver(comparison)
        #expect(try await rebuild.runner.position() == 1)
        try await rebuild.switchBack()
        var broken = Ledger(name: "ledger-2", suffix: "_2")
        broken.beforeStatement = { recorded, _ in if recorded.position == 2 { throw Unwanted() } }
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await old.catchUp()
        let stuck = try await self.rebuild(store, database, to: broken)
        do throws(SQLRebuildError) {
            try await stuck.switchOver(comparison)
            Issue.record("switched")
        } catch {
            guard case .projection(.failed(let place, _)) = error else { throw error }
            #expect(place.position == 2)
        }
        #expect(try await shown(database) == ["account-1": 2])
    }

    @Test("waits for another runner of the new version as long as it moves, and does not end that one")
    func slowRival() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        for _ in 0..<100 { try await store.record(AccountEvent.deposited(amount: 1), in: "account-1") }
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        let next = Ledger(name: "ledger-2", suffix: "_2")
        let rival = try await SQLProjectionRunner(next, of: store, in: database)
        let comparison = try await rebuild(store, database).compare()
        // It moves by one event whenever it is looked at, and does not bear that another one moves it.
        let clock = SteppingClock {
            await #expect(throws: Never.self) { try await rival.catchUp(through: try await rival.position().next) }
        }
        var counted = next
        counted.beforeStatement = { recorded, _ in Issue.record("\(recorded.position) was applied by the switch") }
        let rebuild = try await SQLProjectionRebuild(
            of: [Self.view, Self.entries], from: Ledger(), to: counted, log: store, in: database, clock: clock)
        try await rebuild.switchOver(comparison)
        #expect(try await rival.position() == 100)
    }

    @Test("is refused when others run the new version in between each time, and it does not get there")
    func behindOthers() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        for _ in 0..<100 { try await store.record(AccountEvent.deposited(amount: 1), in: "account-1") }
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        let next = Ledger(name: "ledger-2", suffix: "_2")
        let rival = try await SQLProjectionRunner(next, of: store, in: database)
        let comparison = try await rebuild(store, database).compare()
        // Whenever a page is read, another one takes an event.
        let hooked = HookedStore(base: store) {
            _ = try? await rival.catchUp(through: try await rival.position().next)
        }
        let rebuild = try await SQLProjectionRebuild(
            of: [Self.view, Self.entries], from: Ledger(), to: next, log: hooked, in: database, batchSize: 10,
            clock: SteppingClock {})
        do throws(SQLRebuildError) {
            try await rebuild.switchOver(comparison)
            Issue.record("switched")
        } catch {
            guard case .behind(let new, 100) = error else { throw error }
            #expect(new < 100)
        }
    }

    /// A clock on which something happens instead of each sleep.
    private struct SteppingClock: Clock {
        typealias Instant = ContinuousClock.Instant
        let step: @Sendable () async -> Void
        var now: Instant { ContinuousClock.now }
        var minimumResolution: Duration { .zero }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws { await step() }
    }

    @Test("compares to the last byte, and columns by their names")
    func exact() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        func comparison(_ old: String, _ new: String) async throws -> SQLRowComparison? {
            let rebuild = try await SQLProjectionRebuild(
                of: [SQLVersionedView("v", key: [], old: old, new: new)], from: Ledger(),
                to: Ledger(name: "ledger-2", suffix: "_2"), log: store, in: database)
            try await rebuild.build()
            return try await rebuild.compare().views["v"]
        }
        for (old, new, count) in [
            ("SELECT amount FROM balances", "SELECT amount FROM balances_2", 0),
            ("SELECT amount FROM balances", "SELECT amount + 0.0 AS amount FROM balances_2", 1),
            ("SELECT 'caf\u{E9}' AS name", "SELECT 'cafe\u{301}' AS name", 1),
            ("SELECT account, amount FROM balances", "SELECT amount, account FROM balances_2", 0),
            ("SELECT 1, amount AS a, 2 AS a FROM balances", "SELECT 1, amount AS a, 3 AS a FROM balances_2", 1),
            ("SELECT 0.0 AS a", "SELECT -0.0 AS a", 1), ("SELECT NULL AS a", "SELECT 0 AS a", 1),
            ("SELECT NULL AS a", "SELECT NULL AS a", 0),
        ] {
            #expect(try await comparison(old, new)?.differenceCount == count, "\(new)")
        }
        for new in ["SELECT amount FROM balances_2", "SELECT account, amount, 1 FROM balances_2"] {
            do throws(SQLRebuildError) {
                _ = try await SQLProjectionRebuild(
                    of: [SQLVersionedView("v", key: [], old: "SELECT account, amount FROM balances", new: new)],
                    from: Ledger(), to: Ledger(name: "ledger-2", suffix: "_2"), log: store, in: database
                ).compare()
                Issue.record("compared")
            } catch {
                guard case .comparison(.otherColumns) = error else { throw error }
            }
        }
    }

    @Test("names the parting of rows whose columns are in another order")
    func orderOfColumns() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        for _ in 0..<3 { try await store.record(AccountEvent.deposited(amount: 1), in: "account-1") }
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        let next = second { $0.position == 2 ? 5 : $1 }
        let view = SQLVersionedView(
            "v", key: ["account"], old: "SELECT account, amount FROM balances",
            new: "SELECT amount, account FROM balances_2")
        let rebuild = try await SQLProjectionRebuild(of: [view], from: Ledger(), to: next, log: store, in: database)
        try await rebuild.build()
        let rows = try #require(try await rebuild.compare().views["v"])
        #expect(rows.differences.first?.causes.map(\.position) == [2, 3])
    }

    @Test("finds the row of a key among those that a collation takes for the same")
    func collation() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        for name in ["ANN", "ann"] { try await store.record(AccountEvent.deposited(amount: 1), in: "account-\(name)") }
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        let next = second { $0.stream == "account-ann" ? 2 : $1 }
        let view = SQLVersionedView(
            "v", key: ["name"], old: "SELECT account COLLATE NOCASE AS name, amount FROM balances",
            new: "SELECT account COLLATE NOCASE AS name, amount FROM balances_2")
        let rebuild = try await SQLProjectionRebuild(of: [view], from: Ledger(), to: next, log: store, in: database)
        try await rebuild.build()
        let rows = try #require(try await rebuild.compare().views["v"])
        #expect(rows.differences.map(\.key) == ["\"account-ann\""])
        #expect(rows.differences.first?.causes.map(\.position) == [2])
    }

    @Test(
        "compares with an old version that has parked a key, whatever it failed by",
        arguments: [
            "CHECK (amount <> 13)", "CHECK (amount <> 13) ON CONFLICT ROLLBACK",
            "REFERENCES allowed (amount) DEFERRABLE INITIALLY DEFERRED",
        ])
    func parkedOldVersion(constraint: String) async throws {
        let store = InMemoryEventStore()
        let folder = try TemporaryFolder()
        let database = try DatabasePool(path: folder.path("model.sqlite"))
        for amount in 12...14 {
            try await store.record(AccountEvent.deposited(amount: amount), in: "account-\(amount)")
        }
        let old = Amounts(constraint: constraint)
        try await SQLProjectionRunner(old, of: store, in: database, failurePolicy: .parkKeys()).catchUp()
        let view = SQLVersionedView(
            "v", key: ["amount"], old: "SELECT amount FROM amounts", new: "SELECT amount FROM entries_2")
        let rebuild = try await SQLProjectionRebuild(
            of: [view], from: old, to: Ledger(name: "ledger-2", suffix: "_2"), log: store, in: database)
        try await rebuild.build()
        let comparison = try await rebuild.compare()
        let rows = try #require(comparison.views["v"])
        #expect(rows.addedCount == 1 && rows.differenceCount == 1 && comparison.position == 3)
        // A constraint that is checked at the end, or undoes all, leaves nothing to tell causes by.
        let isTold = constraint == "CHECK (amount <> 13)"
        #expect((comparison.causesFailure == nil) == isTold)
        #expect(rows.differences.first?.causes.map(\.position) == (isTold ? [2] : []))
        try await rebuild.switchOver(comparison, allowing: 1)
    }

    @Test("is refused with a comparison of other SQL than is switched to")
    func otherSQL() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        var view = Self.view
        func rebuild(_ view: SQLVersionedView) async throws -> SQLProjectionRebuild<Ledger, Ledger> {
            try await SQLProjectionRebuild(
                of: [view], from: Ledger(), to: Ledger(name: "ledger-2", suffix: "_2"), log: store, in: database)
        }
        let comparison = try await rebuild(view).compare()
        view.new = "SELECT account, 2 * amount AS amount FROM balances_2"
        await #expect(throws: SQLRebuildError.otherComparison(old: "ledger-1", new: "ledger-2")) {
            try await rebuild(view).switchOver(comparison)
        }
        await #expect(throws: SQLRebuildError.noViews) {
            _ = try await SQLProjectionRebuild(
                of: [], from: Ledger(), to: Ledger(name: "ledger-2", suffix: "_2"), log: store, in: database)
        }
    }
}
