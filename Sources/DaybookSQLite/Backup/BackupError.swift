import DaybookCore

/// Why a backup was not made. The source and the destination are as they were.
public enum BackupError: Error, Equatable, CustomStringConvertible {
    /// There is a file at the destination, and it was not said that it may be replaced.
    case destinationExists(path: String)
    /// Another process, or a store of this one, has the file at the destination open.
    case destinationInUse(path: String, processID: Int32?)
    /// A write-ahead log stands beside the destination: it would be played over the copy.
    case destinationHasWAL(path: String)
    /// The destination is the source, or a part of it that stands beside it: its write-ahead log, its lock, an archive.
    case destinationIsSource(path: String)
    /// The source cannot be read: it is missing, or no Daybook file.
    case sourceUnusable(OpenError)
    /// The copy is not whole, since the source is not: the first thing that was found, and how many there are.
    case damaged(path: String, finding: VerificationFinding, count: Int64)
    /// The destination's disk has too little room.
    case noRoom(path: String, neededBytes: Int64, freeBytes: Int64)
    /// The source's disk ran short while the copy kept its write-ahead log from being emptied; appends would have been
    /// refused next.
    case sourceDiskFilled(path: String, freeBytes: Int64)
    case storageFailed(path: String, reason: String)
    /// The store was closed.
    case closed
    case cancelled

    public var description: String {
        switch self {
        case .destinationExists(let path):
            "\(path) exists: name another destination, or say that it is to be replaced."
        case .destinationInUse(let path, let processID):
            "\(path) is open in process \(processID.map(String.init) ?? "unknown"): a backup cannot replace it."
        case .destinationHasWAL(let path):
            "\(path)-wal stands beside the destination and would be played over the copy: open the store at \(path) once, so "
                + "that it is taken in, or remove it with that store."
        case .destinationIsSource(let path):
            "\(path) is the store itself, or a part of it: name another destination."
        case .sourceUnusable(let error): error.description
        case .damaged(let path, let finding, let count):
            "\(path) is damaged, and was not copied: \(finding)"
                + (count > 1 ? " (and \(count - 1) more findings)" : "") + ". Run 'daybook verify \(path)'."
        case .noRoom(let path, let needed, let free):
            "\(path) needs \(needed) bytes, and \(free) are free on its disk: make room, or choose another."
        case .sourceDiskFilled(let path, let free):
            "\(free) bytes are left on the disk of \(path), whose write-ahead log grows during a backup: make room, and "
                + "begin again."
        case .storageFailed(let path, let reason): "\(path): \(reason)"
        case .closed: "The store was closed before the backup was done."
        case .cancelled: "The backup was cancelled."
        }
    }
}
