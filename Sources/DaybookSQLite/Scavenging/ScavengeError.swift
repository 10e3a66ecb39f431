import DaybookCore

/// Why scavenging ended early. What it had removed by then is removed; running it again goes on from there.
public enum ScavengeError: Error, Equatable, CustomStringConvertible {
    /// Something that has to be read for it cannot be.
    case unreadable(ReadError)
    /// Compacting needs more room than there is, in bytes. The events are removed; the file is as large as before.
    case noRoom(file: String, needed: Int64, free: Int64)
    case storageFailed(reason: String)
    /// The caller's task was cancelled.
    case cancelled
    case closed

    public var description: String {
        switch self {
        case .unreadable(let error): "Scavenging stopped before an event that it cannot read. \(error)"
        case .noRoom(let file, let needed, let free):
            "Compacting \(file) needs \(needed) free bytes beside it, and there are \(free): make room, or go without; "
                + "later appends use the room within the file."
        case .storageFailed(let reason): "The storage failed (\(reason)): open the store again, and scavenge again."
        case .cancelled: "Scavenging was cancelled: run it again to go on."
        case .closed: "The store is closed: open it again."
        }
    }
}
