/// What a projection makes of some events: changed documents, and how far the read model has come.
public struct DocumentBatch: Sendable {
    public var model: ReadModelName
    /// New contents by key; nil deletes the document.
    public var changes: [String: [UInt8]?]
    /// Where the read model stands before this batch. The batch is refused when it stands elsewhere.
    public var previous: Position
    /// Where it stands after it.
    public var checkpoint: Position

    public init(model: ReadModelName, changes: [String: [UInt8]?], previous: Position, checkpoint: Position) {
        self.model = model
        self.changes = changes
        self.previous = previous
        self.checkpoint = checkpoint
    }
}

extension DocumentBatch {
    /// Checks the bounds of the batch.
    package func validate() throws(DerivedStateError) {
        guard changes.count <= Limits.documentsPerBatch else { throw .tooManyDocuments(changes.count) }
        for (key, data) in changes {
            if let bytes = data?.count, bytes > Limits.documentBytes { throw .tooLarge(key: key, bytes: bytes) }
        }
    }
}
