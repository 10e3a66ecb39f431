import BusTesting
import CRDKafka
import Daybook
import Foundation
import Synchronization
import Testing

@testable import DaybookKafka

@Suite("The Kafka target, when brokers answer with errors", .serialized, .timeLimit(.minutes(5)))
struct KafkaTargetErrorTests {
    static let streams = (0..<10).map { "account-\($0)" }

    @Test("shows no setting's value when a configuration is printed")
    func secrets() {
        let settings = ["sasl.password": "5ecret"]
        let target = KafkaTarget.Configuration(servers: "localhost:1", topic: "t", settings: settings)
        let source = KafkaSource.Configuration(servers: "localhost:1", group: "g", topics: ["t"], settings: settings)
        var dumped = ""
        dump(target, to: &dumped)
        dump(source, to: &dumped)
        let texts = ["\(target)", String(reflecting: target), "\(source)", String(reflecting: source), dumped]
        for text in texts { #expect(!text.contains("5ecret") && text.contains("sasl.password"), "\(text)") }
    }

    @Test("checks a broker's name wherever there is TLS, unless the user says otherwise")
    func brokerName() throws {
        let name = "ssl.endpoint.identification.algorithm"
        func values(_ settings: [String: String]) throws -> [[String]] {
            let target = KafkaTarget.Configuration(servers: "localhost:1", topic: "t", settings: settings)
            let source = KafkaSource.Configuration(
                servers: "localhost:1", group: "g", topics: ["t"], settings: settings)
            return try [target.clientSettings(), source.clientSettings()].map { settings in
                settings.values.filter { $0.name == name }.map(\.value)
            }
        }
        for secure in ["ssl", "SASL_SSL"] {
            #expect(try values(["security.protocol": secure]) == [["https"], ["https"]])
            #expect(try values(["security.protocol": secure, name: "none"]) == [["none"], ["none"]])
        }
        #expect(try values([:]) == [[], []])
        #expect(try values(["security.protocol": "sasl_plaintext"]) == [[], []])
    }

    @Test("does not take a queue that is smaller than a record may be: such a record would wait for ever")
    func smallQueue() throws {
        let name = "queue.buffering.max.kbytes"
        func settings(_ settings: [String: String]) throws -> String? {
            let configuration = KafkaTarget.Configuration(servers: "localhost:1", topic: "t", settings: settings)
            return try configuration.clientSettings().value(name)
        }
        #expect(throws: KafkaError.self) { try settings([name: "512"]) }
        #expect(throws: KafkaError.self) { try settings([name: "1024", "message.max.bytes": "1048577"]) }
        #expect(try settings([name: "1024", "message.max.bytes": "1048576"]) == "1024")
        #expect(try settings([name: "512", "message.max.bytes": "100000"]) == "512")
    }

    @Test("sends again, in order, what brokers say is to be tried again")
    func retriable() async throws {
        let cluster = try MockCluster()
        defer { cluster.destroy() }
        cluster.create("events", 3)
        let target = try KafkaTarget(
            .init(
                servers: cluster.servers, topic: "events",
                settings: ["batch.num.messages": "5", "retry.backoff.ms": "10"]))
        cluster.fail(
            .produce, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NO_ERROR,
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS)
        let sending = Sending()
        await target.send(sending.messages(0..<50, streams: Self.streams))
        #expect(sending.acknowledged.count == 500)
        await target.close()
        let contents = try TopicContents(of: "events", on: cluster.servers)
        for stream in Self.streams { #expect(contents.firstIDs[stream] == (0..<50).map { "\(stream)-\($0)" }) }
    }

    @Test("goes on when leaders change and brokers go")
    func leaders() async throws {
        let cluster = try MockCluster()
        defer { cluster.destroy() }
        cluster.create("events", 2)
        let target = try KafkaTarget(.init(servers: cluster.servers, topic: "events"))
        let ids = Dictionary(uniqueKeysWithValues: Self.streams.map { s in (s, (0..<100).map { "\(s)-\($0)" }) })
        let sent = Task {
            for part in 0..<50 {
                guard await sendAll(ids.mapValues { Array($0[part * 2..<part * 2 + 2]) }, to: target) else {
                    return false
                }
            }
            return true
        }
        for turn in 0..<6 {
            try await Task.sleep(for: .milliseconds(50))
            cluster.lead("events", 0, by: Int32(turn % 3) + 1)
            cluster.stop(broker: Int32((turn + 1) % 3) + 1)
            cluster.lead("events", 1, by: Int32(turn % 3) + 1)
            try await Task.sleep(for: .milliseconds(50))
            cluster.start(broker: Int32((turn + 1) % 3) + 1)
        }
        #expect(await sent.value)
        await target.close()
        let contents = try TopicContents(of: "events", on: cluster.servers)
        for stream in Self.streams { #expect(contents.firstIDs[stream] == ids[stream]) }
    }

    @Test("sends nothing behind a record that was refused for good, and goes on with a new producer")
    func permanent() async throws {
        let cluster = try MockCluster(brokers: 1)
        defer { cluster.destroy() }
        cluster.create("events", 1)
        let troubles = Mutex<[KafkaError]>([])
        let target = try KafkaTarget(
            .init(
                servers: cluster.servers, topic: "events",
                // A pretended broker takes sequences with gaps, which a real one does not; so there is one request at a time.
                settings: ["max.in.flight.requests.per.connection": "1", "batch.num.messages": "1"],
                report: { error in troubles.withLock { $0.append(error) } }))
        let before = Sending()
        await target.send(before.messages(0..<1, streams: ["a", "b"]))
        #expect(before.acknowledged.count == 2)
        cluster.fail(.produce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        let sending = Sending()
        await target.send(sending.messages(1..<20, streams: ["a", "b"]))
        guard case .failed(let reason)? = sending.answer("a-1") else {
            Issue.record("a-1 was answered \(String(describing: sending.answer("a-1")))")
            return
        }
        #expect(reason.contains("events") && reason.contains("TOPIC_AUTHORIZATION_FAILED"))
        #expect(!sending.acknowledged.contains { $0.hasPrefix("a-") })
        #expect(try TopicContents(of: "events", on: cluster.servers).ids["a"] == ["a-0"])
        #expect(!troubles.withLock { $0.isEmpty })
        let again = Sending()
        await target.send(again.messages(1..<20, streams: ["a", "b"]))
        #expect(again.acknowledged.count == 38)
        await target.close()
        let contents = try TopicContents(of: "events", on: cluster.servers)
        for stream in ["a", "b"] { #expect(contents.firstIDs[stream] == (0..<20).map { "\(stream)-\($0)" }) }
        #expect(try await eventually { recordsUnderWay.load(ordering: .relaxed) == 0 })
    }

    @Test("finds the record for whose sake a broker refuses a batch, and refuses that one alone")
    func tooLarge() async throws {
        let cluster = try MockCluster(brokers: 1)
        defer { cluster.destroy() }
        cluster.create("events", 1)
        let target = try KafkaTarget(
            .init(
                servers: cluster.servers, topic: "events",
                settings: ["max.in.flight.requests.per.connection": "1", "linger.ms": "50"]))
        cluster.fail(.produce, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        let first = Sending()
        await target.send(first.messages(0..<3, streams: ["a", "b"]))
        #expect(first.acknowledged.isEmpty)
        #expect(!first.answers.contains { if case .refused = $0.answer { true } else { false } })
        // Now each goes alone: a-0, b-0, a-1 and so on; the third is the culprit.
        cluster.fail(
            .produce, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        let second = Sending()
        await target.send(second.messages(0..<3, streams: ["a", "b"]))
        // A request for b-1 may have been on its way, and a pretended broker takes it.
        #expect(second.acknowledged.prefix(2) == ["a-0", "b-0"])
        #expect(!second.acknowledged.contains("a-2"))
        guard case .refused(let reason)? = second.answer("a-1") else {
            Issue.record("a-1 was answered \(String(describing: second.answer("a-1")))")
            return
        }
        #expect(reason.contains("events"))
        #expect(second.answer("a-2") == nil)
        let third = Sending()
        await target.send(third.messages(1..<3, streams: ["b"]))
        #expect(third.acknowledged == ["b-1", "b-2"])
        await target.close()
        let ids = try TopicContents(of: "events", on: cluster.servers).firstIDs
        #expect(ids == ["a": ["a-0"], "b": ["b-0", "b-1", "b-2"]])
    }

    @Test("lets a stream whose record no broker takes hold up no other one's transactions")
    func suspects() async throws {
        let cluster = try MockCluster(brokers: 1)
        defer { cluster.destroy() }
        cluster.create("events", 1)
        let target = try KafkaTarget(
            .init(
                servers: cluster.servers, topic: "events", delivery: .transactional("suspects"),
                settings: ["batch.num.messages": "1"]))
        var isTaken = false
        for _ in 0..<3 where !isTaken {
            cluster.fail(.produce, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_INVALID_RECORD)
            let sending = Sending()
            await target.send(sending.messages(0..<1, streams: ["a", "b"]))
            isTaken = sending.acknowledged == ["a-0"]
            #expect(!sending.acknowledged.contains("b-0"))
        }
        #expect(isTaken)
        // Once it can be written it is, and goes with others again.
        for number in 1..<3 {
            let sending = Sending()
            await target.send(sending.messages(number..<number + 1, streams: ["a", "b"]))
            #expect(Set(sending.acknowledged) == ["a-\(number)", "b-\(number)"])
        }
        await target.close()
    }

    @Test("answers what a slow broker has taken when it is cancelled")
    func slow() async throws {
        let cluster = try MockCluster(brokers: 1)
        defer { cluster.destroy() }
        cluster.create("events", 1)
        let target = try KafkaTarget(.init(servers: cluster.servers, topic: "events"))
        let before = Sending()
        await target.send(before.messages(0..<1, streams: ["a"]))
        cluster.delay(broker: 1, milliseconds: 300)
        // A cancellation that comes before the record has left takes it back: another one is tried then.
        var isAnswered = false
        for number in 1..<30 where !isAnswered {
            let sending = Sending()
            let sent = Task { await target.send(sending.messages(number..<number + 1, streams: ["a"])) }
            #expect(try await eventually { recordsUnderWay.load(ordering: .relaxed) == 1 })
            try await Task.sleep(for: .milliseconds(5 * number))
            sent.cancel()
            await sent.value
            isAnswered = sending.acknowledged == ["a-\(number)"]
        }
        #expect(isAnswered)
        await target.close()
    }
}
