import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("A reader written from the description of the format")
struct IndependentReaderTests {
    /// Runs `scripts/read-daybook`, and gives back its exit code and what it printed.
    private func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let process = Process()
        process.executableURL = root.appendingPathComponent("scripts/read-daybook")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    @Test("finds every record whole, and reads the same events")
    func reads() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let events = try await IndexTests.fill(path, batches: 20)
        let summary = try run([path])
        #expect(summary.code == 0, "\(summary.output)")
        let lines = try run(["--ndjson", path]).output.split(separator: "\n")
        #expect(lines.count == events.count)
        for (line, event) in zip(lines, events) {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object["position"] as? Int64 == event.position.rawValue)
            #expect(object["stream"] as? String == event.stream.rawValue)
            #expect(object["id"] as? String == event.id.description)
        }
    }

    @Test("finds a changed byte, as the store does")
    func findsDamage() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        _ = try await IndexTests.fill(path, batches: 20)
        try IndexTests.execute(
            "UPDATE events SET record = substr(record, 1, 80) || x'FF' || substr(record, 82) WHERE position = 42",
            on: path)
        #expect(try run([path]).code == 2)
        let store = try await SQLiteEventStore.open(path)
        #expect(try await store.verify().findings.map(\.position) == [42])
        await #expect(throws: ReadError.self) { for try await _ in store.events() {} }
        await store.close()
    }
}
