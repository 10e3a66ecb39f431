/// Why derived state (a checkpoint, a snapshot, a read model) could not be read or saved. The log is unharmed.
public enum DerivedStateError: Error, Equatable, CustomStringConvertible {
    /// Another process or an older version moved the read model: its checkpoint is not the one expected.
    case checkpointMoved(model: ReadModelName, expected: Position, actual: Position)
    /// A document holds another content than a batch expects.
    case documentChanged(model: ReadModelName, key: String)
    /// A document or snapshot above ``Limits/documentBytes``.
    case tooLarge(key: String, bytes: Int)
    /// A batch above ``Limits/documentsPerBatch``.
    case tooManyDocuments(Int)
    case storageFailed(reason: String)
    case corrupted(key: String, file: String)
    case cancelled
    case closed

    public var description: String {
        switch self {
        case .checkpointMoved(let model, let expected, let actual):
            "Read model '\(model)' is at position \(actual), not \(expected): another projection runs on it; stop one."
        case .documentChanged(let model, let key):
            "Document \(key.debugDescription) of read model '\(model)' was changed meanwhile: read it again, then retry."
        case .tooLarge(let key, let bytes):
            "'\(key)' has \(bytes) bytes; the limit is \(Limits.documentBytes)."
        case .tooManyDocuments(let count):
            "The batch changes \(count) documents; the limit is \(Limits.documentsPerBatch): make batches smaller."
        case .storageFailed(let reason): "The storage failed (\(reason))."
        case .corrupted(let key, let file): "'\(key)' in \(file) is damaged: delete it; it is derived from the log."
        case .cancelled: "The task was cancelled."
        case .closed: "The store is closed: open it again."
        }
    }
}
