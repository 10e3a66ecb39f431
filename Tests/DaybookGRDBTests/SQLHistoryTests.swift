import Daybook
import DaybookCore
import DaybookGRDB
import DaybookTesting
import Foundation
import GRDB
import Testing

@testable import FollowUntilKilled

@Suite("The past of an SQL projection")
struct SQLHistoryTests {
    struct Unwanted: Error {}

    static let balances = SQLQuery("SELECT account, amount FROM balances", key: ["account"])

    private static func balances(_ db: Database) throws -> [String: Int] {
        let rows = try Row.fetchAll(db, sql: balances.sql)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0["account"], $0["amount"]) })
    }

    @Test(
        "is at every position what the log makes of it, from snapshots or without",
        arguments: TestDatabase.all.prefix(2),
        [nil, 1, 7, 30])
    func asOf(_ kind: TestDatabase, snapshots positions: Int64?) async throws {
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        var generator = SplitMix64(seed: 5)
        try await store.fillLedger(45, using: &generator)
        var history = SQLProjectionHistory(Ledger(), of: store)
        if let positions {
            history = history.keepingSnapshots(in: folder.url.appendingPathComponent("snapshots"))
            try await history.keepSnapshots(every: positions)
            let head = try await store.head().rawValue
            #expect(try history.snapshotPositions().map(\.rawValue) == (1...head / positions).map { $0 * positions })
            // One that is missing is made again.
            if positions == 7 {
                try history.deleteSnapshots(through: 7)
                try await history.keepSnapshots(every: positions)
                #expect(try history.snapshotPositions().count == Int(head / positions))
            }
        }
        for try await recorded in store.events(filter: .all) {
            let expected = try await LedgerTable.folded(store, through: recorded.position).balances
            #expect(try await history.read(asOf: .position(recorded.position)) { try Self.balances($0) } == expected)
        }
        let latest = try await LedgerTable.folded(store).balances
        #expect(try await history.read { try Self.balances($0) } == latest)
        #expect(try await history.read(asOf: .position(1_000_000)) { try Self.balances($0) } == latest)
        #expect(try await history.read(asOf: .position(0)) { try Self.balances($0) }.isEmpty)
    }

    @Test("is told by time, and snapshots serve for it")
    func time() async throws {
        let folder = try TemporaryFolder()
        let clock = DrivenClock()
        let store = InMemoryEventStore(time: clock.time.source)
        for amount in 1...4 {
            try await store.record(AccountEvent.deposited(amount: amount), in: "account-1")
            clock.advance(by: .seconds(10))
        }
        let history = SQLProjectionHistory(Ledger(), of: store).keepingSnapshots(in: folder.url)
        let times = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 10).events
            .map(\.recordedAt)
        #expect(try await history.keepSnapshot(asOf: .time(times[1])) == 2)
        for (index, balance) in [1, 3, 6, 10].enumerated() {
            let past = try await history.read(asOf: .time(times[index])) { try Self.balances($0) }
            #expect(past == ["account-1": balance])
        }
    }

    @Test("is not changed by a question, and leaves no file behind", arguments: [false, true])
    func scratch(hasCopy: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = InMemoryEventStore()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        let history = SQLProjectionHistory(Ledger(), of: store).keepingSnapshots(in: folder.url)
        if hasCopy { try await history.keepSnapshot() }
        let file = try await history.read { db in
            let file = try String.fetchOne(db, sql: "SELECT file FROM pragma_database_list WHERE name = 'main'")
            #expect(throws: DatabaseError.self) { try db.execute(sql: "DELETE FROM balances") }
            return try #require(file)
        }
        #expect(FileManager.default.fileExists(atPath: file) == hasCopy)
        #expect(try await history.read { try Self.balances($0) } == ["account-1": 1])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).count == (hasCopy ? 1 : 0))
    }

    @Test("keeps snapshots of several read models in one folder, each for itself, and deletes what is no longer wanted")
    func snapshots() async throws {
        let folder = try TemporaryFolder()
        let store = InMemoryEventStore()
        var generator = SplitMix64(seed: 6)
        try await store.fillLedger(20, using: &generator)
        let first = SQLProjectionHistory(Ledger(), of: store).keepingSnapshots(in: folder.url)
        let second = SQLProjectionHistory(Ledger(name: "ledger-1.2", suffix: "_2"), of: store)
            .keepingSnapshots(in: folder.url)
        for position in [5, 10, 15] as [Position] { try await first.keepSnapshot(asOf: .position(position)) }
        try await second.keepSnapshot(asOf: .position(12))
        try await first.keepSnapshot(asOf: .position(10))
        // What a process left that was killed while it kept one.
        try Data("torn".utf8).write(to: folder.url.appendingPathComponent("\(EventID()).unfinished"))
        #expect(try first.snapshotPositions() == [5, 10, 15])
        #expect(try second.snapshotPositions() == [12])
        try first.deleteSnapshots(through: 10)
        #expect(try first.snapshotPositions() == [15])
        try first.deleteSnapshots()
        #expect(try first.snapshotPositions().isEmpty)
        #expect(try second.snapshotPositions() == [12])
        let expected = try await LedgerTable.folded(store, through: 7).balances
        #expect(try await first.read(asOf: .position(7)) { try Self.balances($0) } == expected)
    }

    @Test("refuses snapshots that were made of another log", arguments: [1, 2] as [Position])
    func otherLog(position: Position) async throws {
        let folder = try TemporaryFolder()
        let stores = [InMemoryEventStore(), InMemoryEventStore()]
        for store in stores {
            for _ in 0..<2 { try await store.record(AccountEvent.deposited(amount: 1), in: "account-1") }
        }
        let histories = stores.map { SQLProjectionHistory(Ledger(), of: $0).keepingSnapshots(in: folder.url) }
        try await histories[0].keepSnapshot(asOf: .position(1))
        let error = await #expect(throws: SQLHistoryError.self) {
            try await histories[1].read(asOf: .position(position)) { try Self.balances($0) }
        }
        guard case .unusableSnapshot(at: 1, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        try histories[1].deleteSnapshots()
        #expect(try await histories[1].read(asOf: .position(1)) { try Self.balances($0) } == ["account-1": 1])
    }

    @Test("tells which events set a value", arguments: TestSeeds.first(3))
    func lineage(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        let store = InMemoryEventStore()
        var generator = SplitMix64(seed: seed)
        try await store.fillLedger(80, using: &generator)
        var expected: [SQLValueChange<Int?>] = []
        var before: Int?
        for try await recorded in store.events(filter: .all) {
            let after = try await LedgerTable.folded(store, through: recorded.position).balances["account-1"]
            if after != before { expected.append(SQLValueChange(event: recorded, before: before, after: after)) }
            before = after
        }
        #expect(!expected.isEmpty)
        let history = SQLProjectionHistory(Ledger(), of: store)
        let query: @Sendable (Database) throws -> Int? = { db in
            try Int.fetchOne(db, sql: "SELECT amount FROM balances WHERE account = 'account-1'")
        }
        #expect(try await history.lineage(of: query) == expected)
        let kept = history.keepingSnapshots(in: folder.url)
        try await kept.keepSnapshots(every: 9)
        #expect(try await kept.lineage(of: query) == expected)
        let part = expected.filter { (20...60).contains($0.event.position.rawValue) }
        #expect(try await kept.lineage(from: .position(19), to: .position(60), of: query) == part)
    }

    @Test(
        "of two moments differs by the rows that it should, each with the events behind it",
        arguments: TestSeeds.first(3))
    func differences(seed: UInt64) async throws {
        let store = InMemoryEventStore()
        var generator = SplitMix64(seed: seed)
        try await store.fillLedger(60, using: &generator)
        let history = SQLProjectionHistory(Ledger(), of: store)
        for (from, to) in [(0, 30), (20, 35), (40, 41), (10, 10)] as [(Position, Position)] {
            let old = try await LedgerTable.folded(store, through: from).balances
            let new = try await LedgerTable.folded(store, through: to).balances
            let keys = Set(old.keys).union(new.keys)
            let comparison = try await history.differences(
                of: Self.balances, from: .position(from), to: .position(to))
            #expect(comparison.rowCount == keys.count)
            #expect(
                comparison.differences.map(\.key) == keys.filter { old[$0] != new[$0] }.sorted().map { "\"\($0)\"" })
            #expect(comparison.addedCount == keys.count { old[$0] == nil })
            #expect(comparison.lostCount == keys.count { new[$0] == nil })
            for difference in comparison.differences {
                let account = try #require((difference.old ?? difference.new)?["account"]?.storage.value as? String)
                #expect(difference.old?["amount"] == old[account]?.databaseValue)
                #expect(difference.new?["amount"] == new[account]?.databaseValue)
                let changes = try await history.lineage(from: .position(from), to: .position(to)) { db in
                    try Int.fetchOne(
                        db, sql: "SELECT amount FROM balances WHERE account = ?", arguments: [account])
                }
                #expect(difference.causes == changes.map(\.event).suffix(10))
            }
        }
    }

    @Test("says what is wrong with an event, a query or a key")
    func errors() async throws {
        let store = InMemoryEventStore()
        for account in 1...2 { try await store.record(AccountEvent.deposited(amount: 1), in: "account-\(account)") }
        let history = SQLProjectionHistory(Ledger(), of: store)
        func failure(_ question: () async throws -> Void) async -> SQLHistoryError? {
            do { try await question() } catch { return error as? SQLHistoryError }
            return nil
        }
        func compare(_ sql: String, _ key: String) async throws {
            _ = try await history.differences(of: SQLQuery(sql, key: [key]), from: .position(1))
        }
        #expect(await failure { try await history.keepSnapshot() } == .noFolder)
        #expect(
            await failure { try await compare("SELECT account, amount FROM balances", "amount") }
                == .duplicateKey("1", sql: "SELECT account, amount FROM balances"))
        #expect(
            await failure { try await compare("SELECT account FROM balances", "number") }
                == .noColumn("number", sql: "SELECT account FROM balances"))
        for question in [
            { try await compare("SELECT nothing FROM balances", "nothing") },
            { _ = try await history.read { try Int.fetchOne($0, sql: "SELECT nothing FROM balances") } },
            { _ = try await history.lineage { try Int.fetchOne($0, sql: "SELECT nothing FROM balances") } },
        ] {
            guard case .queryFailed(let reason) = await failure(question) else {
                Issue.record("no failure of the query")
                continue
            }
            #expect(reason.contains("nothing"))
        }
        var broken = Ledger()
        broken.beforeStatement = { recorded, _ in if recorded.position == 2 { throw Unwanted() } }
        let stuck = SQLProjectionHistory(broken, of: store)
        #expect(try await stuck.read(asOf: .position(1)) { try Self.balances($0) } == ["account-1": 1])
        guard
            case .projection(.failed(let place, _)) = await failure({
                _ = try await stuck.read { try Self.balances($0) }
            })
        else {
            Issue.record("went on")
            return
        }
        #expect(place.position == 2)
    }

    @Test("is asked for in a database as the application opens its own")
    func configuration() async throws {
        let store = InMemoryEventStore()
        let folder = try TemporaryFolder()
        try await store.record(AccountEvent.deposited(amount: 20), in: "account-1")
        let half: @Sendable (Database) throws -> Int? = { db in
            try Int.fetchOne(db, sql: "SELECT half(amount) FROM balances")
        }
        await #expect(throws: SQLHistoryError.self) {
            try await SQLProjectionHistory(Ledger(), of: store).read(half)
        }
        var configuration = Configuration()
        configuration.prepareDatabase { db in
            db.add(function: DatabaseFunction("half", argumentCount: 1) { (Int.fromDatabaseValue($0[0]) ?? 0) / 2 })
        }
        let history = SQLProjectionHistory(Ledger(), of: store, configuration: configuration)
            .keepingSnapshots(in: folder.url)
        for _ in 0..<2 {
            #expect(try await history.read(half) == 10)
            try await history.keepSnapshot()
        }
        #expect(try await history.lineage(of: half).map(\.after) == [10])
    }

    @Test("says that it was cancelled when it was")
    func cancelled() async throws {
        let store = InMemoryEventStore()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        let history = SQLProjectionHistory(Ledger(), of: store)
        let (started, signal) = AsyncStream<Void>.makeStream()
        let task = Task {
            try await history.read { db in
                signal.yield()
                // Ends when it is interrupted.
                return try Int.fetchOne(
                    db,
                    sql: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
            }
        }
        for await _ in started { break }
        task.cancel()
        await #expect(throws: SQLHistoryError.projection(.cancelled)) { _ = try await task.value }
    }

    @Test("is read as the application opens its database, also where that writes; and a damaged snapshot is named")
    func writingConfiguration() async throws {
        let store = InMemoryEventStore()
        let folder = try TemporaryFolder()
        try await store.record(AccountEvent.deposited(amount: 20), in: "account-1")
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
        let history = SQLProjectionHistory(Ledger(), of: store, configuration: configuration)
            .keepingSnapshots(in: folder.url)
        for _ in 0..<2 {
            try await history.keepSnapshot()
            #expect(try await history.read { try Self.balances($0) } == ["account-1": 20])
        }
        let files = try FileManager.default.contentsOfDirectory(at: folder.url, includingPropertiesForKeys: nil)
        try Data(repeating: 7, count: 8_192).write(to: try #require(files.first))
        let error = await #expect(throws: SQLHistoryError.self) { try await history.read { try Self.balances($0) } }
        guard case .unusableSnapshot(at: 1, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
