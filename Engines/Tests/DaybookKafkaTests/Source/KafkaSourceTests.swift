import BusTesting
import CRDKafka
import Daybook
import DaybookCore
import Foundation
import Synchronization
import Testing

@testable import DaybookKafka

@Suite(
    "The Kafka source",
    .enabled(if: Broker.isThere, "KAFKA_BOOTSTRAP is not set: run make test-engines ENGINES=kafka"), .serialized,
    .timeLimit(.minutes(5)))
struct KafkaSourceTests {
    static let streams = (0..<20).map { "account-\($0)" }

    static func configuration(
        _ topic: String, group: String, batch: Int = 500, on servers: String = Broker.servers
    ) -> KafkaSource.Configuration {
        KafkaSource.Configuration(
            servers: servers, group: group, topics: [topic], batch: batch,
            settings: [
                "session.timeout.ms": "6000", "max.poll.interval.ms": "6000",
                "topic.metadata.refresh.interval.ms": "1000",
            ])
    }

    static func group() -> String { "group-\(UUID().uuidString.lowercased())" }

    static func send(
        _ range: Range<Int>, to topic: String, _ form: KafkaForm = .binary, on servers: String = Broker.servers
    ) async throws {
        let target = try KafkaTarget(.init(servers: servers, topic: topic, form: form))
        let sending = Sending()
        await target.send(sending.messages(range, streams: streams))
        await target.close()
        #expect(sending.acknowledged.count == range.count * streams.count)
    }

    /// Runs the source until the condition holds, and then ends it.
    static func run(
        _ source: KafkaSource, until condition: @Sendable () async throws -> Bool,
        taking take: @escaping @Sendable (ReceivedBatch) async throws -> Void
    ) async throws {
        let running = Task { try await source.run(take) }
        let isReached = try await eventually(condition)
        running.cancel()
        try await running.value
        #expect(isReached, "it was not reached within a minute")
    }

    @Test(
        "gives every event once, in order for each stream, and goes on there after a restart",
        arguments: [KafkaForm.binary, .structured])
    func all(_ form: KafkaForm) async throws {
        let topic = try Broker.topic(5)
        let group = Self.group()
        try await Self.send(0..<50, to: topic, form)
        let taking = Taking()
        let source = try KafkaSource(Self.configuration(topic, group: group))
        try await Self.run(source, until: { taking.messages.count >= 1000 }, taking: { taking.note($0) })
        #expect(taking.messages.count == 1000)
        #expect(taking.idsOfStreams == Sending.ids(0..<50, of: Self.streams))
        #expect(taking.events.first { $0.id == "account-3-7" } == Sending.event("account-3-7", stream: "account-3"))
        #expect(Set(taking.batches.map(\.lane)) == Set((0..<5).map { "\(topic)/\($0)" }))
        #expect(Set(taking.messages.map(\.origin)).count == 1000)

        try await Self.send(50..<60, to: topic, form)
        let more = Taking()
        try await Self.run(source, until: { more.messages.count >= 200 }, taking: { more.note($0) })
        #expect(more.messages.count == 200)
        #expect(more.idsOfStreams == Sending.ids(50..<60, of: Self.streams))
    }

    @Test("gives a batch again that was not taken, nothing behind it meanwhile, and other partitions go on")
    func again() async throws {
        let topic = try Broker.topic(4)
        try await Self.send(0..<50, to: topic)
        let failures = Mutex<[String: Int]>([:])
        let attempts = Mutex<[[String]]>([])
        let troubles = Mutex<[KafkaError]>([])
        let taking = Taking()
        var configuration = Self.configuration(topic, group: Self.group(), batch: 10)
        configuration.retries = .milliseconds(10)...(.milliseconds(100))
        configuration.report = { error in troubles.withLock { $0.append(error) } }
        let bad = "\(topic)/2"
        try await Self.run(
            try KafkaSource(configuration),
            // All others are taken although this one never is.
            until: {
                taking.messages.count >= 1000 - Self.streams.count * 50 / 4 && failures.withLock { $0[bad] ?? 0 } >= 5
                    || failures.withLock { $0[bad] ?? 0 } >= 100
            },
            taking: { batch in
                if batch.lane == bad {
                    failures.withLock { $0[bad, default: 0] += 1 }
                    attempts.withLock { $0.append(batch.messages.map(\.origin)) }
                    throw RawFailure("not today")
                }
                taking.note(batch)
            })
        #expect(Set(attempts.withLock { $0 }).count == 1)
        #expect(!taking.batches.contains { $0.lane == bad })
        #expect(taking.batches.count > 10)
        #expect(troubles.withLock { $0.contains(.notTaken(lane: bad, reason: "not today")) })
    }

    @Test("commits nothing of a batch that was not taken")
    func uncommitted() async throws {
        let topic = try Broker.topic(1)
        let group = Self.group()
        try await Self.send(0..<5, to: topic)
        var configuration = Self.configuration(topic, group: group, batch: 30)
        configuration.retries = .milliseconds(10)...(.milliseconds(100))
        let source = try KafkaSource(configuration)
        let taking = Taking()
        let calls = Mutex(0)
        // The first is taken, the second never.
        try await Self.run(
            source, until: { calls.withLock { $0 } > 5 },
            taking: { batch in
                calls.withLock { $0 += 1 }
                if taking.batches.count >= 1 { throw RawFailure("not today") }
                taking.note(batch)
            })
        let first = taking.messages.count
        #expect(first > 0 && first < 100)
        let rest = Taking()
        try await Self.run(source, until: { rest.messages.count >= 100 - first }, taking: { rest.note($0) })
        #expect(taking.ids + rest.ids == (0..<5).flatMap { number in Self.streams.map { "\($0)-\(number)" } })
    }

    @Test("gives what is no cloud event as that, with its bytes")
    func strangers() async throws {
        let topic = try Broker.topic(1)
        let client = try RawClient(RD_KAFKA_PRODUCER, ["bootstrap.servers": Broker.servers])
        let object = rd_kafka_topic_new(client.handle, topic, nil)
        func produce(_ value: [UInt8]?, _ headers: [(String, String)], then bytes: (String, [UInt8])? = nil) {
            let list = rd_kafka_headers_new(headers.count)
            for (name, text) in headers { rd_kafka_header_add(list, name, -1, text, text.utf8.count) }
            if let (name, bytes) = bytes { rd_kafka_header_add(list, name, -1, bytes, bytes.count) }
            let code = (value ?? []).withUnsafeBytes { bytes in
                daybook_rdkafka_produce(
                    client.handle, object, "k", 1,
                    value == nil ? nil : bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1), bytes.count, list, nil)
            }
            #expect(code == RD_KAFKA_RESP_ERR_NO_ERROR)
        }
        let attributes = [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/s"), ("ce_type", "t")]
        produce(Array("hello".utf8), [])
        produce(nil, [])
        produce(nil, attributes)
        produce(Array("{}".utf8), [("content-type", "application/cloudevents+json")])
        produce([1], [("content-type", "application/cloudevents+avro")])
        produce([], attributes.dropLast() + [])
        produce([7], attributes + [("Content-Type", "text/plain"), ("other", "x")])
        produce([8], attributes, then: ("ce_subject", [0x61, 0xFF]))
        produce([9], [("other", "x")] + attributes.reversed())
        rd_kafka_flush(client.handle, 60_000)
        rd_kafka_topic_destroy(object)
        client.destroy()
        let taking = Taking()
        let source = try KafkaSource(Self.configuration(topic, group: Self.group()))
        try await Self.run(source, until: { taking.messages.count >= 9 }, taking: { taking.note($0) })
        let contents = taking.messages.map(\.content)
        try #require(contents.count == 9)
        #expect(taking.messages[0].body == Array("hello".utf8))
        for (offset, message) in taking.messages.enumerated() {
            #expect(message.origin.hasPrefix("\(topic)/0@\(offset)/"), "\(message.origin)")
        }
        for index in [0, 1, 4] {
            guard case .failure(let error) = contents[index], case .unknownForm = error.reason else {
                Issue.record("\(index): \(contents[index])")
                continue
            }
        }
        #expect(contents[2] == .success(CloudEvent(id: "1", source: "/s", type: "t", data: [])))
        #expect(contents[3] == .failure(InvalidCloudEvent(.missing("specversion"))))
        #expect(contents[5] == .failure(InvalidCloudEvent(.missing("type"))))
        #expect(
            contents[6]
                == .success(CloudEvent(id: "1", source: "/s", type: "t", contentType: "text/plain", data: [7])))
        #expect(
            contents[7]
                == .failure(InvalidCloudEvent(.malformed("subject", "The header 'ce_subject' is no UTF-8."))))
        #expect(contents[8] == .success(CloudEvent(id: "1", source: "/s", type: "t", data: [9])))
        // What may be attributes of what is no event; an event has its own.
        #expect(taking.messages[5].attributes == ["specversion": "1.0", "id": "1", "source": "/s"])
        #expect(taking.messages[7].attributes == ["specversion": "1.0", "id": "1", "source": "/s", "type": "t"])
        #expect(taking.messages[8].attributes == [:])
    }

    @Test(
        "does not take settings that its promises depend on",
        arguments: [
            "enable.auto.commit", "enable.auto.offset.store", "group.id", "isolation.level", "auto.offset.reset",
        ])
    func reserved(_ name: String) throws {
        var configuration = Self.configuration("t", group: "g")
        configuration.settings = [name: "true"]
        do {
            _ = try KafkaSource(configuration)
            Issue.record("It was taken.")
        } catch {
            guard case .reservedSetting(name, _) = error else {
                Issue.record("\(error)")
                return
            }
        }
    }
}
