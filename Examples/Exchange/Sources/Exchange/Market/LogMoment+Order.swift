import Daybook
import DaybookCore

extension LogMoment {
    /// Whether the moment is later than another; nil where only the log can tell, since one is a position and the other a
    /// time.
    public func isLater(than other: LogMoment) -> Bool? {
        switch (self, other) {
        case (_, .latest): false
        case (.latest, _): true
        case (.position(let left), .position(let right)): left > right
        case (.time(let left), .time(let right)): left > right
        case (.position, .time), (.time, .position): nil
        }
    }

    /// Whether the moment is later than another: of a position and a time, whether it includes an event that the other one
    /// does not.
    public func isLater(than other: LogMoment, in log: any EventStore) async throws(ReadError) -> Bool {
        if let isLater = isLater(than: other) { return isLater }
        let cursor: LogCursor
        switch other {
        case .latest: return false
        case .position(let position): cursor = .after(position)
        case .time(let time): cursor = .time(time.advanced(by: .microseconds(1)))
        }
        let next = try await log.readPage(from: cursor, direction: .forward, filter: .everything, limit: 1).events.first
        return next.map(includes) ?? false
    }
}
