import Daybook
import Foundation
import ScriptedServer
import Synchronization

@testable import DaybookKinesis

/// Takes records as Kinesis does, and fails as it may: records of a request one by one, whole requests, and connections before
/// and after the records were taken.
final class FakeKinesis: Sendable {
    enum Fault: Sendable {
        case none
        /// Each record is refused by that chance.
        case partly(Double)
        case throttled
        case status(Int, type: String)
        /// The connection is lost before anything was taken.
        case dropBefore
        /// All is taken, and the connection lost.
        case dropAfter
    }

    struct Record: Sendable {
        var partitionKey: String
        var data: [UInt8]
    }

    private struct State {
        var records: [Record] = []
        var requests: [[Record]] = []
        var problems: [String] = []
        var underWay: Set<String> = []
        var generator: SeededGenerator
    }

    let server: ScriptedServer
    private let shared: Shared

    private final class Shared: Sendable {
        let state: Mutex<State>
        let fault: @Sendable (_ request: Int, _ records: [Record], inout SeededGenerator) -> Fault

        init(seed: UInt64, fault: @escaping @Sendable (Int, [Record], inout SeededGenerator) -> Fault) {
            state = Mutex(State(generator: SeededGenerator(seed: seed)))
            self.fault = fault
        }
    }

    init(
        seed: UInt64 = 1,
        _ fault: @escaping @Sendable (_ request: Int, _ records: [Record], inout SeededGenerator) -> Fault
    ) async throws {
        let shared = Shared(seed: seed, fault: fault)
        self.shared = shared
        server = try await ScriptedServer { await Self.answer($0, shared) }
    }

    var records: [Record] { shared.state.withLock(\.records) }
    var requests: [[Record]] { shared.state.withLock(\.requests) }
    /// What a sender that keeps order never does.
    var problems: [String] { shared.state.withLock(\.problems) }

    var events: [CloudEvent] {
        get throws {
            try records.flatMap { record in
                try KinesisRecordReader.messages(record.data, origin: "").map { try $0.content.get() }
            }
        }
    }

    func target(_ policy: KinesisTargetPolicy = KinesisTargetPolicy(), clock: any Clock<Duration> = LeapingClock())
        throws
        -> KinesisTarget
    {
        KinesisTarget(
            try KinesisStream(
                "orders", region: "eu-central-1",
                credentials: AWSCredentials(accessKeyID: "AKIA", secretAccessKey: "MARK", sessionToken: "MARK"),
                endpoint: "http://127.0.0.1:\(server.port)"),
            policy: policy, clock: clock)
    }

    private static func answer(_ request: ScriptedServer.Request, _ shared: Shared) async -> ScriptedServer.Response {
        guard request.headers["x-amz-target"] == ["Kinesis_20131202.PutRecords"],
            let body = try? JSONValue(parsing: request.body), case .array(let entries)? = body["Records"],
            body["StreamName"] == "orders"
        else { return .status(400, body: Array(#"{"__type":"SerializationException"}"#.utf8)) }
        let records = entries.compactMap { entry -> Record? in
            guard case .string(let key)? = entry["PartitionKey"], case .string(let data)? = entry["Data"],
                let bytes = Data(base64Encoded: data)
            else { return nil }
            return Record(partitionKey: key, data: Array(bytes))
        }
        let keys = Set(records.map(\.partitionKey))
        let fault = shared.state.withLock { state -> Fault in
            if keys.count < records.count { state.problems.append("two records of one key in a request") }
            if !state.underWay.isDisjoint(with: keys) { state.problems.append("two requests with one key at once") }
            if records.count > 500 { state.problems.append("\(records.count) records") }
            let bytes = records.reduce(0) { $0 + $1.data.count + $1.partitionKey.utf8.count }
            if bytes > 5 << 20 { state.problems.append("\(bytes) bytes") }
            state.underWay.formUnion(keys)
            let number = state.requests.count
            state.requests.append(records)
            return shared.fault(number, records, &state.generator)
        }
        await Task.yield()
        return shared.state.withLock { state in
            state.underWay.subtract(keys)
            func take(_ record: Record) -> String {
                state.records.append(record)
                return #"{"SequenceNumber":"\#(state.records.count)","ShardId":"shardId-0"}"#
            }
            switch fault {
            case .none: return .status(200, body: answer(records.map(take)))
            case .partly(let chance):
                return .status(
                    200,
                    body: answer(
                        records.map { record in
                            guard Double.random(in: 0..<1, using: &state.generator) < chance else {
                                return take(record)
                            }
                            return #"{"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"Rate"}"#
                        }))
            case .throttled:
                return .status(
                    400, body: Array(#"{"__type":"ProvisionedThroughputExceededException","message":"Slow"}"#.utf8))
            case .status(let status, let type):
                return .status(
                    status, headers: ["x-amzn-RequestId": "request-1"],
                    body: Array("{\"__type\":\"com.amazonaws#\(type)\",\"message\":\"One line\\nMARK\"}".utf8))
            case .dropBefore: return .drop
            case .dropAfter:
                for record in records { _ = take(record) }
                return .drop
            }
        }
    }

    private static func answer(_ entries: [String]) -> [UInt8] {
        Array(#"{"FailedRecordCount":0,"Records":[\#(entries.joined(separator: ","))]}"#.utf8)
    }
}
