/// A store's health as metrics.
package struct HealthMetrics {
    private var metrics: MetricText

    /// - Parameters:
    ///   - store: What tells this store's metrics from those of others.
    ///   - limit: Of how many consumers is told, those with problems first. Their names are up to their programs, and what reads
    ///     metrics keeps each for long.
    package init(_ health: StoreHealth, of store: String, consumers limit: Int = .max) {
        metrics = MetricText([("store", store)])
        metrics.add(
            "daybook_healthy", .gauge, "Whether neither the store nor a consumer has a problem.",
            health.isHealthy ? 1 : 0)
        metrics.add("daybook_head_position", .gauge, "The position of the last event.", Int(health.head.rawValue))
        if let file = health.file { add(file) }
        metrics.add(
            "daybook_checked_timestamp_seconds", .gauge, "When this was looked at.",
            Double(health.checkedAt.microseconds) / 1e6)
        var consumers = health.consumers
        if consumers.count > limit {
            consumers = Array(
                (consumers.filter { !$0.problems.isEmpty } + consumers.filter(\.problems.isEmpty)).prefix(limit))
        }
        add(consumers)
    }

    package var text: String { metrics.text }

    private mutating func add(_ file: FileHealth) {
        metrics.add(
            "daybook_not_indexed_events", .gauge, "Events that the index of the file does not have yet.",
            Int(file.eventsNotIndexed))
        metrics.add("daybook_wal_bytes", .gauge, "The size of the write-ahead log.", Int(file.walBytes))
        if let free = file.freeBytes {
            metrics.add("daybook_free_bytes", .gauge, "Bytes free on the store's disk.", Int(free))
        }
        metrics.add(
            "daybook_free_reserve_bytes", .gauge, "Free bytes below which appends are refused.",
            Int(file.freeSpaceReserve))
    }

    private mutating func add(_ consumers: [ConsumerHealth]) {
        add("daybook_consumer_position", "Up to where a consumer has done everything, or parked it.", consumers) {
            Double($0.position.rawValue)
        }
        add("daybook_consumer_lag_events", "Positions behind a consumer's, of events that it wants or not.", consumers)
        {
            Double($0.eventsBehind)
        }
        add("daybook_consumer_lag_seconds", "How long ago the first event behind it was recorded.", consumers) {
            // Of an event that cannot be read nothing is known.
            $0.secondsBehind ?? ($0.eventsBehind > 0 ? nil : 0)
        }
        add("daybook_consumer_parked", "Keys, or events, of a consumer that have stopped.", consumers) {
            $0.parked.map(Double.init)
        }
        add("daybook_consumer_problems", "What the bounds of this check object to in a consumer.", consumers) {
            Double($0.problems.count)
        }
    }

    private mutating func add(
        _ name: String, _ help: String, _ consumers: [ConsumerHealth], _ value: (ConsumerHealth) -> Double?
    ) {
        metrics.begin(name, .gauge, help)
        for consumer in consumers {
            guard let value = value(consumer) else { continue }
            metrics.add(value, [("kind", consumer.kind.rawValue), ("consumer", consumer.name)])
        }
    }
}
