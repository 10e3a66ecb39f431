import AsyncHTTPClient
import DaybookCore
import DaybookServer
import Foundation
import NIOCore
import NIOHTTP1

/// A store that a server on a free port serves, and requests to it.
struct ServedStore: Sendable {
    let address: String

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var lines: [Substring] { text.split(separator: "\n") }

        /// The body as an object of JSON.
        func json() throws -> [String: Any] {
            guard let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else {
                throw NoObject(text: text)
            }
            return object
        }
    }

    struct NoObject: Error { let text: String }
    struct NeverListened: Error {}

    /// Serves a store while `use` runs.
    ///
    /// - Parameter log: Where calls are logged; nil for nowhere.
    static func serving(
        _ store: any EventStore & CheckpointStore = InMemoryEventStore(), log: ServerLog? = nil,
        states: [ServedStates] = [], _ use: (ServedStore) async throws -> Void
    ) async throws {
        try await stopping(store, log: log, states: states) { served, stop in
            try await use(served)
            await stop()
        }
    }

    /// The same, where `use` may stop the server.
    static func stopping(
        _ store: any EventStore & CheckpointStore = InMemoryEventStore(), log: ServerLog? = nil,
        states: [ServedStates] = [], _ use: (ServedStore, _ stop: @Sendable () async -> Void) async throws -> Void
    ) async throws {
        var configuration = ServerConfiguration(port: 0)
        configuration.states = states
        let server = try await DaybookServer(
            store: store, configuration: configuration, accessLogger: log?.accessLogger)
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let run = Task {
            defer { continuation.finish() }
            try await server.run { continuation.yield($0) }
        }
        let stop: @Sendable () async -> Void = {
            run.cancel()
            _ = await run.result
        }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else {
            try await run.value
            throw NeverListened()
        }
        do { try await use(ServedStore(address: "http://127.0.0.1:\(port)"), stop) } catch {
            await stop()
            throw error
        }
        await stop()
    }

    func request(_ method: HTTPMethod, _ path: String, headers: HTTPHeaders = [:]) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: address + path)
        request.method = method
        request.headers = headers
        return request
    }

    func send(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let body = try await response.body.collect(upTo: 64 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, body: Array(body.readableBytesView))
    }

    func get(_ path: String, accept: String? = nil) async throws -> Answer {
        try await send(request(.GET, path, headers: accept.map { HTTPHeaders([("accept", $0)]) } ?? [:]))
    }

    func post(
        _ path: String, _ body: String, type: String = "application/json", headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var request = request(.POST, path, headers: headers)
        request.headers.add(name: "content-type", value: type)
        request.body = .bytes(ByteBuffer(string: body))
        return try await send(request)
    }

    /// Appends one event of type `Placed`.
    func append(_ data: String, to stream: String, expected: String = "\"any\"", tag: String = "t") async throws
        -> Answer
    {
        try await post(
            "/v1/append",
            #"{"writes":[{"stream":"\#(stream)","expected":\#(expected),"events":[{"type":"Placed","data":\#(data),"tags":["\#(tag)"]}]}]}"#
        )
    }
}
