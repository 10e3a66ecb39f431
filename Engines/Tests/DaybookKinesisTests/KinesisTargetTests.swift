import Daybook
import DaybookCore
import ScriptedServer
import Synchronization
import Testing

@testable import DaybookKinesis

@Suite("A Kinesis target", .timeLimit(.minutes(5)))
struct KinesisTargetTests {
    @Test("puts each event into a record, the stream as its key, one of a stream a request")
    func structured() async throws {
        let kinesis = try await FakeKinesis { _, _, _ in .none }
        let answers = Answers()
        try await kinesis.target().send(
            (0..<3).flatMap { version in ["a", "b", "ä/ö"].map { answers.message($0, version) } })
        #expect(kinesis.requests.map(\.count) == [3, 3, 3])
        #expect(Set(kinesis.requests[0].map(\.partitionKey)) == ["a", "b", "ä/ö"])
        #expect(try kinesis.records.allSatisfy { try CloudEvent(json: $0.data).subject == $0.partitionKey })
        #expect(try firsts(kinesis.events)["a"] == ["a-0", "a-1", "a-2"])
        #expect(["a", "b", "ä/ö"].allSatisfy { stream in (0..<3).allSatisfy { answers[stream, $0] == .acknowledged } })
        #expect(kinesis.problems.isEmpty)
        await kinesis.server.stop()
    }

    @Test("puts what waits of a stream into one record, within the bounds")
    func batches() async throws {
        let kinesis = try await FakeKinesis { _, _, _ in .none }
        let answers = Answers()
        let bytes = Samples.event("a", 0).json.count
        try await kinesis.target(.init(form: .batches(events: 4), recordBytes: 3 * bytes + 10))
            .send((0..<10).map { answers.message("a", $0) } + [answers.message("b", 0)])
        let a = kinesis.records.filter { $0.partitionKey == "a" }
        #expect(a.map { KinesisRecordReader.messages($0.data, origin: "").count } == [3, 3, 3, 1])
        #expect(a.allSatisfy { $0.data.count + 1 <= 3 * bytes + 10 && $0.data.first == UInt8(ascii: "[") })
        #expect(try firsts(kinesis.events)["a"] == (0..<10).map { "a-\($0)" })
        #expect((0..<10).allSatisfy { answers["a", $0] == .acknowledged } && answers["b", 0] == .acknowledged)
        await kinesis.server.stop()
    }

    @Test(
        "acknowledges a message of several events once all of them are taken",
        arguments: [KinesisForm.structured, .batches(events: 2)])
    func severalEvents(_ form: KinesisForm) async throws {
        let kinesis = try await FakeKinesis { number, _, _ in number < 2 ? .none : .status(500, type: "InternalFailure")
        }
        let answers = Answers()
        try await kinesis.target(.init(form: form)).send([
            answers.message((0..<3).map { Samples.event("a", $0) }, "a"),
            answers.message((3..<7).map { Samples.event("a", $0) }, "a"),
            answers.message("a", 7),
        ])
        if form == .structured {
            #expect(answers["a", 0]?.isFailed == true && answers["a", 3] == nil)
        } else {
            // [0, 1], [2, 3] were taken, [4, 5] was not.
            #expect(answers["a", 0] == .acknowledged && answers["a", 3]?.isFailed == true)
        }
        #expect(answers["a", 7] == nil)
        await kinesis.server.stop()
    }

    // MARK: Faults

    @Test(
        "keeps the order of each stream and skips nothing, whatever fails",
        arguments: [KinesisForm.structured, .batches(events: 5)], [3 as UInt64, 4, 5])
    func faults(_ form: KinesisForm, _ seed: UInt64) async throws {
        let kinesis = try await FakeKinesis(seed: seed) { _, _, generator in
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: .throttled
            case 1: .status(500, type: "InternalFailure")
            case 2: .dropBefore
            case 3: .dropAfter
            case 4...7: .partly(0.3)
            default: .none
            }
        }
        let streams = (0..<20).map { "account-\($0)" }
        let target = try kinesis.target(.init(form: form, recordsPerRequest: 7, attempts: 3))
        let acknowledged = await publish(streams, versions: 30, to: target)
        #expect(acknowledged.values.allSatisfy { $0 == 30 })
        let events = try kinesis.events
        for stream in streams { #expect(firsts(events)[stream] == (0..<30).map { "\(stream)-\($0)" }) }
        #expect(events.count > 600, "the lost answers of this seed bring duplicates")
        #expect(kinesis.problems.isEmpty, "\(kinesis.problems)")
        await kinesis.server.stop()
    }

    @Test("sends nothing twice when records alone fail", arguments: [6 as UInt64, 7])
    func partialFailures(_ seed: UInt64) async throws {
        let kinesis = try await FakeKinesis(seed: seed) { _, _, _ in .partly(0.4) }
        let streams = (0..<30).map { "account-\($0)" }
        let acknowledged = await publish(streams, versions: 20, to: try kinesis.target())
        #expect(acknowledged.values.allSatisfy { $0 == 20 })
        let events = try kinesis.events
        #expect(events.count == 600)
        for stream in streams {
            #expect(events.filter { $0.subject == stream }.map(\.id) == (0..<20).map { "\(stream)-\($0)" })
        }
        #expect(kinesis.problems.isEmpty)
        await kinesis.server.stop()
    }

    @Test("stops a stream at the record that is not taken, and goes on with others")
    func stops() async throws {
        let kinesis = try await FakeKinesis { _, records, _ in
            records.contains { String(decoding: $0.data, as: UTF8.self).contains("bad-2") } ? .throttled : .none
        }
        let answers = Answers()
        let clock = LeapingClock()
        try await kinesis.target(.init(recordsPerRequest: 1, attempts: 4), clock: clock)
            .send((0..<6).flatMap { version in ["bad", "good"].map { answers.message($0, version) } })
        #expect(answers["bad", 1] == .acknowledged && answers["bad", 2]?.isFailed == true)
        #expect((3..<6).allSatisfy { answers["bad", $0] == nil })
        #expect((0..<6).allSatisfy { answers["good", $0] == .acknowledged })
        #expect(kinesis.requests.filter { String(decoding: $0[0].data, as: UTF8.self).contains("bad-2") }.count == 4)
        #expect(clock.sleeps == 3)
        await kinesis.server.stop()
    }

    @Test("waits longer after each attempt, up to the ceiling")
    func backoff() {
        let policy = KinesisTargetPolicy(backoff: .milliseconds(100), backoffCeiling: .milliseconds(500))
        #expect((1...5).map { policy.wait(after: $0) } == [100, 200, 400, 500, 500].map { .milliseconds($0) })
        #expect(policy.wait(after: .max) == .milliseconds(500))
    }

    @Test("answers other streams while a record waits for room")
    func holdsNobodyUp() async throws {
        let kinesis = try await FakeKinesis { _, records, _ in
            records.contains { $0.partitionKey == "full" } ? .throttled : .none
        }
        let left = Mutex(20)
        let done = AsyncStream<Void>.makeStream()
        let others = (0..<20).map { number in
            PublisherMessage([Samples.event("good", number)], key: "good") { _ in
                if left.withLock({
                    $0 -= 1
                    return $0
                }) == 0 {
                    done.continuation.finish()
                }
            }
        }
        let answers = Answers()
        // The first wait is an hour.
        let target = try kinesis.target(
            .init(recordsPerRequest: 1, backoff: .seconds(3600), backoffCeiling: .seconds(3600)),
            clock: ContinuousClock())
        let sending = Task { await target.send([answers.message("full", 0)] + others) }
        for await _ in done.stream {}
        #expect(answers["full", 0] == nil)
        sending.cancel()
        await sending.value
        #expect(answers["full", 0]?.isRefused != true && answers["full", 0] != .acknowledged)
        await kinesis.server.stop()
    }

    @Test("tells what Kinesis said, and no secret")
    func reasons() async throws {
        let kinesis = try await FakeKinesis { _, _, _ in .status(400, type: "AccessDeniedException") }
        let answers = Answers()
        try await kinesis.target().send([answers.message("a", 0, data: #""MARK""#), answers.message("b", 0)])
        let reason = try #require(answers["a", 0]?.reason)
        #expect(answers["a", 0]?.isFailed == true && answers["b", 0]?.isFailed == true)
        #expect(reason == "Kinesis: AccessDeniedException (400): One line; request request-1")
        #expect(kinesis.requests.count == 1, "waiting does not help at once")
        await kinesis.server.stop()
    }

    @Test("finds the guilty record of a request that is called invalid")
    func invalid() async throws {
        let kinesis = try await FakeKinesis { _, records, _ in
            records.contains { String(decoding: $0.data, as: UTF8.self).contains("bad-1") }
                ? .status(400, type: "InvalidArgumentException") : .none
        }
        let answers = Answers()
        try await kinesis.target().send(
            (0..<3).flatMap { version in ["a", "bad", "c"].map { answers.message($0, version) } })
        #expect(answers["bad", 0] == .acknowledged && answers["bad", 1]?.isRefused == true && answers["bad", 2] == nil)
        #expect(["a", "c"].allSatisfy { stream in (0..<3).allSatisfy { answers[stream, $0] == .acknowledged } })
        #expect(kinesis.problems.isEmpty)
        await kinesis.server.stop()
    }

    // MARK: Bounds

    @Test(
        "refuses an event that is too large, with its size and the limit, and goes on with other streams",
        arguments: [KinesisForm.structured, .batches()])
    func tooLarge(_ form: KinesisForm) async throws {
        let kinesis = try await FakeKinesis { _, _, _ in .none }
        let answers = Answers()
        let large = "\"" + String(repeating: "x", count: 1 << 20) + "\""
        try await kinesis.target(.init(form: form)).send([
            answers.message("a", 0), answers.message("a", 1, data: large), answers.message("a", 2),
            answers.message("b", 0),
        ])
        #expect(answers["a", 0] == .acknowledged && answers["b", 0] == .acknowledged && answers["a", 2] == nil)
        let bytes = Samples.event("a", 1, data: large).json.count + (form == .structured ? 0 : 2) + 1
        #expect(
            answers["a", 1]
                == .refused(
                    reason: "The event makes a record of \(bytes) bytes with its partition key; the limit is 1048576."))
        await kinesis.server.stop()
    }

    @Test("takes a record of exactly the limit")
    func limit() async throws {
        let kinesis = try await FakeKinesis { _, _, _ in .none }
        let answers = Answers()
        let bytes = Samples.event("a", 0).json.count + 1
        try await kinesis.target(.init(recordBytes: bytes)).send([answers.message("a", 0)])
        try await kinesis.target(.init(recordBytes: bytes - 1)).send([answers.message("a", 1)])
        #expect(answers["a", 0] == .acknowledged && answers["a", 1]?.isRefused == true)
        await kinesis.server.stop()
    }

    @Test("keeps each request within 500 records and 5 MiB")
    func requestBounds() async throws {
        let kinesis = try await FakeKinesis { _, _, _ in .none }
        let answers = Answers()
        let large = "\"" + String(repeating: "x", count: 1_000_000) + "\""
        try await kinesis.target().send(
            (0..<1100).map { answers.message("s\($0)", 0) }
                + (0..<12).map { answers.message("large\($0)", 0, data: large) })
        #expect(kinesis.records.count == 1112 && kinesis.problems.isEmpty)
        #expect(kinesis.requests.map(\.count).max() == 500)
        await kinesis.server.stop()
    }

    @Test("makes a key of each stream that Kinesis takes")
    func partitionKeys() {
        #expect(KinesisSendPlan.partitionKey("account-1") == "account-1")
        let longest = String(repeating: "ä", count: 256)
        #expect(KinesisSendPlan.partitionKey(longest) == longest)
        let hashes = ["", longest + "b", longest + "c", String(repeating: "😀", count: 129)].map(
            KinesisSendPlan.partitionKey)
        #expect(Set(hashes).count == 4 && hashes.allSatisfy { $0.count == 71 && $0.hasPrefix("sha256-") })
    }

    @Test("keeps streams apart that Unicode alone calls the same")
    func bytesOfNames() async throws {
        let kinesis = try await FakeKinesis { _, _, _ in .none }
        let streams = ["caf\u{E9}", "cafe\u{301}"]
        let taken = Mutex(0)
        let messages = streams.map { stream in
            PublisherMessage([Samples.event(stream, 0)], key: stream) { answer in
                if answer == .acknowledged { taken.withLock { $0 += 1 } }
            }
        }
        try await kinesis.target().send(messages)
        #expect(taken.withLock { $0 } == 2)
        #expect(kinesis.records.map { Array($0.partitionKey.utf8) } == streams.map { Array($0.utf8) })
        await kinesis.server.stop()
    }

    @Test("returns soon when cancelled, and answers nothing that it does not know")
    func cancellation() async throws {
        let arrived = AsyncStream<Void>.makeStream()
        let release = AsyncStream<Void>.makeStream()
        let server = try await ScriptedServer { _ in
            arrived.continuation.finish()
            for await _ in release.stream {}
            return .drop
        }
        let target = KinesisTarget(
            try KinesisStream(
                "orders", region: "eu-central-1", credentials: AWSCredentials(accessKeyID: "a", secretAccessKey: "b"),
                endpoint: "http://127.0.0.1:\(server.port)"))
        let answers = Answers()
        let sending = Task { await target.send([answers.message("a", 0), answers.message("a", 1)]) }
        for await _ in arrived.stream {}
        sending.cancel()
        await sending.value
        #expect(answers["a", 0] == nil && answers["a", 1] == nil)
        release.continuation.finish()
        await server.stop()
    }
}
