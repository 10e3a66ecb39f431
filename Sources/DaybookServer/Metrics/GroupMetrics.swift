#if Server
import DaybookCore

/// What persistent subscriptions tell of themselves.
struct GroupMetrics: Sendable {
    let subscriptions: PersistentSubscriptions
    let store: any EventStore

    /// Of how many groups each is told of: their names are labels, and what reads metrics keeps each for long.
    static let mostGroups = 200

    /// In Prometheus' text format.
    func text() async throws(ReadError) -> String {
        var text = MetricText()
        let head = try await store.head().rawValue
        let drivers = subscriptions.groups(of: nil) ?? []
        text.add(
            "daybook_persistent_subscriptions", .gauge, "Persistent subscriptions that there are.", drivers.count)
        var groups: [(labels: MetricText.Labels, figures: GroupFigures)] = []
        for driver in drivers.prefix(Self.mostGroups) {
            groups.append(
                ([("stream", driver.name.stream), ("group", driver.name.group)], await driver.figures()))
        }
        func add(
            _ name: String, _ kind: MetricText.Kind, _ help: String, _ value: (GroupFigures) -> Int?
        ) {
            text.begin(name, kind, help)
            for group in groups {
                if let value = value(group.figures) { text.add(value, group.labels) }
            }
        }
        add("daybook_persistent_subscription_clients", .gauge, "Clients of a persistent subscription.") { $0.clients }
        add("daybook_persistent_subscription_waiting", .gauge, "Events that were read, and not sent.") { $0.waiting }
        add("daybook_persistent_subscription_in_flight", .gauge, "Events that clients have not answered.") {
            $0.inFlight
        }
        add("daybook_persistent_subscription_retrying", .gauge, "Events that are to be sent once more.") {
            $0.retrying
        }
        add("daybook_persistent_subscription_parked", .gauge, "Events that are parked.") { $0.parked.map { Int($0) } }
        add("daybook_persistent_subscription_sent_total", .counter, "Events that were sent, each time counted.") {
            $0.sent
        }
        add(
            "daybook_persistent_subscription_lag_events", .gauge,
            "Positions behind that up to which all is done, of events that are wanted or not."
        ) { Int(max(0, head - $0.position)) }
        return text.text
    }
}
#endif
