/// Keeps read models: documents by key, each model with its checkpoint, changed together in one transaction.
///
/// Each event counts exactly once, whenever the process stops: documents and checkpoint are both there or both not.
public protocol ReadModelStore: Sendable {
    /// How far a read model has come; `.start` when it does not exist.
    func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position
    /// Changes documents and checkpoint in one durable transaction.
    ///
    /// - Throws: ``DerivedStateError/checkpointMoved(model:expected:actual:)`` when the model is not where the batch
    ///   expects it; ``DerivedStateError/documentChanged(model:key:)`` when a document is not as the batch expects it.
    func commit(_ batch: DocumentBatch) async throws(DerivedStateError)
    func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]?
    /// The documents of these keys that exist.
    func documents(_ keys: [String], of model: ReadModelName) async throws(DerivedStateError) -> [String: [UInt8]]
    /// A page of documents in the order of their keys, those above `after`.
    func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])]
    /// Removes the model's documents and checkpoint.
    func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError)
}
