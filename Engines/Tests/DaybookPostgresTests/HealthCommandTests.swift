import DaybookCore
import DaybookPostgres
import StoreTrials
import Testing

@Suite("daybook health on PostgreSQL", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(5)))
struct HealthCommandTests {
    @Test("tells how far each consumer is behind, without the figures of a file, and no password")
    func health() async throws {
        let program = try BuiltProgram("daybook")
        try await Server.withDatabase { address in
            let store = try await PostgresEventStore.open(address)
            for number in 0..<30 {
                try await store.append([NewEvent(type: "Counted", data: [])], to: StreamName(unchecked: "s-\(number)"))
            }
            try await store.save(Checkpoint(after: 10), for: "reader")
            let well = try await program.run("health", address)
            #expect(well.status == 0 && well.output.contains("Healthy: head 30.\n"), "\(well)")
            #expect(well.output.contains("checkpoint  reader"))
            let behind = try await program.run("health", address, "--max-behind", "19", "--json")
            #expect(behind.status == 3 && behind.errors.contains("checkpoint 'reader': It is 20 positions behind"))
            #expect(behind.output.contains(#""eventsBehind":20"#) && !behind.output.contains(#""file""#), "\(behind)")
            let secret = address.replacing("://daybook@", with: "://daybook:secret@")
            let metrics = try await program.run("health", secret, "--metrics")
            #expect(metrics.status == 0, "\(metrics)")
            #expect(metrics.output.contains("daybook_head_position{store=\"postgres"), "\(metrics)")
            #expect(!metrics.output.contains("wal_bytes") && !metrics.output.contains("secret"), "\(metrics)")
            await store.close()
        }
    }
}
