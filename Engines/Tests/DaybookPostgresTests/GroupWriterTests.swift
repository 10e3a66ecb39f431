import DaybookCore
import StoreTrials
import Synchronization
import Testing

@testable import DaybookPostgres

@Suite("The writer of a PostgreSQL store", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(5)))
struct GroupWriterTests {
    /// A store whose appends nobody writes yet.
    private func store(
        at address: ServerAddress, _ configuration: PostgresEventStore.Configuration
    ) throws -> PostgresEventStore {
        let threads = Threads()
        let signal = HeadSignal()
        let durability = PostgresDurability(
            server: "", serverVersion: 0, synchronousCommit: .on, fsync: true, fullPageWrites: true,
            synchronousStandbyNames: "", dataChecksums: true)
        return PostgresEventStore(
            configuration: configuration, address: address,
            readers: ReaderPool(address, configuration, threads), signal: signal, queue: JobQueue(),
            listener: try HeadListener(address, configuration, signal), threads: threads,
            durability: DurabilityBox(durability))
    }

    @Test("waits for a server once for all that waits, in however many groups that would be written")
    func givesUpOnce() async throws {
        var configuration = PostgresEventStore.Configuration()
        configuration.reconnectTimeout = .zero
        let nowhere = ServerAddress(connectionString: "postgresql://127.0.0.1:1/nowhere", use: "appends")
        let store = try store(at: nowhere, configuration)
        let appends = (0..<3).map { number -> Task<Void, any Error> in
            Task {
                // Of this size each is a group of its own.
                let events = (0..<16).map { _ in
                    NewEvent(type: "large", data: [UInt8](repeating: 7, count: Limits.eventBytes))
                }
                try await store.append(events, to: StreamName("account-\(number)"))
            }
        }
        try await eventually("they wait") { store.queue.waiting.load(ordering: .acquiring) == 3 }
        await store.close()

        let lost = try Connection(ServerAddress(connectionString: try #require(Server.url), use: "appends"))
        #expect(try Server.sql("SELECT pg_terminate_backend(\(lost.processID), 30000)") == [["t"]])
        let writer = Owned(
            GroupWriter(
                lost, id: EventID(), fence: 0, address: nowhere, configuration: configuration, queue: store.queue,
                signal: store.signal, listener: store.listener, durability: DurabilityBox(store.durability)))
        await Threads.run("writer") { writer.value.run() }

        var reasons: Set<String> = []
        for append in appends {
            let error = await #expect(throws: AppendError.self) { try await append.value }
            guard case .storageFailed(let reason, mayBeWritten: false)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            reasons.insert(reason)
        }
        #expect(reasons.count == 1, "Another one was looked for: \(reasons)")
    }
}
