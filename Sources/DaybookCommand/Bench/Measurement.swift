/// What a run of a workload gave.
struct Measurement: Sendable {
    var name: String
    var events: Int
    var elapsed: Duration
    /// The duration of each operation, in nanoseconds, in order; an operation is an append, or a page or stream read.
    var latencies: [Int64]
    /// Whether the events are on the disk when an operation ends.
    var isDurable: Bool
    /// The same work by the disk alone, in events a second; nil where the disk does none.
    var raw: Double?
    var budget: Budget?
    /// What else there is to tell of the store.
    var figures: [BenchmarkFigure] = []

    init(
        _ name: String, events: Int, elapsed: Duration, latencies: [Int64], isDurable: Bool, raw: Double?,
        budget: Budget? = nil
    ) {
        self.name = name
        self.events = events
        self.elapsed = elapsed
        self.latencies = latencies.sorted()
        self.isDurable = isDurable
        self.raw = raw
        self.budget = budget
    }

    var eventsPerSecond: Double { Double(events) / max(elapsed / .seconds(1), 1e-9) }

    /// The duration that this share of the operations keeps within, in milliseconds; nil without operations.
    func milliseconds(_ share: Double) -> Double? {
        guard !latencies.isEmpty else { return nil }
        let index = Int((Double(latencies.count) * share).rounded(.up)) - 1
        return Double(latencies[min(max(index, 0), latencies.count - 1)]) / 1e6
    }

    /// The average duration, in milliseconds; nil without operations.
    var mean: Double? {
        latencies.isEmpty ? nil : latencies.reduce(0) { $0 + Double($1) } / Double(latencies.count) / 1e6
    }

    /// The measurement of some runs with the middle rate.
    static func median(_ runs: [Measurement]) -> Measurement? {
        let sorted = runs.sorted { $0.eventsPerSecond < $1.eventsPerSecond }
        return sorted.isEmpty ? nil : sorted[(sorted.count - 1) / 2]
    }

    /// How far the budget is kept: 1 or more is within it.
    var ratio: Double? {
        guard let budget else { return nil }
        var ratios: [Double] = []
        if let rate = budget.eventsPerSecond { ratios.append(eventsPerSecond / rate) }
        if let bound = budget.p50, let value = milliseconds(0.5), value > 0 { ratios.append(bound / value) }
        if let bound = budget.p99, let value = milliseconds(0.99), value > 0 { ratios.append(bound / value) }
        if let bound = budget.memoryBytes, let value = figure("memory_bytes"), value > 0 {
            ratios.append(bound / value)
        }
        return ratios.min()
    }

    /// The value of something else that was measured; nil when it was not.
    func figure(_ name: String) -> Double? { figures.first { $0.name == name }?.value }

    func line(peer: String) -> [UInt8] {
        var line = JSONLine()
        line.add("peer", peer)
        line.add("workload", name)
        line.add("events_per_s", eventsPerSecond, decimals: 0)
        if let value = milliseconds(0.5) { line.add("p50_ms", value, decimals: 4) } else { line.addNull("p50_ms") }
        if let value = milliseconds(0.99) { line.add("p99_ms", value, decimals: 4) } else { line.addNull("p99_ms") }
        line.add("durable", isDurable)
        if let raw { line.add("raw_events_per_s", raw, decimals: 0) } else { line.addNull("raw_events_per_s") }
        line.add("events", events)
        if let mean { line.add("mean_ms", mean, decimals: 4) }
        if let rate = budget?.eventsPerSecond { line.add("budget_events_per_s", rate, decimals: 0) }
        if let bound = budget?.p50 { line.add("budget_p50_ms", bound, decimals: 3) }
        if let bound = budget?.p99 { line.add("budget_p99_ms", bound, decimals: 3) }
        if let bound = budget?.memoryBytes { line.add("budget_memory_bytes", bound, decimals: 0) }
        if let ratio { line.add("budget_ratio", ratio, decimals: 3) }
        for figure in figures { line.add(figure.name, figure.value, decimals: figure.isBytes ? 0 : 3) }
        return line.finished()
    }

    var row: [String] {
        [
            name, Int64(eventsPerSecond).grouped, milliseconds(0.5)?.decimal(3) ?? "",
            milliseconds(0.99)?.decimal(3) ?? "",
            raw.map { Int64($0).grouped } ?? "", isDurable ? "yes" : "", budget?.description ?? "",
            ratio.map { "\($0.decimal(2)) ×" } ?? "",
        ]
    }

    /// The figures in words; nil without any.
    var remark: String? {
        guard !figures.isEmpty else { return nil }
        return figures.map { figure in
            if figure.isBytes { return "\(figure.words) \(Int64(figure.value).byteSize)" }
            if figure.isRate { return "\(figure.words) \(Int64(figure.value).grouped)/s" }
            return "\(figure.words) \(figure.value.decimal(1)) ms"
        }.joined(separator: ", ")
    }

    static let columns: [Table.Column] = [
        .init(title: "WORKLOAD", minimumWidth: 14), .init(title: "EVENTS/S", alignment: .right, minimumWidth: 10),
        .init(title: "P50 MS", alignment: .right, minimumWidth: 8),
        .init(title: "P99 MS", alignment: .right, minimumWidth: 8),
        .init(title: "DISK ALONE", alignment: .right), .init(title: "DURABLE"),
        .init(title: "BUDGET", minimumWidth: 30), .init(title: "OF BUDGET"),
    ]
}

/// What a workload is to reach; see `docs/architecture.md`.
struct Budget: Sendable, CustomStringConvertible {
    var eventsPerSecond: Double?
    /// Bounds in milliseconds.
    var p50: Double?
    var p99: Double?
    /// A bound in bytes.
    var memoryBytes: Double?

    var description: String {
        var parts: [String] = []
        if let eventsPerSecond { parts.append("≥ \(Int64(eventsPerSecond).grouped)/s") }
        if let p50 { parts.append("p50 ≤ \(p50.decimal(2)) ms") }
        if let p99 { parts.append("p99 ≤ \(p99.decimal(2)) ms") }
        if let memoryBytes { parts.append("memory ≤ \(Int64(memoryBytes).byteSize)") }
        return parts.joined(separator: ", ")
    }

    /// - Parameters:
    ///   - name: A workload's name.
    ///   - rates: Events a second of the workloads that were measured before, by their names.
    ///   - cacheBytes: What the store's caches may take.
    static func of(_ name: String, raw: RawDisk, rates: [String: Double], cacheBytes: Double? = nil) -> Budget? {
        switch name {
        case "W1": return Budget(eventsPerSecond: 0.6 * raw.preallocated)
        case "W2-32": return Budget(eventsPerSecond: 1.2 * raw.threads32)
        case "W2-128": return Budget(eventsPerSecond: 2 * raw.threads128, p99: 5)
        case "W3-1": return Budget(eventsPerSecond: 150_000)
        case "W4": return Budget(eventsPerSecond: 620_000)
        case "W5": return Budget(eventsPerSecond: 2_000_000)
        case "W6": return Budget(p50: 0.25, p99: 1)
        case "W9": return Budget(eventsPerSecond: 220_000)
        case "W10-1": return rates["W1"].map { Budget(eventsPerSecond: 0.7 * $0) }
        case "W10-128": return Budget(eventsPerSecond: 40_000)
        default: break
        }
        if name.hasPrefix("W8-"), name.hasSuffix("-open") { return Budget(p50: 1_000) }
        // Whatever the length of the log.
        if name.hasPrefix("W8-"), name.hasSuffix("-fill") {
            return cacheBytes.map { Budget(memoryBytes: Double(64 << 20) + $0) }
        }
        // A large log is compared with a small one of the same streams.
        guard name.hasPrefix("W8-1"), !name.hasSuffix("-append-old") else { return nil }
        let small = name.replacing("W8-10M", with: "W8-100k").replacing("W8-100M", with: "W8-100k").replacing(
            "W8-1Mx10-", with: "W8-100kx10-"
        )
        .replacing("W8-1M-", with: "W8-100k-")
        return small == name ? nil : rates[small].map { Budget(eventsPerSecond: 0.9 * $0) }
    }
}

/// Something else that was measured.
struct BenchmarkFigure: Sendable {
    /// As in `index_bytes`: bytes, milliseconds, or events a second (`_per_s`).
    var name: String
    var value: Double
}

extension BenchmarkFigure {
    fileprivate var isBytes: Bool { name.hasSuffix("_bytes") }
    fileprivate var isRate: Bool { name.hasSuffix("_per_s") }
    fileprivate var words: String {
        let suffix = isBytes ? "_bytes" : isRate ? "_per_s" : "_ms"
        return String(name.dropLast(suffix.count)).replacing("_", with: " ")
    }
}
