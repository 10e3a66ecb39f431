#if Postgres
/// The statements of checkpoints and snapshots.
enum DerivedStatements {
    static let checkpoint = Statement("checkpoint", "SELECT position FROM checkpoints WHERE name = $1::text")
    static let checkpoints = Statement("checkpoints", "SELECT name, position FROM checkpoints")
    static let saveCheckpoint = Statement(
        "save_checkpoint",
        """
        INSERT INTO checkpoints (name, position) VALUES ($1::text, $2::bigint)
        ON CONFLICT (name) DO UPDATE SET position = excluded.position
        """)
    static let deleteCheckpoint = Statement("delete_checkpoint", "DELETE FROM checkpoints WHERE name = $1::text")
    static let snapshot = Statement(
        "snapshot", "SELECT version, position, schema, data FROM snapshots WHERE key = $1::text")
    static let saveSnapshot = Statement(
        "save_snapshot",
        """
        INSERT INTO snapshots (key, version, position, schema, data)
        VALUES ($1::text, $2::bigint, $3::bigint, $4::bytea, $5::bytea)
        ON CONFLICT (key) DO UPDATE SET version = excluded.version, position = excluded.position,
            schema = excluded.schema, data = excluded.data
        WHERE excluded.version >= snapshots.version OR excluded.schema <> snapshots.schema
        """)
    static let deleteSnapshot = Statement("delete_snapshot", "DELETE FROM snapshots WHERE key = $1::text")
    static let deleteSnapshots = Statement(
        "delete_snapshots",
        """
        WITH deleted AS (
            DELETE FROM snapshots
            WHERE starts_with(key, $1::text) AND ($2::bytea IS NULL OR schema <> $2::bytea) RETURNING 1
        )
        SELECT count(*) FROM deleted
        """)
}
#endif
