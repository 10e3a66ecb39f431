import DaybookCore

/// A recorded command that comes out differently under other rules.
public struct DecisionDifference<D: Decider>: Sendable {
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
    public var command: D.Command
    public var recorded: DecisionOutcome<D.Event>
    public var replayed: DecisionOutcome<D.Event>

    public init(
        kind: Kind, record: RecordedEvent, command: D.Command, recorded: DecisionOutcome<D.Event>,
        replayed: DecisionOutcome<D.Event>
    ) {
        self.kind = kind
        self.record = record
        self.command = command
        self.recorded = recorded
        self.replayed = replayed
    }

    /// The identifier of the command's subject.
    public var id: String { record.stream.id.map(String.init) ?? "" }
}
