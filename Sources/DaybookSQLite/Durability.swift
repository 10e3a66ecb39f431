/// What a store has done when it acknowledges an append.
///
/// Under both, every append is whole or not there, the log has no gap, and a process that is killed loses nothing.
public enum Durability: String, Sendable, CaseIterable {
    /// Each group of appends is synced to the disk before any of them is acknowledged: nothing acknowledged is ever lost,
    /// as long as the disk keeps what it says it has synced.
    case everyCommit
    /// Appends are acknowledged when the system has them in memory, and synced now and then: when the write-ahead log is
    /// copied into the database, after some 4,000 to 16,000 of its pages, or when the store is closed. **When the power or
    /// the operating system fails, the appends of that time may be gone though they were acknowledged**: the log then ends
    /// earlier, and the positions that are missing are given to other events.
    ///
    /// After such a failure open the file with this durability again, before any other: what it left is then taken up to
    /// where it is whole, whereas `everyCommit` refuses it as damaged.
    ///
    /// Saves one sync a group. Whoever has handled an event and keeps that outside the file (a read model in another
    /// database, another system) may then know of events that the log does not have. Not for money.
    case mayLoseLatestOnPowerLoss
}
