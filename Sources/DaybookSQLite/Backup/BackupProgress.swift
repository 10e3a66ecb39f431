/// How far a backup has come.
public enum BackupProgress: Sendable, Equatable {
    /// The file is being copied.
    case copying(bytes: Int64, of: Int64)
    /// The records of the copy are being checked.
    case verifying(events: Int64, of: Int64)
}
