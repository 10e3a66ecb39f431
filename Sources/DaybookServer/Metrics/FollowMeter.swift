#if Server
import DaybookCore

/// Counts what subscribers of one protocol are sent.
final class FollowMeter: Sendable {
    /// The subscriptions that are open.
    let open = MetricCount()
    let events = MetricCount()
    /// From when an event was recorded to when it was handed to the connection, of subscriptions that had caught up.
    let deliveries = MetricHistogram()

    /// To be told when events were sent in one piece.
    ///
    /// - Parameter first: When the first of them was recorded; nil when the subscriber is still catching up, so that it tells
    ///   nothing of the server.
    func sent(_ count: Int, recordedAt first: Timestamp?) {
        guard count > 0 else { return }
        events.add(count)
        guard let first else { return }
        // The store's times never go back, but the machine's clock may.
        let (passed, isBeyond) = TimeSource.system.now.microseconds.subtractingReportingOverflow(first.microseconds)
        guard !isBeyond else { return }
        deliveries.record(Int(clamping: min(max(passed, 0), Int64.max / 1_000) * 1_000))
    }
}
#endif
