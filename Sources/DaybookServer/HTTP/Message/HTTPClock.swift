#if Server
import DaybookCore
import Synchronization

/// The time as responses carry it, written once a second.
///
/// See https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
final class HTTPClock: Sendable {
    private let time: TimeSource
    private let written = Mutex<(second: Int64, text: String)>((.min, ""))

    init(time: TimeSource = .system) { self.time = time }

    var text: String {
        let now = time.now
        let second = now.microseconds / 1_000_000
        return written.withLock { written in
            if written.second != second { written = (second, Self.text(of: now)) }
            return written.text
        }
    }

    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Thu, 21 Jun 2012 09:30:00 GMT`, for a time since 1970.
    static func text(of time: Timestamp) -> String {
        let parts = time.description.split { "-T.Z".contains($0) }  // 2012, 06, 21, 09:30:00, 000001.
        let weekday = weekdays[Int(time.microseconds / 86_400_000_000 % 7)]
        return "\(weekday), \(parts[2]) \(months[(Int(parts[1]) ?? 1) - 1]) \(parts[0]) \(parts[3]) GMT"
    }
}
#endif
