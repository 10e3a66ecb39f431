import Foundation
import Testing

@testable import DaybookServer

@Suite("The log of calls", .timeLimit(.minutes(1))) struct CallRecordTests {
    @Test("tells who called what, how it ended and how much it was, and no secret")
    func http() async throws {
        let folder = try TemporaryFolder()
        let descriptor = open(folder.file("log"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(descriptor) }
        let log = ServerLog(format: .json, level: .error, bytesHeld: 1 << 20, descriptor: descriptor)
        try await SecureStore.serving(log: log) { secure async throws in
            try await secure.addUsers("$writers")
            _ = try await secure.append(to: "order-1", as: "writers")
            _ = try await secure.get("/v1/streams/order-1?limit=7", as: "writers")
            _ = try await secure.get("/v1/streams/order-1", as: nil)
            _ = try await secure.get("/nowhere", as: nil)
        }
        log.flush()
        let lines = try folder.lines(of: "log").filter { $0["label"] as? String == "daybook.access" }
        let calls = lines.map { "\($0["user"] ?? "") \($0["method"] ?? "") \($0["status"] ?? "")" }
        #expect(
            calls.sorted() == [
                "- GET /nowhere 404", "- GET /v1/streams/order-1 401", "- POST /v1/users 201", "ada POST /v1/users 201",
                "writers GET /v1/streams/order-1 200", "writers POST /v1/append 200",
            ])
        let append = try #require(lines.first { $0["method"] as? String == "POST /v1/append" })
        #expect((append["received"] as? Int ?? 0) > 20)
        #expect((append["sent"] as? Int ?? 0) > 20)
        #expect((append["microseconds"] as? Int ?? 0) > 0)
        #expect(append["address"] as? String == "127.0.0.1")
        let text = folder.text(of: "log")
        for secret in [SecureStore.password, "Basic", "limit=7", "Placed"] {
            #expect(!text.contains(secret), "\(secret)")
        }
    }

    @Test("has calls of gRPC, once each, though they end twice")
    func calls() throws {
        let folder = try TemporaryFolder()
        let descriptor = open(folder.file("log"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(descriptor) }
        let log = ServerLog(format: .json, level: .info, bytesHeld: 1 << 20, descriptor: descriptor)
        let record = CallRecord("/a.B/C", from: "10.0.0.1", logger: log.accessLogger)
        record.isBy(Principal(login: "ada", groups: []))
        record.received(3)
        record.sent(4)
        record.sent(5)
        record.end(RPCStatus(.unavailable, "").name)
        record.end("OK")
        CallRecord(String(repeating: "x", count: 1_000), from: "", logger: log.accessLogger).end("OK")
        log.flush()
        let lines = try folder.lines(of: "log")
        #expect(lines.count == 2)
        #expect(lines.first?["status"] as? String == "UNAVAILABLE")
        #expect(lines.first?["received"] as? Int == 3)
        #expect(lines.first?["sent"] as? Int == 9)
        #expect((lines.last?["method"] as? String)?.utf8.count == 515)
    }
}
