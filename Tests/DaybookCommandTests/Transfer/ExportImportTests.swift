import DaybookCore
import Foundation
import Testing

@testable import DaybookCommand

@Suite("An export that is imported")
struct ExportImportTests {
    private func export(_ store: any EventStore) async throws -> String {
        var bytes: [UInt8] = []
        _ = try await LogExport(store: store).run(progress: { _, _ in }, write: { bytes += $0 })
        return String(decoding: bytes, as: UTF8.self)
    }

    private func importing(_ text: String, into store: any EventStore) async throws -> LogImport.Totals {
        let folder = try TemporaryFolder()
        var importer = LogImport(store: store, skipsBadLines: false)
        return try await importer.run(EventLineSource(folder.source(text)))
    }

    /// The lines without what belongs to the store that wrote them: recorded times, and identifiers of control events.
    private func comparable(_ text: String) -> [String] {
        text.split(separator: "\n").map { line in
            var line = String(line)
            line.replace(/,"recordedAt":"[^"]*"/, with: "")
            if line.contains("\"stream\":\"$$") { line.replace(/"id":"[^"]*",/, with: "") }
            return line
        }
    }

    /// A log with everything that a log can have.
    private func sampleStore() async throws -> InMemoryEventStore {
        let store = InMemoryEventStore()
        let payloads: [([UInt8], ContentType)] = [
            (Array(#"{"price":1.10,"huge":1e400, "text":"é\n"}"#.utf8), .json), (Array(" {} ".utf8), .json),
            (Array("{\n}".utf8), .json), (Array("not json".utf8), .json), ([0, 0xFF, 0x0A], .bytes), ([], .bytes),
        ]
        for round in 0..<3 {
            for (index, (data, contentType)) in payloads.enumerated() {
                try await store.append(
                    [
                        NewEvent(
                            type: EventType(unchecked: "type \"\(index)\""), schemaVersion: UInt32(index + 1),
                            contentType: contentType, data: data,
                            metadata: round == 0 ? [] : round == 1 ? Array(#"{"$actor": "mia"}"#.utf8) : [0xFF],
                            tags: index == 0 ? ["a:b", "c:\\"] : [])
                    ], to: StreamName(unchecked: "s-\(index % 4)"))
            }
        }
        try await store.setRetention(Retention(maxCount: 1), of: "s-0", metadata: EventMetadata(reason: "law"))
        try await store.delete(StreamName("s-1"))
        try await store.append([NewEvent(type: "again", data: [])], to: "s-1")
        try await store.tombstone("s-2")
        try await store.setRetention(Retention(maxAge: .seconds(1e6), truncateBefore: 1), of: "s-3")
        try await store.append([NewEvent(type: "last", data: [])], to: "s-3")
        return store
    }

    @Test("gives the same log again, and the same export, line by line")
    func roundTrip() async throws {
        let original = try await sampleStore()
        let first = try await export(original)
        let copy = InMemoryEventStore()
        let totals = try await importing(first, into: copy)
        #expect(comparable(try await export(copy)) == comparable(first))
        #expect(totals == LogImport.Totals(events: 24, streams: 4, controls: 4))
        for name in try await original.streams(after: nil, limit: 100) {
            #expect(try await copy.state(of: name) == original.state(of: name))
        }
    }

    @Test("a second time adds nothing")
    func repeated() async throws {
        let first = try await export(sampleStore())
        let copy = InMemoryEventStore()
        _ = try await importing(first, into: copy)
        let once = try await export(copy)
        let totals = try await importing(first, into: copy)
        #expect(totals.repeated == totals.events)
        #expect(try await export(copy) == once)
    }

    @Test("after an interruption at any line goes on to the same end")
    func resumed() async throws {
        let text = try await export(sampleStore())
        let lines = text.split(separator: "\n").map { $0 + "\n" }
        for cut in 0...lines.count {
            let copy = InMemoryEventStore()
            _ = try await importing(lines.prefix(cut).joined(), into: copy)
            _ = try await importing(text, into: copy)
            #expect(comparable(try await export(copy)) == comparable(text), "cut behind line \(cut)")
        }
    }

    @Test("into a store with other events at the same place is refused, and names the line")
    func conflict() async throws {
        let text = try await export(sampleStore())
        let other = InMemoryEventStore()
        try await other.append([NewEvent(type: "other", data: [])], to: "s-0")
        let error = await #expect(throws: CommandFailure.self) { try await importing(text, into: other) }
        #expect(error?.code == .refused)
        #expect(error?.description.contains("line") == true)
        #expect(try await other.head() == 1)
    }

    @Test("with a bad line stops there with its number, and goes on with --skip-bad-lines")
    func badLine() async throws {
        var lines = try await export(sampleStore()).split(separator: "\n").map(String.init)
        lines.insert("{\"stream\":\"x\"}", at: 2)
        let folder = try TemporaryFolder()
        let text = lines.joined(separator: "\n")
        var strict = LogImport(store: InMemoryEventStore(), skipsBadLines: false)
        let error = await #expect(throws: MalformedInput.self) {
            try await strict.run(EventLineSource(folder.source(text)))
        }
        #expect(error?.line == 3)
        var lenient = LogImport(store: InMemoryEventStore(), skipsBadLines: true)
        let totals = try await lenient.run(EventLineSource(folder.source(text)))
        #expect(totals.skipped == 1)
        #expect(totals.events == 24)
    }

    @Test("with the last version that there is names the line")
    func lastVersion() async throws {
        let folder = try TemporaryFolder()
        let text = #"{"stream":"x","version":9223372036854775807,"type":"Opened"}"#
        var importer = LogImport(store: InMemoryEventStore(), skipsBadLines: false)
        let error = await #expect(throws: MalformedInput.self) {
            try await importer.run(EventLineSource(folder.source(text)))
        }
        #expect(error?.description.contains("'version' is 9223372036854775807") == true)
    }
}
