/// What a store knows of a stream beside its events.
public struct StreamState: Sendable, Hashable {
    public enum Status: String, Sendable, Hashable, Codable {
        /// No event was ever appended to it.
        case missing
        /// It has events, although retention may hide all of them.
        case live
        /// Deleted: its events are hidden. An append brings it back, and its versions go on.
        case deleted
        /// Deleted for good: it takes no event ever again.
        case tombstoned
    }

    public var status: Status
    /// The version of the last event ever appended, visible or not; nil when there was none.
    public var lastVersion: StreamVersion?
    public var retention: Retention

    public init(status: Status = .missing, lastVersion: StreamVersion? = nil, retention: Retention = .unlimited) {
        self.status = status
        self.lastVersion = lastVersion
        self.retention = retention
    }

    /// What to expect when appending after having read the stream in this state.
    public var expectedVersion: ExpectedVersion {
        guard status == .live, let lastVersion else { return .noStream }
        return .version(lastVersion)
    }

    /// The lowest version that truncation and count leave visible; age is looked at event by event.
    public var firstVisibleVersion: StreamVersion {
        var first = retention.truncateBefore ?? .first
        if let maxCount = retention.maxCount, let lastVersion {
            first = max(first, StreamVersion(lastVersion.rawValue - maxCount + 1))
        }
        return max(first, .first)
    }

    /// Whether readers of the stream see an event of this version and time.
    public func shows(version: StreamVersion, recordedAt: Timestamp, now: Timestamp) -> Bool {
        guard status == .live, version >= firstVisibleVersion else { return false }
        guard let maxAge = retention.maxAge else { return true }
        return recordedAt.advanced(by: maxAge) > now
    }
}
