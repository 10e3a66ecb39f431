import DaybookCore

/// What a run of ``SQLiteEventStore/scavenge(_:progress:)`` may remove.
public struct ScavengeOptions: Sendable {
    /// No event behind this position is removed. Nil: up to the end of the log.
    public var through: Position?
    /// Consumers of these names (checkpoints, read models, consumer groups, categories of process managers) hold
    /// nothing back, as when they are no longer in use: what they have not seen may be removed.
    public var ignoredConsumers: Set<String> = []
    /// Whether no consumer holds anything back.
    public var ignoresConsumers = false
    /// Whether the file is made smaller at the end. Appends wait meanwhile; reads go on. Needs free room for two copies of
    /// what the file still holds.
    public var compacts = false
    /// Events that one transaction removes at most, at least 1. Appends wait for one at a time, some tens of milliseconds
    /// for the default.
    public var eventsPerTransaction = 5_000
    /// Whether nothing is removed, and the report tells what would be.
    public var isDryRun = false

    public init() {}
}
