/// What a projection makes of some events: changed documents, and how far the read model has come.
public struct DocumentBatch: Sendable {
    public var model: ReadModelName
    /// New contents by key; nil deletes the document.
    public var changes: [String: [UInt8]?]
    /// Where the read model stands before this batch. The batch is refused when it stands elsewhere.
    public var previous: Position
    /// Where it stands after it; the same when documents change without another event.
    public var checkpoint: Position
    /// What some documents hold before this batch, nil for none. The batch is refused when one of them holds another
    /// content: two who change the same documents without moving the checkpoint learn of each other by it.
    public var expected: [String: [UInt8]?]

    public init(
        model: ReadModelName, changes: [String: [UInt8]?], previous: Position, checkpoint: Position,
        expected: [String: [UInt8]?] = [:]
    ) {
        self.model = model
        self.changes = changes
        self.previous = previous
        self.checkpoint = checkpoint
        self.expected = expected
    }
}

extension DocumentBatch {
    /// Checks the bounds of the batch.
    package func validate() throws(DerivedStateError) {
        guard changes.count <= Limits.documentsPerBatch else { throw .tooManyDocuments(changes.count) }
        guard expected.count <= Limits.documentsPerBatch else { throw .tooManyDocuments(expected.count) }
        for (key, data) in changes {
            if let bytes = data?.count, bytes > Limits.documentBytes { throw .tooLarge(key: key, bytes: bytes) }
        }
    }
}
