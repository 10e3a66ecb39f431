#if Server
import DaybookCore

/// Where a read begins, as `from` says it: `start`, `end`, a number, which is a version in a stream and a position in the log, a
/// position in a stream (`p120`), or a time.
enum HTTPReadStart: Sendable, Equatable {
    case start
    case end
    case number(Int64)
    case position(Position)
    case time(Timestamp)

    /// - Parameter text: Nil for the beginning in the direction of the read.
    init(_ text: String?, _ direction: ReadDirection) throws(HTTPProblem) {
        switch text {
        case nil: self = direction == .forward ? .start : .end
        case "start": self = .start
        case "end": self = .end
        case let text?:
            if let number = Int64(text), number >= 0 {
                self = .number(number)
            } else if text.first == "p", let position = Int64(text.dropFirst()), position >= 0 {
                self = .position(Position(position))
            } else if let time = Timestamp(text) {
                self = .time(time)
            } else {
                throw .malformed(
                    "from",
                    "is '\(text.prefix(40))'; use start, end, a number from 0, a position as in p120, or a time of RFC 3339"
                )
            }
        }
    }

    var streamCursor: StreamCursor {
        switch self {
        case .start: .start
        case .end: .end
        case .number(let version): .version(StreamVersion(version))
        case .position(let position): .position(position)
        case .time(let time): .time(time)
        }
    }

    var logCursor: LogCursor {
        switch self {
        case .start: .start
        case .end: .end
        case .number(let position): .position(Position(position))
        case .position(let position): .position(position)
        case .time(let time): .time(time)
        }
    }
}
#endif
