import BusTesting
import CRDKafka
import Daybook
import DaybookCore
import Foundation
import Synchronization
import Testing

@testable import DaybookKafka

@Suite(
    "The Kafka target",
    .enabled(if: Broker.isThere, "KAFKA_BOOTSTRAP is not set: run make test-engines ENGINES=kafka"), .serialized,
    .timeLimit(.minutes(5)))
struct KafkaTargetTests {
    static let deliveries: [KafkaTarget.Delivery] = [.idempotent, .transactional("test-\(UUID().uuidString)")]
    static let streams = (0..<20).map { "account-\($0)" }

    @Test(
        "delivers all, in order for each stream, over several partitions", arguments: deliveries,
        [KafkaForm.binary, .structured])
    func order(_ delivery: KafkaTarget.Delivery, _ form: KafkaForm) async throws {
        let topic = try Broker.topic(5)
        let target = try KafkaTarget(
            .init(servers: Broker.servers, topic: topic, form: form, delivery: delivery))
        let sending = Sending()
        // Calls for different streams run at once, as a publisher makes them.
        await withTaskGroup { group in
            for half in [Self.streams.prefix(10), Self.streams.suffix(10)] {
                group.addTask {
                    for part in 0..<5 {
                        await target.send(sending.messages(part * 20..<part * 20 + 20, streams: Array(half)))
                    }
                }
            }
        }
        await target.close()
        #expect(sending.answers.count == 2000)
        #expect(sending.acknowledged.count == 2000)
        let contents = try TopicContents(of: topic)
        #expect(Set(contents.records.map(\.partition)).count == 5)
        for stream in Self.streams {
            let records = contents.records.filter { $0.key == stream }
            #expect(Set(records.map(\.partition)).count == 1)
            let ids = try records.map { record in
                switch form {
                case .binary: record.id
                case .structured: try CloudEvent(json: record.value).id
                }
            }
            #expect(ids == (0..<100).map { "\(stream)-\($0)" })
        }
        #expect(recordsUnderWay.load(ordering: .relaxed) == 0)
    }

    @Test("writes the headers of CloudEvents' binary form, and the data as the value")
    func binary() async throws {
        let topic = try Broker.topic(1)
        let target = try KafkaTarget(.init(servers: Broker.servers, topic: topic))
        let sending = Sending()
        let event = CloudEvent(
            id: "7", source: "/shop", type: "account.credited", subject: "account-1",
            time: Timestamp("2026-01-02T03:04:05.678901Z"), contentType: "application/x-money", data: [0, 255, 10],
            extensions: ["partitionkey": "account-1", "position": "12", "note": "Grüße"])
        await target.send([sending.message([event], stream: "account-1")])
        await target.close()
        let record = try #require(try TopicContents(of: topic).records.first)
        #expect(record.key == "account-1")
        #expect(record.value == [0, 255, 10])
        #expect(
            record.headers == [
                "ce_specversion": "1.0", "ce_id": "7", "ce_source": "/shop", "ce_type": "account.credited",
                "ce_subject": "account-1", "ce_time": "2026-01-02T03:04:05.678901Z",
                "content-type": "application/x-money", "ce_partitionkey": "account-1", "ce_position": "12",
                "ce_note": "Grüße",
            ])
    }

    @Test("acknowledges a message when all of its events are there, and keeps their order over topics")
    func pieces() async throws {
        let topics = [try Broker.topic(2), try Broker.topic(2)]
        let target = try KafkaTarget(
            .init(servers: Broker.servers, topic: { topics[$0.id.hasSuffix("x") ? 1 : 0] }))
        let sending = Sending()
        let pieces = ["1", "1.2x", "1.3"].map { Sending.event($0, stream: "a") }
        await target.send([
            sending.message(pieces, stream: "a"), sending.message("2x", stream: "a"), sending.message("3", stream: "b"),
        ])
        await target.close()
        #expect(Set(sending.acknowledged) == ["1", "2x", "3"])
        #expect(try TopicContents(of: topics[0]).ids == ["a": ["1", "1.3"], "b": ["3"]])
        #expect(try TopicContents(of: topics[1]).ids == ["a": ["1.2x", "2x"]])
    }

    @Test("refuses a record that is too large, and leaves what stands behind it in its stream", arguments: deliveries)
    func tooLarge(_ delivery: KafkaTarget.Delivery) async throws {
        let topic = try Broker.topic(1)
        let target = try KafkaTarget(
            .init(
                servers: Broker.servers, topic: topic, delivery: delivery, settings: ["message.max.bytes": "20000"]))
        let sending = Sending()
        let large = Array(repeating: UInt8(ascii: "x"), count: 30_000)
        await target.send([
            sending.message("a-0", stream: "a"), sending.message("a-1", stream: "a", data: large),
            sending.message("a-2", stream: "a"), sending.message("b-0", stream: "b"),
        ])
        await target.close()
        #expect(Set(sending.acknowledged) == ["a-0", "b-0"])
        guard case .refused(let reason)? = sending.answer("a-1") else {
            Issue.record("a-1 was answered \(String(describing: sending.answer("a-1")))")
            return
        }
        for part in [topic, "30", "20000"] { #expect(reason.contains(part), "\(reason)") }
        #expect(sending.answer("a-2") == nil)
        #expect(try TopicContents(of: topic).firstIDs == ["a": ["a-0"], "b": ["b-0"]])
    }

    @Test("waits when the client's queue is full")
    func backPressure() async throws {
        let topic = try Broker.topic(3)
        let target = try KafkaTarget(
            .init(servers: Broker.servers, topic: topic, settings: ["queue.buffering.max.messages": "50"]))
        let sending = Sending()
        await target.send(sending.messages(0..<100, streams: Self.streams))
        await target.close()
        #expect(sending.acknowledged.count == 2000)
        #expect(try TopicContents(of: topic).ids["account-3"] == (0..<100).map { "account-3-\($0)" })
    }

    @Test("answers that the brokers are not there, and that a topic is not", arguments: deliveries)
    func missing(_ delivery: KafkaTarget.Delivery) async throws {
        let away = try KafkaTarget(
            .init(servers: "127.0.0.1:1", topic: "accounts", delivery: delivery, patience: .seconds(2)))
        let sending = Sending()
        await away.send([sending.message("1", stream: "a")])
        guard case .failed(let reason)? = sending.answer("1") else {
            Issue.record("1 was answered \(String(describing: sending.answer("1")))")
            return
        }
        #expect(reason.contains("127.0.0.1:1"))
        await away.close()

        let nowhere = try KafkaTarget(
            .init(servers: Broker.servers, topic: "no/topic", delivery: delivery, patience: .seconds(2)))
        await nowhere.send([sending.message("2", stream: "a")])
        guard case .failed(let why)? = sending.answer("2") else {
            Issue.record("2 was answered \(String(describing: sending.answer("2")))")
            return
        }
        #expect(why.contains("no/topic"))
        await nowhere.close()
    }

    @Test("waits for topics that are missing before a transaction begins, whose time is shorter")
    func missingBesideOthers() async throws {
        let topic = try Broker.topic(1)
        let target = try KafkaTarget(
            .init(
                servers: Broker.servers, topic: { $0.id == "a-0" ? topic : "no/\($0.id)" },
                delivery: .transactional("missing-\(UUID().uuidString)"),
                // Brokers look for transactions that are too old every ten seconds.
                settings: ["transaction.timeout.ms": "5000"], patience: .seconds(8)))
        let sending = Sending()
        await target.send(sending.messages(0..<1, streams: ["a", "b", "c"]))
        #expect(sending.acknowledged == ["a-0"])
        for id in ["b-0", "c-0"] {
            guard case .failed(let reason)? = sending.answer(id) else {
                Issue.record("\(id) was answered \(String(describing: sending.answer(id)))")
                continue
            }
            #expect(reason.contains("no/\(id)"))
        }
        await target.close()
    }

    @Test(
        "does not take settings that order and durability depend on",
        arguments: [
            "acks", "enable.idempotence", "message.timeout.ms", "transactional.id", "enable.gapless.guarantee",
            "retries",
            "bootstrap.servers", "queuing.strategy",
        ])
    func reserved(_ name: String) throws {
        do {
            _ = try KafkaTarget(.init(servers: Broker.servers, topic: "t", settings: [name: "1"]))
            Issue.record("It was taken.")
        } catch {
            guard case .reservedSetting(name, _) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(error.description.contains(name))
        }
    }

    @Test("says which setting librdkafka does not take")
    func refused() throws {
        #expect(throws: KafkaError.self) {
            try KafkaTarget(.init(servers: Broker.servers, topic: "t", settings: ["linger.ms": "soon"]))
        }
        #expect(throws: KafkaError.self) {
            try KafkaTarget(.init(servers: Broker.servers, topic: "t", settings: ["partitioner": "random"]))
        }
        // More under way than Kafka keeps in order.
        #expect(throws: KafkaError.self) {
            try KafkaTarget(
                .init(
                    servers: Broker.servers, topic: "t", settings: ["max.in.flight.requests.per.connection": "6"]))
        }
    }

    @Test("answers, after it was closed, that it was", arguments: deliveries)
    func closed(_ delivery: KafkaTarget.Delivery) async throws {
        let target = try KafkaTarget(.init(servers: Broker.servers, topic: "t", delivery: delivery))
        await target.close()
        let sending = Sending()
        await target.send([sending.message("1", stream: "a")])
        #expect(sending.answer("1") == .failed(reason: KafkaError.stopped.description))
    }

    @Test("fences a former sender of the same transactional id, of which nothing more is seen")
    func fencing() async throws {
        let topic = try Broker.topic(2)
        let id = "fencing-\(UUID().uuidString)"
        let configuration = KafkaTarget.Configuration(
            servers: Broker.servers, topic: topic, delivery: .transactional(id))
        let former = try KafkaTarget(configuration)
        let standby = try KafkaTarget(configuration)
        let sending = Sending()
        await former.send([sending.message("a-0", stream: "a")])
        // One that only stands by fences nobody.
        await former.send([sending.message("a-1", stream: "a")])
        #expect(sending.acknowledged == ["a-0", "a-1"])
        await standby.send([sending.message("a-2", stream: "a")])
        #expect(sending.acknowledged == ["a-0", "a-1", "a-2"])

        await former.send([sending.message("a-3", stream: "a"), sending.message("b-0", stream: "b")])
        for late in ["a-3", "b-0"] {
            guard case .failed(let reason)? = sending.answer(late) else {
                Issue.record("\(late) was answered \(String(describing: sending.answer(late)))")
                return
            }
            #expect(reason.contains("fenced") && reason.contains(id), "\(reason)")
        }
        #expect(try TopicContents(of: topic).ids == ["a": ["a-0", "a-1", "a-2"]])
        // It may send again, and fences the other one then.
        await former.send([sending.message("a-4", stream: "a")])
        #expect(sending.acknowledged.last == "a-4")
        await standby.send([sending.message("a-5", stream: "a")])
        #expect(sending.acknowledged.last == "a-4")
        await former.close()
        await standby.close()
        #expect(try TopicContents(of: topic).ids == ["a": ["a-0", "a-1", "a-2", "a-4"]])
    }

    @Test("fails what waited when it was fenced, and fences nobody for it")
    func fencedWhileOthersWait() async throws {
        let topic = try Broker.topic(1)
        let id = "fencing-\(UUID().uuidString)"
        let isHeld = Mutex(false)
        let gate = DispatchSemaphore(value: 0)
        let former = try TransactionSender(
            .init(
                servers: Broker.servers,
                topic: { event in
                    if event.id == "a-1" {
                        isHeld.withLock { $0 = true }
                        // Open once, it stays open.
                        if gate.wait(timeout: .now() + 60) == .success { gate.signal() }
                    }
                    return topic
                }, delivery: .transactional(id)), id: id)
        let standby = try KafkaTarget(.init(servers: Broker.servers, topic: topic, delivery: .transactional(id)))
        let sending = Sending()
        await former.send([sending.message("a-0", stream: "a")])
        async let underWay: Void = former.send([sending.message("a-1", stream: "a")])
        #expect(try await eventually { isHeld.withLock { $0 } })
        async let waiting: Void = former.send([sending.message("b-0", stream: "b")])
        #expect(try await eventually { former.waitingCalls == 1 })
        await standby.send([sending.message("a-1x", stream: "a"), sending.message("b-0x", stream: "b")])
        gate.signal()
        await underWay
        await waiting
        for late in ["a-1", "b-0"] {
            guard case .failed(let reason)? = sending.answer(late) else {
                Issue.record("\(late) was answered \(String(describing: sending.answer(late)))")
                continue
            }
            #expect(reason.contains("fenced") && reason.contains(id), "\(reason)")
        }
        await standby.send([sending.message("b-1x", stream: "b")])
        #expect(sending.acknowledged == ["a-0", "a-1x", "b-0x", "b-1x"])
        await former.close(within: .seconds(10))
        await standby.close()
        #expect(try TopicContents(of: topic).ids == ["a": ["a-0", "a-1x"], "b": ["b-0x", "b-1x"]])
    }
}
