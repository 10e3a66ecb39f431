#if Server
import DaybookCore
import Synchronization

/// What a server counts: numbers that are added to on the way, and read when somebody asks for all of them.
///
/// `docs/operations.md` tells what each name means. Names of streams are among no labels, so that nobody makes the metrics grow by
/// what they append; methods, protocols and outcomes are few.
final class ServerMetrics: Sendable {
    let appends = ByProtocol { AppendMeter() }
    let reads = ByProtocol { ReadMeter() }
    let follows = ByProtocol { FollowMeter() }
    let connections = ConnectionMeter()
    /// One for each method, made when the server is.
    private let meters = Mutex<[CallMeter]>([])

    func calls(of method: String, _ served: ServedProtocol) -> CallMeter {
        let meter = CallMeter(served, method: method)
        meters.withLock { $0.append(meter) }
        return meter
    }

    /// All of them, in Prometheus' text format.
    var text: String {
        var text = MetricText()
        writeCalls(to: &text)
        writeAppends(to: &text)
        writeReads(to: &text)
        writeFollows(to: &text)
        writeConnections(to: &text)
        return text.text
    }

    private static func labels(_ served: ServedProtocol) -> MetricText.Labels { [("protocol", served.rawValue)] }

    /// Those that clients speak.
    private static let clients: [ServedProtocol] = [.kurrentdb, .daybook, .http]

    private func writeCalls(to text: inout MetricText) {
        let meters = self.meters.withLock { $0 }.sorted { $0.method < $1.method }
        text.begin("daybook_calls_total", .counter, "Calls that have ended.")
        for meter in meters {
            text.add(
                meter.outcomes, Self.labels(meter.served) + [(name: "method", value: meter.method)], sparsely: true)
        }
        text.begin("daybook_calls_in_hand", .gauge, "Calls that are being answered.")
        for served in Self.clients {
            text.add(
                meters.reduce(0) { $1.served == served ? $0 + $1.inHand.value : $0 }, Self.labels(served))
        }
    }

    private func writeAppends(to text: inout MetricText) {
        text.begin("daybook_append_requests_total", .counter, "Appends, as the store was asked for them.")
        for served in ServedProtocol.allCases { text.add(appends[served].outcomes, Self.labels(served)) }
        text.begin("daybook_append_events_total", .counter, "Events that were recorded.")
        for served in ServedProtocol.allCases { text.add(appends[served].events.value, Self.labels(served)) }
        text.begin("daybook_append_bytes_total", .counter, "Bytes of data and metadata that were recorded.")
        for served in ServedProtocol.allCases { text.add(appends[served].bytes.value, Self.labels(served)) }
        text.begin("daybook_appends_in_hand", .gauge, "Appends that the store has not answered.")
        for served in ServedProtocol.allCases { text.add(appends[served].inHand.value, Self.labels(served)) }
        text.begin("daybook_append_duration_seconds", .histogram, "How long the store took for an append.")
        for served in ServedProtocol.allCases { text.add(appends[served].times, Self.labels(served)) }
    }

    private func writeReads(to text: inout MetricText) {
        text.begin("daybook_read_pages_total", .counter, "Pages that were read, for reads and for subscriptions.")
        for served in Self.clients { text.add(reads[served].outcomes, Self.labels(served)) }
        text.begin("daybook_read_events_total", .counter, "Events in them.")
        for served in Self.clients { text.add(reads[served].events.value, Self.labels(served)) }
        text.begin("daybook_read_bytes_total", .counter, "Bytes of data and metadata in them.")
        for served in Self.clients { text.add(reads[served].bytes.value, Self.labels(served)) }
        text.begin("daybook_read_page_duration_seconds", .histogram, "How long a page took.")
        for served in Self.clients { text.add(reads[served].times, Self.labels(served)) }
    }

    private func writeFollows(to text: inout MetricText) {
        // DaybookClient follows by reading pages, and waiting for the head.
        let served: [ServedProtocol] = [.kurrentdb, .http]
        text.begin("daybook_subscriptions", .gauge, "Subscriptions that are open.")
        for served in served { text.add(follows[served].open.value, Self.labels(served)) }
        text.begin("daybook_subscription_events_total", .counter, "Events that subscribers were sent.")
        for served in served { text.add(follows[served].events.value, Self.labels(served)) }
        text.begin(
            "daybook_subscription_delivery_seconds", .histogram,
            "From an event's being recorded to its being sent, where a subscriber had caught up.")
        for served in served { text.add(follows[served].deliveries, Self.labels(served)) }
    }

    private func writeConnections(to text: inout MetricText) {
        text.begin("daybook_connections", .gauge, "Connections that are open.")
        text.add(connections.http1.value, [("kind", "http1")])
        text.add(connections.http2.value, [("kind", "http2")])
        text.add(
            "daybook_connections_accepted_total", .counter, "Connections that were accepted.",
            connections.accepted.value)
        text.add(
            "daybook_connections_refused_total", .counter, "Connections for which there was no room.",
            connections.refused.value)
    }
}
#endif
