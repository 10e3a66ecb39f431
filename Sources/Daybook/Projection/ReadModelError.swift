import DaybookCore

/// Why a query of a read model did not succeed.
public enum ReadModelError: Error, Equatable, CustomStringConvertible {
    case store(DerivedStateError)
    case read(ReadError)
    /// A stored document does not have the shape of the projection's documents.
    case unreadableDocument(key: String, model: ReadModelName, reason: String)
    /// A page of fewer than 1, or of more than ``Limits/documentsPerBatch`` documents.
    case invalidLimit(Int)
    /// The runner that was waited for has stopped.
    case stopped(ProjectionError)
    case cancelled

    public var description: String {
        switch self {
        case .store(let error): error.description
        case .read(let error): error.description
        case .unreadableDocument(let key, let model, let reason):
            "Document '\(key)' of read model '\(model)' has another shape (\(reason)): delete the read model, or give "
                + "the projection a new name; it is made again from the log."
        case .invalidLimit(let limit):
            "A page of \(limit) documents was asked for; ask for 1 to \(Limits.documentsPerBatch)."
        case .stopped(let error): "The read model does not go on: \(error)"
        case .cancelled: "The query was cancelled."
        }
    }
}

extension ReadModelError {
    package init(_ error: ReadError) { self = error == .cancelled ? .cancelled : .read(error) }
    init(_ error: DerivedStateError) { self = error == .cancelled ? .cancelled : .store(error) }
}
