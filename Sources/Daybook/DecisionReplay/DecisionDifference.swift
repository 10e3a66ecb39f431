import DaybookCore

/// A recorded command that comes out differently under other rules.
public struct DecisionDifference<Command: Sendable, Event: Sendable>: Sendable {
    public enum Kind: Sendable, Hashable, CaseIterable {
        /// It was carried out, and is rejected now.
        case nowRejected
        /// It was rejected, and is carried out now.
        case nowCarriedOut
        case otherEvents
        /// It is rejected for another reason.
        case otherReason
    }

    public var kind: Kind
    /// The record of the command, which says where and when, and by its metadata on whose behalf.
    public var record: RecordedEvent
    public var command: Command
    public var recorded: DecisionOutcome<Event>
    public var replayed: DecisionOutcome<Event>

    public init(
        kind: Kind, record: RecordedEvent, command: Command, recorded: DecisionOutcome<Event>,
        replayed: DecisionOutcome<Event>
    ) {
        self.kind = kind
        self.record = record
        self.command = command
        self.recorded = recorded
        self.replayed = replayed
    }

    /// The identifier in the name of the record's stream: that of the command's subject, when it has one.
    public var id: String { record.stream.id.map(String.init) ?? "" }
}

extension DecisionDifference.Kind {
    /// How two outcomes differ; nil when they do not.
    static func between<Failure: Error>(
        _ recorded: DecisionOutcome<Event>, _ replayed: DecisionOutcome<Event>,
        isSame: ([Event], [Event]) throws(Failure) -> Bool
    ) throws(Failure) -> Self? {
        switch (recorded, replayed) {
        case (.rejected(let old), .rejected(let new)): old == new ? nil : .otherReason
        case (.rejected, .events): .nowCarriedOut
        case (.events, .rejected): .nowRejected
        case (.events(let old), .events(let new)): try isSame(old, new) ? nil : .otherEvents
        }
    }
}
