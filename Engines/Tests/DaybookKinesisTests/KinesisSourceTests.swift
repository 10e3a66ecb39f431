import Daybook
import DaybookCore
import ScriptedServer
import Synchronization
import Testing

@testable import DaybookKinesis

/// What a source gave, until there is enough of it.
final class Receipts: Sendable {
    private struct State {
        var batches: [ReceivedBatch] = []
        var origins: Set<String> = []
        var running: Task<Void, any Error>?
    }

    private let state = Mutex(State())
    private let goal: Int

    /// - Parameter goal: How many different messages are enough.
    init(until goal: Int) { self.goal = goal }

    private func add(_ batch: ReceivedBatch) {
        let finished = state.withLock { state in
            state.batches.append(batch)
            state.origins.formUnion(batch.messages.map(\.origin))
            return state.origins.count >= goal ? state.running : nil
        }
        finished?.cancel()
    }

    var batches: [ReceivedBatch] { state.withLock(\.batches) }
    var events: [CloudEvent] { batches.flatMap(\.messages).compactMap { try? $0.content.get() } }
    var isComplete: Bool { state.withLock { $0.origins.count >= goal } }

    /// Runs a source until enough has come, and stops it.
    func run(
        _ source: KinesisSource, _ before: @escaping @Sendable (ReceivedBatch) async throws -> Void = { _ in }
    ) async throws {
        let running = Task {
            try await source.run { batch in
                try await before(batch)
                self.add(batch)
            }
        }
        let isComplete = state.withLock { state in
            state.running = running
            return state.origins.count >= goal
        }
        if isComplete { running.cancel() }
        try await running.value
    }
}

@Suite("A Kinesis source", .timeLimit(.minutes(5)))
struct KinesisSourceTests {
    struct Unwilling: Error {}

    private static let fast = KinesisSourcePolicy(
        recordsPerBatch: 10, pollInterval: .milliseconds(1), shardInterval: .milliseconds(20),
        backoff: .milliseconds(1),
        backoffCeiling: .milliseconds(5))

    private func source(
        _ shards: FakeShards, _ store: InMemoryEventStore, _ policy: KinesisSourcePolicy = fast
    ) throws -> KinesisSource {
        KinesisSource(try shards.stream(), checkpoints: "orders", in: store, policy: policy)
    }

    @Test("gives the records of each shard in order, a lane each, and says where they stand")
    func reads() async throws {
        let shards = try await FakeShards()
        for shard in ["s1", "s2", "s3"] { shards.put((0..<25).map { Samples.event(shard, $0) }, in: shard) }
        let receipts = Receipts(until: 75)
        try await receipts.run(source(shards, InMemoryEventStore()))
        for shard in ["s1", "s2", "s3"] {
            let batches = receipts.batches.filter { $0.lane == "orders/\(shard)" }
            #expect(batches.map(\.messages.count) == [10, 10, 5])
            #expect(
                batches.flatMap(\.messages).map { try? $0.content.get() } == (0..<25).map { Samples.event(shard, $0) })
            #expect(batches.flatMap(\.messages).map(\.origin) == (0..<25).map { "orders/\(shard)@\($0)" })
        }
        await shards.server.stop()
    }

    @Test("goes on behind what was taken, and with what was not")
    func resumes() async throws {
        let shards = try await FakeShards()
        shards.put((0..<45).map { Samples.event("a", $0) }, in: "s1")
        let store = InMemoryEventStore()
        let first = Receipts(until: 1000)
        await #expect(throws: Unwilling.self) {
            try await first.run(source(shards, store)) { batch in
                if batch.messages.contains(where: { $0.origin == "orders/s1@25" }) { throw Unwilling() }
            }
        }
        #expect(first.events.map(\.id) == (0..<20).map { "a-\($0)" })
        let second = Receipts(until: 25)
        try await second.run(source(shards, store))
        #expect(second.events.map(\.id) == (20..<45).map { "a-\($0)" })
        #expect(shards.questions.contains("GetShardIterator s1 AFTER_SEQUENCE_NUMBER"))
        await shards.server.stop()
    }

    @Test("skips nothing, whatever fails", arguments: [1 as UInt64, 2, 3])
    func faults(_ seed: UInt64) async throws {
        let shards = try await FakeShards(seed: seed) { _, generator in
            switch Int.random(in: 0..<12, using: &generator) {
            case 0, 1: .throttled
            case 2: .internalFailure
            case 3: .expired
            case 4: .drop
            case 5: .half
            default: .none
            }
        }
        for shard in ["s1", "s2", "s3"] { shards.put((0..<100).map { Samples.event(shard, $0) }, in: shard) }
        let store = InMemoryEventStore()
        let unwilling = Mutex(SeededGenerator(seed: seed))
        let receipts = Receipts(until: 300)
        // It ends at each batch that is not taken, and is started again.
        for _ in 0..<500 where !receipts.isComplete {
            do {
                try await receipts.run(source(shards, store)) { _ in
                    if unwilling.withLock({ Int.random(in: 0..<5, using: &$0) }) == 0 { throw Unwilling() }
                }
            } catch is Unwilling {}
        }
        // One that stops while another shard's batch is being noted gives that again.
        for shard in ["s1", "s2", "s3"] {
            #expect(firsts(receipts.events)[shard] == (0..<100).map { "\(shard)-\($0)" })
        }
        await shards.server.stop()
    }

    @Test("begins a shard once those it came from have been taken to their end")
    func lineage() async throws {
        let shards = try await FakeShards()
        shards["s1"] = .init(records: (0..<30).map { Samples.event("a", $0).json }, isClosed: true)
        shards["s2"] = .init(records: (0..<5).map { Samples.event("b", $0).json })
        shards["s3"] = .init(parents: ["s1"], records: (30..<60).map { Samples.event("a", $0).json }, isClosed: true)
        shards["s4"] = .init(parents: ["s3", "s2"], records: (60..<70).map { Samples.event("a", $0).json })
        let store = InMemoryEventStore()
        let receipts = Receipts(until: 80)
        async let running: Void = receipts.run(source(shards, store))
        // The other parent of s4 closes late.
        while receipts.events.count < 65 { await Task.yield() }
        #expect(!shards.questions.contains { $0.hasPrefix("GetShardIterator s4") })
        shards.put((5..<10).map { Samples.event("b", $0) }, in: "s2")
        shards["s2"].isClosed = true
        try await running
        #expect(firsts(receipts.events)["a"] == (0..<70).map { "a-\($0)" })
        #expect(firsts(receipts.events)["b"] == (0..<10).map { "b-\($0)" })
        // What is at its end is not read again after a start, nor remembered once Kinesis has forgotten it.
        shards.remove("s1")
        let second = Receipts(until: 1)
        let before = shards.questions.count
        shards.put([Samples.event("a", 70)], in: "s4")
        try await second.run(source(shards, store))
        #expect(!shards.questions.dropFirst(before).contains { $0.hasPrefix("GetShardIterator s3") })
        #expect(try await store.document("shard/s1", of: "orders") == nil)
        #expect(try await store.document("shard/s3", of: "orders") != nil)
        await shards.server.stop()
    }

    @Test(
        "keeps the order of each stream while shards are split and merged, whatever fails",
        arguments: [21 as UInt64, 22, 23])
    func resharding(_ seed: UInt64) async throws {
        let shards = try await FakeShards(seed: seed) { _, generator in
            Int.random(in: 0..<10, using: &generator) == 0 ? .throttled : .none
        }
        let streams = (0..<16).map { "account-\($0)" }
        // The open shards, each with the streams whose keys it takes, in the order of these.
        var open: [(id: String, streams: Range<Int>)] = [("s000", 0..<8), ("s001", 8..<16)]
        for shard in open { shards[shard.id] = .init() }
        let store = InMemoryEventStore()
        let receipts = Receipts(until: 16 * 60)
        let stream = try shards.stream()
        let unwilling = Mutex(SeededGenerator(seed: seed))
        let reading = Task {
            for _ in 0..<2000 where !receipts.isComplete {
                do {
                    try await receipts.run(
                        KinesisSource(stream, checkpoints: "orders", in: store, policy: Self.fast)
                    ) { _ in
                        if unwilling.withLock({ Int.random(in: 0..<20, using: &$0) }) == 0 { throw Unwilling() }
                    }
                } catch is Unwilling {}
            }
        }
        var generator = SeededGenerator(seed: seed)
        var made = 2
        func make(_ streams: Range<Int>, from parents: [String]) -> (id: String, streams: Range<Int>) {
            let id = (made < 10 ? "s00" : "s0") + "\(made)"
            made += 1
            shards[id] = .init(parents: parents)
            return (id, streams)
        }
        for version in 0..<60 {
            for shard in open { shards.put(shard.streams.map { Samples.event(streams[$0], version) }, in: shard.id) }
            if version % 4 == 0 {
                let index = Int.random(in: 0..<open.count, using: &generator)
                let shard = open[index]
                if shard.streams.count > 1, Bool.random(using: &generator) || open.count == 1 {
                    let middle = shard.streams.lowerBound + shard.streams.count / 2
                    shards[shard.id].isClosed = true
                    open.replaceSubrange(
                        index...index,
                        with: [
                            make(shard.streams.lowerBound..<middle, from: [shard.id]),
                            make(middle..<shard.streams.upperBound, from: [shard.id]),
                        ])
                } else if index + 1 < open.count {
                    let next = open[index + 1]
                    shards[shard.id].isClosed = true
                    shards[next.id].isClosed = true
                    open.replaceSubrange(
                        index...(index + 1),
                        with: [make(shard.streams.lowerBound..<next.streams.upperBound, from: [shard.id, next.id])])
                }
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        try await reading.value
        #expect(receipts.isComplete && made > 6)
        let events = firsts(receipts.events)
        for stream in streams { #expect(events[stream] == (0..<60).map { "\(stream)-\($0)" }) }
        #expect(Set(receipts.batches.map(\.lane)).count > 6)
        await shards.server.stop()
    }

    @Test("begins no shard because its parent is missing in a list, but when Kinesis says that there is none")
    func unlistedParent() async throws {
        let shards = try await FakeShards()
        shards["s1"] = .init(records: (0..<10).map { Samples.event("a", $0).json }, isClosed: true)
        shards["s2"] = .init(parents: ["s1"], records: (10..<20).map { Samples.event("a", $0).json })
        shards["s3"] = .init(parents: ["s0"], records: (0..<10).map { Samples.event("b", $0).json })
        shards.hide("s1")
        let receipts = Receipts(until: 30)
        async let running: Void = receipts.run(source(shards, InMemoryEventStore()))
        while receipts.events.count < 10 { await Task.yield() }
        let lists = shards.questions.count { $0.hasPrefix("ListShards") }
        while shards.questions.count(where: { $0.hasPrefix("ListShards") }) < lists + 4 { await Task.yield() }
        #expect(firsts(receipts.events)["a"] == nil)
        shards.show("s1")
        try await running
        #expect(firsts(receipts.events)["a"] == (0..<20).map { "a-\($0)" })
        #expect(firsts(receipts.events)["b"] == (0..<10).map { "b-\($0)" })
        await shards.server.stop()
    }

    @Test("says so when a shard was deleted before all of it was taken")
    func recordsLost() async throws {
        let shards = try await FakeShards()
        shards["s1"] = .init(records: (0..<10).map { Samples.event("a", $0).json })
        let store = InMemoryEventStore()
        let checkpoints = KinesisCheckpoints("orders", in: store)
        _ = try await checkpoints.load(stream: "orders", created: 1_700_000_000.5)
        try await checkpoints.save(.init(after: "4"), for: "s1")
        shards["s2"] = .init(parents: ["s1"], records: [Samples.event("a", 10).json])
        shards.remove("s1")
        let taken = Mutex(0)
        await #expect(throws: KinesisSourceError.recordsLost(shard: "s1")) {
            try await source(shards, store).run { _ in taken.withLock { $0 += 1 } }
        }
        #expect(taken.withLock { $0 } == 0)
        await shards.server.stop()
    }

    @Test("begins where the first start said, whatever later ones say, in shards that came meanwhile too")
    func keepsItsStart() async throws {
        func policy(startingAt seconds: Int64) -> KinesisSourcePolicy {
            KinesisSourcePolicy(
                startingAt: Timestamp(microseconds: seconds * 1_000_000), pollInterval: .milliseconds(1),
                shardInterval: .milliseconds(20))
        }
        let shards = try await FakeShards()
        shards.put([Samples.event("a", 0)], in: "s1", at: 50)
        shards.put([Samples.event("a", 1)], in: "s1", at: 100)
        let store = InMemoryEventStore()
        await #expect(throws: Unwilling.self) {
            try await source(shards, store, policy(startingAt: 100)).run { _ in throw Unwilling() }
        }
        shards["s1"].isClosed = true
        shards["s2"] = .init(parents: ["s1"])
        shards.put([Samples.event("a", 2)], in: "s2", at: 150)
        shards["s2"].isClosed = true
        shards["s3"] = .init(parents: ["s2"])
        shards.put([Samples.event("a", 3)], in: "s3", at: 250)
        let receipts = Receipts(until: 1000)
        await #expect(throws: Unwilling.self) {
            try await receipts.run(source(shards, store, policy(startingAt: 200))) { batch in
                if batch.lane == "orders/s3" { throw Unwilling() }
            }
        }
        #expect(receipts.events.map(\.id) == ["a-1", "a-2"])
        await shards.server.stop()
    }

    @Test("says so when it was away for longer than Kinesis keeps the records of an open shard")
    func trimmed() async throws {
        let shards = try await FakeShards()
        let store = InMemoryEventStore()
        let now = Mutex(Timestamp(microseconds: 1_750_000_000_000_000))
        let source = KinesisSource(
            try shards.stream(), checkpoints: "orders", in: store, policy: Self.fast,
            time: TimeSource { now.withLock { $0 } })
        shards.put((0..<10).map { Samples.event("a", $0) }, in: "s1")
        try await Receipts(until: 10).run(source)
        // A shard in which nothing comes is read all the same.
        let noted = try await store.document("shard/s1", of: "orders")
        now.withLock { $0 = $0.advanced(by: .seconds(20 * 3600)) }
        let idle = Task { try await source.run { _ in } }
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        while ContinuousClock.now < deadline, try await store.document("shard/s1", of: "orders") == noted {
            try await Task.sleep(for: .milliseconds(1))
        }
        idle.cancel()
        try await idle.value
        now.withLock { $0 = $0.advanced(by: .seconds(20 * 3600)) }
        shards.put([Samples.event("a", 10)], in: "s1")
        let second = Receipts(until: 1)
        try await second.run(source)
        #expect(second.events.map(\.id) == ["a-10"])

        now.withLock { $0 = $0.advanced(by: .seconds(25 * 3600)) }
        shards.put([Samples.event("a", 11), Samples.event("a", 12)], in: "s1")
        shards["s1"].trimmed = 12
        await #expect(throws: KinesisSourceError.recordsLost(shard: "s1")) {
            try await Receipts(until: 1).run(source)
        }
        // What its message advises.
        let checkpoints = KinesisCheckpoints("orders", in: store)
        _ = try await checkpoints.load(stream: "orders", created: 1_700_000_000.5)
        try await checkpoints.forget("s1")
        let third = Receipts(until: 1)
        try await third.run(source)
        #expect(third.events.map(\.id) == ["a-12"])
        await shards.server.stop()
    }

    @Test("notes a shard in which nothing comes now and then, and when what is noted lies ahead")
    func noting() {
        let time = Timestamp(microseconds: 1_750_000_000_000_000)
        let progress = KinesisCheckpoints.Progress(until: time)
        for seconds in [-599, 0, 599] { #expect(!progress.isWorthNoting(time.advanced(by: .seconds(seconds)))) }
        for seconds in [-86_400, -600, 600] { #expect(progress.isWorthNoting(time.advanced(by: .seconds(seconds)))) }
    }

    @Test("says so when a batch was in hand for longer than Kinesis keeps the records behind it")
    func trimmedMeanwhile() async throws {
        let isExpired = Mutex(false)
        let shards = try await FakeShards { operation, _ in
            guard operation == "GetRecords" else { return .none }
            return isExpired.withLock { isExpired in
                defer { isExpired = false }
                return isExpired ? .expired : .none
            }
        }
        let now = Mutex(Timestamp(microseconds: 1_750_000_000_000_000))
        let source = KinesisSource(
            try shards.stream(), checkpoints: "orders", in: InMemoryEventStore(), policy: Self.fast,
            time: TimeSource { now.withLock { $0 } })
        shards.put((0..<10).map { Samples.event("a", $0) }, in: "s1")
        let receipts = Receipts(until: 11)
        await #expect(throws: KinesisSourceError.recordsLost(shard: "s1")) {
            try await receipts.run(source) { _ in
                shards.put((10..<13).map { Samples.event("a", $0) }, in: "s1")
                shards["s1"].trimmed = 12
                now.withLock { $0 = $0.advanced(by: .seconds(25 * 3600)) }
                isExpired.withLock { $0 = true }
            }
        }
        #expect(receipts.events.map(\.id) == (0..<10).map { "a-\($0)" })
        await shards.server.stop()
    }

    @Test("says so when a shard's last batch was in hand for longer than Kinesis keeps the records of its children")
    func trimmedChild() async throws {
        let shards = try await FakeShards()
        let store = InMemoryEventStore()
        let now = Mutex(Timestamp(microseconds: 1_750_000_000_000_000))
        let source = KinesisSource(
            try shards.stream(), checkpoints: "orders", in: store, policy: Self.fast,
            time: TimeSource { now.withLock { $0 } })
        shards["s1"] = .init(records: (0..<10).map { Samples.event("a", $0).json }, isClosed: true)
        shards["s2"] = .init(parents: ["s1"], records: (10..<12).map { Samples.event("a", $0).json })
        let receipts = Receipts(until: 11)
        await #expect(throws: KinesisSourceError.recordsLost(shard: "s2")) {
            try await receipts.run(source) { _ in
                shards["s2"].trimmed = 1
                now.withLock { $0 = $0.advanced(by: .seconds(25 * 3600)) }
            }
        }
        #expect(receipts.events.map(\.id) == (0..<10).map { "a-\($0)" })
        // Nor is it forgotten with its parent.
        shards.remove("s1")
        await #expect(throws: KinesisSourceError.recordsLost(shard: "s2")) {
            try await receipts.run(source)
        }
        // What its message advises.
        let checkpoints = KinesisCheckpoints("orders", in: store)
        _ = try await checkpoints.load(stream: "orders", created: 1_700_000_000.5)
        try await checkpoints.forget("s2")
        let rest = Receipts(until: 1)
        try await rest.run(source)
        #expect(rest.events.map(\.id) == ["a-11"])
        await shards.server.stop()
    }

    @Test("says so when Kinesis does not know the record of a checkpoint any more")
    func unknownRecord() async throws {
        let shards = try await FakeShards { operation, _ in operation == "GetShardIterator" ? .invalidArgument : .none }
        shards.put([Samples.event("a", 0)], in: "s1")
        let store = InMemoryEventStore()
        let checkpoints = KinesisCheckpoints("orders", in: store)
        _ = try await checkpoints.load(stream: "orders", created: 1_700_000_000.5)
        try await checkpoints.save(.init(after: "4"), for: "s1")
        await #expect(throws: KinesisSourceError.recordsLost(shard: "s1")) {
            try await source(shards, store).run { _ in }
        }
        await shards.server.stop()
    }

    @Test("gives an array of events one by one, and what is no event as a failure")
    func records() async throws {
        let shards = try await FakeShards()
        let a = Samples.event("a", 0)
        let b = Samples.event("a", 1)
        shards["s1"].records = [
            Array("[".utf8) + a.json + Array(" , ".utf8) + b.json + Array("]".utf8), Array("no JSON".utf8), [],
            Array("[]".utf8),
            Array("[{}, 1]".utf8), Array(" \n".utf8) + a.json, [0xF3, 0x89, 0x9A, 0xC2],
        ]
        let receipts = Receipts(until: 8)
        try await receipts.run(source(shards, InMemoryEventStore()))
        let messages = receipts.batches.flatMap(\.messages)
        #expect(
            messages.map(\.origin) == ["0[0]", "0[1]", "1", "2", "4[0]", "4[1]", "5", "6"].map { "orders/s1@\($0)" })
        #expect(receipts.events == [a, b, a])
        #expect(messages[2].body == Array("no JSON".utf8) && messages[7].body == [0xF3, 0x89, 0x9A, 0xC2])
        await shards.server.stop()
    }

    @Test("ends when waiting does not help, and says why")
    func ends() async throws {
        let denied = try await FakeShards { operation, _ in operation == "GetRecords" ? .denied : .none }
        denied.put([Samples.event("a", 0)], in: "s1")
        await #expect(throws: KinesisSourceError.self) { try await source(denied, InMemoryEventStore()).run { _ in } }
        await denied.server.stop()

        let shards = try await FakeShards()
        shards.put([Samples.event("a", 0)], in: "s1")
        let store = InMemoryEventStore()
        try await Receipts(until: 1).run(source(shards, store))
        shards.makeAnew()
        await #expect(throws: KinesisSourceError.anotherStream(name: "orders")) {
            try await source(shards, store).run { _ in }
        }
        await shards.server.stop()
    }

    @Test("goes on when there are credentials, and tells as long as there are none")
    func withoutCredentials() async throws {
        final class LateCredentials: AWSCredentialsProvider {
            let missing = Mutex(3)

            func credentials() throws -> AWSCredentials {
                try missing.withLock { missing in
                    missing -= 1
                    if missing >= 0 { throw MissingAWSCredentials(variable: "AWS_ACCESS_KEY_ID") }
                }
                return AWSCredentials(accessKeyID: "AKIA", secretAccessKey: "s")
            }
        }
        let shards = try await FakeShards()
        shards.put([Samples.event("a", 0)], in: "s1")
        let errors = Mutex<[KinesisError]>([])
        let source = KinesisSource(
            try shards.stream(LateCredentials()), checkpoints: "orders", in: InMemoryEventStore(), policy: Self.fast,
            report: { error in errors.withLock { $0.append(error) } })
        let receipts = Receipts(until: 1)
        try await receipts.run(source)
        #expect(receipts.events == [Samples.event("a", 0)])
        #expect(errors.withLock { $0.map(\.type) } == ["NoCredentials", "NoCredentials", "NoCredentials"])
        #expect(errors.withLock { $0.allSatisfy { $0.message.contains("AWS_ACCESS_KEY_ID") } })
        await shards.server.stop()
    }

    @Test("learns that another process runs it too")
    func twice() async throws {
        let shards = try await FakeShards()
        shards.put((0..<20).map { Samples.event("a", $0) }, in: "s1")
        let store = InMemoryEventStore()
        try await Receipts(until: 10).run(source(shards, store))
        await #expect(throws: KinesisSourceError.anotherRuns(shard: "shard/s1")) {
            try await source(shards, store).run { _ in
                let other = KinesisCheckpoints("orders", in: store)
                _ = try await other.load(stream: "orders", created: 1_700_000_000.5)
                try await other.save(.init(after: "19"), for: "s1")
            }
        }
        await shards.server.stop()
    }

    @Test("notes a batch after it was taken, not before")
    func notesAfter() async throws {
        let shards = try await FakeShards()
        shards.put((0..<10).map { Samples.event("a", $0) }, in: "s1")
        let store = InMemoryEventStore()
        let notes = Mutex<[Bool]>([])
        try await Receipts(until: 10).run(source(shards, store)) { _ in
            let document = try await store.document("shard/s1", of: "orders")
            notes.withLock { $0.append(document == nil) }
        }
        #expect(notes.withLock { $0 } == [true])
        await shards.server.stop()
    }
}
