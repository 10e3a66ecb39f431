import CFaultFileSystem
import Daybook
import DaybookCore
import DaybookGRDB
import DaybookSQLite
import DaybookTesting
import Foundation
import GRDB
import Synchronization
import Testing

@testable import FollowUntilKilled

@Suite("An inbox beside rows")
struct SQLInboxTests {
    struct Unwanted: Error {}

    private func database(_ folder: TemporaryFolder, isPool: Bool = true) throws -> any DatabaseWriter {
        try Self.open(folder.path("effects.sqlite"), isPool: isPool)
    }

    private static func open(_ path: String, isPool: Bool) throws -> any DatabaseWriter {
        let database = try FollowUntilKilled.open(path, isPool ? "pool" : "queue")
        try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = EXTRA") }
        try database.write {
            try $0.execute(
                sql: "CREATE TABLE IF NOT EXISTS letters (id INTEGER PRIMARY KEY, event TEXT NOT NULL)")
        }
        return database
    }

    private func write(_ event: RecordedEvent, _ db: Database) throws {
        try db.execute(sql: "INSERT INTO letters (event) VALUES (?)", arguments: [event.id.description])
    }

    private func letters(_ database: any DatabaseWriter) async throws -> [String] {
        try await database.read { try String.fetchAll($0, sql: "SELECT event FROM letters ORDER BY id") }
    }

    private func store(events count: Int) async throws -> (any EventStore & ReadModelStore, [RecordedEvent]) {
        let store = InMemoryEventStore()
        for amount in 0..<count {
            _ = try await store.record(AccountEvent.deposited(amount: amount), in: "account-\(amount % 3)")
        }
        let page = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 1_000)
        return (store, page.events)
    }

    @Test("takes an event once for each handler, and leaves nothing of a change that throws", arguments: [true, false])
    func once(isPool: Bool) async throws {
        let folder = try TemporaryFolder()
        let database = try database(folder, isPool: isPool)
        let event = try #require(try await store(events: 1).1.first)
        let (inbox, other) = (SQLInbox("letters"), SQLInbox("others"))
        let isCaught = try await database.write { db in
            // The transaction goes on.
            do {
                try inbox.once(event, in: db) {
                    try write(event, db)
                    throw Unwanted()
                }
                return false
            } catch is Unwanted {
                return true
            }
        }
        #expect(isCaught)
        #expect(try await letters(database).isEmpty)
        for (round, handler) in [(0, inbox), (1, inbox), (0, other)] {
            let isNew = try await database.write { db in try handler.once(event, in: db) { try write(event, db) } }
            #expect(isNew == (round == 0))
        }
        #expect(try await letters(database) == [event.id.description, event.id.description])
        #expect(try await database.write { db in try inbox.forget(through: 0, in: db) } == 0)
        #expect(try await database.write { db in try inbox.forget(through: event.position, in: db) } == 1)
        let isAgain = try await database.write { db in try other.once(event, in: db) { Issue.record("twice") } }
        #expect(!isAgain)
    }

    @Test("works when the transaction that made its tables was rolled back", arguments: [true, false])
    func rolledBack(isPool: Bool) async throws {
        let folder = try TemporaryFolder()
        let database = try database(folder, isPool: isPool)
        let events = try await store(events: 2).1
        let inbox = SQLInbox("letters")
        await #expect(throws: Unwanted.self) {
            try await database.write { db in
                for event in events { try inbox.once(event, in: db) { try write(event, db) } }
                throw Unwanted()
            }
        }
        for event in events {
            let isNew = try await database.write { db in try inbox.once(event, in: db) { try write(event, db) } }
            #expect(isNew)
        }
        #expect(try await letters(database) == events.map(\.id.description))
    }

    @Test("is refused where rows and note could part")
    func unsafe() async throws {
        let folder = try TemporaryFolder()
        let event = try #require(try await store(events: 1).1.first)
        let pool = try DatabasePool(path: folder.path("normal.sqlite"))
        await #expect(throws: SQLInboxError.unsafeSettings(journalMode: "wal", synchronous: 1)) {
            try await pool.write { db in _ = try SQLInbox("letters").once(event, in: db) {} }
        }
        let queue = try DatabaseQueue(path: folder.path("full.sqlite"))
        await #expect(throws: SQLInboxError.unsafeSettings(journalMode: "delete", synchronous: 2)) {
            try await queue.write { db in _ = try SQLInbox("letters").once(event, in: db) {} }
        }
        let database = try database(folder)
        await #expect(throws: SQLInboxError.noTransaction) {
            try await database.writeWithoutTransaction { db in _ = try SQLInbox("letters").once(event, in: db) {} }
        }
        // In memory there is nothing that a crash could leave.
        let isNew = try await DatabaseQueue().write { db in try SQLInbox("letters").once(event, in: db) {} }
        #expect(isNew)
    }

    @Test(
        "has each effect once when acknowledgements are lost, and refuses who comes late", .timeLimit(.minutes(1))
    )
    func group() async throws {
        let folder = try TemporaryFolder()
        let database = try database(folder)
        let (store, events) = try await store(events: 30)
        let inbox = SQLInbox("letters")
        let crashes = Mutex(10)
        let group = ConsumerGroup(
            "letters", of: store, AccountEvent.self, in: store,
            policy: ConsumerPolicy(deliveries: 20, backoff: .milliseconds(1)))
        let late = Mutex<ConsumerDelivery<AccountEvent>?>(nil)
        try await group.catchUp { delivery in
            late.withLock { if $0 == nil { $0 = delivery } }
            try await database.write { db in
                _ = try inbox.once(delivery, in: db) { try write(delivery.recorded, db) }
            }
            // The effect is saved, and the acknowledgement is lost.
            try crashes.withLock { left in
                left -= 1
                if left >= 0 { throw Unwanted() }
            }
        }
        #expect(try await group.parked().isEmpty)
        let expected = events.map(\.id.description)
        #expect(try await letters(database).sorted() == expected.sorted())
        // The first delivery comes again, from a member that was thought dead, about an event that was forgotten.
        let first = try #require(late.withLock { $0 })
        let settled = try await group.status().settled
        #expect(try await database.write { db in try inbox.forget(through: settled, in: db) } == 30)
        await #expect(throws: InboxError.self) {
            try await database.write { db in _ = try inbox.once(first, in: db) { Issue.record("late") } }
        }
    }

    @Test("keeps the effects of what was acknowledged when the power fails", arguments: [true, false], [false, true])
    func powerCuts(isPool: Bool, dropsSyncs: Bool) async throws {
        let seed = TestSeeds.fromEnvironment ?? UInt64.random(in: 1...1_000_000)
        var random = SplitMix64(seed: seed)
        let events = try await store(events: 20).1
        let inbox = SQLInbox("letters")
        func take(_ event: RecordedEvent, _ database: any DatabaseWriter) async throws {
            _ = try await database.write { db in try inbox.once(event, in: db) { try write(event, db) } }
        }
        var (lostStates, violations) = (0, 0)
        for _ in 1...20 {
            let folder = try TemporaryFolder()
            let name = "inbox-\(EventID())"
            let disk = try #require(fault_fs_create(name))
            defer { _ = fault_fs_destroy(disk) }
            let call: FaultCall = dropsSyncs || random.oneIn(2) ? .write : .sync
            SQLProjectionCrashTests.add(
                call, .powerOff, first: Int.random(in: 1...(call == .sync ? 60 : 200), using: &random), count: 1,
                length: Int.random(in: 0...4096, using: &random), to: disk)
            if dropsSyncs {
                SQLProjectionCrashTests.add(.sync, .dropped, first: 1, count: 0, length: 0, to: disk)
            }
            var acknowledged: [String] = []
            if let database = try? Self.open("file:\(folder.path("effects.sqlite"))?vfs=\(name)", isPool: isPool) {
                for event in events {
                    guard (try? await take(event, database)) != nil else { break }
                    acknowledged.append(event.id.description)
                }
                fault_fs_power_off(disk)
                try? database.close()
            }
            fault_fs_power_off(disk)
            for survival: FaultSurvival in [.none, .all, .prefix, .random] {
                let survivors = try TemporaryFolder()
                let lost = fault_fs_copy_surviving(disk, survivors.url.path, survival, random.next())
                try #require(lost >= 0)
                if lost > 0 { lostStates += 1 }
                do {
                    let database = try Self.open(survivors.path("effects.sqlite"), isPool: isPool)
                    if try await letters(database).starts(with: acknowledged) == false { violations += 1 }
                    // What was not acknowledged comes again, and perhaps what was.
                    for event in events { try await take(event, database) }
                    if try await letters(database) != events.map(\.id.description) { violations += 1 }
                } catch {
                    violations += 1
                }
            }
        }
        // A disk that drops syncs shows that the test can see a loss.
        #expect(lostStates > 5 && (violations > 0) == dropsSyncs, "seed \(seed)")
    }
}
