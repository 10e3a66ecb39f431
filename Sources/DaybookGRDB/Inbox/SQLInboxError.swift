/// Why an ``SQLInbox`` cannot be used as it is. Nothing was changed.
public enum SQLInboxError: Error, Equatable, CustomStringConvertible {
    /// The rows and the note of the event would not be saved together.
    case noTransaction
    /// A power cut could lose rows of an event that was acknowledged, and is never delivered again.
    case unsafeSettings(journalMode: String, synchronous: Int)

    public var description: String {
        switch self {
        case .noTransaction:
            "The inbox was used outside of a transaction: call once(_:in:_:) inside of the database's write."
        case .unsafeSettings(let journalMode, let synchronous):
            "The database has journal_mode=\(journalMode) and synchronous=\(synchronous), so that a power cut could lose rows "
                + "of an event that was acknowledged: execute PRAGMA synchronous = EXTRA (3) on its writer when it has been "
                + "opened, and use a write-ahead log or a rollback journal."
        }
    }
}
