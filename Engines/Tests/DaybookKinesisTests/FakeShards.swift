import Daybook
import Foundation
import ScriptedServer
import Synchronization

@testable import DaybookKinesis

/// Shards to be read, of a stand-in for Kinesis that fails as it may.
final class FakeShards: Sendable {
    enum Fault: Sendable {
        case none, throttled, internalFailure, expired, drop, half
        case denied, invalidArgument
    }

    struct Shard: Sendable {
        var parents: [String] = []
        var records: [[UInt8]] = []
        var isClosed = false
        /// When records came, in seconds since 1970, where a test says so.
        var times: [Int: Double] = [:]
        /// How many records were deleted since they are too old.
        var trimmed = 0
    }

    private struct State {
        var shards: [String: Shard] = [:]
        /// Not listed, though they are there.
        var hidden: Set<String> = []
        var created = 1_700_000_000.5
        var generator: SeededGenerator
        /// What was asked for, by its name and shard.
        var questions: [String] = []
    }

    private final class Shared: Sendable {
        let state: Mutex<State>
        let fault: @Sendable (String, inout SeededGenerator) -> Fault

        init(seed: UInt64, fault: @escaping @Sendable (String, inout SeededGenerator) -> Fault) {
            state = Mutex(State(generator: SeededGenerator(seed: seed)))
            self.fault = fault
        }
    }

    let server: ScriptedServer
    private let shared: Shared

    init(seed: UInt64 = 1, fault: @escaping @Sendable (String, inout SeededGenerator) -> Fault = { _, _ in .none })
        async throws
    {
        let shared = Shared(seed: seed, fault: fault)
        self.shared = shared
        server = try await ScriptedServer { Self.answer($0, shared) }
    }

    subscript(_ id: String) -> Shard {
        get { shared.state.withLock { $0.shards[id] ?? Shard() } }
        set { shared.state.withLock { $0.shards[id] = newValue } }
    }

    func put(_ events: [CloudEvent], in shard: String, at time: Double? = nil) {
        shared.state.withLock { state in
            for event in events {
                let number = state.shards[shard]?.records.count ?? 0
                state.shards[shard, default: Shard()].records.append(event.json)
                state.shards[shard]?.times[number] = time
            }
        }
    }

    func remove(_ shard: String) { shared.state.withLock { $0.shards[shard] = nil } }
    func hide(_ shard: String) { _ = shared.state.withLock { $0.hidden.insert(shard) } }
    func show(_ shard: String) { _ = shared.state.withLock { $0.hidden.remove(shard) } }
    func makeAnew() { shared.state.withLock { $0.created += 60 } }

    var questions: [String] { shared.state.withLock(\.questions) }

    func stream(
        _ credentials: any AWSCredentialsProvider = AWSCredentials(accessKeyID: "a", secretAccessKey: "b")
    ) throws -> KinesisStream {
        try KinesisStream(
            "orders", region: "eu-central-1", credentials: credentials,
            endpoint: "http://127.0.0.1:\(server.port)")
    }

    private static func answer(_ request: ScriptedServer.Request, _ shared: Shared) -> ScriptedServer.Response {
        let operation = String(request.headers["x-amz-target"].first?.split(separator: ".").last ?? "")
        let body = (try? JSONValue(parsing: request.body)) ?? .null
        func text(_ key: String) -> String? { if case .string(let text)? = body[key] { text } else { nil } }
        func error(_ status: Int, _ type: String) -> ScriptedServer.Response {
            .status(status, body: Array(#"{"__type":"\#(type)","message":"A test asked for it."}"#.utf8))
        }
        return shared.state.withLock { state in
            state.questions.append(
                "\(operation) \(text("ShardId") ?? text("ShardIterator") ?? "") \(text("ShardIteratorType") ?? "")")
            switch shared.fault(operation, &state.generator) {
            case .none: break
            case .throttled: return error(400, "ProvisionedThroughputExceededException")
            case .internalFailure: return error(500, "InternalFailure")
            case .expired:
                if operation == "GetRecords" { return error(400, "ExpiredIteratorException") }
            case .invalidArgument: return error(400, "InvalidArgumentException")
            case .denied: return error(400, "AccessDeniedException")
            case .drop: return .drop
            case .half: return .half
            }
            switch operation {
            case "DescribeStreamSummary":
                return .status(
                    200,
                    body: Array(
                        (#"{"StreamDescriptionSummary":{"StreamStatus":"ACTIVE","RetentionPeriodHours":24,"#
                            + #""StreamCreationTimestamp":\#(state.created)}}"#).utf8))
            case "ListShards":
                // Two pages, when there is something to be divided; the second one goes on behind the first.
                let after = text("NextToken")
                let rest = state.shards.filter { $0.key > after ?? "" && !state.hidden.contains($0.key) }
                    .sorted { $0.key < $1.key }
                let page = after == nil ? Array(rest.prefix((rest.count + 1) / 2)) : rest
                let shards = page.map { id, shard in
                    let names = ["ParentShardId", "AdjacentParentShardId"]
                    let parents = zip(names, shard.parents).map { #","\#($0)":"\#($1)""# }.joined()
                    return #"{"ShardId":"\#(id)"\#(parents)}"#
                }
                let token = after == nil && rest.count > 1 ? #","NextToken":"\#(page.last?.key ?? "")""# : ""
                return .status(200, body: Array(#"{"Shards":[\#(shards.joined(separator: ","))]\#(token)}"#.utf8))
            case "GetShardIterator":
                guard let id = text("ShardId"), let shard = state.shards[id] else {
                    return error(400, "ResourceNotFoundException")
                }
                let index: Int
                switch text("ShardIteratorType") {
                case "AFTER_SEQUENCE_NUMBER": index = Int(text("StartingSequenceNumber") ?? "")! + 1
                case "AT_TIMESTAMP":
                    let time = Double(String(decoding: (body["Timestamp"] ?? .null).bytes, as: UTF8.self))!
                    index = shard.records.indices.first { shard.times[$0] ?? 0 >= time } ?? shard.records.count
                default: index = 0
                }
                let first = max(index, shard.trimmed)
                return .status(200, body: Array(#"{"ShardIterator":"\#(id)|\#(first)"}"#.utf8))
            case "GetRecords":
                let parts = (text("ShardIterator") ?? "").split(separator: "|")
                guard parts.count == 2, let index = Int(parts[1]), let shard = state.shards[String(parts[0])],
                    case .integer(let limit)? = body["Limit"]
                else { return error(400, "InvalidArgumentException") }
                let records = shard.records.enumerated().dropFirst(index).prefix(Int(limit))
                let end = index + records.count
                let entries = records.map { number, data in
                    #"{"SequenceNumber":"\#(number)","PartitionKey":"k","Data":"\#(Data(data).base64EncodedString())"}"#
                }
                let next =
                    shard.isClosed && end == shard.records.count ? "" : #","NextShardIterator":"\#(parts[0])|\#(end)""#
                let behind = end == shard.records.count ? 0 : 1000
                return .status(
                    200,
                    body: Array(
                        (#"{"MillisBehindLatest":\#(behind),"Records":[\#(entries.joined(separator: ","))]"#
                            + "\(next)}").utf8))
            default: return error(400, "UnknownOperationException")
            }
        }
    }
}
