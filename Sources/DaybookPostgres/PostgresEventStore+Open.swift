#if Postgres
import DaybookCore

extension PostgresEventStore {
    /// How a store works. The defaults are safe, and fit most.
    public struct Configuration: Sendable {
        /// The PostgreSQL schema that holds the store's tables: several stores share a database under names of their own.
        public var schema = "daybook"
        /// Whether tables that are not there are made, and older ones brought to this version; otherwise opening throws.
        public var createsTables = true
        /// What the server must promise.
        public var durability = PostgresDurability.Requirement.everyCommit
        /// Connections that read, each with a thread of its own, made when they are needed. At least 1.
        public var readerCount = 4
        /// How long an append or a read waits for a server to come back, or for a standby to take over, before it throws.
        public var reconnectTimeout = Duration.seconds(30)
        /// How often the head is asked for while somebody waits for it: how late an append of another process is seen when
        /// its notification is lost.
        public var pollInterval = Duration.milliseconds(50)
        /// Where recorded times come from.
        public var time = TimeSource.system
        /// Read models that change in the transaction of every append. Opening first brings each up to the log's end. Every
        /// process that appends must name the same ones.
        public var inlineReadModels: [any InlineReadModel] = []
        /// Appends that one transaction takes at most.
        package var appendsPerTransaction = 1024

        public init() {}
    }

    /// Opens a store in a database, and makes its tables when there are none, unless the configuration says not to.
    ///
    /// - Parameter connectionString: As libpq takes it: `postgresql://user@host1,host2/database`, or `host=… dbname=…`. Of
    ///   several hosts, the one that takes writes is used.
    ///   See https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
    /// - Complexity: O(1), but for events that an inline read model has missed.
    public static func open(
        _ connectionString: String, configuration: Configuration = Configuration()
    ) async throws(PostgresOpenError) -> PostgresEventStore {
        let result = await Threads.run("daybook-open") {
            Result { () throws(PostgresOpenError) in try open(connectionString, configuration) }
        }
        return try result.get()
    }

    private static func open(
        _ connectionString: String, _ configuration: Configuration
    ) throws(PostgresOpenError) -> PostgresEventStore {
        let schema = configuration.schema
        guard (1...63).contains(schema.utf8.count), !schema.hasPrefix("pg_"), !schema.utf8.contains(0) else {
            throw .schemaName(schema)
        }
        let address = ServerAddress(connectionString: connectionString, use: "appends")
        let connection: Connection
        do {
            connection = try Connection(address)
        } catch {
            var any = address
            any.acceptsStandby = true
            if let connection = try? Connection(any), (try? connection.isReadOnly()) == true {
                throw .readOnly(address: address.shown)
            }
            throw .unreachable(address: address.shown, reason: error.message)
        }
        let durability: PostgresDurability
        let id = EventID()
        let head: Int64
        do {
            durability = try check(connection, address, configuration)
            if configuration.createsTables {
                try Schema.migrate(schema, on: connection)
            } else {
                try Schema.require(schema, on: connection, at: address.shown)
            }
            try connection.run([
                GroupStatements.forgetOld.with(), GroupStatements.register(id, committed: 0),
            ])
            try InlineReadModels.catchUp(configuration, on: connection)
            head = try connection.run(HeadListener.head.with()).integer(0, 0)
        } catch let error as PostgresOpenError {
            throw error
        } catch {
            throw .storageFailed(address: address.shown, reason: "\(error)")
        }

        let signal = HeadSignal()
        signal.publish(head)
        var listening = address
        listening.use = "notifications"
        let listener: HeadListener
        do { listener = try HeadListener(listening, configuration, signal) } catch {
            throw .storageFailed(address: address.shown, reason: "\(error)")
        }
        let queue = JobQueue<AppendSubmission>(watches: true)
        let box = DurabilityBox(durability)
        let threads = Threads()
        let writer = Owned(
            GroupWriter(
                connection, id: id, fence: 0, address: address, configuration: configuration, queue: queue,
                signal: signal, listener: listener, durability: box))
        threads.start("daybook-writer") { writer.value.run() }
        threads.start("daybook-listener") { listener.run() }
        var reading = address
        reading.use = "reads"
        let readers = ReaderPool(reading, configuration, threads)
        return PostgresEventStore(
            configuration: configuration, address: address, readers: readers, signal: signal, queue: queue,
            listener: listener, threads: threads, durability: box)
    }

    private static func check(
        _ connection: Connection, _ address: ServerAddress, _ configuration: Configuration
    ) throws -> PostgresDurability {
        guard connection.serverVersion >= 140_000 else {
            throw PostgresOpenError.serverTooOld(address: address.shown, version: Int(connection.serverVersion))
        }
        let rows = try connection.run(PostgresDurability.settings.with())
        guard rows.text(0, 1) == "UTF8" else {
            throw PostgresOpenError.encoding(address: address.shown, found: rows.text(0, 1))
        }
        guard !rows.boolean(0, 2) else { throw PostgresOpenError.readOnly(address: address.shown) }
        let durability = try configuration.prepare(connection, reusesPlans: true)
        if let shortfall = durability.shortfall(from: configuration.durability) {
            throw PostgresOpenError.notDurable(
                address: address.shown, setting: shortfall.setting, value: shortfall.value, needed: shortfall.needed)
        }
        return durability
    }
}

extension PostgresEventStore.Configuration {
    /// Sets up a new connection, and reads what its server promises.
    ///
    /// Time limits that a role may have are lifted, since a commit may have to wait for a standby; and a transaction that its
    /// process has forgotten, or whose machine is gone, is ended by the server, since it holds the lock that all wait for.
    ///
    /// - Parameter reusesPlans: Plans each statement once, whatever its parameters are.
    func prepare(_ connection: Connection, reusesPlans: Bool = false) throws(ServerFailure) -> PostgresDurability {
        let rows = try connection.run([
            Statement(once: "SELECT set_config('search_path', $1::text, false)").with { $0.add(Schema.quoted(schema)) },
            Statement(
                once: """
                    SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
                        set_config('idle_in_transaction_session_timeout', '60s', false),
                        set_config('default_transaction_isolation', 'read committed', false),
                        set_config('plan_cache_mode', $1::text, false),
                        set_config('tcp_keepalives_idle', '10', false),
                        set_config('tcp_keepalives_interval', '5', false),
                        set_config('tcp_keepalives_count', '3', false),
                        set_config('tcp_user_timeout', '30s', false)
                    """
            ).with { $0.add(reusesPlans ? "force_generic_plan" : "auto") },
            // Those that not every version has.
            Statement(
                once: """
                    SELECT set_config(name, '0', false) FROM pg_settings
                    WHERE name IN ('idle_session_timeout', 'transaction_timeout')
                    """
            ).with(), PostgresDurability.settings.with(),
        ])
        return PostgresDurability(rows[3], server: connection.host)
    }
}

extension Connection {
    /// Whether the server is a standby, or refuses writes for another reason.
    fileprivate func isReadOnly() throws(ServerFailure) -> Bool {
        try run(PostgresDurability.settings.with()).boolean(0, 2)
    }
}

/// Hands something that is used by one thread at a time over to a thread.
struct Owned<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
#endif
