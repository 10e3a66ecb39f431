/// Why a log, or a part of it, was not copied.
public enum LogCopyError: Error, Equatable, CustomStringConvertible {
    /// The event does not follow on the head of the log that is to take it.
    case notNext(position: Position, head: Position)
    /// The event does not follow on its stream's last one.
    case wrongVersion(stream: StreamName, version: StreamVersion, position: Position, last: StreamVersion?)
    /// The event was recorded before the one in front of it.
    case goesBackInTime(position: Position)
    /// An event of a control stream that no store writes.
    case unknownControl(position: Position)
    /// A command's result is about a stream, or a position, that the log does not have.
    case unknownResult(command: CommandID)
    /// Both logs have an event at this position, or one of them has none, and they are not the same.
    case differs(position: Position, reason: String)
    /// Both stores know the command, by different results.
    case commandDiffers(command: CommandID)
    /// A read model that belongs to the appends of the store refused it.
    case refused(by: String, reason: String)
    case read(ReadError)
    /// The storage failed. `mayBeWritten` tells whether the events may be there all the same: a copy that is begun again goes
    /// on with what is there.
    case storageFailed(reason: String, mayBeWritten: Bool)
    case cancelled
    case closed

    public var description: String {
        switch self {
        case .notNext(let position, let head):
            "The event at position \(position) does not follow on position \(head), where the log to be written ends: a log "
                + "can be copied to one that is empty, or is its beginning; one whose events were removed cannot be."
        case .wrongVersion(let stream, let version, let position, let last):
            "The event at position \(position) has version \(version) of stream '\(stream)', whose last one is "
                + "\(last?.description ?? "none"): the log is not whole."
        case .goesBackInTime(let position):
            "The event at position \(position) was recorded before the one in front of it: the log is not one."
        case .unknownControl(let position):
            "The event at position \(position) of a control stream is not what a store writes."
        case .unknownResult(let command):
            "The result of command '\(command)' is about events that are not here: import the events first."
        case .differs(let position, let reason):
            "The logs differ at position \(position): \(reason)"
        case .commandDiffers(let command): "Command '\(command)' has different results in the two stores."
        case .refused(let name, let reason): "The read model '\(name)' refused the events: \(reason)"
        case .read(let error): error.description
        case .storageFailed(let reason, let mayBeWritten):
            "The storage failed (\(reason)); "
                + (mayBeWritten ? "the events may or may not be there: begin again." : "nothing was written.")
        case .cancelled: "It was cancelled; what is written stays, and the next run goes on there."
        case .closed: "The store is closed: open it again."
        }
    }
}

extension LogCopyError {
    /// The same failure of reading, by its own name where it has one here.
    public init(_ error: ReadError) {
        self =
            switch error {
            case .cancelled: .cancelled
            case .closed: .closed
            default: .read(error)
            }
    }
}

/// What every store checks before it imports events.
extension LogCopyError {
    /// Whether the events follow on the log's end and on each other.
    ///
    /// - Parameters:
    ///   - head: The position of the log's last event.
    ///   - time: When that was recorded; nil for an empty log.
    ///   - keepsPositions: Whether the events are to stand where they stood. Otherwise their positions must rise, no more.
    ///   - lastVersion: The last version of a stream in the log.
    package static func check(
        _ events: [RecordedEvent], follow head: Position, recordedAt time: Timestamp?,
        keepsPositions: Bool = true, lastVersion: (StreamName) throws -> StreamVersion?
    ) throws {
        var (position, time) = (head, time)
        var versions: [StreamName: StreamVersion?] = [:]
        for event in events {
            guard keepsPositions ? event.position == position.next : event.position > position else {
                throw LogCopyError.notNext(position: event.position, head: position)
            }
            if let time, event.recordedAt < time { throw LogCopyError.goesBackInTime(position: event.position) }
            let last = try versions[event.stream] ?? lastVersion(event.stream)
            guard event.version == (last?.next ?? .first) else {
                throw LogCopyError.wrongVersion(
                    stream: event.stream, version: event.version, position: event.position, last: last)
            }
            if event.stream.isControl, StreamControl(decoding: event.data) == nil {
                throw LogCopyError.unknownControl(position: event.position)
            }
            (position, time) = (event.position, event.recordedAt)
            versions[event.stream] = .some(event.version)
        }
    }
}
