import BusTesting
import Daybook
import DaybookCore
import Foundation
import ScriptedServer
import Synchronization
import Testing

@testable import DaybookKinesis

/// Kinesis itself, or what stands in for it; see `scripts/test-engines`.
struct Engine {
    static let url = ProcessInfo.processInfo.environment["DAYBOOK_KINESIS_URL"]

    let client: KinesisClient

    /// A stream of its own.
    init(shards: Int) async throws {
        client = KinesisClient(try Self.stream("daybook-\(UUID().uuidString)"), time: .system)
        let _: Nothing = try await client.call("CreateStream", Creation(name: client.stream.name, shards: shards))
        while try await client.summary().status != "ACTIVE" { try await Task.sleep(for: .milliseconds(100)) }
    }

    static func stream(_ name: String, credentials: (any AWSCredentialsProvider)? = nil) throws -> KinesisStream {
        try KinesisStream(
            name, region: "eu-central-1", credentials: credentials ?? AWSEnvironmentCredentials(), endpoint: url,
            allowsPlainHTTP: true)
    }

    func delete() async throws {
        let _: Nothing = try await client.call("DeleteStream", Name(name: client.stream.name))
    }

    /// Splits the first open shard in the middle.
    func split() async throws {
        let shard = try #require(try await open().first)
        let middle = try #require(Double(shard.range.start).map { $0 / 2 + (Double(shard.range.end) ?? 0) / 2 })
        let _: Nothing = try await client.call(
            "SplitShard", Split(name: client.stream.name, shard: shard.id, middle: String(format: "%.0f", middle)))
    }

    /// Merges the first two open shards.
    func merge() async throws {
        let shards = try await open().sorted { (Double($0.range.start) ?? 0) < (Double($1.range.start) ?? 0) }
        let _: Nothing = try await client.call(
            "MergeShards", Merge(name: client.stream.name, shard: shards[0].id, adjacent: shards[1].id))
    }

    private func open() async throws -> [Shard] {
        let list: Shards = try await client.call("ListShards", Name(name: client.stream.name))
        return list.shards.filter { $0.numbers.end == nil }
    }

    struct Nothing: Decodable {}

    private struct Name: Encodable {
        var name: String
        enum CodingKeys: String, CodingKey { case name = "StreamName" }
    }

    private struct Creation: Encodable {
        var name: String
        var shards: Int
        enum CodingKeys: String, CodingKey {
            case name = "StreamName"
            case shards = "ShardCount"
        }
    }

    private struct Split: Encodable {
        var name: String
        var shard: String
        var middle: String
        enum CodingKeys: String, CodingKey {
            case name = "StreamName"
            case shard = "ShardToSplit"
            case middle = "NewStartingHashKey"
        }
    }

    private struct Merge: Encodable {
        var name: String
        var shard: String
        var adjacent: String
        enum CodingKeys: String, CodingKey {
            case name = "StreamName"
            case shard = "ShardToMerge"
            case adjacent = "AdjacentShardToMerge"
        }
    }

    private struct Shards: Decodable {
        var shards: [Shard]
        enum CodingKeys: String, CodingKey { case shards = "Shards" }
    }

    private struct Shard: Decodable {
        struct HashRange: Decodable {
            var start: String
            var end: String
            enum CodingKeys: String, CodingKey {
                case start = "StartingHashKey"
                case end = "EndingHashKey"
            }
        }
        struct Numbers: Decodable {
            var end: String?
            enum CodingKeys: String, CodingKey { case end = "EndingSequenceNumber" }
        }
        var id: String
        var range: HashRange
        var numbers: Numbers
        enum CodingKeys: String, CodingKey {
            case id = "ShardId"
            case range = "HashKeyRange"
            case numbers = "SequenceNumberRange"
        }
    }
}

@Suite(
    "Kinesis, or what stands in for it",
    .enabled(if: Engine.url != nil, "DAYBOOK_KINESIS_URL is not set: make test-engines sets it."),
    .timeLimit(.minutes(5)))
struct KinesisEngineTests {
    struct Unwilling: Error {}

    private static let policy = KinesisSourcePolicy(
        recordsPerBatch: 20, pollInterval: .milliseconds(200), shardInterval: .milliseconds(500))

    @Test("takes what is signed with the right secret, and nothing else")
    func secrets() async throws {
        let engine = try await Engine(shards: 1)
        let right = try await AWSEnvironmentCredentials().credentials()
        let answers = Answers()
        let wrong = AWSCredentials(accessKeyID: right.accessKeyID, secretAccessKey: right.secretAccessKey + "x")
        let unknown = AWSCredentials(accessKeyID: "AKIAUNKNOWNUNKNOWN00", secretAccessKey: right.secretAccessKey)
        for (version, credentials) in [right, wrong, unknown].enumerated() {
            let stream = try Engine.stream(engine.client.stream.name, credentials: credentials)
            await KinesisTarget(stream).send([answers.message("a", version)])
        }
        #expect(answers["a", 0] == .acknowledged)
        #expect(answers["a", 1]?.reason?.contains("Signature") == true, "\(String(describing: answers["a", 1]))")
        #expect(answers["a", 2]?.isFailed == true)
        #expect([1, 2].allSatisfy { answers["a", $0]?.reason?.contains(right.secretAccessKey) == false })
        try await engine.delete()
    }

    @Test(
        "gives to a source what a target sends, in order for each stream",
        arguments: [KinesisForm.structured, .batches()])
    func endToEnd(_ form: KinesisForm) async throws {
        let engine = try await Engine(shards: 4)
        let streams = (0..<12).map { "konto-\($0) ä" }
        let target = KinesisTarget(engine.client.stream, policy: .init(form: form))
        #expect(await publish(streams, versions: 25, to: target).values.allSatisfy { $0 == 25 })
        let receipts = Receipts(until: 300)
        let store = InMemoryEventStore()
        try await receipts.run(
            KinesisSource(engine.client.stream, checkpoints: "orders", in: store, policy: Self.policy))
        for stream in streams {
            #expect(receipts.events.filter { $0.subject == stream } == (0..<25).map { Samples.event(stream, $0) })
        }
        #expect(Set(receipts.batches.map(\.lane)).count > 1)
        try await engine.delete()
    }

    // The stand-in goes on to put records into closed shards: what happens at Kinesis is in "A Kinesis source".
    @Test("keeps the order of each stream while shards are split and merged, and the source breaks off again and again")
    func resharding() async throws {
        let engine = try await Engine(shards: 2)
        let streams = (0..<16).map { "account-\($0)" }
        let stream = engine.client.stream
        let target = KinesisTarget(stream)
        let store = InMemoryEventStore()
        let receipts = Receipts(until: 16 * 60)
        let faults = Mutex(SeededGenerator(seed: 9))
        let reading = Task {
            for _ in 0..<1000 where !receipts.isComplete {
                do {
                    try await receipts.run(
                        KinesisSource(stream, checkpoints: "orders", in: store, policy: Self.policy)
                    ) { _ in
                        if faults.withLock({ Int.random(in: 0..<6, using: &$0) }) == 0 { throw Unwilling() }
                    }
                } catch is Unwilling {}
            }
        }
        var next = 0
        for step in 0..<6 {
            let answers = Answers()
            await target.send((next..<next + 10).flatMap { version in streams.map { answers.message($0, version) } })
            #expect(streams.allSatisfy { answers[$0, next + 9] == .acknowledged })
            next += 10
            if step % 2 == 0 { try await engine.split() } else { try await engine.merge() }
        }
        try await reading.value
        // A batch that was taken while another shard broke off comes again: the first of each event counts.
        let events = firsts(receipts.events)
        for stream in streams { #expect(events[stream] == (0..<60).map { "\(stream)-\($0)" }) }
        try await engine.delete()
    }

    @Test("gives again what was taken and not noted when its process is killed, and skips nothing")
    func killed() async throws {
        let engine = try await Engine(shards: 2)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-kinesis-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let ledger = folder.appendingPathComponent("taken").path
        let streams = (0..<12).map { "account-\($0)" }
        #expect(
            await publish(streams, versions: 100, to: KinesisTarget(engine.client.stream)).values.allSatisfy {
                $0 == 100
            })
        func taken() -> [String: [String]] {
            let lines = String(decoding: FileManager.default.contents(atPath: ledger) ?? Data(), as: UTF8.self)
                .split(separator: "\n").map { $0.split(separator: " ").map { String($0) } }
            return Dictionary(grouping: lines.filter { $0.count == 2 }, by: { $0[0] }).mapValues { $0.map { $0[1] } }
        }
        func isComplete() -> Bool {
            let taken = taken()
            return streams.allSatisfy { Set(taken[$0] ?? []).count == 100 }
        }
        var kills = 0
        while !isComplete(), kills < 12 {
            let process = try UntilKilled.start(
                "KinesisUntilKilled", try #require(Engine.url), engine.client.stream.name,
                folder.appendingPathComponent("checkpoints.daybook").path, ledger)
            let before = UntilKilled.lines(ledger)
            let end = ContinuousClock.now + .seconds(30)
            while UntilKilled.lines(ledger) <= before + 250, !isComplete(), process.isRunning, ContinuousClock.now < end
            {
                try await Task.sleep(for: .milliseconds(2))
            }
            #expect(process.isRunning)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            kills += 1
        }
        #expect(kills > 1)
        // What comes again comes in order: the first of each event counts.
        for (stream, ids) in taken() {
            var seen: Set<String> = []
            #expect(ids.filter { seen.insert($0).inserted } == (0..<100).map { "\(stream)-\($0)" })
        }
        try await engine.delete()
    }

    @Test("has no stream where there is none, and says so")
    func missing() async throws {
        let answers = Answers()
        let stream = try Engine.stream("daybook-missing")
        await KinesisTarget(stream).send([answers.message("a", 0)])
        #expect(answers["a", 0]?.reason?.contains("ResourceNotFoundException") == true)
        await #expect(throws: KinesisSourceError.self) {
            try await KinesisSource(stream, checkpoints: "x", in: InMemoryEventStore()).run { _ in }
        }
    }
}
