#if Client
import DaybookCore
import DaybookProtocol

extension StoreLink {
    /// - Parameter repetition: A change that was lost is made again where twice is as once.
    func derive<Success: WireMessage>(
        _ method: StoreMethod, _ request: some WireMessage, for success: Success.Type,
        repeating repetition: Repetition = .always
    ) async throws(DerivedStateError) -> Success {
        let answer: Answer<Success, DerivedStateError>
        do throws(CallFailure) {
            answer = try await ask(
                method, request, for: Success.self, or: DerivedStateError.self, repeating: repetition)
        } catch {
            throw DerivedStateError(error)
        }
        switch answer.result {
        case .success(let success): return success
        case .failure(.cancelled): throw .storageFailed(reason: "the server gave the call up")
        case .failure(let error): throw error
        }
    }
}

extension DaybookClient: CheckpointStore {
    public func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
        try await link.derive(.getCheckpoint, NamedRequest(name), for: PositionMessage.self).position.map {
            Checkpoint(after: $0)
        }
    }

    public func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
        _ = try await link.derive(
            .saveCheckpoint, SaveCheckpointRequest(checkpoint, for: name), for: WireNothing.self)
    }

    /// One whose answer was lost is not made again: a reader may have begun anew under the name meanwhile.
    public func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) {
        _ = try await link.derive(
            .deleteCheckpoint, NamedRequest(name), for: WireNothing.self, repeating: .unsent)
    }
}

extension DaybookClient: SnapshotStore {
    public func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot? {
        try await link.derive(.getSnapshot, NamedRequest(key), for: MaybeSnapshot.self).snapshot
    }

    public func save(_ snapshot: Snapshot) async throws(DerivedStateError) {
        guard snapshot.data.count <= Limits.documentBytes else {
            throw .tooLarge(key: snapshot.key.rawValue, bytes: snapshot.data.count)
        }
        _ = try await link.derive(.saveSnapshot, snapshot, for: WireNothing.self)
    }

    public func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError) {
        _ = try await link.derive(.deleteSnapshot, NamedRequest(key), for: WireNothing.self)
    }

    /// - Returns: How many were deleted; fewer than there were when the answer to a first attempt was lost.
    @discardableResult
    public func deleteSnapshots(
        keyPrefix prefix: String, exceptSchema schema: String?
    ) async throws(DerivedStateError) -> Int {
        try await link.derive(
            .deleteSnapshots, DeleteSnapshotsRequest(keyPrefix: prefix, exceptSchema: schema), for: CountMessage.self
        ).count
    }
}

extension DaybookClient: ReadModelStore {
    public func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        try await link.derive(.getModelCheckpoint, NamedRequest(model), for: PositionMessage.self).position ?? .start
    }

    /// A batch has at most 17 MB with all its documents. One whose answer was lost is not made again: the read model's checkpoint
    /// and documents tell what became of it.
    public func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        try batch.validate()
        _ = try await link.derive(.commitDocuments, batch, for: WireNothing.self, repeating: .unsent)
    }

    public func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        try await documents([key], of: model)[key]
    }

    /// Documents are fetched some at a time, and may be of different moments.
    public func documents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        var examined = 0
        while examined < keys.count {
            let some = Array(keys[examined...].prefix(GetDocumentsRequest.keyLimit))
            let page = try await link.derive(
                .getDocuments, GetDocumentsRequest(some, of: model), for: DocumentsPage.self)
            for document in page.documents { found[document.key] = document.data ?? [] }
            guard page.examined > 0 else { throw .storageFailed(reason: "the server looked at no document") }
            examined += page.examined
        }
        return found
    }

    /// Documents are fetched some at a time, and may be of different moments.
    public func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        var found: [(key: String, data: [UInt8])] = []
        var after = key
        while found.count < limit {
            let request = ListDocumentsRequest(model: model, after: after, limit: limit - found.count)
            let page = try await link.derive(.listDocuments, request, for: DocumentsPage.self)
            for document in page.documents { found.append((key: document.key, data: document.data ?? [])) }
            guard !page.isAtEnd, let last = page.documents.last else { break }
            after = last.key
        }
        return found
    }

    /// One whose answer was lost is not made again: the name may have been given to another read model meanwhile.
    public func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        _ = try await link.derive(.deleteModel, NamedRequest(model), for: WireNothing.self, repeating: .unsent)
    }
}
#endif
