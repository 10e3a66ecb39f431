import AsyncHTTPClient
import Daybook
import DaybookCore
import DaybookKinesis
import DaybookWebhook
import Foundation
import NIOCore
import NIOHTTP1
import ScriptedServer
import SideBySide
import Synchronization

/// Measures the targets beside the bare loop that sends the same bytes, in turns, so that both meet the same machine;
/// then the sources.
///
///     swift run -c release HTTPBenchmark [ROUNDS] [ONLY]
///
/// ROUNDS: 5 without it. ONLY: what has this in its name, such as `kinesis source`; everything without it.
@main
struct HTTPBench {
    static let rounds = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 5

    static func main() async throws {
        let table = ComparisonTable(rounds: rounds, only: CommandLine.arguments.dropFirst(2).first ?? "")
        let url = ProcessInfo.processInfo.environment["DAYBOOK_KINESIS_URL"]
        try await webhook(table)
        if let url {
            try await kinesis(url, table)
        } else {
            table.show("kinesis: DAYBOOK_KINESIS_URL is not set; scripts/engines/kinesis starts one")
        }
        table.begin()
        try await webhookSource(table)
        if let url { try await kinesisSource(url, table) }
    }

    static func event(_ stream: String, _ version: Int) -> CloudEvent {
        CloudEvent(
            id: "\(stream)-\(version)", source: "/shop", type: "account.deposited", subject: stream,
            time: TimeSource.system.now, data: Array(#"{"amount":1200,"currency":"EUR","note":"by card"}"#.utf8),
            extensions: ["partitionkey": stream, "position": "\(version)", "streamversion": "\(version)"])
    }

    static func messages(streams: Int, each: Int, _ answered: AnswerCount) -> [PublisherMessage] {
        (0..<each).flatMap { version in
            (0..<streams).map { stream in
                PublisherMessage([event("account-\(stream)", version)], key: "account-\(stream)") { answered.add($0) }
            }
        }
    }

    final class AnswerCount: Sendable {
        private let counts = Mutex((acknowledged: 0, others: 0))

        func add(_ answer: PublisherMessage.Answer) {
            counts.withLock { if answer == .acknowledged { $0.acknowledged += 1 } else { $0.others += 1 } }
        }

        func check(_ expected: Int) {
            let counts = counts.withLock { $0 }
            precondition(counts == (expected, 0), "\(counts) of \(expected) were acknowledged")
        }
    }

    static func report(_ name: String, _ events: Int, _ bare: [Duration], _ target: [Duration]) {
        func rate(_ durations: [Duration]) -> Int { Int(Double(events) / (durations.min()! / .seconds(1))) }
        let ratio = zip(bare, target).map { $0.0 / $0.1 }.sorted()[bare.count / 2]
        print("\(name): bare \(rate(bare))/s, target \(rate(target))/s, median ratio \((ratio * 100).rounded() / 100)")
        fflush(nil)
    }

    static func webhook(_ table: ComparisonTable) async throws {
        let server = try await ScriptedServer { _ in .status(204) }
        let url = "http://127.0.0.1:\(server.port)/events"
        let client = HTTPClient(
            configuration: .init(
                connectionPool: .init(idleTimeout: .seconds(30), concurrentHTTP1ConnectionsPerHostSoftLimit: 32)))
        for (form, name) in [(WebhookForm.structured, "structured"), (.binary, "binary"), (.batches(), "batches")] {
            let target = try WebhookTarget(url, secrets: [.random()], policy: WebhookTargetPolicy(form: form))
            for streams in [1, 32] {
                let what = "webhook, \(name), \(streams) streams"
                guard table.measures(what) else { continue }
                let each = streams == 1 ? 2000 : 200
                var bare: [Duration] = []
                var through: [Duration] = []
                for _ in 0..<rounds {
                    bare.append(
                        try await ContinuousClock().measure {
                            try await withThrowingTaskGroup(of: Void.self) { group in
                                for stream in 0..<streams {
                                    group.addTask {
                                        for version in 0..<each {
                                            var request = HTTPClientRequest(url: url)
                                            request.method = .POST
                                            request.headers.add(name: "content-type", value: "application/json")
                                            let body = event("account-\(stream)", version).json
                                            request.body = .bytes(ByteBuffer(bytes: body))
                                            let response = try await client.execute(request, timeout: .seconds(30))
                                            _ = try await response.body.collect(upTo: 1024)
                                        }
                                    }
                                }
                                try await group.waitForAll()
                            }
                        })
                    let answered = AnswerCount()
                    let messages = messages(streams: streams, each: each, answered)
                    through.append(await ContinuousClock().measure { await target.send(messages) })
                    answered.check(streams * each)
                }
                report(what, streams * each, bare, through)
            }
        }
        try await client.shutdown()
        await server.stop()
    }

    /// A stream of the engine, which is made if it is not there.
    static func kinesisStream(_ suffix: String, _ url: String) async throws -> KinesisStream {
        let name = (ProcessInfo.processInfo.environment["DAYBOOK_KINESIS_STREAM"] ?? "bench") + suffix
        try await makeStream(name, url)
        return try KinesisStream(
            name, region: "eu-central-1", credentials: AWSEnvironmentCredentials(), endpoint: url, allowsPlainHTTP: true
        )
    }

    static func kinesis(_ url: String, _ table: ComparisonTable) async throws {
        let stream = try await kinesisStream("", url)
        for (form, name) in [(KinesisForm.structured, "structured"), (.batches(), "batches")] {
            let target = KinesisTarget(stream, policy: .init(form: form, requests: 4))
            let streams = 500
            let each = 4
            let what = "kinesis, \(name), \(streams) streams"
            guard table.measures(what) else { continue }
            var bare: [Duration] = []
            var through: [Duration] = []
            for _ in 0..<rounds {
                bare.append(try await bareRecords(stream.name, url, streams: streams, each: each))
                let answered = AnswerCount()
                let messages = messages(streams: streams, each: each, answered)
                through.append(await ContinuousClock().measure { await target.send(messages) })
                answered.check(streams * each)
            }
            report(what, streams * each, bare, through)
        }
    }

    /// The same PutRecords, not signed, which the stand-in takes unless it was told to check.
    static func bareRecords(_ name: String, _ url: String, streams: Int, each: Int) async throws -> Duration {
        let client = HTTPClient()
        defer { client.shutdown { _ in } }
        return try await ContinuousClock().measure {
            for version in 0..<each {
                let records = (0..<streams).map { stream in
                    let data = Data(event("account-\(stream)", version).json).base64EncodedString()
                    return #"{"Data":"\#(data)","PartitionKey":"account-\#(stream)"}"#
                }
                let answer = try await call(
                    "PutRecords", #"{"StreamName":"\#(name)","Records":[\#(records.joined(separator: ","))]}"#, url,
                    client)
                precondition(answer.status == .ok, "PutRecords: \(answer.status), \(answer.text.prefix(500))")
            }
        }
    }

    /// Makes the stream, if it is not there.
    static func makeStream(_ name: String, _ url: String) async throws {
        let client = HTTPClient()
        defer { client.shutdown { _ in } }
        let answer = try await call("CreateStream", #"{"StreamName":"\#(name)","ShardCount":4}"#, url, client)
        precondition(
            answer.status == .ok || answer.text.contains("ResourceInUseException"),
            "CreateStream: \(answer.status), \(answer.text.prefix(500))")
    }

    static func call(
        _ action: String, _ body: String, _ url: String, _ client: HTTPClient
    ) async throws -> (status: HTTPResponseStatus, text: String) {
        var request = HTTPClientRequest(url: url + "/")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-amz-json-1.1")
        request.headers.add(name: "x-amz-target", value: "Kinesis_20131202.\(action)")
        request.headers.add(
            name: "authorization",
            value:
                "AWS4-HMAC-SHA256 Credential=x/20260101/eu-central-1/kinesis/aws4_request, SignedHeaders=host, Signature=0"
        )
        request.body = .bytes(ByteBuffer(string: body))
        let response = try await client.execute(request, timeout: .seconds(60))
        return (response.status, String(buffer: try await response.body.collect(upTo: 16 << 20)))
    }
}
