/// Why an append did not succeed. Nothing was written, unless the case says that it may have been.
public enum AppendError: Error, Equatable, CustomStringConvertible {
    /// Another writer was first, or the stream is not as expected; `actual` is nil when it has no events.
    case wrongExpectedVersion(stream: StreamName, expected: ExpectedVersion, actual: StreamVersion?)
    /// The stream was deleted for good.
    case streamTombstoned(stream: StreamName)
    /// An event that the decision depends on was recorded after the position it was based on.
    case conditionFailed(after: Position, conflict: Position)
    /// The command identifier was used before, for other events or other streams.
    case commandReused(id: CommandID)
    /// The request breaks a rule that no retry mends.
    case invalid(InvalidAppend)
    /// The request keeps every rule, but the store, as it is set up, does not take one so large. Nothing was written.
    case unsupported(reason: String)
    /// A read model that belongs to the append refused it.
    case refused(by: String, reason: String)
    /// The storage failed. `mayBeWritten` tells whether the events may be there all the same.
    case storageFailed(reason: String, mayBeWritten: Bool)
    /// The caller's task was cancelled before the answer came. `mayBeWritten` tells whether the append may take effect.
    case cancelled(mayBeWritten: Bool)
    /// The store was closed.
    case closed

    public var description: String {
        switch self {
        case .wrongExpectedVersion(let stream, let expected, let actual):
            "Stream '\(stream)' is at version \(actual?.description ?? "none"), not \(expected): read and decide again."
        case .streamTombstoned(let stream):
            "Stream '\(stream)' was deleted for good: use another stream."
        case .conditionFailed(let after, let conflict):
            "The event at position \(conflict) fits the condition and was recorded after position \(after): read and "
                + "decide again."
        case .commandReused(let id):
            "Command '\(id)' was recorded before with other events: give each command an identifier of its own."
        case .invalid(let reason):
            reason.description
        case .unsupported(let reason):
            "The store does not take the append: \(reason)."
        case .refused(let name, let reason):
            "The read model '\(name)' refused the append: \(reason)"
        case .storageFailed(let reason, let mayBeWritten):
            mayBeWritten
                ? "The storage failed (\(reason)), and the events may or may not be there: retry with the same identifiers."
                : "The storage failed (\(reason)); nothing was written."
        case .cancelled(let mayBeWritten):
            mayBeWritten
                ? "The append was cancelled while it was being written: retry with the same identifiers to learn its result."
                : "The append was cancelled; nothing was written."
        case .closed:
            "The store is closed: open it again."
        }
    }
}
