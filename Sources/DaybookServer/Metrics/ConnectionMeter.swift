#if Server
import DaybookCore

/// Counts connections.
final class ConnectionMeter: Sendable {
    /// Those that are open, by what they speak; those of which that is not known yet are among neither.
    let http1 = MetricCount()
    let http2 = MetricCount()
    let accepted = MetricCount()
    /// Those for which there was no room.
    let refused = MetricCount()

    subscript(choice: ProtocolSelector.Choice) -> MetricCount {
        switch choice {
        case .http1: http1
        case .http2: http2
        }
    }
}
#endif
