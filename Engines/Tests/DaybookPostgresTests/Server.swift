import CPostgres
import DaybookCore
import DaybookPostgres
import Foundation
import StoreTrials
import Testing

/// The server that the tests run on, as an environment variable names it.
enum Server {
    static let url = ProcessInfo.processInfo.environment["DAYBOOK_POSTGRES"]
    static let isGiven = url != nil
    static let hint: Comment = "DAYBOOK_POSTGRES names no server: run make test-engines ENGINES=postgres"

    /// - Parameter relay: What the store is to reach the server by.
    static func open(
        _ schema: String, through relay: CuttingRelay? = nil,
        _ configure: (inout PostgresEventStore.Configuration) -> Void = { _ in }
    ) async throws -> PostgresEventStore {
        var configuration = PostgresEventStore.Configuration()
        configuration.schema = schema
        configure(&configuration)
        var address = try #require(url)
        if let relay { address = address.replacing(/:\d+\//, with: ":\(relay.port)/") }
        return try await PostgresEventStore.open(address, configuration: configuration)
    }

    /// Gives a name of a schema that does not exist, and removes the schema afterwards.
    static func withSchema(_ body: (String) async throws -> Void) async throws {
        let schema = "test_\(EventID().description.replacingOccurrences(of: "-", with: "_"))"
        do { try await body(schema) } catch {
            _ = try? sql("DROP SCHEMA IF EXISTS \(schema) CASCADE")
            throw error
        }
        try sql("DROP SCHEMA IF EXISTS \(schema) CASCADE")
    }

    /// Gives an empty store, and removes it afterwards.
    static func withStore(
        _ configure: (inout PostgresEventStore.Configuration) -> Void = { _ in },
        _ body: (PostgresEventStore) async throws -> Void
    ) async throws {
        try await withSchema { schema in
            let store = try await open(schema, configure)
            do { try await body(store) } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }

    /// Gives the address of an empty database of its own, and removes it afterwards.
    static func withDatabase(_ body: (String) async throws -> Void) async throws {
        let name = "trial_\(EventID().description.replacingOccurrences(of: "-", with: "_"))"
        try sql("CREATE DATABASE \(name)")
        var address = try #require(url)
        let end = address.firstIndex(of: "?") ?? address.endIndex
        let slash = try #require(address[..<end].lastIndex(of: "/"))
        address.replaceSubrange(address.index(after: slash)..<end, with: name)
        do { try await body(address) } catch {
            _ = try? sql("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
            throw error
        }
        try sql("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Runs SQL on a connection of its own, outside of the library.
    @discardableResult
    static func sql(_ text: String, at address: String? = nil) throws -> [[String?]] {
        let connection = PQconnectdb((address ?? url ?? "") + "&options=-c%20client_min_messages%3Dwarning")
        defer { PQfinish(connection) }
        return try run(text, on: connection)
    }

    /// Keeps everybody else away from a table meanwhile.
    static func withLock<Value>(on table: String, _ body: () async throws -> Value) async throws -> Value {
        let connection = PQconnectdb(url ?? "")
        defer { PQfinish(connection) }
        _ = try run("BEGIN", on: connection)
        _ = try run("LOCK TABLE \(table) IN ACCESS EXCLUSIVE MODE", on: connection)
        return try await body()
    }

    private static func run(_ text: String, on connection: OpaquePointer?) throws -> [[String?]] {
        let result = PQexec(connection, text)
        defer { PQclear(result) }
        guard [PGRES_COMMAND_OK, PGRES_TUPLES_OK].contains(PQresultStatus(result)) else {
            throw Failure(description: "\(text): \(String(cString: PQerrorMessage(connection)))")
        }
        return (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column in
                PQgetisnull(result, row, column) != 0 ? nil : String(cString: PQgetvalue(result, row, column))
            }
        }
    }
}
