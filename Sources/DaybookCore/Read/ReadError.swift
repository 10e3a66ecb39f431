/// Why a read did not succeed.
public enum ReadError: Error, Equatable, CustomStringConvertible {
    /// What is stored at this place is not what was recorded. Other events can still be read.
    case corrupted(position: Position?, stream: StreamName?, file: String, reason: String)
    /// The file that holds this event, and others around it, is not there or cannot be read. All others still can.
    case archiveUnreadable(position: Position, file: String, reason: String)
    case storageFailed(reason: String)
    /// A page of 0, or of more than ``Limits/eventsPerPage`` events.
    case invalidLimit(Int)
    /// A query or filter over ``Limits/itemsPerQuery`` or ``Limits/termsPerQuery``.
    case queryTooLarge(items: Int, terms: Int)
    /// The caller's task was cancelled.
    case cancelled
    case closed

    public var description: String {
        switch self {
        case .corrupted(let position, let stream, let file, let reason):
            "The record at position \(position?.description ?? "unknown") of stream '\(stream?.description ?? "unknown")' "
                + "in \(file) is damaged (\(reason)): run 'daybook verify', and restore from a backup."
        case .archiveUnreadable(let position, let file, let reason):
            "The event at position \(position) is in the archive \(file), which cannot be read (\(reason)): put the file back "
                + "where it was. Events outside of it can still be read."
        case .storageFailed(let reason):
            "The storage failed (\(reason))."
        case .invalidLimit(let limit):
            "A page of \(limit) events was asked for; ask for 1 to \(Limits.eventsPerPage)."
        case .queryTooLarge(let items, let terms):
            "The query has \(items) items and \(terms) types and tags; the limits are \(Limits.itemsPerQuery) and "
                + "\(Limits.termsPerQuery)."
        case .cancelled: "The read was cancelled."
        case .closed: "The store is closed: open it again."
        }
    }
}
