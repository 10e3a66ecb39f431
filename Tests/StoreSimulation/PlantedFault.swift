import CSQLite

/// A defect that is put into a store on purpose, to see that the simulation finds it.
public enum PlantedFault: String, CaseIterable, Sendable {
    /// Appends are acknowledged before they are on the disk: `synchronous=OFF`, as far as the disk can tell.
    case unsyncedCommits
    /// Failures to write are not looked at.
    case lostWALWrites
    /// An event is acknowledged, and never written.
    case eventNotWritten
    /// A segment of the index is not listed. (A block that is missing, or another than was written, is found by the lookup that
    /// meets it, and the index built anew.)
    case segmentNotListed
    /// A receipt is not written.
    case receiptNotWritten
    /// A document is not changed.
    case documentNotWritten
    /// A read returns an event with another byte in it.
    case alteredRead

    /// What brings it about in the database, so that nothing of it is in the store's own code.
    private var trigger: String? {
        switch self {
        case .unsyncedCommits, .lostWALWrites, .alteredRead: nil
        case .eventNotWritten: "BEFORE INSERT ON events WHEN new.position % 11 = 0 BEGIN SELECT RAISE(IGNORE); END"
        case .segmentNotListed: "BEFORE INSERT ON index_segments WHEN new.id % 3 = 0 BEGIN SELECT RAISE(IGNORE); END"
        case .receiptNotWritten: "BEFORE INSERT ON commits WHEN new.number % 3 = 0 BEGIN SELECT RAISE(IGNORE); END"
        case .documentNotWritten:
            "BEFORE UPDATE ON documents WHEN length(new.data) % 3 = 0 BEGIN SELECT RAISE(IGNORE); END"
        }
    }

    /// Puts it into a file that no store has open.
    func plant(in path: String, fileSystem: String) {
        guard let trigger else { return }
        var database: OpaquePointer?
        if sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, fileSystem) == SQLITE_OK {
            sqlite3_exec(database, "CREATE TRIGGER IF NOT EXISTS planted \(trigger)", nil, nil, nil)
        }
        sqlite3_close_v2(database)
    }
}
