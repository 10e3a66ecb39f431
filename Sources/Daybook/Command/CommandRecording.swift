import DaybookCore

/// Whether a command handler records the commands themselves, as ``CommandRecord``s.
///
/// It costs one event more for each command, in the same append. Without it the log says what happened, and not what
/// was wanted: rejected commands leave no trace, and ``DecisionReplay`` and ``BoundaryDecisionReplay`` have nothing to
/// decide again. A command or a rejection that cannot be recorded, as too large or as no JSON, ends with that error.
public struct CommandRecording<Command: Sendable>: Sendable {
    /// Writes a record of a command, decided after a version or position, with what came of it: the number of its events,
    /// or why it was rejected.
    @usableFromInline
    typealias Encode =
        @Sendable (Command, Int64?, Result<Int, Reason>) throws(EventEncodingError) -> EncodedEvent

    @usableFromInline
    struct Reason: Error {
        var text: String
    }

    @usableFromInline let encode: Encode?
    @usableFromInline let includesRejected: Bool

    /// Commands are not recorded.
    public static var none: CommandRecording { CommandRecording(encode: nil, includesRejected: false) }
}

extension CommandRecording where Command: Codable {
    /// Commands that are carried out are recorded.
    public static var carriedOut: CommandRecording { CommandRecording(encode: encoder(), includesRejected: false) }

    /// Commands are recorded whatever comes of them. A rejection is recorded each time it is given: one more append.
    /// Those of commands that were given several at once are not, since the state that they were decided on never was.
    public static var all: CommandRecording { CommandRecording(encode: encoder(), includesRejected: true) }

    private static func encoder() -> Encode {
        let codec = JSONEventCodec<CommandRecord<Command>>()
        return { command, after, outcome throws(EventEncodingError) in
            switch outcome {
            case .success(let count):
                try codec.encode(.carriedOut(command: command, after: after, events: count))
            case .failure(let reason):
                try codec.encode(.rejected(command: command, after: after, reason: reason.text))
            }
        }
    }
}
