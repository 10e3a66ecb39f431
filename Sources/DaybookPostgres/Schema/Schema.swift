#if Postgres
import DaybookCore

/// The tables of a store, all in one PostgreSQL schema, and the steps that lead to them.
enum Schema {
    /// The version that this code reads and writes.
    static let version: Int64 = Int64(migrations.count)

    /// Each step's statements; step n leads to version n. A step that was released is never changed.
    static let migrations: [[String]] = [
        [
            // Positions have no gaps: they are given under the store's lock, which is held until the commit.
            """
            CREATE TABLE events (
                position bigint PRIMARY KEY,
                stream text COLLATE "C" NOT NULL,
                version bigint NOT NULL,
                id uuid NOT NULL,
                type text COLLATE "C" NOT NULL,
                schema_version bigint NOT NULL,
                content_type text COLLATE "C",  -- NULL: application/json
                recorded_at bigint NOT NULL,    -- microseconds since 1970
                size integer NOT NULL,          -- bytes of data and metadata
                tags text[] COLLATE "C",        -- NULL: none
                data bytea NOT NULL,
                metadata bytea NOT NULL,
                UNIQUE (stream, version)
            )
            """,
            "CREATE INDEX events_by_type ON events (type, position)",
            "CREATE INDEX events_by_category ON events (split_part(stream, '-', 1), position)",
            "CREATE INDEX events_that_begin_streams ON events (position) WHERE version = 0",
            """
            CREATE TABLE event_tags (
                tag text COLLATE "C" NOT NULL,
                position bigint NOT NULL,
                PRIMARY KEY (tag, position)
            )
            """,
            """
            CREATE TABLE receipts (
                command text COLLATE "C" PRIMARY KEY,
                digest bigint NOT NULL,
                position bigint NOT NULL,
                event_count bigint NOT NULL,
                recorded_at bigint NOT NULL,
                streams text[] NOT NULL,
                versions bigint[] NOT NULL,
                number bigint GENERATED ALWAYS AS IDENTITY UNIQUE
            )
            """,
            // No event is larger than this: bounds what a page may bring.
            "CREATE TABLE largest_event (id boolean PRIMARY KEY CHECK (id), size bigint NOT NULL)",
            "INSERT INTO largest_event (id, size) VALUES (true, 1024)",
            // One row for each open store: tells whether its last transaction took effect, when the answer was lost.
            """
            CREATE TABLE writers (
                id uuid PRIMARY KEY,
                fence bigint NOT NULL,
                committed bigint NOT NULL,
                opened_at timestamptz NOT NULL DEFAULT now()
            ) WITH (fillfactor = 50)
            """,
            "CREATE TABLE checkpoints (name text COLLATE \"C\" PRIMARY KEY, position bigint NOT NULL)",
            """
            CREATE TABLE snapshots (
                key text COLLATE "C" PRIMARY KEY,
                version bigint NOT NULL,
                position bigint NOT NULL,
                schema bytea NOT NULL,
                data bytea NOT NULL
            )
            """,
            """
            CREATE TABLE read_models (
                name text COLLATE "C" PRIMARY KEY,
                position bigint NOT NULL,
                batch uuid
            )
            """,
            """
            CREATE TABLE documents (
                model text COLLATE "C" NOT NULL,
                key bytea NOT NULL,
                data bytea NOT NULL,
                PRIMARY KEY (model, key)
            )
            """,
        ],
        // The last changes, newest first. Programs that opened the store before go on by `batch`, which they alone set.
        ["ALTER TABLE read_models ADD COLUMN tokens uuid[] NOT NULL DEFAULT '{}'"],
    ]

    /// The key of the advisory lock under which positions are given: the same in every process, 64 bits of FNV-1a.
    static func lockKey(of schema: String) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "daybook:\(schema)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return Int64(bitPattern: hash)
    }

    /// The channel on which stores tell each other that the log has grown; names end after 63 bytes.
    static func channel(of schema: String) -> String {
        "daybook_\(String(UInt64(bitPattern: lockKey(of: schema)), radix: 16))"
    }

    static func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    static let lock = Statement("lock", "SELECT pg_advisory_xact_lock($1::bigint)")

    /// Makes the tables, or brings them to this code's version. Two who do so at once wait for each other.
    ///
    /// - Throws: ``PostgresOpenError/newerSchema(schema:found:known:)`` when a newer version made them, else ``ServerFailure``.
    static func migrate(_ schema: String, on connection: Connection) throws {
        if try found(schema, on: connection) == version { return }
        try connection.run([
            Statement.begin.with(), lock.with { $0.add(lockKey(of: schema)) },
        ])
        do {
            let found = try found(schema, on: connection) ?? 0
            guard found <= version else {
                throw PostgresOpenError.newerSchema(schema: schema, found: found, known: version)
            }
            var commands: [Command] = []
            if found == 0 {
                commands.append(Statement(once: "CREATE SCHEMA IF NOT EXISTS \(quoted(schema))").with())
                commands.append(
                    Statement(
                        once: """
                            CREATE TABLE IF NOT EXISTS migrations (
                                version bigint PRIMARY KEY,
                                applied_at timestamptz NOT NULL DEFAULT now()
                            )
                            """
                    ).with())
            }
            for (number, statements) in migrations.enumerated().dropFirst(Int(found)) {
                commands += statements.map { Statement(once: $0).with() }
                commands.append(
                    Statement(once: "INSERT INTO migrations (version) VALUES ($1)").with { $0.add(Int64(number + 1)) })
            }
            try connection.run(commands + [Statement.commit.with()])
        } catch {
            if !connection.isLost { _ = try? connection.run(Statement.rollBack.with()) }
            throw error
        }
    }

    /// Refuses tables of any version but this code's, and changes nothing.
    ///
    /// - Throws: ``PostgresOpenError``, or ``ServerFailure``.
    static func require(_ schema: String, on connection: Connection, at address: String) throws {
        guard let found = try Self.found(schema, on: connection) else {
            throw PostgresOpenError.missing(address: address, schema: schema)
        }
        if found < version { throw PostgresOpenError.olderSchema(schema: schema, found: found, known: version) }
        if found > version { throw PostgresOpenError.newerSchema(schema: schema, found: found, known: version) }
    }

    /// The version of the tables; nil when there are none.
    private static func found(_ schema: String, on connection: Connection) throws -> Int64? {
        let table = try connection.run(
            Statement(
                once: """
                    SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = $1::text AND c.relname = 'migrations'
                    """
            ).with { $0.add(schema) })
        guard table.integer(0, 0) > 0 else { return nil }
        return try connection.run(Statement(once: "SELECT max(version) FROM migrations").with()).optionalInteger(0, 0)
    }
}
#endif
