import BusTesting
import CRDKafka
import Daybook
import Foundation
import Synchronization
import Testing

@testable import DaybookKafka

@Suite(
    "The Kafka target, when brokers fail",
    .enabled(if: Broker.canStart, "KAFKA_BROKER_SCRIPT is not set: run make test-engines ENGINES=kafka"), .serialized,
    .timeLimit(.minutes(5)))
struct KafkaTargetFaultTests {
    static let streams = (0..<10).map { "account-\($0)" }

    @Test("answers nothing while the broker stands still, and everything when it goes on")
    func paused() async throws {
        let broker = try OwnBroker()
        defer { broker.wipe() }
        let topic = try Broker.topic(3, on: broker.servers)
        let target = try KafkaTarget(.init(servers: broker.servers, topic: topic))
        let sending = Sending()
        await target.send(sending.messages(0..<1, streams: Self.streams))
        #expect(sending.acknowledged.count == 10)

        try broker.pause()
        async let sent: Void = target.send(sending.messages(1..<20, streams: Self.streams))
        #expect(try await eventually { recordsUnderWay.load(ordering: .relaxed) == 190 })
        // Long enough for an answer that does not come from the broker.
        try await Task.sleep(for: .seconds(2))
        #expect(sending.answers.count == 10)
        try broker.resume()
        await sent
        #expect(sending.acknowledged.count == 200)
        await target.close()
        let contents = try TopicContents(of: topic, on: broker.servers)
        for stream in Self.streams { #expect(contents.ids[stream] == (0..<20).map { "\(stream)-\($0)" }) }
    }

    @Test("skips nothing and keeps the order when the broker is stopped and started again")
    func restarted() async throws {
        let broker = try OwnBroker()
        defer { broker.wipe() }
        let topic = try Broker.topic(3, on: broker.servers)
        let troubles = Mutex<[KafkaError]>([])
        let target = try KafkaTarget(
            .init(servers: broker.servers, topic: topic, report: { error in troubles.withLock { $0.append(error) } }))
        let ids = Dictionary(uniqueKeysWithValues: Self.streams.map { s in (s, (0..<300).map { "\(s)-\($0)" }) })
        let sent = Task {
            for part in 0..<30 {
                let some = ids.mapValues { Array($0[part * 10..<part * 10 + 10]) }
                guard await sendAll(some, to: target, rounds: 600) else { return false }
            }
            return true
        }
        for _ in 0..<3 {
            try await Task.sleep(for: .milliseconds(100))
            try broker.stop()
            try await Task.sleep(for: .milliseconds(500))
            try broker.start()
        }
        #expect(await sent.value)
        await target.close()
        let contents = try TopicContents(of: topic, on: broker.servers)
        for stream in Self.streams { #expect(contents.firstIDs[stream] == ids[stream]) }
        #expect(!troubles.withLock { $0.isEmpty })
    }

    @Test("returns soon when it is cancelled, answers nothing then, and leaks nothing")
    func cancelled() async throws {
        let broker = try OwnBroker()
        defer { broker.wipe() }
        let topic = try Broker.topic(3, on: broker.servers)
        let target = try KafkaTarget(.init(servers: broker.servers, topic: topic))
        let sending = Sending()
        await target.send(sending.messages(0..<1, streams: Self.streams))
        try broker.pause()
        let sent = Task { await target.send(sending.messages(1..<20, streams: Self.streams)) }
        #expect(try await eventually { recordsUnderWay.load(ordering: .relaxed) == 190 })
        sent.cancel()
        let began = ContinuousClock.now
        await sent.value
        #expect(began.duration(to: .now) < .seconds(30))
        #expect(sending.acknowledged.count == 10)
        #expect(try await eventually { recordsUnderWay.load(ordering: .relaxed) == 0 })
        try broker.resume()
        // The next call has a producer of its own, and repeats what had no answer.
        let again = Sending()
        await target.send(again.messages(1..<20, streams: Self.streams))
        #expect(again.acknowledged.count == 190)
        await target.close()
        let contents = try TopicContents(of: topic, on: broker.servers)
        for stream in Self.streams { #expect(contents.firstIDs[stream] == (0..<20).map { "\(stream)-\($0)" }) }
    }

    @Test(
        "ends within its bound when it is closed while the broker stands still",
        arguments: [
            KafkaTarget.Delivery.idempotent, .transactional("closing"),
        ])
    func closed(_ delivery: KafkaTarget.Delivery) async throws {
        let broker = try OwnBroker()
        defer { broker.wipe() }
        let topic = try Broker.topic(3, on: broker.servers)
        let target = try KafkaTarget(.init(servers: broker.servers, topic: topic, delivery: delivery))
        let sending = Sending()
        await target.send(sending.messages(0..<1, streams: Self.streams))
        try broker.pause()
        async let sent: Void = target.send(sending.messages(1..<20, streams: Self.streams))
        try await Task.sleep(for: .milliseconds(500))
        await target.close(within: .seconds(1))
        await sent
        #expect(sending.acknowledged.count == 10)
        #expect(try await eventually { recordsUnderWay.load(ordering: .relaxed) == 0 })
        try broker.resume()
    }

    @Test("skips nothing when its process is killed", arguments: ["idempotent", "killed"])
    func killed(_ delivery: String) async throws {
        let broker = try OwnBroker()
        defer { broker.wipe() }
        let topic = try Broker.topic(4, on: broker.servers)
        let ledger = broker.directory + "/acknowledged"
        var kills = 0
        while true {
            let process = try UntilKilled.start(
                "KafkaUntilKilled", "send", broker.servers, topic, delivery, ledger, "8", "600")
            let before = UntilKilled.lines(ledger)
            if kills < 5 {
                #expect(try await eventually { UntilKilled.lines(ledger) > before + 200 || !process.isRunning })
                if process.isRunning { kills += 1 }
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            } else {
                #expect(try await eventually { !process.isRunning })
                if process.isRunning { kill(process.processIdentifier, SIGKILL) }
                #expect(process.terminationStatus == 0)
                break
            }
        }
        #expect(kills > 0)
        let contents = try TopicContents(of: topic, on: broker.servers)
        for stream in (0..<8).map({ "stream-\($0)" }) {
            #expect(contents.firstIDs[stream] == (0..<600).map { "\(stream)-\($0)" })
        }
    }
}
