/// A store whose log can be copied to another store, and that can be the copy of one: every event is what it is, where it is, with
/// the time at which it was first recorded, and every command keeps its first result.
///
/// ``LogCopy`` makes a copy.
public protocol CopyableStore: EventStore {
    /// Records events as another store recorded them: same positions, versions, times and identifiers. Retentions and
    /// deletions take effect with the events that tell of them. Durable when it returns; all of the events, or none.
    ///
    /// Which events were appended together is not kept.
    ///
    /// - Parameter events: In the order of positions, the first directly behind the head, each directly behind the one before
    ///   it; at most ``Limits/eventsPerPage``.
    /// - Throws: ``LogCopyError``. Nothing was written, unless it says that it may have been.
    func importEvents(_ events: [RecordedEvent]) async throws(LogCopyError)

    /// Records the first results of commands, as another store gave them; of events that are here already. A command that is
    /// known by the same result is passed over. All of them, or none.
    ///
    /// - Throws: ``LogCopyError``; ``LogCopyError/commandDiffers(command:)`` for one that is known by another result.
    func importCommands(_ commands: [RecordedCommand]) async throws(LogCopyError)

    /// The commands that the store knows, in the order in which they were recorded.
    ///
    /// - Parameters:
    ///   - number: Goes on behind this ``RecordedCommand/number``; 0 for the first.
    ///   - limit: 1 to ``Limits/eventsPerPage``.
    func commands(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand]
}
