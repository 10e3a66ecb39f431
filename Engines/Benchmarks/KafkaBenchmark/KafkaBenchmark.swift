import CRDKafka
import Daybook
import DaybookCore
import DaybookKafka
import Foundation
import Synchronization

/// Sends as many events by the target as records by a loop over librdkafka alone, in turn, and prints rates and their ratio.
///
///     swift run -c release KafkaBenchmark SERVERS TOPIC [COUNT] [ROUNDS] [REQUESTS]
///
/// REQUESTS is how many the target has under way to a broker, one by default; the loop has five, as librdkafka does by itself. Otherwise
/// it has the same settings, and sends the same bytes: keys, headers and values that were made before. It waits for nothing but
/// the reports. The target is called as by a publisher: some calls at once, each with messages of streams of its own.
@main
struct KafkaBenchmark {
    static let calls = 8
    static let messagesOfCall = 500
    static let acknowledged = Atomic<Int>(0)

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else {
            print("usage: KafkaBenchmark SERVERS TOPIC [COUNT] [ROUNDS] [REQUESTS]")
            exit(2)
        }
        let count = arguments.count > 3 ? Int(arguments[3])! : 200_000
        let rounds = arguments.count > 4 ? Int(arguments[4])! : 5
        var rates: [String: [Double]] = [:]
        func measure(_ name: String, _ body: () async throws -> Void) async throws {
            let began = ContinuousClock.now
            try await body()
            let rate = Double(count) / (began.duration(to: .now) / .seconds(1))
            rates[name, default: []].append(rate)
            print(name, Int(rate), "events/s")
        }
        let events = (0..<calls * messagesOfCall).map(event)
        let settings = arguments.count > 5 ? ["max.in.flight.requests.per.connection": arguments[5]] : [:]
        let target = try KafkaTarget(.init(servers: arguments[1], topic: arguments[2], settings: settings))
        await target.send([PublisherMessage([events[0]], key: "warm-up") { _ in }])
        let bare = try BareProducer(servers: arguments[1], topic: arguments[2])
        for _ in 0..<rounds {
            try await measure("target") { try await send(events, count, by: target) }
            try await measure("loop") { try bare.send(events, count) }
        }
        await target.close()
        bare.close()
        let medians = rates.mapValues { $0.sorted()[$0.count / 2] }
        print(
            "median: target \(Int(medians["target"]!)), loop \(Int(medians["loop"]!)) events/s,",
            "ratio \(medians["target"]! / medians["loop"]!)")
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

    static func send(_ events: [CloudEvent], _ count: Int, by target: KafkaTarget) async throws {
        acknowledged.store(0, ordering: .relaxed)
        await withTaskGroup { group in
            for call in 0..<calls {
                let own = events[call * messagesOfCall..<(call + 1) * messagesOfCall]
                group.addTask {
                    for _ in 0..<count / calls / messagesOfCall {
                        await target.send(
                            own.map { event in
                                PublisherMessage([event], key: event.orderingKey) { answer in
                                    if answer == .acknowledged { acknowledged.add(1, ordering: .relaxed) }
                                }
                            })
                    }
                }
            }
        }
        let expected = count / calls / messagesOfCall * calls * messagesOfCall
        guard acknowledged.load(ordering: .relaxed) == expected else {
            throw Failure(text: "not all were acknowledged")
        }
    }
}

struct Failure: Error {
    var text: String
}

/// What a program that uses librdkafka by itself does.
final class BareProducer {
    private let handle: OpaquePointer
    private let topic: OpaquePointer
    private static let delivered = Atomic<Int>(0)

    init(servers: String, topic: String) throws {
        let settings = rd_kafka_conf_new()
        var text = [CChar](repeating: 0, count: 512)
        for (name, value) in [
            ("bootstrap.servers", servers), ("enable.idempotence", "true"), ("acks", "all"), ("linger.ms", "1"),
            ("message.timeout.ms", "0"), ("partitioner", "murmur2_random"), ("enable.gapless.guarantee", "true"),
        ] {
            rd_kafka_conf_set(settings, name, value, &text, text.count)
        }
        rd_kafka_conf_set_dr_msg_cb(settings) { _, message, _ in
            if message!.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR { BareProducer.delivered.add(1, ordering: .relaxed) }
        }
        handle = rd_kafka_new(RD_KAFKA_PRODUCER, settings, &text, text.count)!
        self.topic = rd_kafka_topic_new(handle, topic, nil)
    }

    func send(_ events: [CloudEvent], _ count: Int) throws {
        Self.delivered.store(0, ordering: .relaxed)
        let records = events.map { event in
            (
                key: Array(event.orderingKey.utf8), value: event.data,
                headers: event.attributes.map { (Array(("ce_" + $0.name).utf8CString), Array($0.value.utf8)) }
            )
        }
        for number in 0..<count {
            let record = records[number % records.count]
            while true {
                let headers = rd_kafka_headers_new(record.headers.count)
                for (name, value) in record.headers {
                    name.withUnsafeBufferPointer { name in
                        _ = rd_kafka_header_add(headers, name.baseAddress, name.count - 1, value, value.count)
                    }
                }
                let code = daybook_rdkafka_produce(
                    handle, topic, record.key, record.key.count, record.value, record.value.count, headers, nil)
                if code == RD_KAFKA_RESP_ERR_NO_ERROR { break }
                rd_kafka_headers_destroy(headers)
                guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else { throw Failure(text: "produce: \(code)") }
                rd_kafka_poll(handle, 1)
            }
            if number % 100 == 0 { rd_kafka_poll(handle, 0) }
        }
        rd_kafka_flush(handle, 60_000)
        guard Self.delivered.load(ordering: .relaxed) == count else { throw Failure(text: "not all were delivered") }
    }

    func close() {
        rd_kafka_topic_destroy(topic)
        rd_kafka_destroy(handle)
    }
}
