import DaybookCore

/// A point in the life of a stream: everything up to and with it counts, and nothing after it.
public enum Moment: Sendable, Hashable, CustomStringConvertible {
    /// Now: every event that is recorded.
    case latest
    /// After the event of this version.
    case version(StreamVersion)
    /// When the log had reached this position.
    case position(Position)
    /// When the store's recorded time was this: events recorded at or before it count.
    case time(Timestamp)

    /// Whether an event had been recorded at this moment.
    public func includes(_ event: RecordedEvent) -> Bool {
        switch self {
        case .latest: true
        case .version(let version): event.version <= version
        case .position(let position): event.position <= position
        case .time(let time): event.recordedAt <= time
        }
    }

    public var description: String {
        switch self {
        case .latest: "latest"
        case .version(let version): "version \(version)"
        case .position(let position): "position \(position)"
        case .time(let time): "\(time)"
        }
    }
}
