#if Kinesis
import AsyncHTTPClient
import DaybookCore
import Foundation
import NIOCore

/// Asks Kinesis, over HTTPS, in JSON 1.1, signed. Each call is one request; whoever calls decides what is tried again.
final class KinesisClient: Sendable {
    /// An answer with more is an error: GetRecords gives 10 MiB at most, in base 64.
    private static let answerBytes = 32 << 20

    let stream: KinesisStream
    private let client: HTTPClient
    private let signature: AWSSignatureV4
    private let time: TimeSource

    init(_ stream: KinesisStream, time: TimeSource) {
        self.stream = stream
        self.time = time
        signature = AWSSignatureV4(region: stream.region, service: "kinesis")
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 128
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(configuration: configuration)
    }

    deinit { client.shutdown { _ in } }

    func putRecords(_ records: [PutRecordsRequest.Entry]) async throws(KinesisError) -> [PutRecordsAnswer.Entry] {
        let answer: PutRecordsAnswer = try await call(
            "PutRecords", PutRecordsRequest(records: records, streamName: stream.name))
        guard answer.records.count == records.count else {
            throw KinesisError(
                type: KinesisError.noAnswer,
                message: "\(records.count) records were sent, and \(answer.records.count) answered.")
        }
        return answer.records
    }

    func shards() async throws(KinesisError) -> [KinesisShard] {
        var answer: ListShardsAnswer = try await call("ListShards", ListShardsRequest(streamName: stream.name))
        var shards = answer.shards
        while let token = answer.nextToken {
            answer = try await call("ListShards", ListShardsRequest(nextToken: token))
            shards += answer.shards
        }
        return shards
    }

    func iterator(_ request: ShardIteratorRequest) async throws(KinesisError) -> String {
        let answer: ShardIteratorAnswer = try await call("GetShardIterator", request)
        return answer.iterator
    }

    func records(_ iterator: String, limit: Int) async throws(KinesisError) -> GetRecordsAnswer {
        try await call("GetRecords", GetRecordsRequest(iterator: iterator, limit: limit))
    }

    func summary() async throws(KinesisError) -> StreamSummaryAnswer.Summary {
        let answer: StreamSummaryAnswer = try await call(
            "DescribeStreamSummary", StreamSummaryRequest(streamName: stream.name))
        return answer.summary
    }

    func call<Answer: Decodable & Sendable>(
        _ operation: String, _ question: some Encodable & Sendable
    ) async throws(KinesisError) -> Answer {
        let credentials: AWSCredentials
        do { credentials = try await stream.credentials.credentials() } catch {
            // What another provider throws may say too much.
            let isOwn = error is MissingAWSCredentials || error is NoMachineCredentials
            throw KinesisError(
                type: KinesisError.noCredentials,
                message: isOwn ? "\(error)" : "There are none now (\(Swift.type(of: error))).")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let body: [UInt8]
        do { body = Array(try encoder.encode(question)) } catch {
            preconditionFailure("A question of Kinesis is no JSON: \(operation)")
        }
        let headers = signature.sign(
            [
                ("Host", stream.host), ("Content-Type", "application/x-amz-json-1.1"),
                ("X-Amz-Target", "Kinesis_20131202.\(operation)"),
            ], body: body, with: credentials, at: time.now)
        let response: Response
        do { response = try await post(body, headers: headers) } catch {
            throw KinesisError(type: KinesisError.noAnswer, message: Self.reason(error))
        }
        guard response.status == 200 else { throw Self.error(response) }
        // An operation that has nothing to say sends no body.
        let json = response.body.readableBytes == 0 ? Data("{}".utf8) : Data(response.body.readableBytesView)
        do { return try JSONDecoder().decode(Answer.self, from: json) } catch {
            throw KinesisError(
                type: KinesisError.noAnswer,
                message: "\(operation) was answered with something else than was asked for.",
                requestID: response.requestID)
        }
    }

    private struct TimedOut: Error {}

    private struct Response: Sendable {
        var status: Int
        var requestID: String?
        var errorType: String?
        var body: ByteBuffer
    }

    private func post(
        _ body: [UInt8], headers: [(name: String, value: String)]
    ) async throws -> Response {
        var request = HTTPClientRequest(url: stream.endpoint)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        return try await withThrowingTaskGroup(of: Response?.self) { [request] group in
            group.addTask {
                let response = try await self.client.execute(request, deadline: .distantFuture)
                return Response(
                    status: Int(response.status.code), requestID: response.headers.first(name: "x-amzn-requestid"),
                    errorType: response.headers.first(name: "x-amzn-errortype"),
                    body: try await response.body.collect(upTo: Self.answerBytes))
            }
            group.addTask {
                try await Task.sleep(for: self.stream.timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let response = try await group.next() ?? nil else { throw TimedOut() }
            return response
        }
    }

    private static func error(_ response: Response) -> KinesisError {
        let answer = try? JSONDecoder().decode(ErrorAnswer.self, from: Data(response.body.readableBytesView))
        // Some services write the type behind a name space: `com.amazonaws.kinesis#ResourceNotFoundException`, some a note
        // behind a colon. What stands in front of a service may answer in XML.
        let type =
            answer?.type ?? response.errorType
            ?? String(decoding: response.body.readableBytesView.prefix(4096), as: UTF8.self)
            .firstMatch(of: /<Code>([A-Za-z.]+)<\/Code>/).map { String($0.1) } ?? "HTTPStatus"
        let name = type.split(separator: "#").last?.prefix { $0 != ":" } ?? "HTTPStatus"
        // One line: about a wrong signature, AWS repeats the whole request behind it, with the token of the session.
        let message = (answer?.message ?? answer?.capitalMessage ?? "").prefix { !$0.isNewline }.prefix(500)
        return KinesisError(
            type: String(name), message: message.isEmpty ? "It says no more." : String(message),
            requestID: response.requestID, status: response.status)
    }

    /// What went wrong below HTTP, without what was sent.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case is TimedOut: "it did not answer in time"
        case let error as HTTPClientError: error.shortDescription
        case is CancellationError: "the task was cancelled"
        default: "\(Swift.type(of: error))"
        }
    }
}
#endif
