import Daybook
import DaybookCore
import NIOHTTP1
import ScriptedServer
import Synchronization
import Testing

@testable import DaybookWebhook

@Suite("A webhook target", .timeLimit(.minutes(5)))
struct WebhookTargetTests {
    private func target(
        _ server: ScriptedServer, _ policy: WebhookTargetPolicy = WebhookTargetPolicy(), path: String = "/events",
        secrets: [WebhookSecret] = [Samples.secret], time: TimeSource = .system,
        clock: any Clock<Duration> = ContinuousClock()
    ) throws -> WebhookTarget {
        try WebhookTarget(
            "http://127.0.0.1:\(server.port)\(path)", secrets: secrets, policy: policy, time: time, clock: clock)
    }

    // MARK: What is sent

    @Test("POSTs an event as one JSON object, signed")
    func structured() async throws {
        let server = try await ScriptedServer { _ in .status(204) }
        let answers = Answers()
        let both = [Samples.secret, Samples.otherSecret]
        try await target(server, WebhookTargetPolicy(headers: ["Authorization": "Bearer x"]), secrets: both)
            .send([answers.message("a/1", 3)])
        await server.stop()
        #expect(answers["a/1", 3] == .acknowledged)
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.uri == "/events")
        #expect(request.headers["content-type"] == ["application/cloudevents+json"])
        #expect(request.headers["authorization"] == ["Bearer x"])
        #expect(request.headers["webhook-id"] == ["a/1-3"])
        #expect(try CloudEvent(json: request.body) == Samples.event("a/1", 3))
        for secret in both {
            #expect(
                WebhookSignature.isValid(
                    request.headers["webhook-signature"][0], id: "a/1-3",
                    timestamp: request.headers["webhook-timestamp"][0], body: request.body, secrets: [secret]))
        }
    }

    @Test("shows no header's value when its policy is printed")
    func secrets() {
        let policy = WebhookTargetPolicy(headers: ["Authorization": "Bearer 5ecret"])
        for text in ["\(policy)", String(reflecting: policy), "\([policy])"] {
            #expect(!text.contains("5ecret") && text.contains("Authorization"), "\(text)")
        }
        var dumped = ""
        dump(policy, to: &dumped)
        #expect(!dumped.contains("5ecret"))
    }

    @Test("POSTs an event as headers and data, in the structured form where headers cannot carry it")
    func binary() async throws {
        let server = try await ScriptedServer { _ in .status(200) }
        let answers = Answers()
        var odd = Samples.event("b", 1)
        odd.contentType = "text/plain; name=☃"
        var nested = Samples.event("c", 1)
        nested.contentType = "application/cloudevents+json"
        let target = try target(server, WebhookTargetPolicy(form: .binary, concurrency: 1))
        await target.send([answers.message("ä 1", 1)])
        await target.send([answers.message([odd], "b")])
        await target.send([answers.message([nested], "c")])
        await server.stop()
        let requests = server.requests
        #expect(requests.count == 3)
        #expect(requests[0].headers["ce-subject"] == ["%C3%A4%201"])
        #expect(requests[0].headers["webhook-id"] == ["%C3%A4%201-1"])
        #expect(requests[0].headers["content-type"] == ["application/json"])
        #expect(requests[0].text == #"{"amount":1}"#)
        #expect(requests[1].headers["content-type"] == ["application/cloudevents+json"])
        #expect(try CloudEvent(json: requests[1].body) == odd)
        #expect(try CloudEvent(json: requests[2].body).contentType == nested.contentType)
        #expect(requests.allSatisfy { $0.headers["webhook-signature"].count == 1 })
    }

    @Test("POSTs what waits of one stream together, within the bounds")
    func batches() async throws {
        let server = try await ScriptedServer { _ in .status(204) }
        let answers = Answers()
        let messages = (0..<10).map { answers.message("a", $0) } + (0..<2).map { answers.message("b", $0) }
        try await target(server, WebhookTargetPolicy(form: .batches(events: 4), concurrency: 1)).send(messages)
        await server.stop()
        let batches = try server.requests.map { try CloudEvent.events(inBatch: $0.body) }
        #expect(server.requests.allSatisfy { $0.headers["content-type"] == ["application/cloudevents-batch+json"] })
        #expect(batches.filter { $0[0].subject == "a" }.map(\.count) == [4, 4, 2])
        #expect(batches.flatMap { $0 }.filter { $0.subject == "a" } == (0..<10).map { Samples.event("a", $0) })
        #expect(batches.filter { $0[0].subject == "b" }.map(\.count) == [2])
        #expect((0..<10).allSatisfy { answers["a", $0] == .acknowledged })
        #expect(Set(server.requests.map { $0.headers["webhook-id"][0] }).count == 4)
    }

    @Test("bounds the bytes of a batch, and sends one that is larger alone")
    func batchBytes() async throws {
        let server = try await ScriptedServer { _ in .status(204) }
        let answers = Answers()
        let large = String(repeating: "x", count: 1000)
        let messages = [("a"), large, "b", "c"].enumerated().map { answers.message("s", $0.offset, data: $0.element) }
        try await target(server, WebhookTargetPolicy(form: .batches(events: 100, bytes: 500))).send(messages)
        await server.stop()
        #expect(try server.requests.map { try CloudEvent.events(inBatch: $0.body).count } == [1, 1, 2])
    }

    @Test("finds the guilty event of a refused batch, and stops there")
    func refusedBatch() async throws {
        let server = try await ScriptedServer { $0.text.contains(#""id":"a-2""#) ? .status(422) : .status(204) }
        let answers = Answers()
        try await target(server, WebhookTargetPolicy(form: .batches()))
            .send((0..<5).map { answers.message("a", $0) })
        await server.stop()
        #expect(answers["a", 0] == .acknowledged && answers["a", 1] == .acknowledged)
        #expect(answers["a", 2]?.kind == "refused")
        #expect(answers["a", 3] == nil && answers["a", 4] == nil)
        #expect(!server.requests.dropFirst().contains { $0.text.contains("a-3") })
    }

    @Test("sends the several events of one message in order, and answers once for all")
    func severalEvents() async throws {
        let server = try await ScriptedServer { $0.text.contains(#""id":"a-2""#) ? .status(503) : .status(204) }
        let answers = Answers()
        try await target(server).send([
            answers.message((1...3).map { Samples.event("a", $0) }, "a"), answers.message("a", 4),
        ])
        await server.stop()
        #expect(answers["a", 1]?.kind == "failed")
        #expect(answers["a", 4] == nil)
        #expect(server.requests.map { $0.headers["webhook-id"][0] } == ["a-1", "a-2"])
    }

    // MARK: What answers mean

    @Test("takes each status as the table says, and follows no redirect")
    func statuses() async throws {
        let server = try await ScriptedServer { request in
            guard let status = Int(request.uri.dropFirst()) else { return .status(204) }
            return .status(
                status, headers: ["Location": "/elsewhere"],
                body: status == 204 ? [] : [UInt8](repeating: 0x61, count: 100))
        }
        let refusing: Set = [400, 410, 413, 415, 422, 431]
        for status in 200..<600 where status != 304 {
            let answers = Answers()
            try await target(server, path: "/\(status)").send([answers.message("a", status)])
            let expected =
                status < 300 ? "acknowledged" : refusing.contains(status) ? "refused" : "failed"
            #expect(answers["a", status]?.kind == expected, "\(status)")
        }
        #expect(!server.requests.contains { $0.uri == "/elsewhere" })
        await server.stop()
    }

    @Test("refuses by the application's own table")
    func ownTable() async throws {
        let server = try await ScriptedServer { request in .status(request.text.contains("a-1") ? 400 : 409) }
        let answers = Answers()
        try await target(server, WebhookTargetPolicy(refusing: [409]))
            .send([answers.message("a", 1), answers.message("b", 1)])
        await server.stop()
        #expect(answers["a", 1]?.kind == "failed" && answers["b", 1]?.kind == "refused")
    }

    @Test("tells of failures without the address's path, its headers or the event")
    func reasons() async throws {
        let server = try await ScriptedServer { request in
            switch request.uri.suffix(1) {
            case "0": .status(500, body: Array("MARK".utf8))
            case "1": .drop
            case "2": .status(400, body: Array("MARK".utf8))
            default: .status(302, headers: ["Location": "http://MARK/"])
            }
        }
        for number in 0..<5 {
            if number == 4 { await server.stop() }
            let answers = Answers()
            try await target(
                server, WebhookTargetPolicy(headers: ["Authorization": "MARK"]), path: "/MARK?token=MARK\(number)"
            ).send([answers.message("a", number, data: #""MARK""#)])
            let reason = try #require(answers["a", number]?.reason)
            #expect(!reason.contains("MARK") && reason.contains("127.0.0.1"), "\(reason)")
        }
    }

    // MARK: Order, and what goes on beside it

    @Test("sends nothing of a stream behind what was not acknowledged, and goes on with others", arguments: [503, 422])
    func order(_ status: Int) async throws {
        let server = try await ScriptedServer {
            $0.text.contains(#""id":"bad-3""#) ? .status(status) : .status(204)
        }
        let answers = Answers()
        let messages = (0..<8).flatMap { version in ["bad", "good", "fine"].map { answers.message($0, version) } }
        try await target(server).send(messages)
        await server.stop()
        let sent = try server.requests.map { try CloudEvent(json: $0.body) }
        #expect(sent.filter { $0.subject == "bad" }.map(\.id) == (0...3).map { "bad-\($0)" })
        for stream in ["good", "fine"] {
            #expect(sent.filter { $0.subject == stream }.map(\.id) == (0..<8).map { "\(stream)-\($0)" })
            #expect((0..<8).allSatisfy { answers[stream, $0] == .acknowledged })
        }
        #expect(answers["bad", 2] == .acknowledged && answers["bad", 3]?.kind == (status == 503 ? "failed" : "refused"))
        #expect((4..<8).allSatisfy { answers["bad", $0] == nil })
    }

    @Test("sends an event when the one before has been acknowledged, not earlier")
    func oneByOne() async throws {
        let underWay = Mutex<[String: Int]>([:])
        let tooMany = Mutex(0)
        let server = try await ScriptedServer { request in
            let stream = String(request.headers["webhook-id"][0].prefix(1))
            if underWay.withLock({
                $0[stream, default: 0] += 1
                return $0[stream]!
            }) > 1 {
                tooMany.withLock { $0 += 1 }
            }
            await Task.yield()
            underWay.withLock { $0[stream, default: 0] -= 1 }
            return .status(204)
        }
        let answers = Answers()
        let streams = ["a", "b", "c", "d"]
        try await target(server).send((0..<50).flatMap { version in streams.map { answers.message($0, version) } })
        await server.stop()
        #expect(tooMany.withLock { $0 } == 0)
        #expect(server.requests.count == 200)
    }

    @Test("answers other streams while the receiver is slow with one")
    func slowStream() async throws {
        let release = Signal()
        let server = try await ScriptedServer { request in
            if request.text.contains("slow") { await release.wait() }
            return .status(204)
        }
        let done = Signal()
        let left = Mutex(300)
        let answers = Answers()
        let others = (0..<300).map { number in
            PublisherMessage([Samples.event("s\(number % 60)", number)], key: "s\(number % 60)") { _ in
                if left.withLock({
                    $0 -= 1
                    return $0
                }) == 0 {
                    done.set()
                }
            }
        }
        let target = try target(server, WebhookTargetPolicy(concurrency: 4))
        async let everything: Void = target.send([answers.message("slow", 0)] + others)
        await done.wait()
        #expect(answers["slow", 0] == nil)
        release.set()
        await everything
        #expect(answers["slow", 0] == .acknowledged)
        await server.stop()
    }

    @Test("has no more requests under way than it may, over all calls")
    func concurrency() async throws {
        let counts = Mutex((now: 0, most: 0))
        let server = try await ScriptedServer { _ in
            counts.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            for _ in 0..<20 { await Task.yield() }
            counts.withLock { $0.now -= 1 }
            return .status(204)
        }
        let target = try target(server, WebhookTargetPolicy(concurrency: 3))
        let answers = Answers()
        await withTaskGroup(of: Void.self) { group in
            for call in 0..<4 {
                group.addTask { await target.send((0..<20).map { answers.message("s\(call)/\($0)", 0) }) }
            }
        }
        #expect(counts.withLock { $0.most } <= 3)
        #expect(server.requests.count == 80)
        await server.stop()
    }

    // MARK: Pauses and faults

    @Test(
        "gives a receiver the pause that it asks for",
        arguments: [(429, "7", 7), (503, "7", 7), (503, "9999", 60), (404, "7", 0)])
    func retryAfter(_ status: Int, _ header: String, _ seconds: Int) async throws {
        let clock = LeapingClock()
        let server = try await ScriptedServer {
            $0.text.contains("first") ? .status(status, headers: ["Retry-After": header]) : .status(204)
        }
        let answers = Answers()
        let target = try target(server, time: clock.time, clock: clock)
        await target.send([answers.message("first", 0)])
        #expect(answers["first", 0]?.kind == "failed")
        #expect(clock.now.offset == .zero)
        await target.send([answers.message("second", 0)])
        #expect(answers["second", 0] == .acknowledged)
        #expect(clock.now.offset == .seconds(seconds))
        await server.stop()
    }

    @Test("reads pauses in seconds and as dates")
    func retryTimes() throws {
        let now = try #require(Timestamp("1994-11-06T08:49:00Z"))
        func time(_ header: String?, _ status: Int = 503) -> Timestamp? {
            WebhookOutcome.retryTime(header, status: status, now: now)
        }
        #expect(time("Sun, 06 Nov 1994 08:49:37 GMT") == Timestamp("1994-11-06T08:49:37Z"))
        #expect(time("37") == Timestamp("1994-11-06T08:49:37Z"))
        for header in ["-1", "soon", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT", ""] {
            #expect(time(header) == nil)
        }
        #expect(time("37", 401) == nil && time(nil) == nil)
    }

    @Test("gives up a request that takes too long, and takes that for a failure")
    func timeout() async throws {
        let release = Signal()
        let server = try await ScriptedServer { request in
            if request.text.contains("silent") { await release.wait() }
            return .status(204)
        }
        let answers = Answers()
        try await target(server, WebhookTargetPolicy(timeout: .milliseconds(300)))
            .send([answers.message("silent", 0), answers.message("silent", 1)])
        #expect(answers["silent", 0]?.reason?.contains("in time") == true)
        #expect(answers["silent", 1] == nil)
        release.set()
        await server.stop()
    }

    @Test("takes lost connections for failures, and delivers when the receiver is back")
    func restarts() async throws {
        let first = try await ScriptedServer { $0.text.contains("lost") ? .drop : .status(204) }
        let target = try target(first)
        let answers = Answers()
        await target.send([answers.message("lost", 0), answers.message("kept", 0)])
        #expect(answers["lost", 0]?.kind == "failed" && answers["kept", 0] == .acknowledged)
        await first.stop()
        await target.send([answers.message("away", 0)])
        #expect(answers["away", 0]?.kind == "failed")
        let second = try await ScriptedServer(port: first.port) { _ in .status(204) }
        await target.send([answers.message("lost", 1), answers.message("away", 1)])
        #expect(answers["lost", 1] == .acknowledged && answers["away", 1] == .acknowledged)
        await second.stop()
    }

    @Test("believes the status though the rest of the answer is lost")
    func halfAnAnswer() async throws {
        let server = try await ScriptedServer { _ in .half }
        let answers = Answers()
        try await target(server).send([answers.message("a", 0)])
        #expect(answers["a", 0] == .acknowledged)
        await server.stop()
    }

    @Test("returns soon when cancelled, and answers nothing that it does not know")
    func cancellation() async throws {
        let arrived = Signal()
        let release = Signal()
        let server = try await ScriptedServer { request in
            guard request.text.contains("slow") else { return .status(204) }
            arrived.set()
            await release.wait()
            return .status(204)
        }
        let answers = Answers()
        let target = try target(server, WebhookTargetPolicy(concurrency: 1))
        let sending = Task { await target.send([answers.message("slow", 0), answers.message("slow", 1)]) }
        await arrived.wait()
        let waiting = Task { await target.send([answers.message("waiting", 0)]) }
        sending.cancel()
        waiting.cancel()
        await sending.value
        await waiting.value
        #expect(answers["slow", 0] == nil && answers["slow", 1] == nil && answers["waiting", 0] == nil)
        release.set()
        await target.send([answers.message("after", 0)])
        #expect(answers["after", 0] == .acknowledged)
        await server.stop()
    }

    // MARK: Addresses

    @Test("asks for TLS, except to this machine or where plain HTTP is allowed")
    func addresses() throws {
        func make(_ url: String, _ policy: WebhookTargetPolicy = WebhookTargetPolicy()) throws {
            _ = try WebhookTarget(url, secrets: [Samples.secret], policy: policy)
        }
        #expect(throws: InvalidWebhook.plainHTTP(host: "example.com")) { try make("http://example.com/") }
        #expect(throws: InvalidWebhook.plainHTTP(host: "127.evil.com")) { try make("http://127.evil.com/") }
        #expect(throws: InvalidWebhook.scheme("ftp")) { try make("ftp://example.com/") }
        #expect(throws: InvalidWebhook.address) { try make("/events") }
        #expect(throws: InvalidWebhook.noSecret) { try WebhookTarget("https://example.com", secrets: []) }
        for name in ["Host", "webhook-id", "ce-type", "Content-Type", "a b", ""] {
            #expect(throws: InvalidWebhook.header(name: name)) {
                try make("https://example.com", WebhookTargetPolicy(headers: [name: "x"]))
            }
        }
        #expect(throws: InvalidWebhook.header(name: "x")) {
            try make("https://example.com", WebhookTargetPolicy(headers: ["x": "a\r\nb: c"]))
        }
        for url in ["https://example.com", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]:8080/"] {
            try make(url)
        }
        try make("http://example.com/", WebhookTargetPolicy(allowsPlainHTTP: true))
    }
}
