import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@testable import DaybookCommand

@Suite("daybook copy", .timeLimit(.minutes(5)))
struct CopyCommandTests {
    private func fill(_ path: String, _ range: Range<Int>) async throws {
        let store = try await SQLiteEventStore.open(path)
        for number in range {
            let event = NewEvent(type: "changed", data: Array(repeating: UInt8(ascii: "x"), count: 2_000))
            try await store.append(
                Array(repeating: event, count: 1), to: StreamName(unchecked: "s-\(number % 7)"),
                commandID: number.isMultiple(of: 10) ? CommandID(unchecked: "c-\(number)") : nil)
        }
        await store.close()
    }

    @Test("moves a log, compares it, and goes on where it stopped")
    func copies() async throws {
        let folder = try TemporaryFolder()
        let (from, to) = (folder.file("a.db"), folder.file("b.db"))
        try await fill(from, 0..<40)
        let first = try await Daybook.run("copy", "--from", "file:\(from)", "--to", "file:\(to)")
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.errors.contains("40 events and 4 commands were copied; file:"))
        #expect(first.errors.contains("The two logs are the same up to position"))
        try await fill(from, 40..<60)
        let second = try await Daybook.run("copy", "--from", "file:\(from)", "--to", "file:\(to)", "--no-compare")
        #expect(second.status == 0 && !second.errors.contains("the same"), "\(second.errors)")
        #expect(second.errors.contains("20 events and 2 commands were copied;"), "\(second.errors)")
        let (one, other) = (try await SQLiteEventStore.open(from), try await SQLiteEventStore.open(to))
        let end = try await LogCopy(from: one, to: other).compare()
        #expect(end.position == 60 && end.head == 60 && end.commands == 6)
        for store in [one, other] { await store.close() }
        #expect(try await Daybook.run("verify", to).status == 0)
    }

    @Test("goes on where it was killed")
    func killed() async throws {
        let folder = try TemporaryFolder()
        let (from, to) = (folder.file("a.db"), folder.file("b.db"))
        let store = try await SQLiteEventStore.open(from)
        for _ in 0..<30 {
            let event = NewEvent(type: "changed", contentType: .bytes, data: [UInt8](repeating: 7, count: 500))
            try await store.append(
                (0..<1000).map { _ in NewEvent(type: event.type, contentType: .bytes, data: event.data) }, to: "s")
        }
        await store.close()
        var kills = 0
        for delay in 1...40 {
            let process = Process()
            process.executableURL = try Daybook.binary()
            process.arguments = ["copy", "--from", "file:\(from)", "--to", "file:\(to)", "--no-compare"]
            process.standardError = FileHandle.nullDevice
            try process.run()
            try await Task.sleep(for: .milliseconds(20 * delay))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            if process.terminationReason == .exit { break }
            kills += 1
        }
        #expect(kills > 0)
        let last = try await Daybook.run("copy", "--from", "file:\(from)", "--to", "file:\(to)")
        #expect(last.status == 0 && last.errors.contains("The two logs are the same up to position"), "\(last.errors)")
    }

    @Test("takes the paths of files as they are, as other verbs do")
    func paths() async throws {
        let folder = try TemporaryFolder()
        let (from, to) = (folder.file("a.db"), folder.file("b.db"))
        try await fill(from, 0..<3)
        let copied = try await Daybook.run("copy", "--from", from, "--to", to)
        #expect(copied.status == 0 && copied.errors.contains("The two logs are the same"), "\(copied)")
    }

    @Test("tells by its exit code what is wrong")
    func failures() async throws {
        let folder = try TemporaryFolder()
        let (from, to) = (folder.file("a.db"), folder.file("b.db"))
        #expect(try await Daybook.run("copy", "--from", "file:\(from)", "--to", "file:\(to)").status == 66)
        try await fill(from, 0..<3)
        try await fill(to, 0..<2)
        let other = try await Daybook.run("copy", "--from", "file:\(from)", "--to", "file:\(to)")
        #expect(other.status == 1 && other.errors.contains("differ at position 2"), "\(other.errors)")
        for same in ["file:\(from)", from] {
            #expect(try await Daybook.run("copy", "--from", "file:\(from)", "--to", same).status == 64, "\(same)")
        }
        #if !Postgres
        let server = try await Daybook.run("copy", "--from", "file:\(from)", "--to", "postgres://localhost/shop")
        #expect(server.status == 64 && server.errors.contains("--traits Postgres"), "\(server.errors)")
        #endif
        #if !JetStream
        let cluster = try await Daybook.run("copy", "--from", "file:\(from)", "--to", "jetstream://localhost/shop")
        #expect(cluster.status == 64 && cluster.errors.contains("--traits JetStream"), "\(cluster.errors)")
        #endif
        for wrong in ["ftp:x", "file:"] {
            let outcome = try await Daybook.run("copy", "--from", "file:\(from)", "--to", wrong)
            #expect(outcome.status == 64 && outcome.errors.contains("file:PATH"), "\(outcome.errors)")
        }
    }
}
