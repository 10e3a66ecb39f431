import DaybookCore

/// A command as it is recorded beside its events, when a handler is asked to: what was wanted, on which state, and what
/// came of it.
///
/// Records are in a stream of their own beside the subject's, `account_commands-42` for `account-42`, so that no state
/// is folded from them, or where ``BoundaryHandler/recording(_:in:)`` says; those of a command that was carried out are in
/// the same append as its events, before them. ``DecisionReplay`` and ``BoundaryDecisionReplay`` decide them again under
/// other rules.
///
/// Commands are recorded as JSON and read for years, so that they are locked and changed like events: with a
/// ``SchemaSource`` of this type in the category of its records, and a command that is a ``VersionedCommand``.
public enum CommandRecord<Command: Codable & Sendable>: DomainEvent {
    public static var typePrefix: String { "command" }

    /// The command was decided on the state after a version of the subject's stream, nil for none, and led to so many
    /// events, which follow on that version. Of a command on several subjects: on what was inside its boundary up to a
    /// position of the log; its events follow on the record.
    case carriedOut(command: Command, after: Int64?, events: Int)
    /// The command was rejected on the state after a version, or position.
    case rejected(command: Command, after: Int64?, reason: String)

    public static func schemaVersion(of type: EventType) -> UInt32 { CommandVersions.current(of: Command.self) }

    public static var upcasters: [Upcaster] {
        CommandVersions.upcasters(of: Command.self, in: ["command.carriedOut", "command.rejected"])
    }
}

extension Category {
    /// The category of the records of commands on the subjects of this one.
    public var commands: Category { Category(unchecked: rawValue + "_commands") }
}
