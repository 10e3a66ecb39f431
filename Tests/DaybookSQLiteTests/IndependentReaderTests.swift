import DaybookCore
import DaybookSQLite
import Foundation
import Testing

/// What `scripts/read-daybook`, which shares no code with the store, makes of the store's files. It knows the format from
/// `docs/file-format.md`, so these tests hold that page to be true.
@Suite("The independent reader")
struct IndependentReaderTests {
    @Test("reads every event of a store as the store itself does, while it is open and when it is closed")
    func agrees() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("bank.daybook")
        let store = try await SQLiteEventStore.open(path)
        try await fill(store)
        var recorded: [Line] = []
        for try await event in store.events(filter: .everything) { recorded.append(Line(event)) }

        let whileOpen = try await read(path, "--ndjson")
        #expect(whileOpen.code == 0, "\(whileOpen.errors)")
        #expect(try whileOpen.lines() == recorded)

        await store.close()
        let closed = try await read(path, "--ndjson")
        #expect(closed.code == 0, "\(closed.errors)")
        #expect(try closed.lines() == recorded)

        let summary = try await read(path)
        #expect(summary.code == 0 && summary.errors.isEmpty)
        #expect(summary.output.contains(/events +\d+, 4 of them the store's own/))
        #expect(summary.output.contains(/commits with a command +23\n/))
    }

    @Test("reads what scavenging left, and knows that nothing else is missing")
    func scavenged() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("bank.daybook")
        let store = try await SQLiteEventStore.open(path)
        try await fill(store)
        try await store.setRetention(Retention(maxCount: 2), of: "batch-1")
        let report = try await store.scavenge()
        #expect(report.events > 300)
        let recorded = try await IndexTests.read(store).map(Line.init)
        await store.close()
        let result = try await read(path, "--ndjson")
        #expect(result.code == 0, "\(result.errors)")
        #expect(try result.lines() == recorded)
        let summary = try await read(path)
        #expect(summary.output.replacing(",", with: "").contains("scavenged               \(report.events)\n"))

        let again = try await SQLiteEventStore.open(path)
        try await again.archive(through: 20)
        let archive = try await again.archive(through: 200)
        try await again.delete("account-4")
        try await again.scavenge()
        let left = try await IndexTests.read(again).map(Line.init)
        await again.close()
        let archived = try await read(path, "--ndjson")
        #expect(archived.code == 0, "\(archived.errors)")
        #expect(try archived.lines() == left)
        try FileManager.default.removeItem(atPath: try #require(archive.file))
        let missing = try await read(path, "--ndjson")
        #expect(missing.code == 2 && missing.errors.first?.contains("archive 21 to 200") == true, "\(missing.errors)")
        #expect(try missing.lines() == left.filter { !(21...200).contains($0.position.rawValue) })
    }

    @Test("finds no fault with an empty store")
    func empty() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("bank.daybook")
        await (try SQLiteEventStore.open(path)).close()
        let result = try await read(path)
        #expect(result.code == 0, "\(result.errors)")
    }

    @Test(
        "names the record that was changed",
        arguments: [
            ("UPDATE events SET record = substr(record, 1, length(record) - 1) WHERE position = 7", "position 7: "),
            (
                "UPDATE events SET record = (SELECT record FROM events WHERE position = 3) WHERE position = 4",
                "position 4: "
            ),
            ("DELETE FROM events WHERE position = 5", "position 5: no event"),
            (
                "UPDATE commits SET record = (SELECT record FROM commits WHERE number = 1) WHERE number = 2",
                "commit 2: "
            ),
            (
                "UPDATE commits SET record = substr(record, 1, 5) || x'00' || substr(record, 7) WHERE number = 23",
                "commit 23: "
            ),
            ("UPDATE names SET text = 'account-x' WHERE id = 1", "name 1: its CRC"),
        ])
    func damage(statement: String, message: String) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("bank.daybook")
        let store = try await SQLiteEventStore.open(path)
        try await fill(store)
        await store.close()
        try IndexTests.execute(statement, on: path)
        let result = try await read(path)
        #expect(result.code == 2)
        #expect(result.errors.contains { $0.hasPrefix(message) }, "\(result.errors)")
    }

    @Test("finds a changed byte where the store finds it")
    func findsDamage() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("bank.daybook")
        _ = try await IndexTests.fill(path, batches: 20)
        try IndexTests.execute(
            "UPDATE events SET record = substr(record, 1, 80) || x'FF' || substr(record, 82) WHERE position = 42",
            on: path)
        let result = try await read(path)
        #expect(result.code == 2)
        #expect(result.errors.first?.hasPrefix("position 42: ") == true, "\(result.errors)")
        let store = try await SQLiteEventStore.open(path)
        #expect(try await store.verify().findings.map(\.position) == [42])
        await #expect(throws: ReadError.self) { for try await _ in store.events() {} }
        await store.close()
    }

    /// Some of everything that a log can hold.
    private func fill(_ store: SQLiteEventStore) async throws {
        for number in 0..<20 {
            var request = AppendRequest(commandID: try CommandID("command \(number)"))
            request.append(deposits(of: number), to: try StreamName("account-\(number % 5)"))
            request.append(deposits(of: number), to: try StreamName("account-\(5 + number % 3)"))
            try await store.append(request)
        }
        try await store.append(AppendRequest(commandID: "decided nothing"))
        try await store.append([NewEvent(type: "emptied", data: [])], to: "no dash", commandID: "empty")
        var bytes = AppendRequest()
        bytes.append([NewEvent(type: "filled", data: [0, 0xFF, 0xC0])], to: "bytes-1")
        try await store.append([NewEvent(type: "opened", data: [])], to: "between-1")
        try await store.append(bytes)
        try await store.append([NewEvent(type: "closed", data: [])], to: "between-1")
        bytes.commandID = "the same bytes"
        #expect(try await store.append(bytes).isRepeat)
        try await store.setRetention(Retention(maxAge: .seconds(60), maxCount: 5), of: "account-1")
        try await store.setRetention(Retention(maxCount: 1), of: "never-written")
        try await store.delete("account-2")
        try await store.append([NewEvent(type: "opened", data: [])], to: "account-2", expecting: .noStream)
        try await store.tombstone("account-3")
        let batch = (0..<300).map { NewEvent(type: "counted", data: Array("\($0)".utf8)) }
        try await store.append(batch, to: "batch-1")
    }

    private func deposits(of number: Int) -> [NewEvent] {
        let metadata = EventMetadata(actor: "anna", reason: "test")
        let data: [UInt8] = Array("\(number)".utf8)
        var events = [NewEvent(type: "deposited", data: data, metadata: metadata)]
        for index in 0..<(number % 4) {
            let contentType: ContentType = index == 1 ? .bytes : .json
            let tags: [DaybookCore.Tag] = index == 0 ? ["owner:1", "owner:2", "owner:1"] : []
            events.append(
                NewEvent(
                    type: "für alle 🎉", schemaVersion: UInt32(2 + index), contentType: contentType, data: data,
                    metadata: metadata, tags: tags))
        }
        return events
    }

    /// How the reader ends with a file: 0 when all of it is whole, 2 when it lists damage.
    static func exitCode(_ path: String) async throws -> Int32 { try await read(path).code }

    private func read(_ arguments: String...) async throws -> Outcome {
        try await Self.read(arguments)
    }

    private static func read(_ path: String) async throws -> Outcome { try await read([path]) }

    private static func read(_ arguments: [String]) async throws -> Outcome {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = URL(fileURLWithPath: arguments[0]).deletingLastPathComponent()
        let outputFile = folder.appendingPathComponent("output-\(EventID())")
        let errorFile = folder.appendingPathComponent("errors-\(EventID())")
        for file in [outputFile, errorFile] { try Data().write(to: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", root.appendingPathComponent("scripts/read-daybook").path] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONIOENCODING": "utf-8"]) { $1 }
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
        return Outcome(
            code: process.terminationStatus, output: try String(contentsOf: outputFile, encoding: .utf8),
            errors: try String(contentsOf: errorFile, encoding: .utf8).split(separator: "\n").map(String.init))
    }
}

/// How the reader ended, and what it said.
private struct Outcome {
    let code: Int32
    let output: String
    let errors: [String]

    func lines() throws -> [Line] {
        try output.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }
}

/// An event as the reader prints it.
private struct Line: Codable, Equatable {
    let position: Position
    let stream: StreamName
    let version: StreamVersion
    let id: EventID
    let type: EventType
    let schemaVersion: UInt32
    let contentType: ContentType
    let recordedAt: String
    let tags: [DaybookCore.Tag]
    let data: String?
    let dataBase64: String?
    let metadata: String?

    init(_ event: RecordedEvent) {
        position = event.position
        stream = event.stream
        version = event.version
        id = event.id
        type = event.type
        schemaVersion = event.schemaVersion
        contentType = event.contentType
        recordedAt = event.recordedAt.description
        tags = event.tags
        data = String(validating: event.data, as: UTF8.self)
        dataBase64 = data == nil ? Data(event.data).base64EncodedString() : nil
        metadata = String(validating: event.metadata, as: UTF8.self)
    }
}
