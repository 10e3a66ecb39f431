import DaybookCore
import Foundation
import Testing

@testable import DaybookJetStream

@Suite("The health of a store on JetStream", .enabled(if: TestCluster.isThere, TestCluster.skipped))
struct HealthTests {
    private func fill(_ store: JetStreamEventStore) async throws {
        for _ in 0..<10 { try await store.append([NewEvent(type: "counted", data: [])], to: "count-1") }
    }

    @Test("makes no bucket where nothing is saved")
    func noBucket() async throws {
        struct Found: Decodable, Sendable {}
        try await TestCluster.withStore { store in
            try await fill(store)
            let health = try await store.health()
            #expect(health.head == 10 && health.consumers.isEmpty && health.isHealthy, "\(health)")
            let error = await #expect(throws: ConnectionFailure.self) {
                let _: Found = try await store.connection.api(
                    "STREAM.INFO.KV_\(store.bucket)", timeout: .seconds(10))
            }
            guard case .refused(10059, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("has every consumer, also of more than are read at once")
    func manyConsumers() async throws {
        try await TestCluster.withStore { store in
            try await fill(store)
            let names = (0..<1_100).map { CheckpointName(unchecked: "reader-\($0)") }
            for start in stride(from: 0, to: names.count, by: 50) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for name in names[start..<min(start + 50, names.count)] {
                        group.addTask { try await store.save(Checkpoint(after: 10), for: name) }
                    }
                    try await group.waitForAll()
                }
            }
            let health = try await store.health()
            #expect(health.consumers.map { CheckpointName(unchecked: $0.name) } == names.sorted())
        }
    }

    @Test("takes a change into account that was only put down")
    func putDown() async throws {
        try await TestCluster.withStore { store in
            try await fill(store)
            try await store.commit(
                DocumentBatch(model: "tape", changes: ["a": [1]], previous: .start, checkpoint: 5))
            let names = store.subjects(of: "tape")
            var known = try await store.settledHead(names)
            let parked = Array(#"[{"key":"a","position":6,"reason":"test"}]"#.utf8)
            var part = RecordWriter(reserving: 100)
            part.add(DocumentRecord(key: "\u{1F}parked", content: .data(parked[...])).bytes)
            _ = try await store.put([
                OutgoingMessage(subject: names.part(0, known.head.epoch, 77), body: part.bytes)
            ])
            known.head.position = 9
            known.head.staged = .init(generation: 77, parts: 1)
            _ = try await store.put([
                OutgoingMessage(
                    subject: names.head, headers: [("Nats-Expected-Last-Subject-Sequence", String(known.sequence))],
                    body: known.head.bytes)
            ])
            let health = try await store.health(HealthPolicy(maxParked: 1))
            let tape = try #require(health.consumers.first)
            #expect(tape.position == 9 && tape.eventsBehind == 1 && tape.parked == 1, "\(tape)")
            #expect(health.consumers.count == 1 && health.isHealthy)
        }
    }

    @Test("refuses a name in the bucket that it did not write")
    func strangeName() async throws {
        try await TestCluster.withStore { store in
            try await store.save(Checkpoint(after: .start), for: "reader")
            _ = try await store.put([OutgoingMessage(subject: store.bucketPrefix + "c.=7", body: [1, 0])])
            let error = await #expect(throws: ReadError.self) { try await store.health() }
            #expect(error?.description.contains("c.=7") == true)
        }
    }
}

@Suite("What the servers say of those that keep a log")
struct LogClusterTests {
    @Test(
        "is a problem when one is offline or not current, or none leads",
        arguments: [
            (#"{"name":"c","leader":"n1"}"#, []),
            (#"{"leader":"n1","replicas":[{"name":"n2","current":true,"active":5}]}"#, []),
            (#"{"leader":"n1","replicas":[{"name":"n2","current":false,"offline":true}]}"#, ["'n2'", "offline"]),
            (
                #"{"leader":"n1","replicas":[{"name":"n2","current":true},{"name":"n3","current":false,"lag":31}]}"#,
                ["'n3'", "not current, 31 operations"]
            ),
            (#"{"replicas":[{"name":"n2","current":true}]}"#, ["no leader"]),
            (#"{"leader":"","replicas":[]}"#, ["no leader"]),
        ] as [(String, [String])])
    func problems(text: String, words: [String]) throws {
        let problems = try JSONDecoder.nats.decode(LogCluster.self, from: Data(text.utf8)).problems
        #expect(problems.count == (words.isEmpty ? 0 : 1), "\(problems)")
        for word in words { #expect(problems.first?.contains(word) == true, "\(problems)") }
    }

    @Test(
        "is a problem when fewer are left than are to keep it", arguments: [(nil, 0), (2, 0), (3, 1)] as [(Int?, Int)])
    func left(wanted: Int?, count: Int) throws {
        let text = #"{"leader":"n1","replicas":[{"name":"n2","current":true}]}"#
        var cluster = try JSONDecoder.nats.decode(LogCluster.self, from: Data(text.utf8))
        cluster.wanted = wanted
        #expect(cluster.problems.count == count, "\(cluster.problems)")
        #expect(cluster.problems.allSatisfy { $0.hasPrefix("2 of the 3 servers") })
    }
}
