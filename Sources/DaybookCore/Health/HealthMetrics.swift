/// A store's health as metrics, for Prometheus and whatever else reads its text format.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
package struct HealthMetrics {
    package private(set) var text = ""
    private let store: String

    /// - Parameter store: What tells this store's metrics from those of others.
    package init(_ health: StoreHealth, of store: String) {
        self.store = "store=\"\(Self.escaped(store))\""
        add("healthy", "Whether neither the store nor a consumer has a problem.", health.isHealthy ? 1 : 0)
        add("head_position", "The position of the last event.", Double(health.head.rawValue))
        if let file = health.file {
            add(
                "not_indexed_events", "Events that the index of the file does not have yet.",
                Double(file.eventsNotIndexed))
            add("wal_bytes", "The size of the write-ahead log.", Double(file.walBytes))
            if let free = file.freeBytes { add("free_bytes", "Bytes free on the store's disk.", Double(free)) }
            add("free_reserve_bytes", "Free bytes below which appends are refused.", Double(file.freeSpaceReserve))
        }
        add("checked_timestamp_seconds", "When this was looked at.", Double(health.checkedAt.microseconds) / 1e6)
        let consumers = health.consumers
        add("consumer_position", "Up to where a consumer has done everything, or parked it.", consumers) {
            Double($0.position.rawValue)
        }
        add("consumer_lag_events", "Positions behind a consumer's, of events that it wants or not.", consumers) {
            Double($0.eventsBehind)
        }
        add("consumer_lag_seconds", "How long ago the first event behind it was recorded.", consumers) {
            // Of an event that cannot be read nothing is known.
            $0.secondsBehind ?? ($0.eventsBehind > 0 ? nil : 0)
        }
        add("consumer_parked", "Keys, or events, of a consumer that have stopped.", consumers) {
            $0.parked.map(Double.init)
        }
        add("consumer_problems", "What the bounds of this check object to in a consumer.", consumers) {
            Double($0.problems.count)
        }
    }

    private mutating func add(_ name: String, _ help: String, _ value: Double) {
        begin(name, help)
        text += "daybook_\(name){\(store)} \(Self.number(value))\n"
    }

    private mutating func add(
        _ name: String, _ help: String, _ consumers: [ConsumerHealth], _ value: (ConsumerHealth) -> Double?
    ) {
        let values = consumers.compactMap { consumer in value(consumer).map { (consumer, $0) } }
        guard !values.isEmpty else { return }
        begin(name, help)
        for (consumer, value) in values {
            let labels = "\(store),kind=\"\(consumer.kind.rawValue)\",consumer=\"\(Self.escaped(consumer.name))\""
            text += "daybook_\(name){\(labels)} \(Self.number(value))\n"
        }
    }

    private mutating func begin(_ name: String, _ help: String) {
        text += "# HELP daybook_\(name) \(help)\n# TYPE daybook_\(name) gauge\n"
    }

    /// Whole numbers in full, without an exponent.
    private static func number(_ value: Double) -> String { Int64(exactly: value).map { String($0) } ?? String(value) }

    private static func escaped(_ label: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in label.unicodeScalars {
            switch scalar {
            case "\\", "\"": escaped.append(contentsOf: ["\\", scalar])
            case "\n": escaped.append(contentsOf: ["\\", "n"])
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
