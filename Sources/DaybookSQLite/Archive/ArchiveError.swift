import DaybookCore

/// Why old events were not archived. All of them are where they were, and can be read.
public enum ArchiveError: Error, Equatable, CustomStringConvertible {
    /// An event that is to be archived cannot be read.
    case unreadable(ReadError)
    /// A file that the store does not know of has the name of the archive.
    case exists(file: String)
    /// The archive cannot be written, or is not what was written.
    case notWritten(file: String, reason: String)
    case storageFailed(reason: String)
    /// The caller's task was cancelled.
    case cancelled
    case closed

    public var description: String {
        switch self {
        case .unreadable(let error): "Nothing was archived, since an event cannot be read. \(error)"
        case .exists(let file):
            "There is a file \(file) that this store does not know: move it away when it is not needed, or archive through "
                + "another position."
        case .notWritten(let file, let reason):
            "The archive \(file) was not written (\(reason)): make room, and try again."
        case .storageFailed(let reason): "The storage failed (\(reason)): open the store again, and archive again."
        case .cancelled: "Archiving was cancelled: run it again."
        case .closed: "The store is closed: open it again."
        }
    }
}
