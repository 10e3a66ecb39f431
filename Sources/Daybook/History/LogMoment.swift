import DaybookCore

/// A point in the life of the log: everything up to and with it counts, and nothing after it.
public enum LogMoment: Sendable, Hashable, CustomStringConvertible {
    /// Now: every event that is recorded.
    case latest
    /// When the log had reached this position.
    case position(Position)
    /// When the store's recorded time was this: events recorded at or before it count.
    case time(Timestamp)

    /// Whether an event had been recorded at this moment. Once one had not, none behind it had.
    public func includes(_ event: RecordedEvent) -> Bool {
        switch self {
        case .latest: true
        case .position(let position): event.position <= position
        case .time(let time): event.recordedAt <= time
        }
    }

    /// The last position that it takes in.
    package func position(in log: any EventStore) async throws(ReadError) -> Position {
        switch self {
        case .latest: return try await log.head()
        case .position(let position): return max(.start, min(position, try await log.head()))
        case .time(let time):
            return try await log.readPage(
                from: .time(time), direction: .backward, filter: .everything, limit: 1
            ).events.first?.position ?? .start
        }
    }

    public var description: String {
        switch self {
        case .latest: "latest"
        case .position(let position): "position \(position)"
        case .time(let time): "\(time)"
        }
    }
}
