import DaybookCore
import Foundation
import Testing

@testable import DaybookServer

@Suite("The audit log", .timeLimit(.minutes(1))) struct AuditLogTests {
    private static func read(_ user: String, of stream: String = "payroll-1") -> AuditLog.Read {
        AuditLog.Read(user: user, address: "10.0.0.1", call: "GET /", stream: StreamResource(client: stream))
    }

    @Test("has a line for each read before it is answered, whole, though many come at once")
    func lines() async throws {
        let folder = try TemporaryFolder()
        let log = AuditLog(path: folder.file("audit"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 { group.addTask { try await log.record(Self.read("user-\(number)")) } }
            try await group.waitForAll()
        }
        let users = try folder.lines(of: "audit").compactMap { $0["user"] as? String }
        #expect(Set(users) == Set((0..<200).map { "user-\($0)" }))
        var info = stat()
        #expect(stat(folder.file("audit"), &info) == 0)
        #expect(info.st_mode & 0o777 == 0o600)
    }

    @Test("says who read what, from where and by which call")
    func line() {
        let read = AuditLog.Read(
            user: "a\"b", address: "::1", call: "/s/M", stream: StreamResource(client: "$$payroll-1"))
        #expect(
            String(decoding: AuditLog.line(read, at: Timestamp(microseconds: 0)), as: UTF8.self)
                == #"{"time":"1970-01-01T00:00:00.000000Z","user":"a\"b","address":"::1","call":"/s/M","stream":"payroll-1","of":"metadata"}"#
                + "\n")
    }

    @Test("goes on behind what a crash has left of a line, and in a new file when the old one is moved away")
    func torn() async throws {
        let folder = try TemporaryFolder()
        let log = AuditLog(path: try folder.write(#"{"time":"2026"#, to: "audit"))
        try await log.record(Self.read("ada"))
        let lines = folder.text(of: "audit").split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.last?.contains("ada") == true)
        try FileManager.default.moveItem(atPath: folder.file("audit"), toPath: folder.file("audit.1"))
        try await log.record(Self.read("bob"))
        #expect(folder.text(of: "audit").contains("bob"))
        #expect(!folder.text(of: "audit.1").contains("bob"))
    }

    @Test("refuses what it cannot write")
    func unwritable() async throws {
        let folder = try TemporaryFolder()
        let log = AuditLog(path: folder.file("missing/audit"))
        #expect(throws: AuditLog.Failure.self) { try log.check() }
        await #expect(throws: AuditLog.Failure.self) { try await log.record(Self.read("ada")) }
        await #expect(throws: AuditLog.Failure.tooManyWait) {
            try await AuditLog(path: folder.file("audit"), mostWaiting: 0).record(Self.read("ada"))
        }
    }

    @Test("is of marked categories and names, of their metadata, and of what may be any of them")
    func marked() {
        let streams = AuditedStreams(categories: ["payroll"], patterns: ["*-secret"])
        for name in ["payroll-1", "$$payroll-1", "a-secret", "$all", "$ce-order", "$users"] {
            #expect(streams.contains(StreamResource(client: name)), "\(name)")
        }
        for name in ["order-1", "secret-1", "$settings"] {
            #expect(!streams.contains(StreamResource(client: name)), "\(name)")
        }
        #expect(!AuditedStreams().contains(.log))
    }
}
