import DaybookCore
import DaybookTesting
import Foundation
import Testing

@testable import DaybookSQLite

@Suite("Versions, when the index is written")
struct IndexedVersionTests {
    /// Adds a whole record, with the right CRC, of an event whose version the store would not have given.
    private func plant(version: Int64, of stream: String, in path: String) throws {
        let connection = try Connection(path: path, readOnly: false, creates: false, fileSystem: nil)
        let position = (try connection.integer("SELECT max(position) FROM events") ?? 0) + 1
        let last = try connection.prepare("SELECT record FROM events WHERE position = ?")
        last.bind(1, position - 1)
        #expect(try last.step())
        let (recordedAt, type, content) = try {
            let view = try EventRecord.View(last.bytes(0), at: position - 1)
            return (view.recordedAt, view.type, view.contentType)
        }()
        last.reset()
        let name = try connection.prepare("SELECT id FROM names WHERE kind = 1 AND text = ?")
        name.bind(1, stream)
        #expect(try name.step())
        let number = name.integer(0)
        name.reset()
        let record = EventRecord(
            recordedAt: recordedAt, id: EventID(), stream: number, version: version, type: type, contentType: content,
            schemaVersion: 1, indexInAppend: 0, eventsInAppend: 1)
        var buffer = RecordBuffer()
        record.encode(tags: [], data: [], metadata: [], at: position, into: &buffer)
        let insert = try connection.prepare("INSERT INTO events(position, record) VALUES(?, ?)")
        insert.bind(1, position)
        try insert.run(binding: buffer.bytes, at: 2)
    }

    @Test(
        "that do not follow on those of the stream stop the store from recording, and lose nothing",
        arguments: [Int64(3), 58, 61, 70])
    func stops(planted: Int64) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let events = try await IndexTests.fill(path, batches: 60)  // 60 events in stream s2-0.
        try plant(version: planted, of: "s2-0", in: path)
        let store = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        var refusal: AppendError?
        var acknowledged = 0
        for number in 0..<200 where refusal == nil {
            do {
                try await store.append([NewEvent(type: "t", data: [])], to: "other-\(number % 3)".asStreamName)
                acknowledged += 1
            } catch {
                refusal = error
            }
        }
        guard case .storageFailed(let reason, mayBeWritten: false)? = refusal else {
            Issue.record("\(acknowledged) appends went by: \(String(describing: refusal))")
            return
        }
        #expect(reason.contains("version \(planted) of its stream, where version 60 comes next"), "\(reason)")
        await #expect(throws: AppendError.self) { try await store.append([NewEvent(type: "t", data: [])], to: "last") }
        let health = try await store.health(HealthPolicy())
        #expect(health.file?.failure?.contains("nothing more is recorded") == true, "\(health)")
        let read = try await IndexTests.read(store)
        #expect(read.count == events.count + 1 + acknowledged)
        #expect(Array(read.prefix(events.count)) == events)
        await store.close()
    }
}

extension String {
    fileprivate var asStreamName: StreamName { StreamName(unchecked: self) }
}
