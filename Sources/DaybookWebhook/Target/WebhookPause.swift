#if Webhook
import DaybookCore
import Synchronization

/// Until when a receiver asked to be spared.
final class WebhookPause: Sendable {
    private let ceiling: Duration
    private let end = Mutex(Timestamp(microseconds: .min))

    init(ceiling: Duration) { self.ceiling = ceiling }

    func extend(until time: Timestamp) { end.withLock { $0 = max($0, time) } }

    /// Returns when the pause is over; at once when there is none.
    func wait(time: TimeSource, clock: any Clock<Duration>) async throws {
        while true {
            let now = time.now
            let left = end.withLock { end in
                end = min(end, now.advanced(by: ceiling))
                return end.microseconds.subtractingReportingOverflow(now.microseconds)
            }
            guard !left.overflow, left.partialValue > 0 else { return }
            try await clock.sleep(for: .microseconds(left.partialValue))
        }
    }
}
#endif
