import ArgumentParser
import DaybookCore
import DaybookSQLite

#if Client
import DaybookClient
#endif
#if JetStream
import DaybookJetStream
#endif
#if Postgres
import DaybookPostgres
#endif

/// The store that a verb works on.
struct StoreOptions: ParsableArguments {
    @Option(
        name: .customLong("store"),
        help: ArgumentHelp(
            """
            The store: a file; daybook://HOST:PORT, postgres://… or jetstream://HOST:PORT/NAME where that is built in \
            (swift run --traits Client exchange, --traits Postgres, --traits JetStream).
            """,
            valueName: "store"))
    var address: String

    func validate() throws {
        #if !Client
        if isOnServer {
            throw ValidationError(
                "The store is on a server of Daybook: those are built in by 'swift run --traits Client exchange'.")
        }
        #endif
        #if !Postgres
        if isOnPostgres {
            throw ValidationError(
                "'\(address)' is a server: stores on PostgreSQL are built in by 'swift run --traits Postgres exchange'."
            )
        }
        #endif
        if isOnJetStream {
            #if JetStream
            do { _ = try JetStreamAddress(address) } catch { throw ValidationError(error.description) }
            #else
            throw ValidationError(
                "'\(address)' is a cluster: stores on JetStream are built in by 'swift run --traits JetStream exchange'."
            )
            #endif
        }
    }

    private var isOnServer: Bool { address.hasPrefix("daybook:") }
    private var isOnPostgres: Bool { address.hasPrefix("postgres://") || address.hasPrefix("postgresql://") }
    private var isOnJetStream: Bool { address.hasPrefix("jetstream:") }

    /// The store's file; nil when it is on a server.
    var path: String? { isOnServer || isOnPostgres || isOnJetStream ? nil : address }

    /// Opens the store, and closes it when the operation ends, however it ends.
    ///
    /// - Parameters:
    ///   - creates: Whether the store is made when it is not there; on a server it always is.
    ///   - time: What the store records as the time of its events; nil for the time that it is. The time of a cluster, and of a
    ///     server of Daybook, cannot be driven: such a store is refused.
    func withStore<Value>(
        creates: Bool, time: TimeSource? = nil, _ operation: (any MarketStore) async throws -> Value
    ) async throws -> Value {
        #if Client
        if isOnServer {
            guard time == nil else {
                throw CommandFailure(
                    .refused,
                    "The store is on a server, which gives events its own time, and this verb drives the time: use a file."
                )
            }
            let client: DaybookClient
            do throws(ClientError) { client = try DaybookClient.connect(to: address) } catch {
                throw CommandFailure(.usage, error.description)
            }
            return try await closing(client.close) { try await operation(client) }
        }
        #endif
        #if Postgres
        if isOnPostgres {
            var configuration = PostgresEventStore.Configuration()
            configuration.time = time ?? .system
            let store = try await PostgresEventStore.open(address, configuration: configuration)
            return try await closing(store.close) { try await operation(store) }
        }
        #endif
        #if JetStream
        if isOnJetStream {
            guard time == nil else {
                throw CommandFailure(
                    .refused,
                    "'\(address)' is a cluster, which gives events its own time, and this verb drives the time: use a file."
                )
            }
            let store = try await JetStreamEventStore.connect(to: try JetStreamAddress(address))
            return try await closing(store.close) { try await operation(store) }
        }
        #endif
        var configuration = SQLiteEventStore.Configuration()
        configuration.createsFile = creates
        configuration.time = time ?? .system
        let store = try await SQLiteEventStore.open(address, configuration: configuration)
        return try await closing(store.close) { try await operation(store) }
    }

    private func closing<Value>(_ close: () async -> Void, _ body: () async throws -> Value) async throws -> Value {
        do {
            let value = try await body()
            await close()
            return value
        } catch {
            await close()
            throw error
        }
    }
}
