import DaybookCore

/// Why a log could not be recorded again in a scratch store. The log is as it was; throw the scratch store away.
public enum ReplayError: Error, Equatable, CustomStringConvertible {
    /// The scratch store has events already.
    case notEmpty(head: Position)
    /// The scratch store records its own times.
    case otherTime(recorded: Timestamp, scratch: Timestamp)
    /// An event got another version in the scratch store: something else writes to it.
    case diverged(stream: StreamName, version: StreamVersion, scratch: StreamVersion?)
    case read(ReadError)
    case append(AppendError)
    case cancelled

    public var description: String {
        switch self {
        case .notEmpty(let head): "The scratch store has events up to position \(head): give an empty one."
        case .otherTime(let recorded, let scratch):
            "An event recorded at \(recorded) was recorded at \(scratch) in the scratch store: open that store with the "
                + "replay's time."
        case .diverged(let stream, let version, let scratch):
            "Version \(version) of '\(stream)' came out as version \(scratch?.description ?? "none") in the scratch "
                + "store: let nothing else write to it during the replay."
        case .read(let error): error.description
        case .append(let error): "The scratch store did not take an event. \(error)"
        case .cancelled: "The replay was cancelled."
        }
    }
}

extension ReplayError {
    init(_ error: ReadError) { self = error == .cancelled ? .cancelled : .read(error) }
}
