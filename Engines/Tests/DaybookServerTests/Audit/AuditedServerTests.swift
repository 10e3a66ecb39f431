import DaybookCore
import Foundation
import Testing

@testable import DaybookServer

@Suite("A server with an audit log", .timeLimit(.minutes(2))) struct AuditedServerTests {
    @Test("writes down who reads marked streams, admins too, and nothing of the others")
    func reads() async throws {
        let folder = try TemporaryFolder()
        try await SecureStore.serving(audited: ["payroll-*"], auditLog: folder.file("audit")) { secure async throws in
            try await secure.addUsers("$readers", "$writers", "clerks")
            _ = try await secure.append(to: "payroll-1", as: "writers")
            _ = try await secure.append(to: "order-1", as: "writers")
            #expect(folder.text(of: "audit").isEmpty)
            #expect(try await secure.get("/v1/streams/payroll-1", as: "readers").status == 200)
            #expect(try await secure.get("/v1/streams/payroll-1", as: "ada").status == 200)
            #expect(try await secure.get("/v1/streams/order-1", as: "ada").status == 200)
            #expect(try await secure.get("/v1/log", as: "readers").status == 200)
            #expect(try await secure.get("/v1/streams/payroll-1", as: "clerks").status == 403)
        }
        let lines = try folder.lines(of: "audit")
        let reads = lines.map { "\($0["user"] ?? "") \($0["call"] ?? "") \($0["stream"] ?? "")" }
        #expect(
            reads == [
                "readers GET /v1/streams/{stream} payroll-1", "ada GET /v1/streams/{stream} payroll-1",
                "readers GET /v1/log $all",
            ])
    }

    @Test("refuses to show what it cannot write down, and shows the rest")
    func failing() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("audit")
        try await SecureStore.serving(audited: ["payroll-*"], auditLog: file) { secure async throws in
            try await secure.addUsers("$writers")
            _ = try await secure.append(to: "payroll-1", as: "writers")
            _ = try await secure.append(to: "order-1", as: "writers")
            // A folder stands in its place.
            try FileManager.default.removeItem(atPath: file)
            try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
            let refused = try await secure.get("/v1/streams/payroll-1", as: "writers")
            #expect(refused.status == 503)
            #expect(!refused.text.contains("Placed"))
            #expect(try await secure.get("/v1/streams/order-1", as: "writers").status == 200)
            try FileManager.default.removeItem(atPath: file)
            #expect(try await secure.get("/v1/streams/payroll-1", as: "writers").status == 200)
        }
    }

    @Test("does not start without a file that it can write to")
    func start() async throws {
        for file in [nil, "/nowhere/audit"] {
            await #expect(throws: ServerError.self) {
                try await SecureStore.serving(audited: ["a"], auditLog: file) { _ async throws in }
            }
        }
    }
}
