import BusTesting
import CRDKafka
import Daybook
import Foundation
import Synchronization
import Testing

@testable import DaybookKafka

@Suite("The Kafka source, in a group that changes", .serialized, .timeLimit(.minutes(5)))
struct KafkaSourceGroupTests {
    static let streams = KafkaSourceTests.streams

    @Test("looks at the checksums of records, unless the user says otherwise")
    func checksums() throws {
        var configuration = KafkaSourceTests.configuration("events", group: "g", on: "localhost:1")
        #expect(try configuration.clientSettings().value("check.crcs") == "true")
        configuration.settings["check.crcs"] = "false"
        #expect(try configuration.clientSettings().value("check.crcs") == "false")
    }

    @Test("waits as long as it is asked to, also for ever", arguments: [Int64.max, 300 * 31_536_000, 10, 0] as [Int64])
    func patience(_ seconds: Int64) {
        let now = Date()
        let end = Date(in: .seconds(seconds))
        // So far its condition can count.
        #expect(Int64(exactly: (end.timeIntervalSince1970 * 1e9).rounded()) != nil)
        #expect(end >= now.addingTimeInterval(Double(min(seconds, 90 * 31_536_000))))
    }

    @Test("shares partitions with a second member, and loses nothing when it goes")
    func rebalance() async throws {
        let cluster = try MockCluster()
        defer { cluster.destroy() }
        cluster.create("events", 6)
        try await share(of: "events", on: cluster.servers)
    }

    @Test(
        "shares partitions with a second member, and loses nothing when it goes, on a broker",
        .enabled(if: Broker.isThere, "KAFKA_BOOTSTRAP is not set: run make test-engines ENGINES=kafka"))
    func rebalanceOnBroker() async throws {
        try await share(of: try Broker.topic(6), on: Broker.servers)
    }

    private func share(of topic: String, on servers: String) async throws {
        let group = KafkaSourceTests.group()
        let first = Taking()
        let second = Taking()
        let one = try KafkaSource(KafkaSourceTests.configuration(topic, group: group, batch: 20, on: servers))
        let two = try KafkaSource(KafkaSourceTests.configuration(topic, group: group, batch: 20, on: servers))
        let running = Task {
            try await one.run { batch in
                try await Task.sleep(for: .milliseconds(5))
                first.note(batch)
            }
        }
        try await KafkaSourceTests.send(0..<50, to: topic, on: servers)
        #expect(try await eventually { first.messages.count >= 100 })
        let other = Task {
            try await two.run { batch in
                try await Task.sleep(for: .milliseconds(5))
                second.note(batch)
            }
        }
        var sent = 50
        // Until the second has its share.
        #expect(
            try await eventually {
                try await KafkaSourceTests.send(sent..<sent + 5, to: topic, on: servers)
                sent += 5
                return second.messages.count >= 100
            })
        other.cancel()
        try await other.value
        try await KafkaSourceTests.send(sent..<sent + 50, to: topic, on: servers)
        sent += 50
        let all = sent * Self.streams.count
        #expect(try await eventually { Set(first.ids + second.ids).count == all })
        running.cancel()
        try await running.value
        #expect(Set(first.batches.map(\.lane)).count == 6)
        for stream in Self.streams {
            for taking in [first, second] {
                var seen: Set<String> = []
                let ids = (taking.idsOfStreams[stream] ?? []).filter { seen.insert($0).inserted }
                let numbers = ids.map { Int($0.split(separator: "-").last!)! }
                #expect(numbers == numbers.sorted())
            }
        }
    }

    @Test("gives again what was taken and not committed when its process is killed")
    func killed() async throws {
        let cluster = try MockCluster()
        defer { cluster.destroy() }
        cluster.create("events", 3)
        let group = KafkaSourceTests.group()
        let ledger = NSTemporaryDirectory() + "taken-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: ledger) }
        try await KafkaSourceTests.send(0..<100, to: "events", on: cluster.servers)
        let all = Set(Self.streams.flatMap { stream in (0..<100).map { "\(stream)-\($0)" } })
        func taken() -> [String] {
            String(decoding: FileManager.default.contents(atPath: ledger) ?? Data(), as: UTF8.self)
                .split(separator: "\n").map { String($0.split(separator: " ").last!) }
        }
        var kills = 0
        while Set(taken()) != all, kills < 10 {
            let process = try UntilKilled.start("KafkaUntilKilled", "take", cluster.servers, "events", group, ledger)
            let before = UntilKilled.lines(ledger)
            #expect(
                try await eventually {
                    UntilKilled.lines(ledger) > before + 400 || Set(taken()) == all || !process.isRunning
                })
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            kills += 1
        }
        #expect(Set(taken()) == all)
        #expect(kills > 1)
        var firsts: [String: [String]] = [:]
        var seen: Set<String> = []
        for id in taken() where seen.insert(id).inserted {
            firsts[id.split(separator: "-").dropLast().joined(separator: "-"), default: []].append(id)
        }
        for stream in Self.streams { #expect(firsts[stream] == (0..<100).map { "\(stream)-\($0)" }) }
    }

    @Test("commits later what could not be committed at first")
    func commits() async throws {
        let cluster = try MockCluster(brokers: 1)
        defer { cluster.destroy() }
        cluster.create("events", 1)
        let group = KafkaSourceTests.group()
        try await KafkaSourceTests.send(0..<5, to: "events", on: cluster.servers)
        let troubles = Mutex<[KafkaError]>([])
        var configuration = KafkaSourceTests.configuration("events", group: group, batch: 20, on: cluster.servers)
        configuration.report = { error in troubles.withLock { $0.append(error) } }
        cluster.fail(
            .offsetCommit, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE)
        let taking = Taking()
        try await KafkaSourceTests.run(
            try KafkaSource(configuration),
            until: {
                // Both commits that fail; the next one does not.
                taking.messages.count >= 100
                    && troubles.withLock { $0.count { if case .notCommitted = $0 { true } else { false } } >= 2 }
            },
            taking: { taking.note($0) })
        #expect(taking.messages.count == 100)
        try await KafkaSourceTests.send(5..<6, to: "events", on: cluster.servers)
        let rest = Taking()
        try await KafkaSourceTests.run(
            try KafkaSource(configuration), until: { rest.messages.count >= 20 },
            taking: { rest.note($0) })
        #expect(rest.ids == Self.streams.map { "\($0)-5" })
    }

    @Test("gives nothing that came behind a topic's end before the group has noted where that was")
    func beginsAtTheEnd() async throws {
        let cluster = try MockCluster(brokers: 1)
        defer { cluster.destroy() }
        cluster.create("events", 1)
        let failures = Mutex(0)
        var configuration = KafkaSourceTests.configuration(
            "events", group: KafkaSourceTests.group(), on: cluster.servers)
        configuration.start = .latest
        configuration.report = { error in if case .notCommitted = error { failures.withLock { $0 += 1 } } }
        for _ in 0..<15 { cluster.fail(.offsetCommit, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE) }
        let failuresBefore = Mutex<[Int]>([])
        let taking = Taking()
        let source = try KafkaSource(configuration)
        let running = Task {
            try await source.run { batch in
                let count = failures.withLock { $0 }
                failuresBefore.withLock { $0.append(count) }
                taking.note(batch)
            }
        }
        #expect(try await eventually { failures.withLock { $0 } > 0 })
        try await KafkaSourceTests.send(0..<1, to: "events", on: cluster.servers)
        #expect(try await eventually { taking.messages.count >= 20 })
        running.cancel()
        try await running.value
        #expect(taking.messages.count == 20)
        // No commit fails any more when the first batch is given.
        #expect(failuresBefore.withLock { $0.first } == failures.withLock { $0 })
    }

    @Test("makes no room for more records than there are, however large a batch may be")
    func batchWithoutBound() async throws {
        let cluster = try MockCluster(brokers: 1)
        defer { cluster.destroy() }
        cluster.create("events", 1)
        try await KafkaSourceTests.send(0..<2, to: "events", on: cluster.servers)
        let taking = Taking()
        try await KafkaSourceTests.run(
            try KafkaSource(
                KafkaSourceTests.configuration(
                    "events", group: KafkaSourceTests.group(), batch: .max, on: cluster.servers)),
            until: { taking.messages.count >= 40 }, taking: { taking.note($0) })
        #expect(taking.messages.count == 40)
    }

    @Test("gives a record the same origin each time, and what stands at its place in another cluster another one")
    func origins() async throws {
        func origins(on cluster: MockCluster) async throws -> [String] {
            let taking = Taking()
            try await KafkaSourceTests.run(
                try KafkaSource(
                    KafkaSourceTests.configuration("events", group: KafkaSourceTests.group(), on: cluster.servers)),
                until: { taking.messages.count >= 20 }, taking: { taking.note($0) })
            return taking.messages.map(\.origin)
        }
        var all: [[String]] = []
        for _ in 0..<2 {
            let cluster = try MockCluster(brokers: 1)
            defer { cluster.destroy() }
            cluster.create("events", 1)
            try await KafkaSourceTests.send(0..<1, to: "events", on: cluster.servers)
            all.append(try await origins(on: cluster))
            #expect(try await origins(on: cluster) == all.last)
        }
        #expect(all[0].count == 20 && Set(all[0]).isDisjoint(with: all[1]))
    }

    @Test("gives another member nothing of a partition before the handler that has it is done")
    func waits() async throws {
        let cluster = try MockCluster(brokers: 1)
        defer { cluster.destroy() }
        cluster.create("events", 2)
        let group = KafkaSourceTests.group()
        try await KafkaSourceTests.send(0..<5, to: "events", on: cluster.servers)
        let held = Held()
        let configuration = KafkaSourceTests.configuration("events", group: group, batch: 100, on: cluster.servers)
        let running = Task {
            try await KafkaSource(configuration).run { batch in
                held.count.withLock { $0 += 1 }
                while !held.isOpen.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
                held.taking.note(batch)
            }
        }
        #expect(try await eventually { held.count.withLock { $0 } == 2 })
        let other = Task {
            try await KafkaSource(configuration).run { batch in
                held.taking.note(batch)
            }
        }
        // The second has joined by then, and waits for the first.
        try await Task.sleep(for: .seconds(3))
        #expect(held.taking.ids.isEmpty)
        held.isOpen.withLock { $0 = true }
        #expect(try await eventually { held.taking.ids.count >= 100 })
        try await KafkaSourceTests.send(5..<6, to: "events", on: cluster.servers)
        #expect(try await eventually { Set(held.taking.ids).count == 120 })
        other.cancel()
        running.cancel()
        try await other.value
        try await running.value
        // Not that nothing came twice: a pretended broker takes no commits while its group changes, other than Kafka's.
    }

    /// Handlers that wait until they may go on.
    private final class Held: Sendable {
        let taking = Taking()
        let count = Mutex(0)
        let isOpen = Mutex(false)
    }
}
