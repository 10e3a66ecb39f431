import Daybook
import DaybookCore
import DaybookKafka
import Foundation
import SideBySide
import Synchronization

/// Sends as many events by the target as records by a loop over librdkafka alone, in turn, and prints rates and their
/// ratio; then does so in transactions, and takes them by the source and by a loop.
///
///     swift run -c release KafkaBenchmark SERVERS TOPIC [COUNT] [ROUNDS] [REQUESTS] [ONLY]
///
/// REQUESTS is how many the target has under way to a broker, one by default; the loop has five, as librdkafka does by itself. Otherwise
/// it has the same settings, and sends the same bytes: keys, headers and values that were made before. It waits for nothing but
/// the reports. The target is called as by a publisher: some calls at once, each with messages of streams of its own.
///
/// ONLY: what has this in its name, of `target`, `transactions` and `source`; everything when it is empty.
@main
struct KafkaBenchmark {
    static let calls = 8
    static let messagesOfCall = 500
    /// The events of a transaction: as many as a publisher has a target send at once.
    static let transaction = EventPublisher.defaultBatchPolicy.inFlight
    static let partitions = 8
    static let acknowledged = Atomic<Int>(0)

    let servers: String
    let topic: String
    let count: Int
    let settings: [String: String]
    let events: [CloudEvent]

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else {
            print("usage: KafkaBenchmark SERVERS TOPIC [COUNT] [ROUNDS] [REQUESTS] [ONLY]")
            exit(2)
        }
        let benchmark = KafkaBenchmark(
            servers: arguments[1], topic: arguments[2], count: arguments.count > 3 ? Int(arguments[3])! : 200_000,
            settings: arguments.count > 5 ? ["max.in.flight.requests.per.connection": arguments[5]] : [:],
            events: (0..<calls * messagesOfCall).map(event))
        let rounds = arguments.count > 4 ? Int(arguments[4])! : 5
        let table = ComparisonTable(rounds: rounds, only: arguments.count > 6 ? arguments[6] : "")
        if table.measures("target") { try await benchmark.compareTarget(rounds: rounds, table) }
        table.begin()
        try await benchmark.compareTransactions(table)
        try await benchmark.compareSource(table)
    }

    static func event(_ number: Int) -> CloudEvent {
        let stream = "account-\(number / 5)"
        return CloudEvent(
            id: "0198c5a2-0000-7000-8000-\(100_000_000_000 + number)", source: "/shop", type: "account.credited",
            subject: stream, time: Timestamp("2026-01-02T03:04:05.678901Z"),
            data: Array(repeating: UInt8(ascii: "7"), count: 256),
            extensions: [
                "partitionkey": stream, "position": "\(number)", "streamversion": "\(number % 5)", "schemaversion": "1",
            ])
    }

    static func message(_ event: CloudEvent) -> PublisherMessage {
        PublisherMessage([event], key: event.orderingKey) { answer in
            if answer == .acknowledged { acknowledged.add(1, ordering: .relaxed) }
        }
    }

    static func report(_ error: KafkaError) { FileHandle.standardError.write(Data("\(error)\n".utf8)) }

    // MARK: The target

    private func compareTarget(rounds: Int, _ table: ComparisonTable) async throws {
        var rates: [String: [Double]] = [:]
        func measure(_ name: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
            let rate = try await eventsPerSecond(count) { try await within(table.limit, name, body) }
            rates[name, default: []].append(rate)
            table.show("\(name) \(Int(rate)) events/s")
        }
        let target = try KafkaTarget(.init(servers: servers, topic: topic, settings: settings))
        try await warmUp(target, table)
        let bare = try BareProducer(servers: servers, topic: topic)
        for _ in 0..<rounds {
            try await measure("target") { try await send(by: target) }
            try await measure("loop") { try await onOwnThread { try bare.send(events, count) } }
        }
        await target.close()
        bare.close()
        let medians = rates.mapValues { $0.sorted()[$0.count / 2] }
        table.show(
            "median: target \(Int(medians["target"]!)), loop \(Int(medians["loop"]!)) events/s, "
                + "ratio \(medians["target"]! / medians["loop"]!)")
    }

    private func warmUp(_ target: KafkaTarget, _ table: ComparisonTable) async throws {
        try await within(table.limit, "the first event of a target") { await target.send([Self.message(events[0])]) }
    }

    private func send(by target: KafkaTarget) async throws {
        Self.acknowledged.store(0, ordering: .relaxed)
        await withTaskGroup { group in
            for call in 0..<Self.calls {
                let own = events[call * Self.messagesOfCall..<(call + 1) * Self.messagesOfCall]
                group.addTask {
                    for _ in 0..<count / Self.calls / Self.messagesOfCall {
                        await target.send(own.map(Self.message))
                    }
                }
            }
        }
        let expected = count / Self.calls / Self.messagesOfCall * Self.calls * Self.messagesOfCall
        guard Self.acknowledged.load(ordering: .relaxed) == expected else {
            throw Failure(text: "not all were acknowledged")
        }
    }

    // MARK: Transactions

    /// A call of the target is a transaction, since one waits for the other. There are fewer records than without,
    /// since each transaction waits for the brokers several times.
    private func compareTransactions(_ table: ComparisonTable) async throws {
        let what = "transactions of \(Self.transaction) events, events/s"
        guard table.measures(what) else { return }
        let id = "bench-\(UInt64.random(in: 0 ... .max))"
        let transactions = max(1, count / 4 / Self.transaction)
        let target = try KafkaTarget(
            .init(
                servers: servers, topic: topic, delivery: .transactional(id + "-target"), settings: settings,
                report: { Self.report($0) }))
        try await warmUp(target, table)
        let bare = try await onOwnThread {
            try BareProducer(servers: servers, topic: topic, transactionalID: id + "-loop")
        }
        try await table.row(
            what,
            bare: {
                try await eventsPerSecond(transactions * Self.transaction) {
                    try await onOwnThread { try bare.send(events, transactions: transactions, of: Self.transaction) }
                }
            },
            ours: {
                try await eventsPerSecond(transactions * Self.transaction) {
                    try await sendTransactions(transactions, by: target)
                }
            })
        await target.close()
        bare.close()
    }

    private func sendTransactions(_ transactions: Int, by target: KafkaTarget) async throws {
        Self.acknowledged.store(0, ordering: .relaxed)
        for transaction in 0..<transactions {
            let first = transaction * Self.transaction
            await target.send((first..<first + Self.transaction).map { Self.message(events[$0 % events.count]) })
        }
        let acknowledged = Self.acknowledged.load(ordering: .relaxed)
        guard acknowledged == transactions * Self.transaction else {
            throw Failure(text: "\(acknowledged) of \(transactions * Self.transaction) events were committed")
        }
    }

    // MARK: The source

    /// Each takes the same records from the beginning, as the one member of a new group.
    private func compareSource(_ table: ComparisonTable) async throws {
        let what = "source, \(Self.partitions) partitions, events/s"
        guard table.measures(what) else { return }
        let filled = topic + "-source"
        // A broker may answer a fetch with all that there is, and librdkafka takes 100 MB.
        let count = min(count, 100_000)
        try await within(table.limit, "filling \(filled)") {
            try await onOwnThread {
                try BareClient.makeTopic(filled, partitions: Int32(Self.partitions), servers: servers)
                let bare = try BareProducer(servers: servers, topic: filled)
                defer { bare.close() }
                try bare.send(events, count)
            }
        }
        try await table.row(
            what,
            bare: { try await onOwnThread { try BareConsumer(servers: servers, topic: filled).rate(of: count) } },
            ours: {
                let source = try KafkaSource(
                    .init(
                        servers: servers, group: "bench-\(UInt64.random(in: 0 ... .max))", topics: [filled],
                        report: { Self.report($0) }))
                return try await Arrivals.rate(of: source, events: count)
            })
    }
}

struct Failure: Error {
    var text: String
}
