import DaybookCore

/// What a ``ProcessRunner`` records in the streams of processes, beside the events of their own.
///
/// Commands are recorded as JSON and read again when they are sent, so that they are locked and changed like events:
/// with a ``SchemaSource`` of this type in the processes' category, and a command that is a ``VersionedCommand``.
public enum ProcessRecord<Command: Codable & Sendable>: DomainEvent {
    public static var typePrefix: String { "process" }

    /// A command is to be carried out, under the identifier of this event.
    case sent(command: Command)
    /// The command that is recorded at a version of the stream was rejected.
    case rejected(version: Int64, reason: String)
    /// Times are RFC 3339.
    case deadlineSet(name: String, at: String)
    case deadlineCancelled(name: String, at: String)
    case deadlinePassed(name: String, at: String)

    public static func schemaVersion(of type: EventType) -> UInt32 {
        type == "process.sent" ? CommandVersions.current(of: Command.self) : 1
    }

    public static var upcasters: [Upcaster] {
        CommandVersions.upcasters(of: Command.self, in: ["process.sent"])
    }
}
