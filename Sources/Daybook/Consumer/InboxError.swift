import DaybookCore

/// Why an ``Inbox`` did not take an event. Nothing was changed.
public enum InboxError: Error, Equatable, CustomStringConvertible {
    /// A later delivery of the same key was taken already: this one comes from a member that has lost its lease.
    case fenced(key: ConsumerKey, fence: Int64, latest: Int64)
    /// A document whose key begins as the inbox's own do.
    case reservedKey(String)
    /// A stored entry of the inbox is not what it writes.
    case unreadableEntry(key: String, model: ReadModelName)
    case store(DerivedStateError)
    case cancelled

    public var description: String {
        switch self {
        case .fenced(let key, let fence, let latest):
            "The delivery of key '\(key)' with fence \(fence) came after one with fence \(latest): drop it; another "
                + "member handles the event."
        case .reservedKey(let key):
            "The document key \(key.debugDescription) begins with the mark of the inbox's own entries; choose another."
        case .unreadableEntry(let key, let model):
            "The inbox entry \(key.debugDescription) of read model '\(model)' is no number: something else wrote it."
        case .store(let error): error.description
        case .cancelled: "The task was cancelled."
        }
    }
}

extension InboxError {
    init(_ error: DerivedStateError) { self = error == .cancelled ? .cancelled : .store(error) }
}
