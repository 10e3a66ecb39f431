import DaybookCore

/// A past moment of a market.
public enum MarketMoment: Sendable, Hashable {
    case latest
    /// After the event of this version of the book.
    case version(StreamVersion)
    /// When the log had reached this position.
    case position(Position)
    /// After the last event that happened at or before this time, by the market's clock.
    case time(Timestamp)

    /// Reads `latest`, `v1234` or `version:1234`, `p5000` or `position:5000`, or a time in RFC 3339 such as
    /// `2012-06-21T09:45:00Z`. Nil for anything else.
    public init?(_ text: String) {
        func number(after prefixes: [String]) -> Int64? {
            for prefix in prefixes where text.hasPrefix(prefix) {
                if let value = Int64(text.dropFirst(prefix.count)), value >= 0 { return value }
            }
            return nil
        }
        if text == "latest" {
            self = .latest
        } else if let version = number(after: ["version:", "v"]) {
            self = .version(StreamVersion(version))
        } else if let position = number(after: ["position:", "p"]) {
            self = .position(Position(position))
        } else if let time = Timestamp(text) {
            self = .time(time)
        } else {
            return nil
        }
    }
}
