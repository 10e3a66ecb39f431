import DaybookCore
import DaybookPostgres
import Foundation
import StoreTrials
import Testing

@Suite(
    "The command's address of a store on PostgreSQL", .enabled(if: Server.isGiven, Server.hint),
    .timeLimit(.minutes(5)))
struct StoreAddressTests {
    @Test(
        "is shown without its password, however that is written",
        arguments: ["password=very_secret", "password='very secret'", "password = 'very secret'", "password = secret"])
    func password(_ password: String) async throws {
        let program = try BuiltProgram("daybook")
        try await Server.withDatabase { address in
            await (try PostgresEventStore.open(address)).close()
            let parts = try #require(URLComponents(string: address))
            let host = try #require(parts.host)
            let port = try #require(parts.port)
            let name = parts.path.dropFirst()
            let place = "host=\(host) port=\(port) user=daybook dbname=\(name)"
            let metrics = try await program.run("health", "postgres:\(place) \(password)", "--metrics")
            #expect(metrics.status == 0 && !metrics.output.contains("secret"), "\(metrics)")
            let shown = "user=daybook dbname=\(name) host=\(host) port=\(port)"
            #expect(metrics.output.contains("daybook_head_position{store=\"postgres:\(shown)\"} 0"), "\(metrics)")
        }
    }

    @Test("makes no tables for health and for the source of a copy")
    func looks() async throws {
        let program = try BuiltProgram("daybook")
        try await Server.withDatabase { address in
            let health = try await program.run("health", address)
            #expect(health.status == 66 && health.errors.contains("no store in schema 'daybook'"), "\(health)")
            let file = program.file("a.db")
            let copy = try await program.run("copy", "--from", address, "--to", "file:\(file)")
            #expect(copy.status == 66 && !FileManager.default.fileExists(atPath: file), "\(copy)")
            let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'daybook'"
            #expect(try Server.sql(schemas, at: address) == [["0"]])
        }
    }

    @Test("may name a schema")
    func schema() async throws {
        let program = try BuiltProgram("daybook")
        try await Server.withDatabase { address in
            var configuration = PostgresEventStore.Configuration()
            configuration.schema = "orders"
            let store = try await PostgresEventStore.open(address, configuration: configuration)
            try await store.append([NewEvent(type: "Counted", data: [])], to: "s-1")
            await store.close()
            let metrics = try await program.run("health", address + "&schema=orders", "--metrics")
            #expect(metrics.status == 0 && metrics.output.contains(" schema=orders\"} 1\n"), "\(metrics)")
            #expect(try await program.run("health", address).status == 66)
        }
    }
}
