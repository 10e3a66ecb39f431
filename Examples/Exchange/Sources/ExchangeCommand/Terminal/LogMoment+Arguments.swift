import ArgumentParser
import Daybook
import DaybookCore
import Exchange

/// Moments as they are written on the command line.
extension LogMoment {
    /// Refuses moments in the wrong order, as far as it can be told without the log.
    static func checkOrder(since: String, asOf: String) throws {
        guard let earlier = LogMoment(since), let later = LogMoment(asOf) else { return }
        if earlier.isLater(than: later) == true { throw ValidationError(reversed(since, asOf)) }
    }

    /// Refuses moments in the wrong order; of a position and a time, the log tells.
    static func checkOrder(since: String, asOf: String, in log: any EventStore) async throws {
        guard let earlier = LogMoment(since), let later = LogMoment(asOf) else { return }
        if try await earlier.isLater(than: later, in: log) { throw CommandFailure(.usage, reversed(since, asOf)) }
    }

    private static func reversed(_ since: String, _ asOf: String) -> String {
        "--since is \(since), which is later than --as-of \(asOf): name the earlier moment as --since."
    }

    static func check(_ text: String) throws {
        guard LogMoment(text) != nil else {
            throw ValidationError(
                "'\(text)' is no moment of the log: give a position such as p5000, or a time of recording such as "
                    + "2026-01-05T09:45:00Z.")
        }
    }
}
