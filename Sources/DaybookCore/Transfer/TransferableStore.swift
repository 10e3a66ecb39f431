/// A store whose log can be moved to another store, and that can take one over: every event stays what it is, where it is, with
/// the time at which it was first recorded, and every command keeps its first result.
///
/// ``LogTransfer`` moves a log.
public protocol TransferableStore: EventStore {
    /// Records events as another store recorded them: same positions, versions, times and identifiers. Retentions and
    /// deletions take effect with the events that tell of them. Durable when it returns; all of the events, or none.
    ///
    /// Which events were appended together is not carried over.
    ///
    /// - Parameter events: In the order of positions, the first directly behind the head, each directly behind the one before
    ///   it; at most ``Limits/eventsPerPage``.
    /// - Throws: ``TransferError``. Nothing was written, unless it says that it may have been.
    func takeOver(_ events: [RecordedEvent]) async throws(TransferError)

    /// Records the first results of commands, as another store gave them; of events that are here already. A command that is
    /// known keeps its result.
    ///
    /// - Throws: ``TransferError``.
    func takeOver(_ receipts: [RecordedCommand]) async throws(TransferError)

    /// The commands that the store knows, in the order in which they were recorded.
    ///
    /// - Parameters:
    ///   - number: Goes on behind this ``RecordedCommand/number``; 0 for the first.
    ///   - limit: 1 to ``Limits/eventsPerPage``.
    func receipts(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand]
}
