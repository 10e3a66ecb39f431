import Daybook
import DaybookWebhook
import NIOCore
import NIOHTTP1
import ScriptedServer
import SideBySide
import Synchronization

extension HTTPBench {
    /// The source beside a server of the same library that looks at nothing. Both are sent the same requests, which a
    /// target signed before, over 32 connections.
    static func webhookSource(_ table: ComparisonTable) async throws {
        for (form, name, times) in [
            (WebhookForm.structured, "an event a request", 8), (.batches(events: 100), "100 events a request", 100),
        ] {
            let what = "webhook source, \(name), events/s (bare: answers, and looks at nothing)"
            guard table.measures(what) else { continue }
            let secret = WebhookSecret.random()
            let streams = 32
            let requests = try await signedRequests(form, secret, streams: streams, each: 100)
            let events = streams * 100 * times

            let taken = Atomic<Int>(0)
            let (ports, listening) = AsyncStream<Int>.makeStream()
            let source = try WebhookSource(
                port: 0, path: "/events", secrets: [secret],
                // The requests get older.
                policy: WebhookSourcePolicy(tolerance: .seconds(3600)), onListening: { listening.yield($0) })
            let running = Task {
                defer { listening.finish() }
                try await source.run { batch in taken.add(batch.messages.count, ordering: .relaxed) }
            }
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else { return try await running.value }

            let bare = try await BareServer()
            try await table.row(
                what,
                bare: {
                    try await eventsPerSecond(events) {
                        try await Replay.send(requests, times: times, over: streams, to: bare.port)
                    }
                },
                ours: {
                    taken.store(0, ordering: .relaxed)
                    let rate = try await eventsPerSecond(events) {
                        try await Replay.send(requests, times: times, over: streams, to: port)
                    }
                    let count = taken.load(ordering: .relaxed)
                    precondition(count == events, "\(count) of \(events) events were taken")
                    return rate
                })
            await bare.stop()
            running.cancel()
            try await running.value
        }
    }

    /// What a target sends, in the bytes that go over the wire.
    private static func signedRequests(
        _ form: WebhookForm, _ secret: WebhookSecret, streams: Int, each: Int
    ) async throws -> [ByteBuffer] {
        let server = try await ScriptedServer { _ in .status(204) }
        let target = try WebhookTarget(
            "http://127.0.0.1:\(server.port)/events", secrets: [secret], policy: WebhookTargetPolicy(form: form))
        let answered = AnswerCount()
        await target.send(messages(streams: streams, each: each, answered))
        answered.check(streams * each)
        await server.stop()
        return server.requests.map { request in
            var bytes = ByteBuffer(
                string: "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(request.body.count)\r\n")
            for (name, value) in request.headers where name == "content-type" || name.hasPrefix("webhook-") {
                bytes.writeString("\(name): \(value)\r\n")
            }
            bytes.writeString("\r\n")
            bytes.writeBytes(request.body)
            return bytes
        }
    }
}
