import DaybookCore

/// A store of read models that passes each call on to another, until a test says otherwise: see ``ForwardingStore``.
public protocol ForwardingReadModelStore: ReadModelStore {
    var models: any ReadModelStore { get }
}

extension ForwardingReadModelStore {
    public func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        try await models.checkpoint(of: model)
    }

    public func commit(_ batch: DocumentBatch) async throws(DerivedStateError) { try await models.commit(batch) }

    public func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        try await models.document(key, of: model)
    }

    public func documents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [String: [UInt8]] {
        try await models.documents(keys, of: model)
    }

    public func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        try await models.documents(of: model, after: key, limit: limit)
    }

    public func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        try await models.deleteReadModel(model)
    }
}
