import Daybook
import DaybookCore
import DaybookTesting
import Foundation
import StoreTrials
import Synchronization
import Testing

@testable import DaybookJetStream

private enum AccountEvent: DomainEvent, Equatable {
    case deposited(amount: Int)

    static let typePrefix = "account"
}

private struct Balances: Projection {
    struct Balance: Codable, Sendable, Equatable {
        var total = 0
        var count = 0
    }

    let name: ReadModelName = "balances"

    init() {}

    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue, "all"] }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) {
        var balance = document ?? Balance()
        if case .deposited(let amount) = event { balance.total += amount }
        balance.count += 1
        document = balance
    }
}

@Suite("Read models on JetStream", .enabled(if: TestCluster.isThere, TestCluster.skipped), .timeLimit(.minutes(5)))
struct ReadModelTests {
    /// Gives a body two connections to one store.
    private func withTwo(_ body: (JetStreamEventStore, JetStreamEventStore) async throws -> Void) async throws {
        try await TestCluster.withStore { one in
            let other = try await TestCluster.connect(one.subjects.store)
            do { try await body(one, other) } catch {
                await other.close()
                throw error
            }
            await other.close()
        }
    }

    private func batch(
        _ previous: Position, _ checkpoint: Position, _ changes: [String: [UInt8]?],
        expecting expected: [String: [UInt8]?] = [:]
    ) -> DocumentBatch {
        DocumentBatch(
            model: "tape", changes: changes, previous: previous, checkpoint: checkpoint, expected: expected)
    }

    private func count(_ store: JetStreamEventStore, _ subject: String) async throws -> Int {
        struct Info: Decodable, Sendable {
            struct State: Decodable, Sendable { var subjects: [String: Int]? }
            var state: State
        }
        let info: Info = try await store.connection.api(
            "STREAM.INFO.KV_" + store.bucket, "{\"subjects_filter\":\"\(store.bucketPrefix + subject)\"}",
            timeout: .seconds(5))
        return (info.state.subjects ?? [:]).values.reduce(0, +)
    }

    @Test("take a change that was only put down into account as a whole, whoever comes next, and bring it into place")
    func putDown() async throws {
        // What a process leaves that dies right behind the step by which a large change takes effect; then, how far it came in
        // bringing the documents into their places.
        for placed in [0, 1, 2] {
            try await withTwo { dead, next in
                try await dead.commit(batch(.start, 5, ["a": [1], "b": [1], "c": [1]]))
                let names = dead.subjects(of: "tape")
                var known = try await dead.settledHead(names)
                let epoch = known.head.epoch
                let documents: [(String, DocumentRecord.Content)] = [
                    ("a", .data([2])), ("b", .deleted), ("d", .data([4])),
                ]
                for (number, document) in documents.enumerated() {
                    var part = RecordWriter(reserving: 100)
                    part.add(DocumentRecord(key: document.0, content: document.1).bytes)
                    _ = try await dead.put([
                        OutgoingMessage(subject: names.part(Int64(number), epoch, 77), body: part.bytes)
                    ])
                }
                known.head.position = 9
                known.head.staged = .init(generation: 77, parts: 3)
                let sequence = try #require(
                    try await dead.put([
                        OutgoingMessage(
                            subject: names.head,
                            headers: [("Nats-Expected-Last-Subject-Sequence", String(known.sequence))],
                            body: known.head.bytes)
                    ]))
                for document in documents.prefix(placed) {
                    _ = try await dead.put([
                        OutgoingMessage(
                            subject: names.document(document.0, epoch),
                            headers: [
                                ("Nats-Expected-Last-Subject-Sequence", String(sequence)),
                                ("Nats-Expected-Last-Subject-Sequence-Subject", names.head),
                            ], body: DocumentRecord(key: document.0, content: document.1).bytes)
                    ])
                }
                #expect(try await next.checkpoint(of: "tape") == 9)
                if placed == 1 {
                    // A change comes first, and not a read.
                    await #expect(throws: DerivedStateError.checkpointMoved(model: "tape", expected: 5, actual: 9)) {
                        try await next.commit(batch(5, 12, ["a": [9]]))
                    }
                    try await next.commit(batch(9, 9, ["e": [5]], expecting: ["a": [2], "b": nil, "d": [4]]))
                    #expect(try await next.document("e", of: "tape") == [5])
                }
                async let mine = dead.documents(["a", "b", "c", "d"], of: "tape")
                async let theirs = next.documents(["a", "b", "c", "d"], of: "tape")
                let expected: [String: [UInt8]] = ["a": [2], "c": [1], "d": [4]]
                let (own, other) = (try await mine, try await theirs)
                #expect(own == expected)
                #expect(other == expected)
                #expect(try await count(next, "g.>") == 0)
                // Who comes late with an old part changes nothing any longer.
                try await next.commit(batch(9, 10, ["a": [10]]))
                var part = RecordWriter(reserving: 100)
                part.add(DocumentRecord(key: "a", content: .data([2])).bytes)
                for number in 0..<3 {
                    _ = try await dead.put([
                        OutgoingMessage(subject: names.part(Int64(number), epoch, 77), body: part.bytes)
                    ])
                }
                try await dead.bringIntoPlace(names, ModelMemory.Known(head: known.head, sequence: sequence))
                #expect(try await next.document("a", of: "tape") == [10])
            }
        }
    }

    @Test("are changed by large batches of two processes in turn, each as a whole")
    func large() async throws {
        try await withTwo { one, other in
            let keys = (0..<3_000).map { "document-\($0)" }
            let writers = [one, other]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (writer, store) in writers.enumerated() {
                    group.addTask {
                        var done = 0
                        while done < 4 {
                            let position = try await store.checkpoint(of: "tape")
                            let changes = Dictionary(
                                uniqueKeysWithValues: keys.map { ($0, Optional([UInt8(writer), UInt8(done)])) })
                            do {
                                try await store.commit(batch(position, position.next, changes))
                                done += 1
                            } catch DerivedStateError.checkpointMoved {
                                continue
                            }
                        }
                    }
                }
                // Whoever reads meanwhile sees one batch, never two.
                group.addTask {
                    for _ in 0..<20 {
                        let found = try await other.documents(
                            ["document-0", "document-1500", "document-2999"], of: "tape")
                        #expect(Set(found.values).count <= 1)
                        #expect(found.isEmpty || found.count == 3)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await one.checkpoint(of: "tape") == 8)
            #expect(try await count(one, "g.>") == 0)
            #expect(try await count(one, "m.tape.*.>") == 3_000)
        }
    }

    @Test("count right when several processes change the same documents without moving the checkpoint")
    func expectations() async throws {
        try await withTwo { one, other in
            try await one.commit(batch(.start, 1, ["from": Array("100".utf8), "to": Array("0".utf8)]))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for store in [one, other, one, other] {
                    group.addTask {
                        var done = 0
                        while done < 10 {
                            let found = try await store.documents(["from", "to"], of: "tape")
                            let from = Int(String(decoding: found["from"] ?? [], as: UTF8.self)) ?? 0
                            let to = Int(String(decoding: found["to"] ?? [], as: UTF8.self)) ?? 0
                            #expect(from + to == 100)
                            do {
                                try await store.commit(
                                    batch(
                                        1, 1, ["from": Array("\(from - 1)".utf8), "to": Array("\(to + 1)".utf8)],
                                        expecting: ["from": found["from"], "to": found["to"]]))
                                done += 1
                            } catch DerivedStateError.documentChanged {
                                continue
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await other.document("from", of: "tape") == Array("60".utf8))
            #expect(try await one.document("to", of: "tape") == Array("40".utf8))
        }
    }

    @Test("are listed as they are, also when another process adds, removes and begins them anew between the pages")
    func listing() async throws {
        try await withTwo { one, other in
            func keys(_ store: JetStreamEventStore) async throws -> [String] {
                var keys: [String] = []
                while true {
                    let page = try await store.documents(of: "tape", after: keys.last, limit: 7)
                    keys += page.map(\.key)
                    if page.count < 7 { return keys }
                }
            }
            func number(_ number: Int) -> String { String(format: "%03d", number) }
            try await one.commit(
                batch(.start, 1, Dictionary(uniqueKeysWithValues: (0..<100).map { (number($0), [UInt8($0)]) })))
            #expect(try await keys(one) == (0..<100).map(number))
            #expect(try await keys(other) == (0..<100).map(number))
            try await other.commit(batch(1, 2, ["050": nil, "0505": [1], "100": [1], "000": nil]))
            try await other.commit(batch(2, 3, ["000": [2], "100": nil]))
            let expected = (0..<50).map(number) + ["0505"] + (51..<100).map(number)
            #expect(try await keys(one) == expected)
            #expect(try await keys(other) == expected)
            try await other.deleteReadModel("tape")
            #expect(try await keys(one).isEmpty)
            #expect(try await count(one, "m.tape.*.>") == 0)
            try await other.commit(batch(.start, 1, ["x": [1]]))
            #expect(try await keys(one) == ["x"])
            await #expect(throws: DerivedStateError.checkpointMoved(model: "tape", expected: 3, actual: 1)) {
                try await one.commit(batch(3, 4, ["y": [1]]))
            }
        }
    }

    @Test("are listed with every document that is there all the time, while many of them are replaced again and again")
    func listingUnderChanges() async throws {
        try await withTwo { one, other in
            let keys = (0..<3000).map { String(format: "%04d", $0) }
            func all(_ value: UInt8, _ keys: some Sequence<String>) -> [String: [UInt8]?] {
                Dictionary(uniqueKeysWithValues: keys.map { ($0, [value]) })
            }
            try await one.commit(batch(.start, 1, all(0, keys)))
            let replacing = Task {
                var position: Position = 1
                while !Task.isCancelled {
                    let first = Int.random(in: 0...2100)
                    let next = position.next
                    try await other.commit(
                        batch(position, next, all(UInt8.random(in: 0...255), keys[first..<first + 900])))
                    position = next
                    try await Task.sleep(for: .milliseconds(30))
                }
            }
            // A connection that has listed nothing yet reads the whole model.
            for _ in 0..<6 {
                let fresh = try await TestCluster.connect(one.subjects.store)
                let found = try await fresh.documents(of: "tape", after: nil, limit: 5000).map(\.key)
                #expect(found == keys, "\(found.count) of 3000")
                await fresh.close()
            }
            replacing.cancel()
            _ = try? await replacing.value
        }
    }

    @Test("do not say that a change was refused when it may have been applied, and be forgotten by now")
    func lostAmongMany() async throws {
        try await withTwo { one, other in
            try await other.commit(batch(.start, 1, ["x": [1]]))
            let relay = try CuttingRelay(to: try #require(TestCluster.urls))
            defer { relay.close() }
            let cut = try await JetStreamEventStore.connect(
                relay.url, store: one.subjects.store, configuration: TestCluster.configuration())
            #expect(try await cut.checkpoint(of: "tape") == 1)
            relay.loseAnswers()
            let committed = Task { try await cut.commit(batch(1, 2, ["x": [2]])) }
            try await eventually("the change is applied") { try await other.checkpoint(of: "tape") == 2 }
            for position in Int64(2)..<(Int64(ModelHead.tokensKept) + 4) {
                try await other.commit(batch(Position(position), Position(position + 1), ["y": [1]]))
            }
            relay.cut()
            let error = await #expect(throws: DerivedStateError.self) { try await committed.value }
            guard case .storageFailed(let reason)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("not known"))
            // As long as it is remembered, the answer is a success.
            relay.loseAnswers()
            let head = try await other.checkpoint(of: "tape")
            let again = Task { try await cut.commit(batch(head, head.next, ["x": [3]])) }
            try await eventually("the change is applied") { try await other.checkpoint(of: "tape") == head.next }
            try await other.commit(batch(head.next, head.next.next, ["y": [2]]))
            relay.cut()
            try await again.value
            await cut.close()
        }
    }

    @Test("are refused in a bucket that promises less than the log")
    func weakBucket() async throws {
        try await TestCluster.withStore { store in
            struct Done: Decodable, Sendable {}
            let name = "KV_\(store.bucket)"
            let _: Done = try await store.connection.api(
                "STREAM.CREATE.\(name)",
                "{\"name\":\"\(name)\",\"subjects\":[\"\(store.bucketPrefix)>\"],\"storage\":\"memory\",\"num_replicas\":1,"
                    + "\"max_msgs_per_subject\":1,\"allow_rollup_hdrs\":true,\"allow_direct\":true,\"allow_atomic\":true,"
                    + "\"allow_msg_ttl\":true}", timeout: .seconds(10))
            let error = await #expect(throws: DerivedStateError.self) {
                try await store.commit(batch(.start, 1, ["x": [1]]))
            }
            #expect(error?.description.contains("storage 'memory'") == true)
            let _: Done = try await store.connection.api("STREAM.DELETE.\(name)", timeout: .seconds(10))
        }
    }

    @Test("are refused in a bucket that a server keeps of which it is not known that it syncs as those of the log do")
    func unsyncedBucket() async throws {
        try await TestCluster.withStore { store in
            try await store.commit(batch(.start, 1, ["x": [1]]))
            // To it, the servers of this test are others than those that keep the log.
            let other = try JetStreamEventStore(
                connection: store.connection, subjects: store.subjects, configuration: store.configuration,
                durability: store.durability, highWaterMark: store.highWaterMark, syncing: ["elsewhere"])
            let error = await #expect(throws: DerivedStateError.self) {
                try await other.commit(batch(1, 2, ["x": [2]]))
            }
            #expect(error?.description.contains("sync_interval: always") == true)
            #expect(try await store.checkpoint(of: "tape") == 1)
        }
    }

    @Test("list each document with its own contents, also where keys differ in their bytes alone")
    func twins() async throws {
        try await withTwo { one, other in
            let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
            try await one.commit(batch(.start, 1, [composed: [1]]))
            try await one.commit(batch(1, 2, [decomposed: [2]]))
            for store in [one, other] {
                let listed = try await store.documents(of: "tape", after: nil, limit: 10)
                #expect(listed.map { Array($0.key.utf8) } == [decomposed, composed].map { Array($0.utf8) })
                #expect(listed.map(\.data) == [[2], [1]])
                #expect(try await store.document(composed, of: "tape") == [1])
                #expect(try await store.document(decomposed, of: "tape") == [2])
            }
        }
    }

    @Test("keep nothing of large documents that were replaced, deleted or left by a model")
    func pieces() async throws {
        try await withTwo { one, other in
            let large = [UInt8](repeating: 7, count: 2 << 20)
            try await one.commit(batch(.start, 1, ["large": large, "small": [1]]))
            #expect(try await other.document("large", of: "tape") == large)
            #expect(try await count(one, "p.>") == 4)
            try await other.commit(batch(1, 2, ["large": large + [8]], expecting: ["large": large]))
            #expect(try await one.document("large", of: "tape") == large + [8])
            #expect(try await count(one, "p.>") == 5)
            try await one.commit(batch(2, 3, ["large": [1]]))
            #expect(try await count(one, "p.>") == 0)
            try await one.commit(batch(3, 4, ["large": large]))
            await #expect(throws: DerivedStateError.checkpointMoved(model: "tape", expected: 3, actual: 4)) {
                try await other.commit(batch(3, 5, ["large": large + [9], "small": [2]]))
            }
            await #expect(throws: DerivedStateError.documentChanged(model: "tape", key: "large")) {
                try await other.commit(batch(4, 5, ["small": large + [9]], expecting: ["large": [1]]))
            }
            #expect(try await count(one, "p.>") == 4)
            #expect(try await other.documents(of: "tape", after: nil, limit: 10).map(\.data.count) == [2 << 20, 1])
            try await other.deleteReadModel("tape")
            #expect(try await count(one, "p.>") == 0)
        }
    }

    @Test("refuse a key that makes no subject, by an error that says so")
    func longKeys() async throws {
        try await TestCluster.withStore { store in
            let key = String(repeating: "é", count: 600)
            await #expect(throws: DerivedStateError.self) { try await store.commit(batch(.start, 1, [key: [1]])) }
            try await store.commit(batch(.start, 1, [String(repeating: "é", count: 500): [1]]))
            #expect(try await store.documents(of: "tape", after: nil, limit: 10).count == 1)
        }
    }

    @Test("count each event once when projections of two processes take turns")
    func projections() async throws {
        try await withTwo { one, other in
            for number in 0..<400 {
                try await one.append(
                    [NewEvent(type: "account.deposited", data: Array(#"{"amount":\#(number)}"#.utf8))],
                    to: StreamName(category: "account", id: "\(number % 8)"))
            }
            let runners = [one, other].map {
                ProjectionRunner(Balances(), of: $0, in: $0, batchSize: 25, failurePolicy: .stop)
            }
            // Both at once: the one that saves later is refused, and goes on from where the other has come.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for runner in runners {
                    group.addTask {
                        while true {
                            do {
                                _ = try await runner.catchUp()
                                return
                            } catch ProjectionError.store(.checkpointMoved) {
                                continue
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let all = try await runners[0].readModel.document("all")
            #expect(all?.count == 400 && all?.total == (0..<400).reduce(0, +))
            for number in 0..<8 {
                let balance = try await runners[1].readModel.document("account-\(number)")
                #expect(balance?.count == 50)
            }
        }
    }

    @Test(
        "share the events of a group among members, and give those of one that is cut off to the other, in order for each key"
    )
    func consumerGroup() async throws {
        try await TestCluster.withStore { store in
            let name = store.subjects.store
            try await SharedGroup.run(open: { try await TestCluster.connect(name) }, close: { await $0.close() })
        }
    }
}
