/// A store whose log can be copied to another store, and that can be the copy of one: every event is what it is, in its order, with
/// the time at which it was first recorded, and every command keeps its first result.
///
/// ``LogCopy`` makes a copy.
public protocol CopyableStore: EventStore {
    /// Whether imported events stand at the positions that they had, and the log has an event at every position.
    ///
    /// A store whose positions are its own, with gaps, says no: a copy to or from it has all that the log has, in the same order,
    /// at other positions.
    var keepsPositions: Bool { get }

    /// Records events as another store recorded them: same versions, times and identifiers, and the same positions where the store
    /// keeps them (``keepsPositions``). Retentions and deletions take effect with the events that tell of them. Durable when it
    /// returns.
    ///
    /// Which events were appended together is not kept.
    ///
    /// - Parameter events: In the order of positions, none missing: where positions are kept, the first directly behind the head,
    ///   each directly behind the one before it. At most ``Limits/eventsPerPage``.
    /// - Returns: The position that each of them has here.
    /// - Throws: ``LogCopyError``. Nothing was written, unless it says that it may have been: then all of them, or, where positions
    ///   are not kept, the first of them.
    @discardableResult
    func importEvents(_ events: [RecordedEvent]) async throws(LogCopyError) -> [Position]

    /// Records the first results of commands, as another store gave them; of events that are here already, with the positions that
    /// these have here. A command that is known by the same result is passed over. All of them, or none; where positions are not
    /// kept, a failure that says that they may be written leaves the first of them.
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

extension CopyableStore {
    public var keepsPositions: Bool { true }
}
