import DaybookCore
import Synchronization

extension SQLiteEventStore: CheckpointStore {
    public func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
        try await readDerived { tables throws(SQLiteFailure) in try tables.checkpoint(for: name) }
    }

    public func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
        try await change { tables in
            try tables.save(checkpoint, for: name)
            return .success(())
        }
    }

    public func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) {
        try await change { tables in
            try tables.deleteCheckpoint(for: name)
            return .success(())
        }
    }
}

extension SQLiteEventStore: SnapshotStore {
    public func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot? {
        let found = try await readDerived { tables throws(SQLiteFailure) in try tables.snapshot(for: key) }
        switch found {
        case .success(let snapshot): return snapshot
        case .failure: throw .corrupted(key: key.rawValue, file: path)
        }
    }

    public func save(_ snapshot: Snapshot) async throws(DerivedStateError) {
        guard snapshot.data.count <= Limits.documentBytes else {
            throw .tooLarge(key: snapshot.key.rawValue, bytes: snapshot.data.count)
        }
        try await change { tables in
            try tables.save(snapshot)
            return .success(())
        }
    }

    public func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError) {
        try await change { tables in
            try tables.deleteSnapshot(for: key)
            return .success(())
        }
    }

    @discardableResult
    public func deleteSnapshots(
        keyPrefix prefix: String, exceptSchema schema: String?
    ) async throws(DerivedStateError) -> Int {
        let count = Mutex(0)
        try await change { tables in
            let deleted = try tables.deleteSnapshots(keyPrefix: prefix, exceptSchema: schema)
            count.withLock { $0 = deleted }
            return .success(())
        }
        return count.withLock { $0 }
    }
}

extension SQLiteEventStore: ReadModelStore {
    public func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        try await readDerived { tables throws(SQLiteFailure) in
            Position(try tables.documents.checkpoint(of: model))
        }
    }

    public func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        try batch.validate()
        try await change { tables in try tables.documents.apply(batch) }
    }

    public func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        try await documents([key], of: model)[key]
    }

    public func documents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [String: [UInt8]] {
        try await readDerived { tables throws(SQLiteFailure) in
            guard let number = try tables.documents.model(model)?.number else { return [:] }
            var found: [String: [UInt8]] = [:]
            found.reserveCapacity(keys.count)
            // In the order of the table, so that neighbours are read while their page is at hand.
            for key in keys.count < 64 ? keys : keys.sorted() {
                found[key] = try tables.documents.document(key, of: number)
            }
            return found
        }
    }

    public func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        try await readDerived { tables throws(SQLiteFailure) in
            guard let number = try tables.documents.model(model)?.number else { return [] }
            return try tables.documents.documents(of: number, after: key, limit: limit)
        }
    }

    public func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        try await change { tables in
            try tables.documents.delete(model)
            return .success(())
        }
    }
}

extension SQLiteEventStore {
    private func readDerived<Value: Sendable>(
        _ body: @escaping @Sendable (DerivedTables) throws(SQLiteFailure) -> Value
    ) async throws(DerivedStateError) -> Value {
        guard !Task.isCancelled else { throw .cancelled }
        let result: Result<Value, SQLiteFailure>? = await withUnsafeContinuation { continuation in
            readers.run { reader in
                continuation.resume(
                    returning: reader.map { reader in
                        Result { () throws(SQLiteFailure) in
                            try reader.connection.execute("BEGIN")
                            defer { if reader.connection.isInTransaction { try? reader.connection.execute("COMMIT") } }
                            return try body(reader.derivedTables())
                        }
                    })
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let failure): throw .storageFailed(reason: "\(path): \(failure)")
        case nil: throw .closed
        }
    }

    private func change(
        _ body: @escaping @Sendable (DerivedTables) throws -> DerivedSubmission.Outcome
    ) async throws(DerivedStateError) {
        guard !Task.isCancelled else { throw .cancelled }
        let outcome: DerivedSubmission.Outcome = await withUnsafeContinuation { continuation in
            let submission = DerivedSubmission(change: body) { continuation.resume(returning: $0) }
            if !committer.submit(.derived(submission)) { continuation.resume(returning: .failure(.closed)) }
        }
        try outcome.get()
    }
}
