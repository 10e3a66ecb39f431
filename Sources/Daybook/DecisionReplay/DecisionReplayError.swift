import DaybookCore

/// Why recorded commands could not be decided again.
public enum DecisionReplayError: Error, Equatable, CustomStringConvertible {
    /// A recorded command, or an event, that this program cannot read.
    case undecodable(EventDecodingError)
    /// A decided event cannot be compared, since it cannot be written.
    case unencodable(EventEncodingError)
    /// An event that the new rules decided, and that their own events do not include.
    case unreadableDecision(EventDecodingError)
    /// An event that the new rules decided on several subjects lies outside of the boundary that they draw.
    case outsideBoundary(type: EventType, stream: StreamName, tags: [Tag])
    /// Fewer events follow a recorded command than it led to.
    case incompleteRecord(stream: StreamName, position: Position, expected: Int, found: Int)
    /// Retention hid events of the subject when the command was decided, so that its state is not known.
    case hiddenHistory(record: StreamName, position: Position)
    /// The events before a command are not those on which it was decided.
    case otherHistory(record: StreamName, position: Position, decidedAfter: StreamVersion?, found: StreamVersion?)
    case read(ReadError)
    case cancelled

    public var description: String {
        switch self {
        case .undecodable(let error): error.description
        case .unencodable(let error): error.description
        case .unreadableDecision(let error):
            "The new rules decided an event that they could not read again. Recorded there, it would be: \(error)"
        case .outsideBoundary(let type, let stream, let tags):
            "The new rules decided an event '\(type)' for stream '\(stream)' with the tags \(tags.map(\.rawValue)), which the "
                + "boundary of its own command does not take in: a handler would refuse it."
        case .incompleteRecord(let stream, let position, let expected, let found):
            "The command recorded in '\(stream)' at position \(position) led to \(expected) events, and the log has "
                + "\(found) of them: is this stream that of a BoundaryHandler's records?"
        case .otherHistory(let record, let position, let version, let found):
            "The command recorded in '\(record)' at position \(position) was decided after version "
                + "\(version?.description ?? "none") of its subject, and the log leads to version "
                + "\(found?.description ?? "none") there: replay the commands after that moment."
        case .hiddenHistory(let record, let position):
            "The command recorded in '\(record)' at position \(position) was decided while retention hid events of its "
                + "subject: replay the commands before that retention was set, or after it was lifted."
        case .read(let error): error.description
        case .cancelled: "The replay was cancelled."
        }
    }
}

extension DecisionReplayError {
    init(_ error: ReadError) { self = error == .cancelled ? .cancelled : .read(error) }
}
