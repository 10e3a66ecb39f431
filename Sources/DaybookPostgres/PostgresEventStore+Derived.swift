#if Postgres
import DaybookCore

/// Checkpoints, snapshots and read models are changed in transactions of their own, which do not wait for appends.
extension PostgresEventStore: CheckpointStore {
    public func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
        try await derived { connection in
            let rows = try connection.run(DerivedStatements.checkpoint.with { $0.add(name.rawValue) })
            return rows.count > 0 ? Checkpoint(after: Position(rows.integer(0, 0))) : nil
        }
    }

    public func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
        try await change([
            DerivedStatements.saveCheckpoint.with {
                $0.add(name.rawValue)
                $0.add(checkpoint.position.rawValue)
            }
        ]) { _ in }
    }

    public func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) {
        // It is made where there is none: a deletion that is repeated would change nothing, and then does not wait for the
        // standby.
        try await change([
            Statement.begin.with(),
            DerivedStatements.saveCheckpoint.with {
                $0.add(name.rawValue)
                $0.add(Position.start.rawValue)
            },
            DerivedStatements.deleteCheckpoint.with { $0.add(name.rawValue) }, Statement.commit.with(),
        ]) { _ in }
    }
}

extension PostgresEventStore: SnapshotStore {
    public func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot? {
        try await derived { connection in
            let rows = try connection.run(DerivedStatements.snapshot.with { $0.add(key.rawValue) })
            guard rows.count > 0 else { return nil }
            return Snapshot(
                key: key, version: StreamVersion(rows.integer(0, 0)), position: Position(rows.integer(0, 1)),
                schema: rows.text(0, 2), data: Array(rows.bytes(0, 3)))
        }
    }

    public func save(_ snapshot: Snapshot) async throws(DerivedStateError) {
        guard snapshot.data.count <= Limits.documentBytes else {
            throw .tooLarge(key: snapshot.key.rawValue, bytes: snapshot.data.count)
        }
        try await change([
            DerivedStatements.saveSnapshot.with {
                $0.add(snapshot.key.rawValue)
                $0.add(snapshot.version.rawValue)
                $0.add(snapshot.position.rawValue)
                $0.add(Array(snapshot.schema.utf8))
                $0.add(snapshot.data)
            }
        ]) { _ in }
    }

    public func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError) {
        try await change([DerivedStatements.deleteSnapshot.with { $0.add(key.rawValue) }]) { _ in }
    }

    @discardableResult
    public func deleteSnapshots(
        keyPrefix prefix: String, exceptSchema schema: String?
    ) async throws(DerivedStateError) -> Int {
        guard !prefix.utf8.contains(0) else { return 0 }  // No key holds it.
        return try await change([
            DerivedStatements.deleteSnapshots.with {
                $0.add(prefix)
                if let schema { $0.add(Array(schema.utf8)) } else { $0.addNull() }
            }
        ]) { Int($0[0].integer(0, 0)) }
    }
}

extension PostgresEventStore: ReadModelStore {
    public func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        try await derived { connection in
            let rows = try connection.run(DocumentStatements.checkpoint.with { $0.add(model.rawValue) })
            return rows.count > 0 ? Position(rows.integer(0, 0)) : .start
        }
    }

    public func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        try batch.validate()
        let change = Owned(DocumentCommit(batch, configuration.durability))
        let refusal = try await derived { connection in try change.value.run(on: connection) }
        if let refusal { throw refusal }
    }

    public func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        try await documents([key], of: model)[key]
    }

    public func documents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [String: [UInt8]] {
        guard !keys.isEmpty else { return [:] }
        return try await derived { connection in
            let rows = try connection.run(
                DocumentStatements.find.with {
                    $0.add(model.rawValue)
                    $0.addArray(keys.map { Array($0.utf8) })
                })
            var found: [String: [UInt8]] = [:]
            found.reserveCapacity(rows.count)
            for row in 0..<rows.count { found[rows.text(row, 0)] = Array(rows.bytes(row, 1)) }
            return found
        }
    }

    public func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        try await derived { connection in
            let rows = try connection.run(
                DocumentStatements.page.with {
                    $0.add(model.rawValue)
                    if let key { $0.add(Array(key.utf8)) } else { $0.addNull() }
                    $0.add(Int64(max(limit, 0)))
                })
            return (0..<rows.count).map { (key: rows.text($0, 0), data: Array(rows.bytes($0, 1))) }
        }
    }

    public func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        // The model's row first, as in a commit, so that the two wait for each other. It is made where there is none: a
        // deletion that is repeated would change nothing, and then does not wait for the standby.
        try await change([
            Statement.begin.with(), DocumentStatements.create.with { $0.add(model.rawValue) },
            DocumentStatements.removeModel.with { $0.add(model.rawValue) },
            DocumentStatements.removeAll.with { $0.add(model.rawValue) }, Statement.commit.with(),
        ]) { _ in }
    }
}

extension PostgresEventStore {
    /// Commits a change of derived state, to a server that promises what is asked for.
    private func change<Value: Sendable>(
        _ commands: [Command], _ value: @escaping @Sendable ([Rows]) -> Value
    ) async throws(DerivedStateError) -> Value {
        let durability = configuration.durability
        return try await derived { connection in
            let settings = try connection.run(PostgresDurability.settings.with())
            try PostgresDurability(settings, server: connection.host).check(durability)
            return value(try connection.commit(commands, durability))
        }
    }

    /// Runs a read or a change of derived state on one of the reading threads. When the connection breaks it runs again, so
    /// that it must be one whose repetition changes nothing more.
    private func derived<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(DerivedStateError) -> Value {
        guard !Task.isCancelled else { throw .cancelled }
        let readers = readers
        let address = address
        let result: Result<Value, DerivedStateError> = await withUnsafeContinuation { continuation in
            let isAdded = readers.run { pooled in
                do {
                    continuation.resume(returning: .success(try pooled.run(body)))
                } catch {
                    continuation.resume(returning: .failure(.storageFailed(reason: "\(address.shown): \(error)")))
                }
            }
            if !isAdded { continuation.resume(returning: .failure(.closed)) }
        }
        return try result.get()
    }
}
#endif
