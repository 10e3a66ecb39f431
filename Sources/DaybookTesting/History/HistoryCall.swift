import DaybookCore

/// What a client asked of a store.
public enum HistoryCall: Sendable, Hashable {
    case append(AppendRequest)
    case readStream(StreamName, from: StreamCursor, ReadDirection, limit: Int)
    case readLog(from: LogCursor, ReadDirection, EventFilter, limit: Int)
    case state(of: StreamName)
    case streams(after: StreamName?, limit: Int)
    case receipt(for: CommandID)
    case head
    case headBeyond(Position)
}

extension HistoryCall: CustomStringConvertible {
    public var description: String {
        switch self {
        case .append(let request): request.sketch
        case .readStream(let stream, let cursor, let direction, let limit):
            "read '\(stream)' \(direction) from \(cursor), limit \(limit)"
        case .readLog(let cursor, let direction, let filter, let limit):
            "read log \(direction) from \(cursor), limit \(limit), \(filter.sketch)"
        case .state(let stream): "state of '\(stream)'"
        case .streams(let after, let limit): "streams after \(after.map { "'\($0)'" } ?? "none"), limit \(limit)"
        case .receipt(let id): "receipt for '\(id)'"
        case .head: "head"
        case .headBeyond(let position): "head beyond \(position)"
        }
    }
}
