import DaybookClient
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Testing

@Suite("A client of a store in memory")
struct MemoryClientLawTests {
    @Test("keeps every law", arguments: EventStoreLaw.all)
    func law(_ law: EventStoreLaw) async throws {
        try await TestServer.serving(InMemoryEventStore()) { try await law.check($0) }
    }

    @Test("keeps every law of derived state", arguments: DerivedStateLaw.all)
    func derivedStateLaw(_ law: DerivedStateLaw) async throws {
        try await TestServer.serving(InMemoryEventStore()) { try await law.check($0) }
    }

    @Test("keeps every law of health", arguments: HealthLaw.all)
    func healthLaw(_ law: HealthLaw) async throws {
        try await TestServer.serving(InMemoryEventStore()) { try await law.check($0) }
    }
}

@Suite("A client of a store in a file")
struct SQLiteClientLawTests {
    private func serving(_ use: (DaybookClient) async throws -> Void) async throws {
        let store = try await SQLiteEventStore.temporary()
        do { try await TestServer.serving(store, use) } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    @Test("keeps every law", arguments: EventStoreLaw.all)
    func law(_ law: EventStoreLaw) async throws { try await serving { try await law.check($0) } }

    @Test("keeps every law of derived state", arguments: DerivedStateLaw.all)
    func derivedStateLaw(_ law: DerivedStateLaw) async throws { try await serving { try await law.check($0) } }

    @Test("keeps every law of health", arguments: HealthLaw.all)
    func healthLaw(_ law: HealthLaw) async throws { try await serving { try await law.check($0) } }
}

@Suite("A log that is copied to and from a server")
struct ClientCopyTests {
    /// Servers that a law asks for, each with a store of its own.
    private actor Servers {
        private var started: [(server: TestServer, client: DaybookClient)] = []

        func start() async throws -> any CopyableStore {
            let server = try await TestServer.start(InMemoryEventStore())
            let client = try DaybookClient.connect(to: server.address)
            started.append((server, client))
            return try await client.copyable()
        }

        func stop() async {
            for (server, client) in started {
                await client.close()
                await server.stop()
            }
            started = []
        }
    }

    @Test("keeps every law of copying", arguments: CopyLaw.all)
    func law(_ law: CopyLaw) async throws {
        let servers = Servers()
        do { try await law.check { try await servers.start() } } catch {
            await servers.stop()
            throw error
        }
        await servers.stop()
    }
}
