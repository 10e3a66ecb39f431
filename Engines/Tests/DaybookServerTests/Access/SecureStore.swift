import AsyncHTTPClient
import DaybookCore
import DaybookServer
import Foundation
import NIOHTTP1

/// A store whose server asks who calls, without TLS.
struct SecureStore: Sendable {
    let served: ServedStore
    let store: InMemoryEventStore
    let users: ServerUsers
    /// With which the first user is made.
    let token: String

    static let password = "correct horse"

    struct NoToken: Error {}

    static func serving(
        rules: String? = nil, audited: [String] = [], auditLog: String? = nil, log: ServerLog? = nil,
        _ use: @escaping @Sendable (SecureStore) async throws -> Void
    ) async throws {
        let store = InMemoryEventStore()
        var configuration = ServerConfiguration(port: 0, asksWhoCalls: true, accessRules: rules)
        configuration.auditedStreams = audited
        configuration.auditLog = auditLog
        let server = try await DaybookServer(
            store: store, configuration: configuration, accessLogger: log?.accessLogger)
        guard let token = try await server.foundingToken() else { throw NoToken() }
        let users = try await ServerUsers(store: store)
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let run = Task {
            defer { continuation.finish() }
            try await server.run { continuation.yield($0) }
        }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else {
            try await run.value
            throw ServedStore.NeverListened()
        }
        let secure = SecureStore(
            served: ServedStore(address: "http://127.0.0.1:\(port)"), store: store, users: users, token: token)
        let result: Result<Void, any Error>
        do { result = .success(try await use(secure)) } catch { result = .failure(error) }
        run.cancel()
        _ = await run.result
        try result.get()
    }

    static func basic(_ login: String, _ password: String = SecureStore.password) -> HTTPHeaders {
        ["authorization": "Basic " + Data("\(login):\(password)".utf8).base64EncodedString()]
    }

    /// Makes the first user, `ada`, and by her others whose logins are their groups without the `$`.
    func addUsers(_ groups: String...) async throws {
        _ = try await createUser("ada", [], headers: ["authorization": "Bearer \(token)"])
        for group in groups {
            _ = try await createUser(
                group.replacingOccurrences(of: "$", with: ""), [group], headers: Self.basic("ada"))
        }
    }

    func createUser(_ login: String, _ groups: [String], headers: HTTPHeaders) async throws -> ServedStore.Answer {
        let list = groups.map { "\"\($0)\"" }.joined(separator: ",")
        return try await served.post(
            "/v1/users", #"{"login":"\#(login)","password":"\#(Self.password)","groups":[\#(list)]}"#, headers: headers)
    }

    func get(_ path: String, as login: String?) async throws -> ServedStore.Answer {
        try await served.send(served.request(.GET, path, headers: login.map { Self.basic($0) } ?? [:]))
    }

    func append(
        to stream: String, type: String = "Placed", data: String = "{}", metadata: String = "{}", as login: String
    ) async throws -> ServedStore.Answer {
        try await served.post(
            "/v1/append",
            #"{"writes":[{"stream":"\#(stream)","events":[{"type":"\#(type)","data":\#(data),"metadata":\#(metadata)}]}]}"#,
            headers: Self.basic(login))
    }
}
