/// The kinds of fault that a simulation injects.
public enum FaultKind: String, CaseIterable, Sendable, Codable {
    // What an honest disk does. The store promises to lose nothing by it.

    case failedOpen, failedRead, failedWrite, failedTruncation, failedSync, failedDeletion, failedAccess
    case failedLock, failedSharedMemory
    /// A write that reached the disk in part, and said so.
    case shortWrite
    case diskFull
    /// The process died; what it had written is there.
    case kill
    case powerCut
    /// A write that was not synced and is gone after a power cut, and one of which a part is there.
    case unsyncedWriteLost, unsyncedWriteTorn

    // What a disk does that lies, or has lost what was on it. The store promises to serve nothing else than was recorded.

    case flippedRead, flippedWrite, flippedAtRest
    case misdirectedRead, misdirectedWrite
    case droppedWrite, droppedSync
    /// A read of fewer bytes than there are.
    case shortRead
    case sectorLost

    /// Whether a disk that does this still keeps what it has confirmed, and returns what it was given.
    public var isHonest: Bool {
        switch self {
        case .failedOpen, .failedRead, .failedWrite, .failedTruncation, .failedSync, .failedDeletion, .failedAccess,
            .failedLock, .failedSharedMemory, .shortWrite, .diskFull, .kill, .powerCut, .unsyncedWriteLost,
            .unsyncedWriteTorn:
            true
        case .flippedRead, .flippedWrite, .flippedAtRest, .misdirectedRead, .misdirectedWrite, .droppedWrite,
            .droppedSync, .shortRead, .sectorLost:
            false
        }
    }
}
