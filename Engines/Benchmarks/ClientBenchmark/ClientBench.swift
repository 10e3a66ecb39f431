import DaybookClient
import DaybookCore
import DaybookSQLite
import DaybookServer

/// Measures a client of a server: durable appends by one and by 128 at once, reads of the log and of a stream.
///
///     ClientBenchmark [SECONDS [ADDRESS]]
///
/// Without an address it serves an embedded store in this process, and what is measured is both. The log of a server that is
/// named should be empty: its events are read.
@main
struct ClientBench {
    private let client: DaybookClient
    private let seconds: Double
    private let clock = ContinuousClock()

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let seconds = arguments.first.flatMap { Double($0) } ?? 5
        if arguments.count > 1 {
            try await measure(DaybookClient.connect(to: arguments[1]), seconds)
            return
        }
        let store = try await SQLiteEventStore.temporary()
        let server = try await DaybookServer(store: store, configuration: ServerConfiguration(port: 0))
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let run = Task { try await server.run { continuation.yield($0) } }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else { return }
        try await measure(DaybookClient.connect(to: "daybook://127.0.0.1:\(port)?tls=false"), seconds)
        run.cancel()
        _ = await run.result
        await store.close()
    }

    private static func measure(_ client: DaybookClient, _ seconds: Double) async throws {
        let bench = ClientBench(client: client, seconds: seconds)
        try await bench.appends(writers: 1)
        try await bench.appends(writers: 128)
        try await bench.fill()
        try await bench.readLog()
        try await bench.readStream()
        await client.close()
    }

    private init(client: DaybookClient, seconds: Double) {
        self.client = client
        self.seconds = seconds
    }

    /// About what an event of an application has.
    private static func event() -> NewEvent {
        NewEvent(
            type: "account.deposited", data: Array(#"{"amount":1000,"currency":"EUR","note":"\#(Self.note)"}"#.utf8),
            metadata: Array(#"{"correlationId":"0190f3a1-0000-7000-8000-000000000000"}"#.utf8), tags: ["owner:17"])
    }

    private static let note = String(repeating: "x", count: 150)

    private func report(_ what: String, _ count: Int, _ unit: String, since start: ContinuousClock.Instant) {
        let rate = Double(count) / ((clock.now - start) / Duration.seconds(1))
        print("\(what): \(Int(rate)) \(unit)/s")
    }

    private func appends(writers: Int) async throws {
        let start = clock.now
        let end = start + .seconds(seconds)
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for writer in 0..<writers {
                group.addTask { [client, clock] in
                    let stream = StreamName(unchecked: "appended-\(writers)-\(writer)")
                    var count = 0
                    while clock.now < end {
                        try await client.append([Self.event()], to: stream)
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        report("durable appends by \(writers)", count, "appends", since: start)
    }

    /// Appends the events that are read.
    private func fill() async throws {
        for number in 0..<100 {
            let events = (0..<2_000).map { _ in Self.event() }
            try await client.append(events, to: StreamName(unchecked: "filled-\(number % 10)"))
        }
    }

    private func readLog() async throws {
        let start = clock.now
        var count = 0
        while clock.now - start < .seconds(seconds) {
            for try await _ in client.events(pageSize: 5_000) { count += 1 }
        }
        report("the log, in pages of 5,000", count, "events", since: start)
    }

    private func readStream() async throws {
        let start = clock.now
        var count = 0
        while clock.now - start < .seconds(seconds) {
            for try await _ in client.events(of: "filled-3", pageSize: 5_000) { count += 1 }
        }
        report("a stream, in pages of 5,000", count, "events", since: start)
    }
}
