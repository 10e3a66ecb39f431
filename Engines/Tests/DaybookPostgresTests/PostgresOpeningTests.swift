import DaybookCore
import Foundation
import StoreTrials
import Testing

@testable import DaybookPostgres

@Suite("Opening a PostgreSQL store", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(5)), .serialized)
struct PostgresOpeningTests {
    private let event = NewEvent(type: "happened", data: [])

    private func opening(
        _ url: String, _ configure: (inout PostgresEventStore.Configuration) -> Void = { _ in }
    ) async -> PostgresOpenError? {
        var configuration = PostgresEventStore.Configuration()
        configure(&configuration)
        do {
            await (try PostgresEventStore.open(url, configuration: configuration)).close()
            return nil
        } catch { return error }
    }

    @Test("tells what the server promises")
    func durability() async throws {
        try await Server.withStore { store in
            let durability = store.durability
            #expect(durability.serverVersion >= 140_000 && durability.fsync && durability.fullPageWrites)
            #expect(durability.synchronousCommit == .on && durability.synchronousStandbyNames.isEmpty)
            #expect(durability.dataChecksums && durability.server.hasPrefix("127.0.0.1:"))
        }
    }

    @Test(
        "is refused where commits are not synced, unless that is asked for",
        arguments: ["off", "local", "remote_write"])
    func synchronousCommit(value: String) async throws {
        let url = try #require(Server.url) + "&options=-c%20synchronous_commit%3D\(value)"
        guard case .notDurable(_, "synchronous_commit", value, "on")? = await opening(url) else {
            Issue.record("It was not refused.")
            return
        }
        try await Server.withSchema { schema in
            var configuration = PostgresEventStore.Configuration()
            configuration.schema = schema
            configuration.durability = .mayLoseLatestOnFailure
            let store = try await PostgresEventStore.open(url, configuration: configuration)
            #expect(store.durability.synchronousCommit.rawValue == value)
            try await store.append([event], to: "account-1")
            await store.close()
        }
    }

    /// A commit may have to wait for a standby, and a listener for an event, for longer than any of them.
    @Test("lifts the limits of time that a role has")
    func timeouts() throws {
        let names = "{statement_timeout,lock_timeout,idle_session_timeout,transaction_timeout}"
        let limits = try Server.sql("SELECT name FROM pg_settings WHERE name = ANY ('\(names)')").compactMap { $0[0] }
        #expect(limits.count >= 3, "Not every version has the last one.")
        let options = limits.map { "-c%20\($0)%3D5min" }.joined(separator: "%20")
        let connection = try Connection(
            ServerAddress(connectionString: try #require(Server.url) + "&options=\(options)", use: "appends"))
        _ = try PostgresEventStore.Configuration().prepare(connection)
        for limit in limits {
            let rows = try connection.run(
                Statement(once: "SELECT current_setting($1::text)").with { $0.add(limit) })
            #expect(rows.text(0, 0) == "0", "\(limit)")
        }
    }

    @Test("is refused without a standby where one is asked for")
    func standby() async throws {
        let error = await opening(try #require(Server.url)) { $0.durability = .everyCommitOnStandby }
        guard case .notDurable(_, "synchronous_standby_names", _, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("is refused on a server that does not sync")
    func fsync() async throws {
        try await Engine.with(environment: ["POSTGRES_FSYNC": "off"]) { engine in
            guard case .notDurable(_, "fsync", "off", "on")? = await opening(engine.url) else {
                Issue.record("It was not refused.")
                return
            }
            let none = await opening(engine.url) { $0.durability = .mayLoseLatestOnFailure }
            #expect(none == nil)
        }
    }

    @Test("is refused when a server that runs is told to sync no longer, and so are appends and changes of read models")
    func settingsChange() async throws {
        try await Engine.with { engine in
            let store = try await PostgresEventStore.open(engine.url)
            try await store.append([event], to: "account-1")
            for (set, reset) in [("synchronous_commit = off", "synchronous_commit"), ("fsync = off", "fsync")] {
                try Server.sql("ALTER SYSTEM SET \(set)", at: engine.url)
                try Server.sql("SELECT pg_reload_conf()", at: engine.url)
                try await eventually("appends are refused with \(set)") {
                    do {
                        try await store.append([NewEvent(type: "happened", data: [])], to: "account-1")
                        return false
                    } catch AppendError.storageFailed(let reason, mayBeWritten: false) {
                        return reason.contains(reset) && reason.contains("set it to on")
                    }
                }
                try await eventually("changes of read models are refused") {
                    do {
                        try await store.commit(
                            DocumentBatch(model: "tape", changes: ["x": [1]], previous: .start, checkpoint: .start))
                        return false
                    } catch DerivedStateError.storageFailed(let reason) {
                        return reason.contains(reset)
                    }
                }
                try Server.sql("ALTER SYSTEM RESET \(reset)", at: engine.url)
                try Server.sql("SELECT pg_reload_conf()", at: engine.url)
                try await eventually("they are taken again") {
                    (try? await store.append([NewEvent(type: "happened", data: [])], to: "account-1")) != nil
                }
            }
            await store.close()
        }
    }

    @Test("is refused in a database of another encoding")
    func encoding() async throws {
        let name = "latin_\(UInt32.random(in: 0...UInt32.max))"
        try Server.sql("CREATE DATABASE \(name) ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        let url = try #require(Server.url).replacingOccurrences(of: "/daybook?", with: "/\(name)?")
        let error = await opening(url)
        try Server.sql("DROP DATABASE \(name)")
        guard case .encoding(_, "LATIN1")? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("is refused where no server is, and names no password")
    func unreachable() async throws {
        let error = await opening("postgresql://bank:secret@127.0.0.1:1/bank")
        guard case .unreachable(let address, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(address == "user=bank dbname=bank host=127.0.0.1 port=1")
        #expect(error.map { !"\($0)".contains("secret") } == true)
    }

    @Test(
        "is refused for a name that no schema can have",
        arguments: ["", "pg_events", String(repeating: "x", count: 64)])
    func schemaName(name: String) async throws {
        #expect(await opening(try #require(Server.url)) { $0.schema = name } == .schemaName(name))
    }

    @Test("keeps stores apart by their schemas, whatever their names")
    func schemas() async throws {
        try await Server.withSchema { prefix in
            var stores: [PostgresEventStore] = []
            let names = ["\(prefix)\" \"a", "\(prefix)'", "\(prefix).É"]
            for (number, name) in names.enumerated() {
                let store = try await Server.open(name)
                for _ in 0...number { try await store.append([NewEvent(type: "happened", data: [])], to: "account-1") }
                stores.append(store)
            }
            for (number, store) in stores.enumerated() {
                #expect(try await store.head() == Position(Int64(number + 1)))
                await store.close()
            }
            for name in names {
                try Server.sql("DROP SCHEMA \"\(name.replacingOccurrences(of: "\"", with: "\"\""))\" CASCADE")
            }
        }
    }

    /// Opens a store eight times at once.
    private func openEight(_ schema: String) async throws -> [PostgresEventStore] {
        try await withThrowingTaskGroup(of: PostgresEventStore.self) { group in
            for _ in 0..<8 { group.addTask { try await Server.open(schema) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test("makes the tables once, also when several processes do so at the same time")
    func migrations() async throws {
        try await Server.withSchema { schema in
            let stores = try await openEight(schema)
            for store in stores { try await store.append([NewEvent(type: "happened", data: [])], to: "account-1") }
            #expect(try await stores[0].head() == 8)
            for store in stores { await store.close() }
            let applied = try Server.sql("SELECT version, applied_at FROM \(schema).migrations ORDER BY version")
            let again = try await Server.open(schema)
            #expect(try await again.head() == 8)
            await again.close()
            #expect(try Server.sql("SELECT version, applied_at FROM \(schema).migrations ORDER BY version") == applied)
            #expect(try Server.sql("SELECT count(*) FROM \(schema).writers") == [["0"]])
        }
    }

    @Test("brings the tables of the first version to those of today, once, with what they hold")
    func upgrade() async throws {
        try await Server.withSchema { schema in
            let before = try await Server.open(schema)
            try await before.commit(
                DocumentBatch(model: "tape", changes: ["x": [1]], previous: .start, checkpoint: 1))
            await before.close()
            try Server.sql("ALTER TABLE \(schema).read_models DROP COLUMN tokens")
            try Server.sql("DELETE FROM \(schema).migrations WHERE version > 1")
            let stores = try await openEight(schema)
            for (number, store) in stores.enumerated() {
                let position = Position(Int64(number + 1))
                try await store.commit(
                    DocumentBatch(model: "tape", changes: ["y": [2]], previous: position, checkpoint: position.next))
            }
            #expect(try await stores[0].checkpoint(of: "tape") == 9)
            #expect(try await stores[0].documents(["x", "y"], of: "tape") == ["x": [1], "y": [2]])
            for store in stores { await store.close() }
            let versions = try Server.sql("SELECT version FROM \(schema).migrations ORDER BY version")
            #expect(versions == [["1"], ["2"]])
        }
    }

    @Test("is refused where there are no tables, or older ones, and none are to be made; they stay as they were")
    func createsNoTables() async throws {
        let url = try #require(Server.url)
        try await Server.withSchema { schema in
            func refused() async -> PostgresOpenError? {
                await opening(url) {
                    $0.schema = schema
                    $0.createsTables = false
                }
            }
            guard case .missing(_, schema)? = await refused() else {
                Issue.record("Tables were made.")
                return
            }
            let schemas = try Server.sql("SELECT count(*) FROM pg_namespace WHERE nspname = '\(schema)'")
            #expect(schemas == [["0"]])
            await (try Server.open(schema)).close()
            #expect(await refused() == nil)
            try Server.sql("DELETE FROM \(schema).migrations WHERE version > 1")
            guard case .olderSchema(schema, found: 1, known: _)? = await refused() else {
                Issue.record("Older tables were opened.")
                return
            }
            #expect(try Server.sql("SELECT version FROM \(schema).migrations") == [["1"]])
        }
    }

    @Test("is refused when a newer version has made the tables")
    func newer() async throws {
        try await Server.withSchema { schema in
            await (try Server.open(schema)).close()
            try Server.sql("INSERT INTO \(schema).migrations (version) VALUES (99)")
            let error = await opening(try #require(Server.url)) { $0.schema = schema }
            guard case .newerSchema(schema, found: 99, known: _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("ends with closing: what comes later is told so")
    func closed() async throws {
        try await Server.withStore { store in
            let wait = Task { try await store.head(beyond: 5) }
            try await store.append([event], to: "account-1")
            await store.close()
            await store.close()
            await #expect(throws: ReadError.closed) { try await wait.value }
            await #expect(throws: AppendError.closed) { try await store.append([event], to: "account-1") }
            await #expect(throws: ReadError.closed) { try await store.head() }
            await #expect(throws: DerivedStateError.closed) { try await store.checkpoint(for: "x") }
        }
    }
}
