import ArgumentParser
import DaybookCore
import DaybookSQLite
import Foundation

#if Client
import DaybookClient
#endif
#if JetStream
import DaybookJetStream
#endif
#if Postgres
import DaybookPostgres
#endif

/// Where a store is: `file:shop.db`, `daybook://` and a server, `postgres:` and what libpq takes, or `jetstream://` and servers
/// and a name.
struct StoreAddress: Sendable, CustomStringConvertible {
    private enum Place {
        case file(path: String)
        /// What `DaybookClient` takes. There may be a password in it: it is looked at where nothing shows it, which is not when
        /// arguments are parsed.
        case server(String)
        /// What `PostgresAddress` takes.
        case postgres(String)
        #if JetStream
        case jetStream(JetStreamAddress)
        #endif
    }

    let description: String
    private let place: Place

    init(_ text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch parts.first {
        case "file" where parts.count == 2:
            place = .file(path: parts[1])
            description = text
        case "daybook" where parts.count == 2:
            place = .server(text)
            description = Self.withoutSecrets(text)
        case "postgres" where parts.count == 2, "postgresql" where parts.count == 2:
            #if Postgres
            let address = parts[1].hasPrefix("//") ? text : parts[1]
            place = .postgres(address)
            description = PostgresAddress(address).description
            #else
            throw ValidationError(
                "This daybook was built without PostgreSQL: build it by 'swift build --traits Postgres'.")
            #endif
        case "jetstream" where parts.count == 2:
            #if JetStream
            do {
                let address = try JetStreamAddress(text)
                place = .jetStream(address)
                description = address.description
            } catch {
                throw ValidationError(error.description)
            }
            #else
            throw ValidationError(
                "This daybook was built without JetStream: build it by 'swift build --traits JetStream'.")
            #endif
        default: throw ValidationError("'\(text)' names no store; write \(Self.help).")
        }
    }

    /// Takes the path of a file, too: whatever does not begin as an address does.
    init(orPath text: String) throws {
        if Self.schemes.contains(where: { text.hasPrefix("\($0):") }) {
            try self.init(text)
        } else {
            self.init(place: .file(path: text), description: text)
        }
    }

    /// Takes the path of a file, too, as long as it has no colon: what has one may be an address that is misspelt, and a store
    /// would be made by its name.
    init(orBarePath text: String) throws {
        if text.contains(":") || text.isEmpty {
            try self.init(text)
        } else {
            self.init(place: .file(path: text), description: text)
        }
    }

    /// Takes a file or a server, for verbs that work on nothing else.
    static func fileOrServer(_ text: String) throws -> StoreAddress {
        if let scheme = schemes.first(where: { text.hasPrefix("\($0):") }), !["file", "daybook"].contains(scheme) {
            throw ValidationError(
                "This verb works on files and Daybook's servers, and what begins with '\(scheme):' is another system: copy it "
                    + "to a file, 'daybook copy --from ADDRESS --to file:PATH', or write ./ before the name of a file.")
        }
        return try StoreAddress(orPath: text)
    }

    /// The path of a file; nil for all other stores.
    var path: String? {
        if case .file(let path) = place { return path }
        return nil
    }

    /// The address of a server of Daybook, which may have a password in it; nil for all other stores.
    var server: String? {
        if case .server(let address) = place { return address }
        return nil
    }

    /// The host and port of a server's address.
    private static func withoutSecrets(_ text: String) -> String {
        let place = text.drop { $0 != ":" }.drop { $0 == ":" || $0 == "/" }.prefix { $0 != "?" }
        let host = place.lastIndex(of: "@").map { place.index(after: $0) } ?? place.startIndex
        return "daybook://" + place[host...].prefix { $0 != "/" }
    }

    private init(place: Place, description: String) {
        self.place = place
        self.description = description
    }

    private static let schemes = ["file", "daybook", "postgres", "postgresql", "jetstream"]

    /// What tells the store from others wherever it is asked from: the whole path of a file, or the address without its password.
    var label: String {
        if case .file(let path) = place { return URL(fileURLWithPath: path).path }
        return description
    }

    static let help =
        "file:PATH, daybook://HOST:PORT, postgres://USER@HOST/DATABASE, postgres:host=… dbname=…, or "
        + "jetstream://HOST:PORT,HOST:PORT/STORE"

    /// Opens the store, does something with it, and closes it, whatever happened.
    ///
    /// - Parameters:
    ///   - creates: Whether a store that is not there is made; otherwise that is an error.
    ///   - login: Who the command is to a server of Daybook.
    func withStore<Result>(
        creates: Bool, login: ServerLogin = ServerLogin(),
        freeSpaceReserve: Int64 = SQLiteEventStore.Configuration().freeSpaceReserve,
        _ body: (any CopyableStore & HealthReporting) async throws -> Result
    ) async throws -> Result {
        switch place {
        case .file(let path):
            let store = try await openStore(path, creates: creates, freeSpaceReserve: freeSpaceReserve)
            return try await closing(store.close) { try await body(store) }
        case .server:
            #if Client
            return try await withClient(login) { client in try await body(try await client.copyable()) }
            #else
            throw Self.withoutClient
            #endif
        case .postgres(let text):
            #if Postgres
            var address = PostgresAddress(text)
            address.configuration.createsTables = creates
            let store: PostgresEventStore
            do {
                store = try await PostgresEventStore.open(
                    address.connectionString, configuration: address.configuration)
            } catch {
                throw CommandFailure(error)
            }
            return try await closing(store.close) { try await body(store) }
            #else
            throw CommandFailure(.usage, "'\(text)' is on PostgreSQL, without which this was built.")
            #endif
        #if JetStream
        case .jetStream(var address):
            address.configuration.createsStream = creates
            let store: JetStreamEventStore
            do { store = try await JetStreamEventStore.connect(to: address) } catch { throw CommandFailure(error) }
            return try await closing(store.close) { try await body(store) }
        #endif
        }
    }

    /// How the store is. A file that another process has open is only read.
    ///
    /// - Parameter freeSpaceReserve: That of the application, of which a file tells nothing.
    func health(_ policy: HealthPolicy, login: ServerLogin, freeSpaceReserve: Int64) async throws -> StoreHealth {
        #if Client
        // Whoever the server knows may ask, and only admins may copy.
        if server != nil { return try await withClient(login) { try await $0.health(policy) } }
        #endif
        do {
            return try await asItIs.withStore(creates: false, freeSpaceReserve: freeSpaceReserve) {
                try await $0.health(policy)
            }
        } catch let failure as CommandFailure where failure.code == .unavailable {
            guard case .file(let path) = place else { throw failure }
            return try await SQLiteEventStore.health(ofFile: path, policy, freeSpaceReserve: freeSpaceReserve)
        }
    }

    /// The store, however little its servers promise: one that is down is to be told, and cannot say whether it syncs.
    private var asItIs: StoreAddress {
        #if JetStream
        if case .jetStream(var address) = place {
            address.configuration.durability = .init(replicas: 1, syncsAlways: false)
            address.configuration.monitoringURLs = []
            return StoreAddress(place: .jetStream(address), description: description)
        }
        #endif
        return self
    }

    func closing<Result>(
        _ close: () async -> Void, _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await body()
            await close()
            return result
        } catch {
            await close()
            throw error
        }
    }
}

#if Postgres
extension CommandFailure {
    init(_ error: PostgresOpenError) {
        switch error {
        case .unreachable, .readOnly: self.init(.unavailable, error.description)
        case .missing: self.init(.missingFile, error.description)
        case .storageFailed: self.init(.inputOutput, error.description)
        default: self.init(.refused, error.description)
        }
    }
}
#endif

#if JetStream
extension CommandFailure {
    init(_ error: JetStreamStoreError) {
        switch error {
        case .unreachable: self.init(.unavailable, error.description)
        case .noStream: self.init(.missingFile, error.description)
        case .lostEvents: self.init(.damageFound, error.description)
        case .highWaterMark: self.init(.inputOutput, error.description)
        default: self.init(.refused, error.description)
        }
    }
}
#endif
