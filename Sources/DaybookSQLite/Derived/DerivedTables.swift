import DaybookCore

/// Checkpoints and snapshots of a file, through one connection.
final class DerivedTables {
    let documents: DocumentTable
    private let connection: Connection
    private let findCheckpoint: Statement
    private let saveCheckpoint: Statement
    private let removeCheckpoint: Statement
    private let findSnapshot: Statement
    private let saveSnapshot: Statement
    private let removeSnapshot: Statement

    init(_ connection: Connection) throws(SQLiteFailure) {
        self.connection = connection
        documents = try DocumentTable(connection)
        findCheckpoint = try connection.prepare("SELECT position FROM checkpoints WHERE name = ?")
        saveCheckpoint = try connection.prepare(
            """
            INSERT INTO checkpoints(name, position, head) VALUES(?, ?, \(Schema.head))
            ON CONFLICT(name) DO UPDATE SET position = excluded.position, head = excluded.head
            """
        )
        removeCheckpoint = try connection.prepare("DELETE FROM checkpoints WHERE name = ?")
        findSnapshot = try connection.prepare(
            "SELECT version, position, schema, data, crc FROM snapshots WHERE key = ?")
        saveSnapshot = try connection.prepare(
            """
            INSERT INTO snapshots(key, version, position, schema, data, crc, head)
            VALUES(?, ?, ?, ?, ?, ?, \(Schema.head))
            ON CONFLICT(key) DO UPDATE SET version = excluded.version, position = excluded.position,
                schema = excluded.schema, data = excluded.data, crc = excluded.crc, head = excluded.head
            WHERE excluded.version >= version OR excluded.schema <> schema
            """)
        removeSnapshot = try connection.prepare("DELETE FROM snapshots WHERE key = ?")
    }

    func checkpoint(for name: CheckpointName) throws(SQLiteFailure) -> Checkpoint? {
        findCheckpoint.bind(1, name.rawValue)
        guard try findCheckpoint.step() else { return nil }
        defer { findCheckpoint.reset() }
        return Checkpoint(after: Position(findCheckpoint.integer(0)))
    }

    func save(_ checkpoint: Checkpoint, for name: CheckpointName) throws(SQLiteFailure) {
        saveCheckpoint.bind(1, name.rawValue)
        saveCheckpoint.bind(2, checkpoint.position.rawValue)
        try saveCheckpoint.run()
    }

    func deleteCheckpoint(for name: CheckpointName) throws(SQLiteFailure) {
        removeCheckpoint.bind(1, name.rawValue)
        try removeCheckpoint.run()
    }

    /// Nil when there is none; a failure when its bytes are not those that were saved.
    func snapshot(for key: SnapshotKey) throws(SQLiteFailure) -> Result<Snapshot?, RecordDamage> {
        findSnapshot.bind(1, key.rawValue)
        guard try findSnapshot.step() else { return .success(nil) }
        defer { findSnapshot.reset() }
        let version = findSnapshot.integer(0)
        let data = Array(findSnapshot.bytes(3))
        guard findSnapshot.integer(4) == Int64(Self.crc(version, data)) else {
            return .failure(RecordDamage("its CRC-32C is wrong"))
        }
        return .success(
            Snapshot(
                key: key, version: StreamVersion(version), position: Position(findSnapshot.integer(1)),
                schema: findSnapshot.text(2), data: data))
    }

    func save(_ snapshot: Snapshot) throws(SQLiteFailure) {
        saveSnapshot.bind(1, snapshot.key.rawValue)
        saveSnapshot.bind(2, snapshot.version.rawValue)
        saveSnapshot.bind(3, snapshot.position.rawValue)
        saveSnapshot.bind(4, snapshot.schema)
        saveSnapshot.bind(5, snapshot.data)
        saveSnapshot.bind(6, Int64(Self.crc(snapshot.version.rawValue, snapshot.data)))
        try saveSnapshot.run()
    }

    func deleteSnapshot(for key: SnapshotKey) throws(SQLiteFailure) {
        removeSnapshot.bind(1, key.rawValue)
        try removeSnapshot.run()
    }

    /// - Returns: How many were deleted.
    func deleteSnapshots(keyPrefix prefix: String, exceptSchema schema: String?) throws(SQLiteFailure) -> Int {
        // Compared as bytes: as text, a composed letter would begin a decomposed one's name.
        let remove = try connection.prepare(
            """
            DELETE FROM snapshots
            WHERE substr(CAST(key AS BLOB), 1, ?1) = CAST(?2 AS BLOB) AND (?3 = 0 OR schema <> ?4)
            """)
        remove.bind(1, Int64(prefix.utf8.count))
        remove.bind(2, prefix)
        remove.bind(3, schema == nil ? 0 : 1)
        remove.bind(4, schema ?? "")
        try remove.run()
        return connection.changedRows
    }

    private static func crc(_ version: Int64, _ data: [UInt8]) -> UInt32 { CRC32C.of(version, data) }
}
