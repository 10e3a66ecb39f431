import Daybook
import DaybookCore
import Foundation
import ScriptedServer
import Synchronization
import Testing

@testable import DaybookWebhook

/// A source that runs until a test ends, and what it was given.
final class RunningSource: Sendable {
    let port: Int
    private let running: Task<Void, any Error>
    private let shared = Shared()

    /// - Parameter take: May throw; what it throws is what the source meets.
    init(
        _ policy: WebhookSourcePolicy = WebhookSourcePolicy(), secrets: [WebhookSecret] = [Samples.secret],
        take: @escaping @Sendable (ReceivedBatch) async throws -> Void = { _ in }
    ) async throws {
        let ports = AsyncStream<Int>.makeStream()
        let source = try WebhookSource(
            port: 0, path: "/events", secrets: secrets, policy: policy, onListening: { ports.continuation.yield($0) })
        running = Task { [shared] in
            try await source.run { batch in
                try await take(batch)
                shared.batches.withLock { $0.append(batch) }
            }
        }
        var iterator = ports.stream.makeAsyncIterator()
        port = await iterator.next() ?? 0
    }

    private final class Shared: Sendable { let batches = Mutex<[ReceivedBatch]>([]) }
    var taken: [ReceivedBatch] { shared.batches.withLock { $0 } }
    var events: [CloudEvent] { get throws { try taken.flatMap(\.messages).map { try $0.content.get() } } }
    var url: String { "http://127.0.0.1:\(port)/events" }

    /// The first line of the answer, and all of it.
    func exchange(_ text: String) async throws -> (status: Int, text: String) {
        let connection = try await RawConnection(port: port)
        try? await connection.send(text)
        let answer = try await connection.readToEnd()
        return (Int(answer.split(separator: " ").dropFirst().first ?? "") ?? 0, answer)
    }

    func stop() async throws {
        running.cancel()
        try await running.value
    }
}

/// A request in raw text, signed.
struct RawRequest {
    var method = "POST"
    var path = "/events"
    var headers: [(String, String)] = []
    var body = String(decoding: Samples.event("a", 1).json, as: UTF8.self)
    var contentType = "application/cloudevents+json"
    var secret: WebhookSecret? = Samples.secret
    var secondsOff: Int64 = 0
    var id = "a-1"

    var text: String {
        let timestamp = "\(TimeSource.system.now.microseconds / 1_000_000 + secondsOff)"
        var lines = [
            "\(method) \(path) HTTP/1.1", "Host: x", "Connection: close", "Content-Length: \(body.utf8.count)",
        ]
        if !contentType.isEmpty { lines.append("Content-Type: \(contentType)") }
        if let secret {
            lines.append("webhook-id: \(id)")
            lines.append("webhook-timestamp: \(timestamp)")
            let signature = WebhookSignature.header(id: id, timestamp: timestamp, body: body.utf8, secrets: [secret])
            lines.append("webhook-signature: \(signature)")
        }
        lines += headers.map { "\($0.0): \($0.1)" }
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }
}

@Suite("A webhook source", .timeLimit(.minutes(5)))
struct WebhookSourceTests {
    struct Unwilling: Error {}

    // MARK: End to end

    @Test(
        "gets from a target what it sends, in order for each stream, in every form",
        arguments: [WebhookForm.structured, .binary, .batches(events: 7)])
    func endToEnd(_ form: WebhookForm) async throws {
        let source = try await RunningSource(WebhookSourcePolicy(acceptsBinary: true))
        let target = try WebhookTarget(
            source.url, secrets: [Samples.secret], policy: WebhookTargetPolicy(form: form, concurrency: 8))
        let answers = Answers()
        let streams = (0..<10).map { "konto-\($0) ä" }
        let messages = (0..<20).flatMap { version in streams.map { answers.message($0, version) } }
        await target.send(messages)
        let events = try source.events
        for stream in streams {
            #expect((0..<20).allSatisfy { answers[stream, $0] == .acknowledged })
            #expect(events.filter { $0.subject == stream } == (0..<20).map { Samples.event(stream, $0) })
        }
        #expect(Set(source.taken.flatMap(\.messages).map(\.origin)).count == 200)
        #expect(source.taken.allSatisfy { $0.lane.hasPrefix("/events#") })
        #expect(Set(source.taken.map(\.lane)).count == source.taken.count)
        try await source.stop()
    }

    @Test("has an event sent again that could not be taken, in order")
    func again() async throws {
        let faults = Mutex(SeededGenerator(seed: 11))
        let source = try await RunningSource { _ in
            if faults.withLock({ Int.random(in: 0..<3, using: &$0) }) == 0 { throw Unwilling() }
        }
        let target = try WebhookTarget(source.url, secrets: [Samples.secret], policy: .init(retryAfterCeiling: .zero))
        var next = ["a": 0, "b": 0, "c": 0]
        for _ in 0..<200 where next.values.contains(where: { $0 < 10 }) {
            let answers = Answers()
            await target.send(
                next.flatMap { stream, version in (version..<max(version, 10)).map { answers.message(stream, $0) } })
            for stream in next.keys {
                while answers[stream, next[stream]!] == .acknowledged { next[stream]! += 1 }
            }
        }
        let events = try source.events
        for stream in next.keys {
            #expect(events.filter { $0.subject == stream }.map(\.id) == (0..<10).map { "\(stream)-\($0)" })
        }
        try await source.stop()
    }

    @Test("answers 503 with Retry-After when the event could not be taken")
    func unavailable() async throws {
        let source = try await RunningSource(.init(retryAfter: .seconds(7))) { _ in throw Unwilling() }
        let (status, text) = try await source.exchange(RawRequest().text)
        #expect(status == 503 && text.lowercased().contains("retry-after: 7\r\n"))
        try await source.stop()
    }

    // MARK: What is let in

    @Test("takes a well-formed request in each form")
    func accepted() async throws {
        let source = try await RunningSource(.init(acceptsBinary: true))
        #expect(try await source.exchange(RawRequest().text).status == 204)
        #expect(
            try await source.exchange(RawRequest(contentType: "Application/CloudEvents+JSON; charset=UTF-8").text)
                .status == 204)
        #expect(try await source.exchange(RawRequest(path: "/events?x=1").text).status == 204)
        #expect(try await source.exchange(RawRequest(secondsOff: -290).text).status == 204)
        #expect(try await source.exchange(RawRequest(secondsOff: 290).text).status == 204)
        let batch = String(decoding: CloudEvent.batch([Samples.event("a", 1), Samples.event("b", 2)]), as: UTF8.self)
        #expect(
            try await source.exchange(RawRequest(body: batch, contentType: "application/cloudevents-batch+json").text)
                .status == 204)
        #expect(
            try await source.exchange(RawRequest(body: "[]", contentType: "application/cloudevents-batch+json").text)
                .status == 204)
        let headers = [
            ("ce-specversion", "1.0"), ("ce-id", "1"), ("CE-Source", "/s"), ("ce-type", "t"),
            ("ce-subject", "Euro%20%E2%82%AC"),
        ]
        #expect(
            try await source.exchange(
                RawRequest(headers: headers, body: "raw", contentType: "text/plain", id: "1").text
            ).status == 204)
        #expect(source.taken.map(\.messages.count) == [1, 1, 1, 1, 1, 2, 1])
        #expect(try source.events.last?.subject == "Euro €")
        #expect(try source.events.last?.data == Array("raw".utf8))
        let ids = try source.taken[5].messages.map { try $0.content.get().id }
        #expect(source.taken[5].messages.map(\.origin) == ids.map { "/events#5./shop#\($0)" })
        try await source.stop()
    }

    @Test("takes an event in the binary form under the identifier that is signed, and under no other")
    func binaryIdentifier() async throws {
        let source = try await RunningSource(.init(acceptsBinary: true))
        func status(_ id: String, signed: String) async throws -> Int {
            let headers = [("ce-specversion", "1.0"), ("ce-id", id), ("ce-source", "/s"), ("ce-type", "t")]
            let request = RawRequest(headers: headers, body: "raw", contentType: "text/plain", id: signed)
            return try await source.exchange(request.text).status
        }
        #expect(try await status("a%201", signed: "a%201") == 204)
        #expect(try await status("%61%201", signed: "a%201") == 204)  // Another writing of the same identifier.
        for id in ["a%202", "a%25201", "A%201"] {
            let answer = try await status(id, signed: "a%201")
            #expect(answer == 401, "\(id)")
        }
        #expect(try source.events.map(\.id) == ["a 1", "a 1"])
        try await source.stop()
    }

    static let refusals: [(String, RawRequest, Int)] = [
        ("another path", RawRequest(path: "/other"), 404), ("a longer path", RawRequest(path: "/events/1"), 404),
        ("GET", RawRequest(method: "GET", body: ""), 405), ("OPTIONS", RawRequest(method: "OPTIONS"), 405),
        ("no signature", RawRequest(secret: nil), 401),
        ("another secret", RawRequest(secret: Samples.otherSecret), 401),
        ("an old time", RawRequest(secondsOff: -400), 401), ("a time to come", RawRequest(secondsOff: 400), 401),
        ("two identifiers", RawRequest(headers: [("webhook-id", "b")]), 401),
        ("a large body", RawRequest(body: String(repeating: "x", count: 20_001)), 413),
        ("plain JSON", RawRequest(contentType: "application/json"), 415),
        ("no content type", RawRequest(contentType: ""), 415),
        ("another structured form", RawRequest(contentType: "application/cloudevents+avro"), 415),
        ("another character set", RawRequest(contentType: "application/cloudevents+json; charset=latin1"), 415),
        (
            "the binary form",
            RawRequest(
                headers: [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/"), ("ce-type", "t")],
                contentType: "text/plain"), 415
        ),
        ("no JSON", RawRequest(body: "{"), 400), ("no event", RawRequest(body: "{}"), 400),
        ("another version", RawRequest(body: #"{"specversion":"0.3","id":"1","source":"/","type":"t"}"#), 400),
        (
            "half a batch",
            RawRequest(
                body: #"[{"specversion":"1.0","id":"1","source":"/","type":"t"},{}]"#,
                contentType: "application/cloudevents-batch+json"), 400
        ),
    ]

    @Test("refuses everything else, and gives nothing of it on", arguments: refusals.indices)
    func refused(_ index: Int) async throws {
        let (name, request, status) = Self.refusals[index]
        let source = try await RunningSource(.init(bodyBytes: 20_000))
        let answer = try await source.exchange(request.text)
        #expect(answer.status == status, "\(name): \(answer.text)")
        #expect(!answer.text.contains("0.3"))
        #expect(source.taken.isEmpty)
        #expect(try await source.exchange(RawRequest().text).status == 204)
        try await source.stop()
    }

    @Test("refuses a body that does not say how long it is, once it is too long")
    func chunked() async throws {
        let source = try await RunningSource(.init(bodyBytes: 10_000))
        let text = RawRequest(body: "").text.replacing("Content-Length: 0", with: "Transfer-Encoding: chunked")
        let chunk = "1000\r\n" + String(repeating: "x", count: 4096) + "\r\n"
        let answer = try await source.exchange(text + String(repeating: chunk, count: 5) + "0\r\n\r\n")
        #expect(answer.status == 413)
        try await source.stop()
    }

    @Test("refuses headers that are too long, and what is no HTTP")
    func noHTTP() async throws {
        let source = try await RunningSource(.init(headerBytes: 4096))
        let long = RawRequest(headers: [("x", String(repeating: "y", count: 10_000))])
        #expect(try await source.exchange(long.text).status == 400)
        #expect(try await source.exchange("\u{16}\u{3}\u{1} hello\r\n\r\n").status == 400)
        #expect(source.taken.isEmpty)
        try await source.stop()
    }

    @Test("takes what is signed with any of its secrets")
    func rotation() async throws {
        let source = try await RunningSource(secrets: [Samples.otherSecret, Samples.secret])
        for secret in [Samples.secret, Samples.otherSecret] {
            #expect(try await source.exchange(RawRequest(secret: secret).text).status == 204)
        }
        #expect(try await source.exchange(RawRequest(secret: .random()).text).status == 401)
        try await source.stop()
    }

    @Test("agrees to be sent events as its policy says")
    func handshake() async throws {
        func ask(_ handshake: WebhookSourcePolicy.Handshake, _ origin: String?) async throws -> (Int, String) {
            let source = try await RunningSource(.init(handshake: handshake))
            let headers = origin.map { [("WebHook-Request-Origin", $0), ("WebHook-Request-Rate", "120")] } ?? []
            let answer = try await source.exchange(
                RawRequest(method: "OPTIONS", headers: headers, body: "", contentType: "", secret: nil).text)
            try await source.stop()
            return (answer.status, answer.text.lowercased())
        }
        let any = try await ask(.anyOrigin, "a.example")
        #expect(
            any.0 == 200 && any.1.contains("webhook-allowed-origin: *\r\n") && any.1.contains("webhook-allowed-rate: *")
        )
        #expect(any.1.contains("allow: post, options"))
        let known = try await ask(.origins(["a.example"]), "a.example")
        #expect(known.1.contains("webhook-allowed-origin: a.example\r\n"))
        #expect(try await !ask(.origins(["a.example"]), "b.example").1.contains("webhook-allowed"))
        #expect(try await !ask(.anyOrigin, nil).1.contains("webhook-allowed"))
        #expect(try await ask(.off, "a.example").0 == 405)
    }

    // MARK: Who is slow, and who is many

    @Test("serves others while some send no more than half a request, and closes these in time")
    func slowloris() async throws {
        let source = try await RunningSource(.init(connections: 40, receiveTimeout: .seconds(2)))
        let halves =
            ["POST /events HT", "POST /events HTTP/1.1\r\nHost: x\r\nA: b\r\n", ""]
            + [String(RawRequest().text.dropLast(10))]
        var slow: [RawConnection] = []
        for number in 0..<32 {
            let connection = try await RawConnection(port: source.port)
            try await connection.send(halves[number % halves.count])
            slow.append(connection)
        }
        for _ in 0..<20 { #expect(try await source.exchange(RawRequest().text).status == 204) }
        #expect(source.taken.count == 20)
        for connection in slow { _ = try await connection.readToEnd() }
        try await source.stop()
    }

    @Test("serves others while some send more than they may")
    func oversize() async throws {
        let source = try await RunningSource(.init(bodyBytes: 10_000))
        var large: [RawConnection] = []
        for _ in 0..<8 {
            let connection = try await RawConnection(port: source.port)
            try await connection.send(
                RawRequest(body: String(repeating: "x", count: 1_000_000)).text.prefix(200_000) + "")
            large.append(connection)
        }
        #expect(try await source.exchange(RawRequest().text).status == 204)
        for connection in large { #expect(try await connection.readToEnd().hasPrefix("HTTP/1.1 413")) }
        try await source.stop()
    }

    @Test("keeps of all bodies together no more than it may, and serves others meanwhile")
    func bodiesInFlight() async throws {
        let source = try await RunningSource(
            .init(bodyBytesInFlight: 16 << 20, receiveTimeout: .seconds(10), retryAfter: .seconds(7)))
        let whole = RawRequest(body: String(repeating: "x", count: 4 << 20)).text
        let large = Array(whole.utf8.dropLast())
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    let connection = try await RawConnection(port: source.port)
                    // The other side may close it before all is sent.
                    try? await connection.send(large)
                    return try await connection.readToEnd()
                }
            }
            // Others keep what they had of the room.
            var answers: [String] = []
            while answers.isEmpty, let answer = try await group.next() { answers.append(answer) }
            for _ in 0..<5 {
                let answer = try await source.exchange(RawRequest().text)
                #expect(answer.status == 204)
            }
            for try await answer in group { answers.append(answer) }
            return answers
        }
        let refused = answers.filter { $0.hasPrefix("HTTP/1.1 503") }
        #expect(!refused.isEmpty && refused.allSatisfy { $0.lowercased().contains("retry-after: 7\r\n") })
        #expect(source.taken.count == 5)
        // What they had is counted no more.
        let body = String(repeating: " ", count: 4_000_000) + RawRequest().body
        for _ in 0..<6 {
            let answer = try await source.exchange(RawRequest(body: body).text)
            #expect(answer.status == 204)
        }
        try await source.stop()
    }

    @Test("tells connections beyond its limit to come again")
    func connectionLimit() async throws {
        let source = try await RunningSource(.init(connections: 2))
        let first = try await RawConnection(port: source.port)
        let second = try await RawConnection(port: source.port)
        // Both are counted once they have been answered.
        for connection in [first, second] {
            try await connection.send(RawRequest().text.replacing("Connection: close\r\n", with: ""))
        }
        while source.taken.count < 2 { await Task.yield() }
        #expect(try await RawConnection(port: source.port).readToEnd().hasPrefix("HTTP/1.1 503"))
        await first.close()
        // The place is free once the server has seen the connection close.
        while try await source.exchange(RawRequest().text).status != 204 {}
        await second.close()
        try await source.stop()
    }

    @Test("keeps a connection for further requests, also of those that do not wait for answers")
    func pipelining() async throws {
        let source = try await RunningSource()
        let kept = RawRequest().text.replacing("Connection: close\r\n", with: "")
        let answer = try await source.exchange(kept + kept + RawRequest().text)
        #expect(answer.text.components(separatedBy: "HTTP/1.1 204").count == 4)
        #expect(source.taken.count == 3)
        try await source.stop()
    }

    @Test("does not take a connection for idle whose next request was waiting")
    func slowPipelining() async throws {
        let calls = Mutex(0)
        let source = try await RunningSource(.init(idleTimeout: .seconds(1))) { _ in
            let call = calls.withLock { calls in
                calls += 1
                return calls
            }
            if call > 1 { try await Task.sleep(for: .seconds(2)) }
        }
        let kept = RawRequest().text.replacing("Connection: close\r\n", with: "")
        let answer = try await source.exchange(kept + RawRequest().text)
        #expect(answer.text.components(separatedBy: "HTTP/1.1 204").count == 3)
        #expect(source.taken.count == 2)
        try await source.stop()
    }

    @Test("asks for the body of whoever waits to be asked")
    func continues() async throws {
        let source = try await RunningSource()
        let answer = try await source.exchange(RawRequest(headers: [("Expect", "100-continue")]).text)
        #expect(answer.text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204"))
        try await source.stop()
    }

    // MARK: The end

    @Test("cancels what is in hand when it ends, and answers it with 503")
    func ends() async throws {
        let arrived = Signal()
        let source = try await RunningSource { _ in
            arrived.set()
            try await Task.sleep(for: .seconds(600))
        }
        async let answer = source.exchange(RawRequest().text)
        let idle = try await RawConnection(port: source.port)
        await arrived.wait()
        try await source.stop()
        #expect(try await answer.status == 503)
        _ = try await idle.readToEnd()
        #expect(source.taken.isEmpty)
        await #expect(throws: (any Error).self) { try await RawConnection(port: source.port) }
    }

    @Test("cancels what is in hand for a sender that is gone")
    func senderGone() async throws {
        let arrived = Signal()
        let cancelled = Signal()
        let source = try await RunningSource { _ in
            arrived.set()
            do { try await Task.sleep(for: .seconds(600)) } catch {
                cancelled.set()
                throw error
            }
        }
        let connection = try await RawConnection(port: source.port)
        try await connection.send(RawRequest().text)
        await arrived.wait()
        await connection.close()
        await cancelled.wait()
        try await source.stop()
    }

    @Test("says when it cannot listen, and how it must be made")
    func invalid() async throws {
        let source = try await RunningSource()
        let second = try WebhookSource(port: source.port, path: "/", secrets: [Samples.secret])
        await #expect(throws: (any Error).self) { try await second.run { _ in } }
        #expect(throws: InvalidWebhook.noSecret) { try WebhookSource(port: 0, path: "/", secrets: []) }
        #expect(throws: InvalidWebhook.path) { try WebhookSource(port: 0, path: "events", secrets: [Samples.secret]) }
        try await source.stop()
    }
}
